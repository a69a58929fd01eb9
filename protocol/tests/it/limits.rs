//! Every bound is kept, by both ends, and running into one is stated.

use bytes::Bytes;
use std::sync::Arc;

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::{HELLO, LoneSession, message, volatile};
use tautline_protocol::client::{Config, Failure, Input, SendError, SubscribeError};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::limits;
use tautline_protocol::resume::Resumption;
use tautline_protocol::session;
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{CloseCode, Format, Kind, Start};
use tautline_sim::engine::Keep;
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

// PROTOCOL.md S-19.
#[test]
fn volatile_messages_do_not_use_up_the_window_of_numbered_ones() {
    let config = session::Config { window_messages: 2, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let frames =
        [volatile(b"v"), volatile(b"v"), volatile(b"dropped"), message(1, b"a"), message(2, b"b")];
    let wanted = lone.gets(&frames);
    assert_eq!(wanted.hung_up, None, "the client keeps to its window of two");
    assert_eq!(lone.takes(), ["v", "v", "a", "b"]);
}

#[test]
fn a_volatile_message_and_a_large_one_do_not_share_a_packet() {
    let mut line = Line::live();
    let large = line.server.behaviour.config.message_bytes;
    line.command(|client| {
        client.send_volatile(Format::Text, None, &vec![b'v'; large]).unwrap();
        client.send(Kind::Send, Format::Text, "", vec![b'm'; large]).unwrap();
    });
    let payload = vec![b'm'; large];
    line.ledger.send(1, Kind::Send, false, payload);
    line.settle();
}

// PROTOCOL.md C-1, F-11.
#[test]
fn many_long_subscriptions_are_told_in_packets_that_any_server_reads() {
    let mut behaviour = Behaviour::default();
    behaviour.config.message_bytes = 0;
    behaviour.config.streams = limits::STREAMS_MAX;
    let subscribe_all = |line: &mut Line| {
        line.command(|client| {
            for index in 0..limits::STREAMS_MAX {
                client.subscribe(format!("{index:0>255}"), Start::Last(0)).unwrap();
            }
        });
    };
    let mut before = Line::with(Config::default(), behaviour.clone());
    subscribe_all(&mut before);
    let mut live = Line::live_with(Config::default(), behaviour);
    subscribe_all(&mut live);
    for mut line in [before, live] {
        line.must_converge();
        line.reconnect();
        line.run(1_000);
        let id = line.connection().unwrap();
        let session = line.server.session(id).unwrap();
        let stands = |stream: &u32| session.room(*stream).entries > 0;
        assert_eq!((1..=limits::STREAMS_MAX as u32).filter(stands).count(), limits::STREAMS_MAX);
    }
}

// PROTOCOL.md C-8, R-8.
#[test]
fn before_the_first_welcome_any_message_is_taken_that_a_server_may_allow() {
    let max = limits::MESSAGE_BYTES_MAX;
    let send = |lone: &mut LoneClient, size| {
        lone.client.send(Kind::Send, Format::Binary, "", vec![0; size])
    };
    let mut lone = LoneClient::joining(Config::default());
    assert_eq!(send(&mut lone, max + 1), Err(SendError::TooLarge { size: max + 1, max }));
    for size in [10, 2 << 20, 20, 5 << 20, 30] {
        send(&mut lone, size).unwrap();
    }
    let welcome = Welcome { message_bytes: 4 << 20, window_bytes: 1 << 24, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(welcome)]);
    let failed: Vec<_> = done.events.iter().filter(|event| event.contains("Failed")).collect();
    assert_eq!(failed, ["Failed { failure: TooLarge, first: 4, last: 4 }"]);
    let sizes: Vec<usize> = done.packets.iter().map(Vec::len).collect();
    assert_eq!(sizes.len(), 3, "two small ones around each large one: {sizes:?}");
    assert!(lone.gets(&[Downlink::Ack { seq: 4 }]).told("Acknowledged { through: 5 }"));
    // From now on it is known, until the next WELCOME says another.
    let (size, max) = (5 << 20, 4 << 20);
    assert_eq!(send(&mut lone, size), Err(SendError::TooLarge { size, max }));
    lone.reconnects();
    let resumption = Resumption::Resumed;
    let wider = Welcome { resumption, message_bytes: 5 << 20, accepted: 4, ..welcome };
    lone.gets(&[Downlink::Welcome(wider)]);
    assert_eq!(send(&mut lone, size), Ok(6));
}

