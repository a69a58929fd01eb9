//! Numbers: the next one is taken, an older one is known, a later one is a hole.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::{HELLO, LoneSession, message, volatile};
use tautline_protocol::client::{Config, SendError};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::session;
use tautline_protocol::{CloseCode, Format, Kind};
use tautline_sim::ledger::Fate;

// PROTOCOL.md S-6.
#[test]
fn exactly_the_next_message_is_taken() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"1"), message(2, b"2")]);
    lone.gets(&[message(3, b"3")]);
    assert_eq!(lone.takes(), ["1", "2", "3"]);
}

// PROTOCOL.md S-6.
#[test]
fn duplicates_are_acknowledged_again_and_not_handled() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"1"), message(2, b"2")]);
    lone.takes();
    lone.session.handled(2, 0);
    assert_eq!(lone.drain().frames(), ["Ack { seq: 2 }"]);
    let wanted = lone.gets(&[message(1, b"1"), message(2, b"2")]);
    assert_eq!(wanted.frames(), ["Ack { seq: 2 }"], "once for the packet");
    assert!(lone.takes().is_empty());
    assert_eq!(lone.gets(&[message(3, b"3")]).hung_up, None);
    assert_eq!(lone.takes(), ["3"]);
}

// PROTOCOL.md S-7, C-6.
#[test]
fn a_duplicate_of_what_is_still_being_handled_is_not_acknowledged_too_early() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"1")]);
    lone.takes();
    let wanted = lone.gets(&[message(1, b"1")]);
    assert_eq!(wanted.frames(), ["Ack { seq: 0 }"]);
    // The client takes such an ACK for what it is.
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.drain();
    assert!(lone.gets(&[Downlink::Ack { seq: 0 }]).events.is_empty());
}

// PROTOCOL.md S-6.
#[test]
fn a_hole_is_refused_and_the_line_heals() {
    for low in [2, 3, 100, 128] {
        let mut lone = LoneSession::live();
        let wanted = lone.gets(&[message(low, b"late")]);
        assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION), "{low} where 1 is due");
        assert!(lone.takes().is_empty());
    }
}

