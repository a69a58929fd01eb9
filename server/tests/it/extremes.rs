//! The largest numbers that a client can name, in every field that has one, on every engine: each has a
//! documented end, and nothing panics.

use std::fs;

use futures_util::StreamExt;
use tautline_protocol::downlink::{Downlink, Frames};
use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_protocol::{CloseCode, Epoch};
use tokio_tungstenite::tungstenite::Message;

use crate::program::Program;
use crate::raw::{Raw, hello, numbered};
use crate::world::soon;

const NUMBERS: [u64; 4] = [0, 1, u64::MAX - 1, u64::MAX];

/// What a client may say on a live line, about the epoch of its topic.
fn said(epoch: Epoch) -> Vec<Uplink<'static>> {
    let mut said = vec![Uplink::Ping { nonce: u64::MAX }];
    let mut stream = 10;
    let mut subscribe = |start| {
        stream += 1;
        Uplink::Subscribe { stream, topic: "news", start }
    };
    for number in NUMBERS {
        said.push(subscribe(Start::Last(number)));
        for (epoch, handled) in [(epoch, 0), (epoch, number), (Epoch(u64::MAX), number)] {
            let cursor = Cursor { epoch, received: number, handled };
            said.push(subscribe(Start::After(cursor)));
        }
    }
    for stream in [0, 1, 11, u32::MAX] {
        said.push(Uplink::Unsubscribe { stream });
        said.extend(NUMBERS.map(|offset| Uplink::Received { stream, offset }));
    }
    said
}

/// Says HELLO, then one thing more; returns the epochs of the session and of the topic, if it gets there.
async fn try_one(program: &Program, hello: Hello<'_>, more: &Uplink<'_>) -> Option<(Epoch, Epoch)> {
    let what = format!("{hello:?}, {more:?}");
    let mut raw = Raw::dial(program.address).await;
    let start = Start::Last(u64::MAX);
    raw.say(&[Uplink::Hello(hello), Uplink::Subscribe { stream: 1, topic: "news", start }]).await;
    let (mut welcome, mut subscribed) = (None, None);
    loop {
        match soon(raw.socket.next()).await {
            Some(Ok(Message::Binary(packet))) => {
                for frame in Frames::new(&packet) {
                    match frame.unwrap() {
                        Downlink::Welcome(said) => welcome = Some(said),
                        Downlink::Subscribed { stream: 1, epoch, .. } => {
                            subscribed = Some(epoch);
                            // It counts on to the last number there is, and beyond.
                            let next = welcome.unwrap().accepted.wrapping_add(1);
                            let messages = [0, 1, 2].map(|more| next.wrapping_add(more));
                            raw.say(&messages.map(|seq| numbered(seq, "m"))).await;
                            raw.say(&[*more, Uplink::Ping { nonce: 4_711 }]).await;
                        }
                        Downlink::Pong { nonce: 4_711 } => {
                            return welcome.map(|said| said.epoch).zip(subscribed);
                        }
                        _ => {}
                    }
                }
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                let code = CloseCode(frame.code.into());
                let known = [CloseCode::MALFORMED, CloseCode::VIOLATION, CloseCode::REPLACED];
                assert!(known.contains(&code), "{code} after {what}");
                return welcome.map(|said| said.epoch).zip(subscribed);
            }
            Some(Ok(_)) => {}
            other => panic!("{other:?} after {what}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_too_large_to_be_answered() {
    for engine in ["memory", "disk"] {
        let directory = tempfile::tempdir().unwrap();
        let (data, log) = (directory.path().join("data"), directory.path().join("log"));
        let options = ["--engine", engine, "--data", data.to_str().unwrap()];
        let start = async || {
            let log = fs::File::options().create(true).append(true).open(&log).unwrap();
            Program::start_with_log(&options, log).await
        };
        let mut program = start().await;
        let ping = Uplink::Ping { nonce: 1 };
        let mut connection = 1;
        let first = Hello { connection, ..hello(1) };
        let (mut epoch, topic) = try_one(&program, first, &ping).await.unwrap();
        for more in said(topic) {
            connection += 1;
            let hello = Hello { connection, epoch, ..hello(1) };
            if let Some((known, _)) = try_one(&program, hello, &more).await {
                epoch = known;
            }
        }
        for [acknowledged, restart, received] in triples() {
            for (handled, from) in
                [(0, epoch), (received, epoch), (0, Epoch::NONE), (received, Epoch(1))]
            {
                connection += 1;
                let extreme = Hello {
                    connection,
                    epoch: from,
                    acknowledged,
                    restart,
                    received,
                    handled,
                    ..hello(1)
                };
                if let Some((known, _)) = try_one(&program, extreme, &ping).await {
                    epoch = known;
                }
            }
        }
        // One whose next message is the last there is; it is connected when the server is killed.
        let last = Hello { connection: u64::MAX - 1, restart: u64::MAX, ..hello(2) };
        let (mut raw, _) = Raw::join(program.address, last).await;
        raw.say(&[numbered(u64::MAX, "the last")]).await;
        raw.hear_packet().await;
        program.kill().await;
        program = start().await;
        let last = Hello { connection: u64::MAX, ..last };
        Raw::join(program.address, last).await;
        let told = fs::read_to_string(&log).unwrap();
        assert!(!told.contains("panicked") && !told.contains("ERROR"), "{engine}: {told}");
    }
}

fn triples() -> impl Iterator<Item = [u64; 3]> {
    let numbers = || NUMBERS.into_iter();
    numbers().flat_map(move |a| numbers().flat_map(move |b| numbers().map(move |c| [a, b, c])))
}
