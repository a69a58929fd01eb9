//! Frames that break the rules: each has its code, and harms nobody else.

use tautline_protocol::Epoch;
use tautline_protocol::limits::{CREDENTIALS_BYTES_MAX, MESSAGE_BYTES};
use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};

use super::wire::{BINARY, TEXT, Wire};
use super::{MIB, Siege, Store};
use crate::raw::{Heard, Raw, hello, numbered};

fn encoded(frames: &[Uplink<'_>]) -> Vec<u8> {
    let mut packet = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut packet));
    packet
}

/// The head of a frame that says it is longer than anything.
fn huge(head: &[u8]) -> Vec<u8> {
    [head, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]].concat()
}

async fn what_breaks_the_rules_before_welcome_has_its_code(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let large = vec![b'c'; CREDENTIALS_BYTES_MAX + 1];
    let hello = Uplink::Hello(hello(1));
    for (head, packet, code, what) in [
        (BINARY, vec![0xff; 1_000], 4001, "garbage"),
        (BINARY, Vec::new(), 4001, "nothing"),
        (BINARY, b"GET / HTTP/1.1\r\n\r\n".to_vec(), 4001, "another protocol"),
        (BINARY, encoded(&[hello])[..20].to_vec(), 4001, "half a HELLO"),
        (BINARY, vec![0x02], 4001, "a frame of the server's"),
        (TEXT, b"hello".to_vec(), 4001, "text"),
        (BINARY, huge(&[0x01]), 4304, "a HELLO without end"),
        (BINARY, encoded(&[Uplink::Auth { credentials: &large }]), 4304, "credentials without end"),
        (BINARY, vec![0xc0; MESSAGE_BYTES + 600_000], 4304, "a packet over the limit"),
        (BINARY, encoded(&[Uplink::Bye]), 4002, "BYE first"),
        (BINARY, encoded(&[Uplink::Ping { nonce: 1 }]), 4002, "PING first"),
        (BINARY, encoded(&[numbered(1, "early")]), 4002, "a message first"),
        (BINARY, encoded(&[hello, hello]), 4002, "HELLO twice"),
        (BINARY, encoded(&[hello, numbered(1, "early")]), 4002, "a message before WELCOME"),
    ] {
        let mut wire = Wire::upgrade(siege.program.address).await;
        wire.message(head, &packet).await;
        assert_eq!(wire.closed().await, Some(code), "{what}");
    }
    siege.lift(8 * MIB).await;
}

async fn what_breaks_the_rules_on_a_live_line_has_its_code_and_leaves_the_session(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let future = u64::MAX;
    let subscribe = |stream| Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) };
    let large = vec![b'c'; CREDENTIALS_BYTES_MAX + 1];
    let mut connection = 0;
    for (packet, code, what) in [
        (encoded(&[Uplink::Hello(hello(1))]), 4002, "HELLO again"),
        (encoded(&[numbered(2, "hole")]), 4002, "a hole"),
        (encoded(&[numbered(100, "hole")]), 4002, "a message from the future"),
        (encoded(&[Uplink::Received { stream: 0, offset: 1 }]), 4002, "an entry not sent"),
        (encoded(&[Uplink::Received { stream: 0, offset: future }]), 4002, "the last there is"),
        (encoded(&[subscribe(1), subscribe(1)]), 4002, "one stream twice"),
        (encoded(&[subscribe(1)]).repeat(5_000), 4002, "a flood of it"),
        (vec![0x06, 0x00, 0x01, b't', 0x00, 0x00], 4001, "the direct stream"),
        (encoded(&[Uplink::Auth { credentials: &large }]), 4304, "credentials without end"),
        (huge(&[0x80, 0x01]), 4304, "a message without end"),
        (vec![0x80, 0x01, 0x02, 0xff, 0xfe], 4001, "a text that is none"),
        (vec![0xb0, 0x01, 0x00], 4001, "a message of no kind"),
    ] {
        connection += 1;
        let hello = Hello { connection, ..hello(1) };
        let (mut raw, welcome) = Raw::join(siege.program.address, hello).await;
        assert_eq!(welcome.resumption == Resumption::New, connection == 1, "the session stays");
        raw.say_packet(packet).await;
        assert_eq!(raw.closed().await.0, code, "{what}");
    }
    siege.lift(8 * MIB).await;
}

async fn a_cursor_from_the_future_is_a_loss_and_not_a_line_that_hangs(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let (raw, first) = Raw::join(siege.program.address, hello(1)).await;
    drop(raw);
    let greedy = Hello { connection: 2, epoch: first.epoch, received: 1 << 60, ..hello(1) };
    let (mut raw, second) = Raw::join(siege.program.address, greedy).await;
    assert_eq!(second.resumption, Resumption::Lost);
    assert_ne!(second.epoch, first.epoch);
    // Of the topic that the bystander fills: its own epoch and another, far ahead.
    let (mut epoch, mut behind) = (Epoch(1), 0);
    for stream in 1..=2 {
        let cursor = Cursor { epoch, received: u64::MAX, handled: 0 };
        let start = Start::After(cursor);
        raw.say(&[Uplink::Subscribe { stream, topic: "peace", start }]).await;
        (epoch, behind) = loop {
            match raw.hear().await {
                Heard::Subscribed(epoch, offset) => break (epoch, offset),
                Heard::Entry(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        };
    }
    assert!(behind < 1 << 32, "it is put where the topic ends, at {behind}");
    drop(raw);
    siege.lift(8 * MIB).await;
}

async fn a_hello_that_is_replayed_gets_nothing(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let heard = encoded(&[Uplink::Hello(Hello { connection: 7, ..hello(1) })]);
    let (mut owner, _) =
        Raw::join(siege.program.address, Hello { connection: 7, ..hello(1) }).await;
    for _ in 0..100 {
        let mut wire = Wire::upgrade(siege.program.address).await;
        wire.message(BINARY, &heard).await;
        assert_eq!(wire.closed().await, Some(4005));
    }
    owner.say(&[Uplink::Ping { nonce: 1 }]).await;
    assert_eq!(owner.hear().await, Heard::Other, "the owner has its PONG");
    drop(owner);
    siege.lift(8 * MIB).await;
}

super::on_every_engine! {
    what_breaks_the_rules_before_welcome_has_its_code,
    what_breaks_the_rules_on_a_live_line_has_its_code_and_leaves_the_session,
    a_cursor_from_the_future_is_a_loss_and_not_a_line_that_hangs,
    a_hello_that_is_replayed_gets_nothing,
}