// PROTOCOL.md F-8, S-6.
#[test]
fn the_low_byte_means_the_nearest_number() {
    // With 1,000 accepted, 0xe9 is due (1,001); up to 128 less is old, up to 127 more is a hole.
    for distance in -128_i64..128 {
        let mut lone = LoneSession::new(session::Config::default());
        lone.joins(HELLO, 1_000);
        let wanted = lone.gets(&[message((1_001 + distance) as u8, b"m")]);
        match distance {
            0 => assert_eq!(lone.takes(), ["m"]),
            1.. => assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION), "{distance}"),
            _ => assert_eq!(wanted.frames(), ["Ack { seq: 1000 }"], "{distance}"),
        }
    }
    // Below the first number there is none.
    let mut lone = LoneSession::live();
    assert_eq!(lone.gets(&[message(0, b"m")]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md C-4, F-8.
#[test]
fn numbers_go_on_over_many_turns_of_their_low_byte() {
    let mut line = Line::live();
    for round in 0..20 {
        let messages = [(Kind::Send, "m", 0); 100];
        line.send_together(&messages);
        line.run(15);
        if round % 3 == 0 {
            line.cut(Some(0), Some(0));
        }
    }
    line.settle();
    assert_eq!(line.server.journal.len(), 2_000);
}

// PROTOCOL.md F-10.
#[test]
fn sends_of_one_turn_share_a_packet_and_their_acknowledgement() {
    let mut line = Line::live();
    line.network.capture = true;
    line.send_together(&[(Kind::Send, "m", 0); 100]);
    line.settle();
    assert_eq!(line.network.captured.len(), 2, "one packet there, one back");
}

// PROTOCOL.md S-7.
#[test]
fn an_acknowledgement_means_handled() {
    let mut line = Line::live();
    line.server.behaviour.handler_ms = 500;
    let id = line.say("m");
    line.run(400);
    assert_eq!(line.fate(id), Fate::Pending, "it has arrived long ago");
    line.run(200);
    assert_eq!(line.fate(id), Fate::Acknowledged);
}

// PROTOCOL.md C-6.
#[test]
fn an_acknowledgement_from_the_future_is_a_violation() {
    for seq in [2, 3, 300, u64::MAX] {
        let mut lone = LoneClient::live();
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
        lone.drain();
        let done = lone.gets(&[Downlink::Ack { seq }]);
        assert_eq!(done.hung_up, Some(CloseCode::VIOLATION), "ACK {seq}");
        assert!(!done.told("Acknowledged"));
    }
}

// PROTOCOL.md C-6.
#[test]
fn an_acknowledgement_of_a_queued_message_is_a_violation() {
    let mut lone = LoneClient::joining(Config::default());
    let window_messages = 1;
    let welcome = Welcome { window_messages, ..welcome() };
    lone.gets(&[Downlink::Welcome(welcome)]);
    for _ in 0..2 {
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    }
    assert_eq!(lone.drain().frames().len(), 1);
    assert_eq!(lone.gets(&[Downlink::Ack { seq: 2 }]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md C-9.
#[test]
fn a_volatile_message_goes_only_when_live() {
    let mut line = Line::new();
    let send = |line: &mut Line| {
        line.command(|client| client.send_volatile(Format::Text, Some(b"room"), b"here"))
    };
    assert_eq!(send(&mut line), Err(SendError::NotLive));
    assert!(line.connect());
    assert_eq!(send(&mut line), Ok(()));
    line.run(100);
    assert_eq!(line.server.journal.len(), 1);
    assert_eq!(line.server.journal[0].seq, None);
    // Handed to a connection that is gone, it is gone, and nothing is told of it.
    line.stall();
    assert_eq!(send(&mut line), Ok(()));
    line.say("m");
    line.settle();
    assert_eq!(line.server.journal.len(), 2);
    line.network.reachable = false;
    line.cut(Some(0), Some(0));
    line.run(50);
    assert_eq!(send(&mut line), Err(SendError::NotLive));
}

#[test]
fn volatile_messages_that_do_not_fit_are_not_queued() {
    let mut lone = LoneClient::live();
    let mut taken = 0;
    for _ in 0..1_000 {
        match lone.client.send_volatile(Format::Binary, None, &[0; 1_000]) {
            Ok(()) => taken += 1,
            Err(error) => assert_eq!(error, SendError::NotLive),
        }
    }
    assert!((60..70).contains(&taken), "as much as one packet takes: {taken}");
    assert_eq!(lone.drain().packets.len(), 1);
    assert_eq!(lone.client.send_volatile(Format::Binary, None, &[0; 1_000]), Ok(()));
}

// PROTOCOL.md S-19.
#[test]
fn too_many_volatile_messages_are_dropped_by_the_session() {
    let config = session::Config { window_messages: 3, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let wanted = lone.gets(&[volatile(b"v"); 10]);
    assert_eq!(wanted.hung_up, None);
    assert_eq!(lone.takes().len(), 3);
}

// PROTOCOL.md C-4.
#[test]
fn cancelling_before_transmission_leaves_no_hole() {
    let mut line = Line::new();
    let ids: Vec<_> = (0..5).map(|_| line.say("m")).collect();
    assert!(line.cancel(ids[1]) && line.cancel(ids[4]) && line.cancel(ids[0]));
    assert!(!line.cancel(ids[1]), "once");
    assert!(!line.cancel(99), "never sent");
    line.settle();
    assert_eq!(line.server.journal.len(), 2);
    assert!(!line.cancel(ids[2]), "settled");
    line.say("m");
    line.settle();
    assert_eq!(line.server.processed(&line.session), 3, "the numbers have no holes");
}

#[test]
fn what_was_transmitted_cannot_be_taken_back() {
    let mut line = Line::live();
    let id = line.say("m");
    assert!(!line.cancel(id));
    line.cut(Some(0), Some(0));
    line.run(5);
    assert!(!line.cancel(id), "it may have arrived");
    line.settle();
    assert_eq!(line.fate(id), Fate::Acknowledged);
}

#[test]
fn what_was_transmitted_once_cannot_be_taken_back_even_if_it_waits_again() {
    let mut lone = LoneClient::live();
    for _ in 0..3 {
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    }
    assert_eq!(lone.drain().frames().len(), 3);
    lone.reconnects();
    // The window is smaller now: two of them wait.
    let resumption = Resumption::Resumed;
    let resumed = Welcome { resumption, window_messages: 1, ..welcome() };
    assert_eq!(lone.gets(&[Downlink::Welcome(resumed)]).frames().len(), 1);
    assert!(!lone.client.cancel(3));
    let id = lone.client.send(Kind::Send, Format::Text, "", b"new").unwrap();
    assert!(lone.client.cancel(id));
}

#[test]
fn statistics_count_what_happens() {
    let mut line = Line::new();
    line.say("m");
    line.say("m");
    assert_eq!(line.client.stats().queued, 2);
    assert_eq!(line.client.stats().outbox_bytes, 6);
    assert!(line.connect());
    line.run(15);
    let stats = line.client.stats();
    assert_eq!((stats.queued, stats.unacknowledged, stats.connections), (0, 2, 1));
    line.cut(Some(0), Some(0));
    line.settle();
    line.push();
    line.run(100);
    let stats = line.client.stats();
    assert_eq!((stats.queued, stats.unacknowledged, stats.outbox_bytes), (0, 0, 0));
    assert_eq!((stats.settled, stats.connections, stats.received), (2, 2, 1));
    assert_eq!(stats.round_trip_ms, 20);
    assert!(stats.bytes_sent > 60 && stats.bytes_received > 40, "{stats:?}");
}
