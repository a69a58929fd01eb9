//! Much of what is allowed: small frames, requests, answers that nobody reads.

use tautline_protocol::message::Start;
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{Format, Kind};

use super::wire::{BINARY, Wire, framed};
use super::{MIB, Siege};
use crate::raw::{Heard, Raw, hello};

fn packet_of(frame: Uplink<'_>, count: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    frame.encode(&mut packet);
    packet.repeat(count)
}

const VOLATILE: Uplink<'static> = Uplink::Message(Message {
    kind: Kind::Send,
    format: Format::Text,
    possible_duplicate: false,
    seq_low: None,
    topic: "",
    payload: b"v",
});

#[tokio::test(flavor = "multi_thread")]
async fn a_million_tiny_frames_are_read_and_cost_nothing() {
    let siege = Siege::lay(&[]).await;
    let (mut raw, _) = Raw::join(siege.program.address, hello(1)).await;
    for frame in [Uplink::Pong { nonce: 1 }, VOLATILE, Uplink::Received { stream: 9, offset: 1 }] {
        let packet = packet_of(frame, 10_000);
        for _ in 0..30 {
            raw.say_bytes(packet.clone()).await;
        }
    }
    // And as many packets as frames.
    let pong = framed(BINARY, &packet_of(Uplink::Pong { nonce: 1 }, 1)).repeat(1_000);
    let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(2))).await;
    for _ in 0..100 {
        assert!(wire.write(&pong).await);
    }
    wire.packet(&[Uplink::Bye]).await;
    assert_eq!(wire.closed().await, Some(1000));
    raw.say(&[Uplink::Ping { nonce: 1 }]).await;
    assert_eq!(raw.hear().await, Heard::Other, "it has read all of it, and answers");
    drop(raw);
    siege.lift(16 * MIB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_and_does_not_read_is_not_read_either() {
    let siege = Siege::lay(&[]).await;
    let mut wires = Vec::new();
    let subscribe = Uplink::Subscribe { stream: 5_000, topic: "t", start: Start::Last(0) };
    let mut flood = packet_of(subscribe, 4_000);
    flood.extend(packet_of(Uplink::Unsubscribe { stream: 5_000 }, 1));
    for (session, packet) in [
        (1, packet_of(Uplink::Ping { nonce: u64::MAX }, 20_000)),
        (2, packet_of(Uplink::Auth { credentials: &[b'c'; 10_000] }, 20)),
        (3, flood),
    ] {
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(session))).await;
        let message = framed(BINARY, &packet);
        // Up to 60 MB, if it took them.
        for _ in 0..300 {
            if !wire.push(&message).await {
                break;
            }
        }
        wires.push(wire);
    }
    siege.bystander.goes_on().await;
    drop(wires);
    siege.lift(40 * MIB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_without_end_are_refused() {
    let siege = Siege::lay(&["--topics", "1000"]).await;
    let (mut raw, _) = Raw::join(siege.program.address, hello(1)).await;
    let mut subscribe = async |stream: u32| {
        let topic = format!("topic {stream}");
        let start = Start::Last(u64::MAX);
        raw.say(&[Uplink::Subscribe { stream, topic: &topic, start }]).await;
        if stream.is_multiple_of(100) {
            // The same connection never has more than it may.
            let gone = stream - 99..=stream;
            let gone: Vec<_> = gone.map(|stream| Uplink::Unsubscribe { stream }).collect();
            raw.say(&gone).await;
        }
        raw.hear().await
    };
    for stream in 1..=3_000 {
        match subscribe(stream).await {
            // The bystander's is one of the thousand.
            Heard::Subscribed(..) => assert!(stream <= 999),
            Heard::SubscribeRefused(code) => {
                assert!(stream > 999);
                assert_eq!(code, "too-many-topics");
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    for stream in 5_000..5_129 {
        raw.say(&[Uplink::Subscribe { stream, topic: "topic 1", start: Start::Last(0) }]).await;
        match raw.hear().await {
            Heard::Subscribed(..) => assert!(stream < 5_128),
            refused => assert_eq!(refused, Heard::SubscribeRefused("too-many".into())),
        }
    }
    drop(raw);
    siege.lift(8 * MIB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_without_end_take_each_other_s_place() {
    let siege = Siege::lay(&["--sessions", "100"]).await;
    for number in 0..3_000_u32 {
        let mut session = [7; 16];
        session[..4].copy_from_slice(&number.to_be_bytes());
        let hello = Hello { session, ..hello(1) };
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello)).await;
        let (_, packet) = wire.hear().await.expect("WELCOME");
        assert_eq!(packet[0], 0x02, "number {number}");
    }
    siege.lift(16 * MIB).await;
}
