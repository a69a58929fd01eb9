//! Much that is allowed to each, by many at once.

use std::time::Duration;

use tautline_protocol::limits::{STREAMS, UPLINK_BYTES_MAX};
use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::uplink::{Message, Uplink};
use tautline_protocol::{Epoch, Format, Kind};
use tautline_server::Config;

use tokio::io::AsyncReadExt;

use super::wire::{BINARY, PING, Wire, declared, framed, upgrade_request};
use super::{MIB, Siege, Store};
use crate::client::Client;
use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::{World, soon};

/// The bound on all connections together, for these tests.
const MEMORY_BYTES: usize = 48 * MIB;
/// What the allocator may hold beside: it gives freed memory back some seconds later.
const NOT_GIVEN_BACK_BYTES: usize = 16 * MIB;
/// How long readers wait for more.
const PATIENCE: Duration = Duration::from_secs(1);
const MEMORY: [&str; 2] = ["--memory", "50331648"];

fn publish(seq_low: Option<u8>, topic: &str) -> Uplink<'_> {
    let (kind, format) = (Kind::Publish, Format::Text);
    Uplink::Message(Message {
        kind,
        format,
        possible_duplicate: false,
        seq_low,
        topic,
        payload: b"",
    })
}

async fn topics_and_messages_without_a_payload_count(store: Store) {
    let siege = Siege::lay(store, &MEMORY).await;
    let topic = "t".repeat(255);
    // As many as may wait, in packets as clients send them.
    let mut message = Vec::new();
    for seqs in (1..=8_000_u32).collect::<Vec<_>>().chunks(125) {
        let mut packet = Vec::new();
        for seq in seqs {
            publish(Some(seq.to_le_bytes()[0]), &topic).encode(&mut packet);
            publish(None, &topic).encode(&mut packet);
        }
        message.extend(framed(BINARY, &packet));
    }
    let message = std::sync::Arc::new(message);
    let mut floods = Vec::new();
    for session in 1..=100 {
        let message = message.clone();
        let address = siege.program.address;
        floods.push(tokio::spawn(async move {
            let mut wire = Wire::join(address, Uplink::Hello(hello(session))).await;
            // Some are told to come back later.
            wire.push(&message).await;
            wire
        }));
    }
    let mut wires = Vec::new();
    for flood in floods {
        wires.push(soon(flood).await.unwrap());
    }
    siege.bystander.goes_on().await;
    drop(wires);
    siege.lift(MEMORY_BYTES + NOT_GIVEN_BACK_BYTES).await;
}

async fn readers_that_report_nothing_count(store: Store) {
    let siege = Siege::lay(store, &MEMORY).await;
    let mut publisher = Client::open(siege.program.address, 200).await;
    let last = (0..2_000).map(|_| publisher.publish("many", "e")).last().unwrap();
    publisher.acknowledged(last).await;
    let cursor = Cursor { epoch: Epoch::NONE, received: 0, handled: 0 };
    let start = Start::After(cursor);
    let subscribe = |stream| Uplink::Subscribe { stream, topic: "many", start };
    let all: Vec<_> = (1..=STREAMS as u32).map(subscribe).collect();
    let mut readers = Vec::new();
    for session in 1..=30 {
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(session))).await;
        wire.packet(&all).await;
        readers.push(tokio::spawn(async move {
            let mut read = vec![0; 65_536];
            // Until it is ended, or nothing more comes.
            while let Ok(Ok(1..)) =
                tokio::time::timeout(PATIENCE, wire.stream.read(&mut read)).await
            {}
            wire
        }));
    }
    let mut wires = Vec::new();
    for reader in readers {
        wires.push(soon(reader).await.unwrap());
    }
    // Others still come in.
    for session in 100..110 {
        drop(Raw::join(siege.program.address, hello(session)).await);
    }
    siege.bystander.goes_on().await;
    drop(wires);
    drop(publisher);
    siege.lift(MEMORY_BYTES + NOT_GIVEN_BACK_BYTES).await;
}

super::on_every_engine! {
    topics_and_messages_without_a_payload_count,
    readers_that_report_nothing_count,
}

/// Whose credentials are being checked cannot be answered yet, and so is not read either.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_before_welcome_is_bounded_by_its_answers() {
    let world = World::start().await;
    let mut wire = Wire::upgrade(world.address).await;
    let hello = tautline_protocol::uplink::Hello { credentials: b"undecided", ..hello(1) };
    wire.packet(&[Uplink::Hello(hello)]).await;
    world.script.reached_gate().await;
    let mut taken = 0;
    for packet in 0..2_000_u32 {
        let mut frames = Vec::new();
        for stream in packet * 4_000 + 1..=packet * 4_000 + 4_000 {
            Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) }.encode(&mut frames);
        }
        if !wire.push(&framed(BINARY, &frames)).await {
            break;
        }
        taken += frames.len();
    }
    assert!(taken < 32 * MIB, "{taken} bytes were read, or lie in the sockets");
    let held = world.server.held_bytes();
    assert!(held < MIB, "{held} bytes");
}

