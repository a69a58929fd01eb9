//! The program, stopped for longer than any of its deadlines: it condemns nobody whom it could not hear.

use std::time::Duration;

use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};
use tokio::process::Command;

use crate::program::Program;
use crate::raw::{Heard, Raw, hello, numbered};

/// Sends a signal to the program.
async fn signal(program: &Program, name: &str) {
    let id = program.id().to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await.unwrap();
    assert!(sent.success());
}

// PROTOCOL.md S-1, S-15, S-29.
#[tokio::test]
async fn a_program_that_was_stopped_finds_its_clients_as_they_were() {
    // A client is given up after four seconds, and a session without one forgotten after three.
    let program = Program::start(&["--heartbeat", "1", "--session-ttl", "3"]).await;
    let (mut live, _) = Raw::join(program.address, hello(1)).await;
    let (away, known) = Raw::join(program.address, hello(2)).await;
    let mut late = Raw::dial(program.address).await;
    drop(away);
    live.say(&[Uplink::Ping { nonce: 1 }]).await;
    assert_eq!(live.hear().await, Heard::Other, "the PONG");
    signal(&program, "STOP").await;
    live.say(&[numbered(1, "unread")]).await;
    late.say(&[Uplink::Hello(hello(3))]).await;
    // Not to wait for something: this is the time that passes the program by, more than it waits for HELLO.
    tokio::time::sleep(Duration::from_secs(12)).await;
    signal(&program, "CONT").await;
    let again = Hello { connection: 2, epoch: known.epoch, ..hello(2) };
    let (_, resumed) = Raw::join(program.address, again).await;
    assert_eq!(resumed.resumption, Resumption::Resumed);
    // That there is no handler is the answer of a line that lives.
    loop {
        match live.hear().await {
            Heard::Refusal(1) => break,
            Heard::Other => {}
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(matches!(late.hear().await, Heard::Welcome(_)));
}