// PROTOCOL.md R-8.
#[test]
fn messages_over_a_limit_lowered_since_fail_and_the_line_goes_on() {
    let mut line = Line::live();
    line.stall();
    let small = line.say("small");
    let large = line.send(Kind::Send, "large", 5_000).unwrap();
    let last = line.say("last");
    line.run(10);
    // The server comes back with everything it knew, and allows less than before.
    line.crash(Keep::Everything);
    line.server.behaviour.config.message_bytes = 1_000;
    line.settle();
    assert_eq!(line.fate(small), Fate::Acknowledged);
    assert_eq!(line.fate(large), Fate::Failed(Failure::TooLarge));
    assert_eq!(line.fate(last), Fate::Acknowledged);
}

#[test]
fn what_was_never_transmitted_can_be_taken_back_after_a_larger_one_failed() {
    let mut lone = LoneClient::live();
    let send = |lone: &mut LoneClient, size| {
        lone.client.send(Kind::Send, Format::Binary, "", vec![0; size]).unwrap()
    };
    send(&mut lone, 10);
    send(&mut lone, 500);
    lone.drain();
    lone.input(Input::Closed(CloseCode(1006)));
    let queued = send(&mut lone, 10);
    assert!(lone.wait(20_000).dialed);
    lone.input(Input::Opened);
    let resumption = Resumption::Resumed;
    let resumed = Welcome { resumption, message_bytes: 100, window_messages: 1, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(resumed)]);
    assert!(done.told("Failed { failure: TooLarge, first: 2, last: 2 }"), "{done:?}");
    assert!(lone.client.cancel(queued));
}

// PROTOCOL.md R-8.
#[test]
fn a_message_of_unknown_fate_over_a_limit_lowered_since_stays_unknown() {
    let mut line = Line::live();
    line.server.behaviour.handler_ms = 60_000;
    let large = line.send(Kind::Send, "large", 5_000).unwrap();
    line.run(1_000);
    line.server.behaviour.handler_ms = 0;
    line.crash(Keep::Nothing);
    line.server.behaviour.config.message_bytes = 1_000;
    line.settle();
    assert_eq!(line.fate(large), Fate::Failed(Failure::OutcomeUnknown));
}

#[test]
fn numbers_at_the_end_of_their_range_end_the_connection_and_nothing_else() {
    let mut lone = LoneSession::new(session::Config::default());
    let hello = uplink::Hello { restart: u64::MAX, ..HELLO };
    lone.joins(hello, u64::MAX - 1);
    assert_eq!(lone.gets(&[message(0xff, b"the last")]).hung_up, None);
    assert!(lone.gets(&[message(0, b"one more")]).hung_up.is_some());
}

#[test]
fn a_welcome_with_the_highest_number_is_a_violation_and_no_panic() {
    for resumption in
        [Resumption::New, Resumption::Resumed, Resumption::LostAcceptedKnown, Resumption::Lost]
    {
        let mut lone = LoneClient::joining(Config::default());
        let welcome = Welcome { resumption, accepted: u64::MAX, head: u64::MAX, ..welcome() };
        let done = lone.gets(&[Downlink::Welcome(welcome)]);
        assert_eq!(done.hung_up, Some(CloseCode::VIOLATION));
        lone.reconnects();
    }
}