/// Handlers that wait let what clients may have in flight gather, topics and all. Those who hold the
/// most go, and somebody who holds little stays and is answered.
// PROTOCOL.md S-24.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_handlers_is_bounded_for_all_together() {
    const BYTES: usize = 24 * MIB;
    let world = World::with_config(Config { memory_bytes: BYTES, ..Config::default() }).await;
    let (mut small, _) = Raw::join(world.address, hello(200)).await;
    let topic = "t".repeat(255);
    let mut wires = Vec::new();
    let mut most = 0;
    for session in 1..=40 {
        let mut wire = Wire::join(world.address, Uplink::Hello(hello(session))).await;
        wire.packet(&[numbered(1, "wait")]).await;
        for seqs in (2..=8_000_u32).collect::<Vec<_>>().chunks(1_000) {
            let publishes = seqs.iter().map(|seq| publish(Some(seq.to_le_bytes()[0]), &topic));
            if !wire.packet(&publishes.collect::<Vec<_>>()).await {
                break;
            }
            most = most.max(world.server.held_bytes());
        }
        wires.push(wire);
    }
    let some_have_gone = async {
        while world.server.held_bytes() > BYTES {
            tokio::task::yield_now().await;
        }
    };
    soon(some_have_gone).await;
    // Each may have read one more packet before it was told.
    assert!(most < BYTES + 8 * MIB, "{most} bytes");
    small.say(&[numbered(1, "hello")]).await;
    while !small.hear_packet().await.contains(&Heard::Ack(1)) {}
    world.script.gate.add_permits(100);
}

/// Waits until the server counts as many bytes for its connections as `is_right` wants.
async fn counted(world: &World, is_right: impl Fn(usize) -> bool) {
    let counts = async {
        while !is_right(world.server.held_bytes()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(counts).await;
}

/// What has come of a WebSocket message counts until the message is whole, in one frame or in many, before
/// HELLO and after WELCOME. Control frames between its frames do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_counts_from_its_first_byte() {
    let world = World::start().await;
    let half = UPLINK_BYTES_MAX / 2;
    let one_frame = [declared(BINARY, UPLINK_BYTES_MAX as u64), vec![1; half]].concat();
    let many_frames =
        [framed(0x02, &[1; 100]), framed(0x00, &[1; 100]).repeat(half / 100)].concat();
    for (bytes, pings) in [(one_frame, 0), (many_frames, 200)] {
        let mut stranger = Wire::upgrade(world.address).await;
        counted(&world, |held| held > 0).await;
        let before = world.server.held_bytes();
        stranger.write(&bytes).await;
        counted(&world, |held| held > before + half).await;
        stranger.write(&framed(PING, &[b'p'; 125]).repeat(pings)).await;
        for _ in 0..pings {
            stranger.hear().await.expect("a Pong");
        }
        counted(&world, |held| held < before + 8 * half).await;
        drop(stranger);
        counted(&world, |held| held == 0).await;
    }

    let mut client = Wire::join(world.address, Uplink::Hello(hello(1))).await;
    client.hear().await.expect("WELCOME");
    counted(&world, |held| held > 0).await;
    let before = world.server.held_bytes();
    let mut packet = Vec::new();
    numbered(1, "hello").encode(&mut packet);
    (0..1_000).for_each(|nonce| Uplink::Ping { nonce }.encode(&mut packet));
    let message = framed(BINARY, &packet);
    let (first, rest) = message.split_at(message.len() - 1);
    client.write(first).await;
    counted(&world, |held| held > before + packet.len()).await;
    client.write(rest).await;
    client.hear().await.expect("the PONGs");
    counted(&world, |held| held == before).await;
    client.write(&framed(PING, &[b'p'; 125]).repeat(1_000)).await;
    for _ in 0..1_000 {
        client.hear().await.expect("a Pong");
    }
    counted(&world, |held| held == before).await;
}

/// Many hold back the last byte of a message: those who hold the most go, before the bound is far exceeded,
/// and somebody else is answered.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_come_whole_are_bounded_for_all_together() {
    const BYTES: usize = 8 * MIB;
    let world = World::with_config(Config { memory_bytes: BYTES, ..Config::default() }).await;
    let (mut small, _) = Raw::join(world.address, hello(200)).await;
    let most = [framed(0x02, &[1; UPLINK_BYTES_MAX]), declared(0x80, 1)].concat();
    let mut wires = Vec::new();
    for _ in 0..300 {
        let mut wire = Wire::connect(world.address).await;
        wire.write(upgrade_request("").as_bytes()).await;
        if wire.head().await.starts_with("HTTP/1.1 101") {
            wire.write(&most).await;
            wires.push(wire);
        }
        assert!(world.server.held_bytes() < BYTES + MIB, "{}", world.server.held_bytes());
    }
    counted(&world, |held| held < BYTES).await;
    small.say(&[numbered(1, "hello")]).await;
    while !small.hear_packet().await.contains(&Heard::Ack(1)) {}
    let mut gone = 0;
    for mut wire in wires {
        let is_gone = async { wire.hear().await.is_some_and(|(head, _)| head == BINARY) };
        if tokio::time::timeout(Duration::from_millis(1), is_gone).await == Ok(true) {
            gone += 1;
        }
    }
    assert!(gone > 0, "nobody was told to come back later");
}
