//! Is the connection alive? Silence is probed, and condemned only when the probe goes unanswered.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::{HELLO, LoneSession};
use tautline_protocol::client::{Config, Hint, Input, State};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::limits::{
    ANSWER_MS_MIN, CONNECT_TIMEOUT_MS, HEARTBEAT_MS, HELLO_TIMEOUT_MS, LATE_MS, PROBE_MS_MIN,
    SILENCE_MS,
};
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, Format, Kind, session};

// PROTOCOL.md C-14, C-16, C-17.
#[test]
fn a_half_open_connection_with_traffic_is_replaced_within_five_seconds() {
    let mut line = Line::live();
    line.run(60_000);
    line.stall();
    let id = line.say("m");
    let began = line.now;
    line.settle();
    assert!(line.now.since(began) < 5_000, "it took {} ms", line.now.since(began));
    assert_eq!(line.handled(id), 1);
    assert_eq!(line.hang_ups, [CloseCode::SILENT]);
}

// PROTOCOL.md C-14, C-16.
#[test]
fn a_half_open_connection_without_traffic_is_found_by_the_heartbeat() {
    let mut line = Line::live();
    line.stall();
    let began = line.now;
    assert!(line.run_until(60_000, |pair| pair.dials.len() == 2));
    let took = line.now.since(began);
    assert!(took <= HEARTBEAT_MS + PROBE_MS_MIN, "it took {took} ms");
    assert!(line.connect());
    // The server gives the dead one up as well.
    line.run(3 * HEARTBEAT_MS);
    assert!(line.server.hang_ups.contains(&(1, CloseCode::SUPERSEDED)));
}

// PROTOCOL.md S-15.
#[test]
fn a_server_gives_up_a_client_that_is_gone() {
    let mut lone = LoneSession::live();
    let mut pings = 0;
    for second in 1..=2 * HEARTBEAT_MS / 1_000 {
        let wanted = lone.wait(1_000);
        assert_eq!(wanted.hung_up, None, "after {second} s");
        pings += usize::from(wanted.transmitted("Ping"));
    }
    assert_eq!(pings, 1, "asked once, before it is given up");
    assert_eq!(lone.wait(PROBE_MS_MIN).hung_up, Some(CloseCode::SILENT));
}

// PROTOCOL.md S-15, S-29.
#[test]
fn a_server_that_was_held_up_asks_before_it_gives_up_a_client() {
    let mut lone = LoneSession::live();
    for _ in 0..2 {
        // It has asked already, and the answer may lie unread behind this very timer.
        assert!(lone.wait(HEARTBEAT_MS).transmitted("Ping"));
        let wanted = lone.wait(3_600_000);
        assert_eq!(wanted.hung_up, None);
        assert!(wanted.transmitted("Ping"), "{wanted:?}");
        assert_eq!(wanted.wake_at, Some(lone.now.after(HEARTBEAT_MS)));
        lone.gets(&[Uplink::Pong { nonce: 2 }]);
    }
    // Once: who then says nothing is gone, however late that is noticed.
    lone.wait(3_600_000);
    assert_eq!(lone.wait(HEARTBEAT_MS - 1).hung_up, None);
    assert_eq!(lone.wait(3_600_000).hung_up, Some(CloseCode::SILENT));
}

// PROTOCOL.md S-15, S-29.
#[test]
fn a_server_whose_timer_is_hardly_late_gives_up_a_client() {
    let mut lone = LoneSession::live();
    let wanted = lone.wait(2 * HEARTBEAT_MS + PROBE_MS_MIN + LATE_MS);
    assert_eq!(wanted.hung_up, Some(CloseCode::SILENT));
}

// PROTOCOL.md S-1, S-29.
#[test]
fn a_server_that_was_held_up_waits_once_more_for_hello() {
    for (late, hung_up) in [(LATE_MS, Some(CloseCode::HELLO_TIMEOUT)), (LATE_MS + 1, None)] {
        let mut lone = LoneSession::new(session::Config::default());
        let wanted = lone.wait(HELLO_TIMEOUT_MS + late);
        assert_eq!(wanted.hung_up, hung_up);
        assert!(hung_up.is_some() || wanted.packets.is_empty(), "nothing comes before WELCOME");
    }
    let mut lone = LoneSession::new(session::Config::default());
    lone.wait(3_600_000);
    assert_eq!(lone.wait(HEARTBEAT_MS - 1).hung_up, None);
    assert_eq!(lone.wait(3_600_000).hung_up, Some(CloseCode::HELLO_TIMEOUT), "once");
    let mut lone = LoneSession::new(session::Config::default());
    lone.wait(3_600_000);
    lone.joins(HELLO, 0);
}

