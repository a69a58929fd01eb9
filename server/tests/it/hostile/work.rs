//! Frames that cost their sender next to nothing and would have the server do something each.

use tautline_protocol::message::Start;
use tautline_protocol::uplink::Uplink;

use super::wire::{BINARY, Wire, framed};
use super::{MIB, Siege, Store};
use crate::raw::hello;

/// Two connections send these packets, as fast as the server takes them, and read what it answers.
async fn flood(siege: &Siege, packets: impl Iterator<Item = Vec<u8>> + Clone + Send + 'static) {
    let mut floods = Vec::new();
    for session in 1..=2 {
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(session))).await;
        // Before WELCOME, the first of them would end the connection.
        assert!(wire.hear().await.is_some(), "it is let in");
        let packets = packets.clone();
        floods.push(tokio::spawn(async move {
            let (mut answers, mut stream) = wire.stream.split();
            let flood = async {
                let mut bytes = Vec::new();
                for packet in packets.chain([encoded(&[Uplink::Bye])]) {
                    bytes.extend(framed(BINARY, &packet));
                    if bytes.len() > 10_000 || packet == [0x0e] {
                        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.unwrap();
                        bytes.clear();
                    }
                }
            };
            let mut nowhere = tokio::io::sink();
            let (ended, ()) = tokio::join!(tokio::io::copy(&mut answers, &mut nowhere), flood);
            ended.expect("it has read all of it, and closed after BYE");
        }));
    }
    for flood in floods {
        flood.await.unwrap();
    }
}

fn encoded(frames: &[Uplink<'_>]) -> Vec<u8> {
    let mut packet = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut packet));
    packet
}

/// A report that says nothing new: the direct stream is handled up to 0.
const REPORT: Uplink<'static> = Uplink::Received { stream: 0, offset: 0 };
const AUTH: Uplink<'static> = Uplink::Auth { credentials: b"" };

async fn reports_without_progress_are_no_work(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    flood(&siege, std::iter::repeat_n(encoded(&[REPORT]), 300_000)).await;
    siege.lift(8 * MIB).await;
}

/// Each kind of frame parts the other, so that neither merges with its like, and so do packets.
async fn reports_and_credentials_in_turn_are_no_work(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    flood(&siege, std::iter::repeat_n(encoded(&[REPORT, AUTH]), 300_000)).await;
    siege.lift(8 * MIB).await;
}

/// To make a topic is work of the engine, which it does one after the other.
async fn subscriptions_that_are_taken_back_at_once_are_one_at_a_time(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let packets = (2..=120_000).map(|stream| {
        let topic = format!("topic {stream}");
        let subscribe = Uplink::Subscribe { stream, topic: &topic, start: Start::Last(0) };
        let before = Uplink::Unsubscribe { stream: stream - 1 };
        encoded(&[before, subscribe])
    });
    let packets: Vec<_> = packets.collect();
    flood(&siege, packets.into_iter()).await;
    siege.lift(8 * MIB).await;
}

super::on_every_engine! {
    reports_without_progress_are_no_work,
    reports_and_credentials_in_turn_are_no_work,
    subscriptions_that_are_taken_back_at_once_are_one_at_a_time,
}
