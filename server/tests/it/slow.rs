//! Clients whose bytes crawl: they are not silent.

use std::time::Duration;

use tautline_protocol::uplink::Uplink;
use tautline_server::Config;
use tokio::io::AsyncWriteExt;

use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::World;

/// Writes the frames as one WebSocket message, byte after byte.
async fn trickle(raw: &mut Raw, frames: &[Uplink<'_>], pause: Duration) {
    let mut packet = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut packet));
    let length = u8::try_from(packet.len()).unwrap();
    // RFC 6455, 5.2: binary and final; masked, with a key of zeros.
    let mut bytes = vec![0x82, 0x80 | length, 0, 0, 0, 0];
    bytes.extend_from_slice(&packet);
    for byte in bytes {
        raw.socket.get_mut().write_all(&[byte]).await.unwrap();
        tokio::time::sleep(pause).await;
    }
}

// PROTOCOL.md S-36, S-15.
#[tokio::test]
async fn a_message_that_takes_longer_than_silence_may_arrives() {
    let mut config = Config::default();
    config.session.heartbeat_ms = 1_000;
    let world = World::with_config(config).await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    // Two heartbeats and two seconds of silence are the end.
    trickle(&mut raw, &[numbered(1, "x".repeat(30).as_str())], Duration::from_millis(130)).await;
    loop {
        match raw.hear().await {
            Heard::Refusal(1) | Heard::Ack(1) => break,
            Heard::Other => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

// PROTOCOL.md S-36, S-1.
#[tokio::test]
async fn a_hello_that_crawls_is_waited_for() {
    let mut config = Config::default();
    config.session.hello_timeout_ms = 2_000;
    let world = World::with_config(config).await;
    let mut raw = Raw::dial(world.address).await;
    trickle(&mut raw, &[Uplink::Hello(hello(1))], Duration::from_millis(60)).await;
    assert!(matches!(raw.hear().await, Heard::Welcome(_)));
}