// PROTOCOL.md S-16, S-29.
#[test]
fn a_server_that_was_held_up_waits_once_more_for_credentials_and_for_its_verdict() {
    let mut lone = LoneSession::live();
    lone.session.request_credentials();
    lone.wait(3_600_000);
    lone.gets(&[Uplink::Pong { nonce: 1 }]);
    let wanted = lone.gets(&[Uplink::Auth { credentials: b"new" }]);
    assert!(wanted.wants("Authenticate"), "{wanted:?}");
    assert_eq!(lone.wait(3_600_000).hung_up, None);
    lone.gets(&[Uplink::Pong { nonce: 1 }]);
    assert_eq!(lone.wait(HEARTBEAT_MS - 1).hung_up, None);
    assert_eq!(lone.wait(1).hung_up, Some(CloseCode::INTERNAL), "once");
}

#[test]
fn an_idle_line_stays_up_with_few_packets() {
    let mut line = Line::live();
    line.network.capture = true;
    line.run(10 * 60_000);
    assert_eq!(line.dials.len(), 1);
    let packets = line.network.captured.len() as u64;
    assert!(packets <= 2 * 10 * 60_000 / (HEARTBEAT_MS / 2), "{packets} packets in ten minutes");
}

#[test]
fn a_server_that_works_long_on_a_message_is_not_taken_for_dead() {
    let mut line = Line::live();
    line.server.behaviour.handler_ms = 60_000;
    let id = line.say("m");
    line.settle();
    assert_eq!(line.handled(id), 1);
    assert_eq!(line.dials.len(), 1);
}

// PROTOCOL.md C-14, C-16.
#[test]
fn any_frame_is_life() {
    let mut lone = LoneClient::live();
    for _ in 0..20 {
        let done = lone.wait(HEARTBEAT_MS - 1);
        assert!(done.packets.is_empty(), "{done:?}");
        lone.gets(&[Downlink::Ack { seq: 0 }]);
    }
    assert!(lone.wait(HEARTBEAT_MS).transmitted("Ping"));
}

// PROTOCOL.md C-16, C-17.
#[test]
fn a_timer_that_fires_late_probes_before_it_condemns() {
    let mut lone = LoneClient::live();
    assert!(lone.wait(HEARTBEAT_MS).transmitted("Ping"));
    // The page slept for an hour; the answer may be waiting behind this very timer.
    let done = lone.wait(3_600_000);
    assert_eq!(done.hung_up, None);
    assert!(done.transmitted("Ping"), "{done:?}");
    // It did not come; and a second late timer does not help.
    let done = lone.wait(3_600_000);
    assert_eq!(done.hung_up, Some(CloseCode::SILENT));
    assert!(done.dialed, "replaced at once");
}

// PROTOCOL.md C-16.
#[test]
fn a_timer_that_is_hardly_late_condemns() {
    let mut lone = LoneClient::live();
    lone.wait(HEARTBEAT_MS);
    assert_eq!(lone.wait(ANSWER_MS_MIN + LATE_MS).hung_up, Some(CloseCode::SILENT));
}

#[test]
fn a_page_that_slept_over_its_probe_keeps_a_connection_that_lives() {
    let mut line = Line::live();
    line.hint(Hint::Awake);
    line.frozen = true;
    line.run(20_000);
    line.frozen = false;
    line.run(10_000);
    assert_eq!(line.dials.len(), 1, "the timer fired before what had arrived was handed over");
    assert_eq!(line.client.state(), State::Open);
}

// PROTOCOL.md C-14, C-15.
#[test]
fn hints_probe_a_live_connection_at_once_and_only_once() {
    for hint in [Hint::Online, Hint::Offline, Hint::Awake] {
        let mut lone = LoneClient::live();
        let done = lone.input(Input::Hint(hint));
        assert!(done.transmitted("Ping { nonce: 1 }"), "{hint:?}");
        assert!(lone.input(Input::Hint(hint)).packets.is_empty(), "one probe is enough");
        assert_eq!(lone.wait(PROBE_MS_MIN).hung_up, Some(CloseCode::SILENT));
    }
    let mut lone = LoneClient::live();
    assert!(lone.input(Input::Hint(Hint::Asleep)).packets.is_empty());
}