/// An owner of bytes that tells when nothing holds them any more.
struct Watched(Vec<u8>, #[expect(dead_code, reason = "counted by its clones")] Arc<()>);

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A waiting message of a few bytes kept a packet of a megabyte.
#[test]
fn a_message_that_waits_keeps_its_own_bytes_and_not_its_packet() {
    let mut lone = LoneSession::live();
    let held = Arc::new(());
    for seq_low in 1..=100 {
        let mut packet = Vec::new();
        message(seq_low, b"small").encode(&mut packet);
        (0..1_000).for_each(|nonce| Uplink::Pong { nonce }.encode(&mut packet));
        lone.gets_bytes(Bytes::from_owner(Watched(packet, held.clone())));
    }
    assert_eq!(Arc::strong_count(&held), 1, "all packets are gone");
    assert_eq!(lone.takes(), vec!["small"; 100]);
    // One that is most of its packet is not copied.
    let mut packet = Vec::new();
    message(101, &[b'x'; 100_000]).encode(&mut packet);
    lone.gets_bytes(Bytes::from_owner(Watched(packet, held.clone())));
    assert_eq!(Arc::strong_count(&held), 2);
}

// PROTOCOL.md S-18.
#[test]
fn a_client_over_the_window_is_closed() {
    let config =
        session::Config { window_messages: 2, window_bytes: 10, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    assert_eq!(lone.gets(&[message(1, b"a"), message(2, b"b")]).hung_up, None);
    assert_eq!(lone.gets(&[message(3, b"c")]).hung_up, Some(CloseCode::VIOLATION));
    let mut lone = LoneSession::live_with(config);
    assert_eq!(lone.gets(&[message(1, &[b'x'; 50])]).hung_up, None, "one larger alone");
    assert_eq!(lone.gets(&[message(2, b"y")]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md F-4.
#[test]
fn a_message_over_the_limit_closes_with_its_own_code() {
    let config = session::Config { message_bytes: 10, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    assert_eq!(lone.gets(&[message(1, &[b'x'; 10])]).hung_up, None);
    assert_eq!(lone.gets(&[message(2, &[b'x'; 11])]).hung_up, Some(CloseCode::TOO_LARGE));
}

#[test]
fn a_topic_s_name_has_1_to_255_bytes() {
    let mut lone = LoneClient::live();
    let longest = "t".repeat(255);
    let too_long = "t".repeat(256);
    for name in ["", &too_long] {
        let sent = lone.client.send(Kind::Publish, Format::Text, name, Vec::new());
        assert_eq!(sent, Err(SendError::BadTopic));
        let volatile = lone.client.send_volatile(Format::Text, Some(name.as_bytes()), b"");
        assert_eq!(volatile, Err(SendError::BadTopic));
        let subscribed = lone.client.subscribe(name, Start::Last(0));
        assert_eq!(subscribed, Err(SubscribeError::BadTopic));
    }
    lone.client.send(Kind::Publish, Format::Text, &longest, Vec::new()).unwrap();
    lone.client.send_volatile(Format::Text, Some(longest.as_bytes()), b"").unwrap();
    lone.client.subscribe(&longest, Start::Last(0)).unwrap();
    assert_eq!(lone.drain().frames().len(), 3, "and the server can read them");
}

// PROTOCOL.md S-14.
#[test]
fn subscriptions_are_bounded_by_both_ends() {
    let mut lone = LoneClient::live();
    for _ in 0..limits::STREAMS_MAX {
        lone.client.subscribe("t", Start::Last(0)).unwrap();
    }
    assert_eq!(lone.client.subscribe("t", Start::Last(0)), Err(SubscribeError::TooMany));
    lone.client.unsubscribe(1);
    lone.client.subscribe("t", Start::Last(0)).unwrap();

    let config = session::Config { streams: 1, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let subscribe = |stream| Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) };
    assert!(lone.gets(&[subscribe(1)]).wants("Subscribe"));
    let wanted = lone.gets(&[subscribe(2)]);
    assert!(wanted.transmitted("SubscribeRefused { stream: 2") && wanted.hung_up.is_none());
    lone.gets(&[Uplink::Unsubscribe { stream: 1 }]);
    assert!(lone.gets(&[subscribe(3)]).wants("Subscribe"));
}
