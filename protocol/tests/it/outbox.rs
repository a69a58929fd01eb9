//! The outbox and what of it may be in flight: bounded, with a stated error.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use tautline_protocol::client::{Config, Failure, SendError};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::{CloseCode, Format, Kind, limits};
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

#[test]
fn the_outbox_is_bounded_by_count_and_by_bytes() {
    let config = Config { outbox_messages: 3, outbox_bytes: 1_000, ..Config::default() };
    let mut line = Line::with(config.clone(), Behaviour::default());
    for _ in 0..3 {
        line.say("m");
    }
    assert_eq!(line.send(Kind::Send, "m", 0), Err(SendError::OutboxFull));
    line.settle();
    line.say("room again");

    let mut line = Line::with(config, Behaviour::default());
    line.send(Kind::Send, "m", 600).unwrap();
    assert_eq!(line.send(Kind::Send, "m", 600), Err(SendError::OutboxFull));
    line.send(Kind::Send, "m", 400).unwrap();
    assert_eq!(line.send(Kind::Send, "m", 1), Err(SendError::OutboxFull));
    line.settle();
    // One alone may be larger: else it could never be sent.
    line.send(Kind::Send, "m", 2_000).unwrap();
    line.settle();
}

// PROTOCOL.md C-8.
#[test]
fn a_message_of_the_largest_size_goes_and_a_larger_one_does_not() {
    let mut line = Line::live();
    let max = limits::MESSAGE_BYTES;
    line.send(Kind::Send, "m", max).unwrap();
    line.send(Kind::Publish, "m", max).unwrap();
    line.send(Kind::Request, "m", max - 4).unwrap();
    let size = max + 1;
    assert_eq!(line.send(Kind::Send, "m", size), Err(SendError::TooLarge { size, max }));
    line.settle();
    assert_eq!(line.server.journal.len(), 3);
}

// PROTOCOL.md C-8, R-8.
#[test]
fn a_queued_message_over_the_server_s_limit_fails_and_leaves_no_hole() {
    let mut behaviour = Behaviour::default();
    behaviour.config.message_bytes = 100;
    let mut line = Line::with(Config::default(), behaviour);
    let ids = [0, 101, 100, 5_000, 0].map(|size| line.send(Kind::Publish, "m", size).unwrap());
    line.settle();
    let too_large = Fate::Failed(Failure::TooLarge);
    let fates = ids.map(|id| line.fate(id));
    let expected =
        [Fate::Acknowledged, too_large.clone(), Fate::Acknowledged, too_large, Fate::Acknowledged];
    assert_eq!(fates, expected);
    assert_eq!(
        line.send(Kind::Send, "m", 101),
        Err(SendError::TooLarge { size: 101, max: 100 }),
        "known by now"
    );
}

#[test]
fn a_limit_raised_by_the_server_holds_at_once_and_has_an_end() {
    let message_bytes = 2 << 20;
    let mut lone = LoneClient::live_with(Config::default(), Welcome { message_bytes, ..welcome() });
    lone.client.send(Kind::Send, Format::Binary, "", vec![0; 2 << 20]).unwrap();
    lone.drain();
    let welcome = Welcome { message_bytes: u64::MAX, ..welcome() };
    let mut lone = LoneClient::live_with(Config::default(), welcome);
    let (size, max) = (limits::MESSAGE_BYTES_MAX + 1, limits::MESSAGE_BYTES_MAX);
    let sent = lone.client.send(Kind::Send, Format::Binary, "", vec![0; size]);
    assert_eq!(sent, Err(SendError::TooLarge { size, max }));
}

// PROTOCOL.md C-5.
#[test]
fn no_more_messages_and_bytes_are_in_flight_than_the_window() {
    let welcome = Welcome { window_messages: 3, window_bytes: 1_000, ..welcome() };
    let mut lone = LoneClient::live_with(Config::default(), welcome);
    let send = |lone: &mut LoneClient, size| {
        lone.client.send(Kind::Send, Format::Binary, "", vec![0; size]).unwrap();
        lone.drain().frames().len()
    };
    // By count.
    assert_eq!([1, 1, 1, 1, 1].map(|size| send(&mut lone, size)), [1, 1, 1, 0, 0]);
    assert_eq!(lone.gets(&[Downlink::Ack { seq: 1 }]).frames().len(), 1);
    assert_eq!(lone.gets(&[Downlink::Ack { seq: 5 }]).hung_up, Some(CloseCode::VIOLATION));

    let mut lone = LoneClient::live_with(Config::default(), welcome);
    // By bytes; a larger one goes alone.
    assert_eq!([600, 600, 5_000, 1].map(|size| send(&mut lone, size)), [1, 0, 0, 0]);
    for (seq, size) in [(1, 600), (2, 5_000), (3, 1)] {
        let done = lone.gets(&[Downlink::Ack { seq }]);
        assert_eq!(done.frames().len(), 1, "then that of {size} bytes");
    }
}

#[test]
fn a_window_of_one_message_still_delivers_everything() {
    let mut behaviour = Behaviour::default();
    behaviour.config.window_messages = 1;
    behaviour.config.window_bytes = 1;
    behaviour.config.stream_window_entries = 1;
    behaviour.config.stream_window_bytes = 1;
    let mut line = Line::live_with(Config::default(), behaviour);
    for _ in 0..20 {
        line.ask();
        line.push();
    }
    line.must_converge();
}

#[test]
fn topics_count_in_the_outbox() {
    let config = Config { outbox_bytes: 19, ..Config::default() };
    let mut line = Line::with(config, Behaviour::default());
    line.send(Kind::Publish, "say", 0).unwrap();
    assert_eq!(line.send(Kind::Publish, "say", 0), Err(SendError::OutboxFull));
    assert!(line.client.stats().outbox_bytes <= 19);
}