// PROTOCOL.md C-15.
#[test]
fn the_first_message_after_a_silence_carries_a_probe() {
    let mut lone = LoneClient::live();
    lone.now = lone.now.after(SILENCE_MS + 1);
    lone.input(Input::Woke);
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    let done = lone.drain();
    assert_eq!(done.packets.len(), 1);
    assert!(done.transmitted("Ping") && done.transmitted("Message"), "{:?}", done.frames());
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    assert!(!lone.drain().transmitted("Ping"));
}

// PROTOCOL.md C-14.
#[test]
fn a_message_in_flight_is_probed_after_four_round_trips_or_two_seconds() {
    // A round trip of 1.5 s, as HELLO and WELCOME show.
    let mut lone = LoneClient::joining(Config::default());
    lone.wait(1_500);
    lone.gets(&[Downlink::Welcome(welcome())]);
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    let done = lone.drain();
    assert_eq!(done.wake_at, Some(lone.now.after(6_000)));
    assert!(!lone.wait(5_999).transmitted("Ping"));
    assert!(lone.wait(1).transmitted("Ping"));

    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    let done = lone.drain();
    assert_eq!(done.wake_at, Some(lone.now.after(PROBE_MS_MIN)));
}

#[test]
fn the_round_trip_is_measured_by_welcome_and_pong() {
    let mut lone = LoneClient::joining(Config::default());
    lone.wait(100);
    lone.gets(&[Downlink::Welcome(welcome())]);
    assert_eq!(lone.client.stats().round_trip_ms, 100);
    lone.input(Input::Hint(Hint::Awake));
    lone.wait(900);
    lone.gets(&[Downlink::Pong { nonce: 1 }]);
    assert_eq!(lone.client.stats().round_trip_ms, 200, "7/8 of the old and 1/8 of the new");
    lone.gets(&[Downlink::Pong { nonce: 1 }, Downlink::Pong { nonce: 9 }]);
    assert_eq!(lone.client.stats().round_trip_ms, 200, "nobody asked for these");
}

/// A night between a PING and its PONG made one round trip of an hour, and a dead line went unfound for
/// four.
#[test]
fn a_sleep_is_no_round_trip() {
    let mut lone = LoneClient::live();
    assert!(lone.wait(HEARTBEAT_MS).transmitted("Ping"));
    lone.now = lone.now.after(8 * 3_600_000);
    // The answer had arrived; it comes before the timer.
    let done = lone.gets(&[Downlink::Pong { nonce: 1 }]);
    assert_eq!(done.hung_up, None);
    let done = lone.wait(HEARTBEAT_MS);
    assert!(done.transmitted("Ping"));
    let patience = done.wake_at.unwrap().since(lone.now);
    assert!(patience < CONNECT_TIMEOUT_MS, "{patience} ms");
    assert_eq!(lone.wait(patience).hung_up, Some(CloseCode::SILENT));
}

// PROTOCOL.md R-10.
#[test]
fn both_ends_answer_a_ping_with_its_number() {
    let mut lone = LoneClient::live();
    assert_eq!(lone.gets(&[Downlink::Ping { nonce: 77 }]).frames(), ["Pong { nonce: 77 }"]);
    let mut lone = LoneSession::live();
    assert_eq!(lone.gets(&[Uplink::Ping { nonce: 78 }]).frames(), ["Pong { nonce: 78 }"]);
    assert!(lone.gets(&[Uplink::Pong { nonce: 5 }]).packets.is_empty());
}

// PROTOCOL.md C-14.
#[test]
fn the_server_s_heartbeat_is_kept_within_bounds() {
    for (heartbeat_ms, expected) in [(0, 1_000), (1_000, 1_000), (u64::MAX, 600_000)] {
        let welcome = Welcome { heartbeat_ms, ..welcome() };
        let mut lone = LoneClient::live_with(Config::default(), welcome);
        assert_eq!(lone.drain().wake_at, Some(lone.now.after(expected)));
    }
}

// PROTOCOL.md S-15.
#[test]
fn a_server_that_only_listens_is_heard_of_all_the_same() {
    // The client sends all the time and gets no answer that is due: the server pings on its own.
    let mut lone = LoneSession::live();
    let mut pings = 0;
    for _ in 0..60 {
        let wanted = lone.wait(1_000);
        pings += usize::from(wanted.transmitted("Ping"));
        lone.gets(&[Uplink::Pong { nonce: 0 }]);
    }
    assert!(pings >= 4, "{pings} in a minute");
}
