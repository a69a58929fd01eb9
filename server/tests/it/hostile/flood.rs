//! Much of what is allowed: small frames, requests, answers that nobody reads.

use tautline_protocol::fragment::divide;
use tautline_protocol::limits::NOTICES_MAX;
use tautline_protocol::message::Start;
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{Format, Kind};

use super::wire::{BINARY, Wire, framed};
use super::{MIB, Siege, Store};
use crate::raw::{Heard, Raw, hello};

/// Subscriptions that a session may have.
const STREAMS: u32 = tautline_protocol::limits::STREAMS as u32;
fn encoded(frames: &[Uplink<'_>]) -> Vec<u8> {
    let mut packet = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut packet));
    packet
}

fn packet_of(frame: Uplink<'_>, count: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    frame.encode(&mut packet);
    packet.repeat(count)
}

/// What a packet travels in.
fn divided(packet: Vec<u8>) -> Vec<u8> {
    divide(packet).iter().flat_map(|part| framed(BINARY, part)).collect()
}

const VOLATILE: Uplink<'static> = Uplink::Message(Message {
    kind: Kind::Send,
    format: Format::Text,
    possible_duplicate: false,
    seq_low: None,
    topic: "",
    payload: b"v",
});

async fn a_million_tiny_frames_are_read_and_cost_nothing(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let (mut raw, _) = Raw::join(siege.program.address, hello(1)).await;
    for frame in [Uplink::Pong { nonce: 1 }, VOLATILE, Uplink::Received { stream: 9, offset: 1 }] {
        let packet = packet_of(frame, 10_000);
        for _ in 0..30 {
            raw.say_packet(packet.clone()).await;
        }
    }
    // And as many packets as frames.
    let pong = framed(BINARY, &packet_of(Uplink::Pong { nonce: 1 }, 1)).repeat(1_000);
    let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(2))).await;
    wire.hear().await.expect("WELCOME");
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

async fn a_client_that_asks_and_does_not_read_is_not_read_either(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut wires = Vec::new();
    let subscribe = |stream| Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) };
    let all: Vec<_> = (1..=STREAMS).map(subscribe).collect();
    // Each is refused, in seven times as many bytes: there are as many as there may be.
    let one_more = |packet| {
        let streams = 5_000 * (packet + 1)..;
        encoded(&streams.take(NOTICES_MAX).map(subscribe).collect::<Vec<_>>())
    };
    let pings = packet_of(Uplink::Ping { nonce: u64::MAX }, NOTICES_MAX);
    let credentials = packet_of(Uplink::Auth { credentials: &[b'c'; 10_000] }, 20);
    let floods: [&dyn Fn(u32) -> Vec<u8>; 5] =
        [&|_| pings.clone(), &|_| credentials.clone(), &one_more, &one_more, &one_more];
    for (session, packet) in (1..).zip(floods) {
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(session))).await;
        wire.hear().await.expect("WELCOME");
        wire.packet(&all).await;
        wire.hear().await.expect("SUBSCRIBED");
        // Up to 60 MB, if it took them.
        let mut taken = 0;
        while taken < 300 && wire.push(&divided(packet(taken))).await {
            taken += 1;
        }
        assert!(taken > 0, "it is read until its answers are not");
        wires.push(wire);
    }
    siege.bystander.goes_on().await;
    siege.left_with(5).await;
    assert_eq!(siege.connections(), 5, "none has done more than it may");
    drop(wires);
    siege.lift(16 * MIB).await;
}

async fn subscriptions_without_end_take_no_topic_from_anybody(store: Store) {
    let siege = Siege::lay(store, &["--topics", "200", "--topics-per-identity", "150"]).await;
    let (mut raw, _) = Raw::join(siege.program.address, hello(1)).await;
    for stream in 1..=3_000 {
        let topic = format!("topic {stream}");
        let start = Start::Last(u64::MAX);
        raw.say(&[Uplink::Subscribe { stream, topic: &topic, start }]).await;
        assert!(matches!(raw.hear().await, Heard::Subscribed(..)), "stream {stream}");
        if stream.is_multiple_of(100) {
            // The same connection never has more than it may.
            let gone = stream - 99..=stream;
            let gone: Vec<_> = gone.map(|stream| Uplink::Unsubscribe { stream }).collect();
            raw.say(&gone).await;
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

fn publish<'a>(seq: u32, topic: &'a str) -> Uplink<'a> {
    Uplink::Message(Message {
        kind: Kind::Publish,
        format: Format::Text,
        possible_duplicate: false,
        seq_low: Some(seq.to_le_bytes()[0]),
        topic,
        payload: b"mine",
    })
}

/// What has become of the messages up to `last`: how many were refused.
async fn refused(raw: &mut Raw, last: u64) -> u64 {
    let mut refused = 0;
    loop {
        for heard in raw.hear_packet().await {
            match heard {
                Heard::Refusal(_) => refused += 1,
                Heard::Ack(seq) if seq == last => return refused,
                _ => {}
            }
        }
    }
}

async fn publishing_to_topics_without_end_takes_none_from_anybody(store: Store) {
    const OWN: u64 = 300;
    let options = ["--topics", "400", "--topics-per-identity", "300"];
    let siege = Siege::lay(store, &options).await;
    let (mut greedy, _) = Raw::join(siege.program.address, hello(1)).await;
    for seq in 1..=2_000 {
        greedy.say(&[publish(seq, &format!("topic {seq}"))]).await;
    }
    assert_eq!(refused(&mut greedy, 2_000).await, 2_000 - OWN);
    for session in 2..=4 {
        let (mut raw, _) = Raw::join(siege.program.address, hello(session)).await;
        let own = format!("of {session}");
        raw.say(&[publish(1, &own), publish(2, "topic 1")]).await;
        assert_eq!(refused(&mut raw, 2).await, 0);
        for (stream, topic) in [(1, own.as_str()), (2, "new")] {
            let start = Start::Last(0);
            raw.say(&[Uplink::Subscribe { stream, topic, start }]).await;
            assert!(matches!(raw.hear().await, Heard::Subscribed(..)), "{topic}");
        }
    }
    drop(greedy);
    siege.lift(16 * MIB).await;
}

async fn sessions_without_end_take_each_other_s_place(store: Store) {
    let siege = Siege::lay(store, &["--sessions", "100"]).await;
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

super::on_every_engine! {
    a_million_tiny_frames_are_read_and_cost_nothing,
    a_client_that_asks_and_does_not_read_is_not_read_either,
    subscriptions_without_end_take_no_topic_from_anybody,
    publishing_to_topics_without_end_takes_none_from_anybody,
    sessions_without_end_take_each_other_s_place,
}
