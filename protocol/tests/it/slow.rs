//! A slow line is not a dead one: both ends hear of each other while something large crawls.

use crate::lone_client::LoneClient;
use crate::lone_session::LoneSession;
use tautline_protocol::client::{Config, Hint, Input};
use tautline_protocol::downlink::Downlink;
use tautline_protocol::fragment::FRAGMENT;
use tautline_protocol::limits::{
    ANSWER_MS_MIN, CONNECT_TIMEOUT_MS, FRAGMENT_BYTES, HEARTBEAT_MS, HELLO_TIMEOUT_MS,
    HELLO_TIMEOUTS_MAX, LIFE_SIGN_BYTES, LIFE_SIGN_MS, MESSAGE_MS_MAX, PATIENCE_CHECK_MS,
    PATIENCE_LEVEL_JOINING_MAX, PATIENCE_LEVEL_MAX, PROBE_MS_MIN, SLOWEST_BYTES_PER_MS,
};
use tautline_protocol::{CloseCode, Format, Kind, session};

const PONG: &str = "Pong { nonce: 0 }";

/// A WebSocket message of so many bytes: a part of a packet that goes on.
fn part(bytes: usize) -> Vec<u8> {
    let mut part = vec![b'x'; bytes];
    part[0] = FRAGMENT;
    part
}

// PROTOCOL.md R-13.
#[test]
fn whoever_receives_much_and_has_sent_nothing_for_a_second_says_that_it_is_there() {
    let (small, large) = (LIFE_SIGN_BYTES - 1, LIFE_SIGN_BYTES);
    for (bytes, silent_ms, expected) in [
        (large, LIFE_SIGN_MS, vec![PONG]),
        (large, LIFE_SIGN_MS - 1, vec![]),
        (small, LIFE_SIGN_MS, vec![]),
    ] {
        let mut client = LoneClient::live();
        client.wait(silent_ms);
        let done = client.input(Input::Packet(part(bytes)));
        assert_eq!(done.frames(), expected, "client: {bytes} bytes after {silent_ms} ms");
        let mut server = LoneSession::live();
        server.wait(silent_ms);
        let wanted = server.gets_bytes(part(bytes));
        assert_eq!(wanted.frames(), expected, "server: {bytes} bytes after {silent_ms} ms");
    }
}

// PROTOCOL.md R-13.
#[test]
fn a_sign_of_life_counts_as_sent() {
    let mut client = LoneClient::live();
    let mut server = LoneSession::live();
    for _ in 0..3 {
        client.wait(LIFE_SIGN_MS - 1);
        server.wait(LIFE_SIGN_MS - 1);
        assert!(client.input(Input::Packet(part(FRAGMENT_BYTES))).packets.is_empty());
        assert!(server.gets_bytes(part(FRAGMENT_BYTES)).packets.is_empty());
        client.wait(1);
        server.wait(1);
        assert_eq!(client.input(Input::Packet(part(FRAGMENT_BYTES))).frames(), [PONG]);
        assert_eq!(server.gets_bytes(part(FRAGMENT_BYTES)).frames(), [PONG]);
    }
}

// PROTOCOL.md R-13, F-14.
#[test]
fn before_welcome_nobody_says_so() {
    let mut server = LoneSession::new(session::Config::default());
    server.wait(LIFE_SIGN_MS);
    let hello = tautline_protocol::uplink::Hello {
        credentials: &[b'c'; LIFE_SIGN_BYTES],
        ..crate::lone_session::HELLO
    };
    let wanted = server.gets(&[tautline_protocol::uplink::Uplink::Hello(hello)]);
    assert!(wanted.join.is_some() && wanted.packets.is_empty(), "{wanted:?}");
}

// PROTOCOL.md R-13.
#[test]
fn a_pong_that_was_not_asked_for_is_life_and_answers_no_ping() {
    let mut client = LoneClient::live();
    // Not even before there was a PING.
    client.gets(&[Downlink::Pong { nonce: 0 }]);
    let measured = client.client.stats().round_trip_ms;
    assert!(client.input(Input::Hint(Hint::Awake)).transmitted("Ping { nonce: 1 }"));
    client.wait(ANSWER_MS_MIN - 1);
    client.gets(&[Downlink::Pong { nonce: 0 }]);
    assert_eq!(client.client.stats().round_trip_ms, measured, "it is no sample");
    // The probe is over all the same.
    assert_eq!(client.wait(PROBE_MS_MIN).hung_up, None);
    assert!(client.input(Input::Hint(Hint::Awake)).transmitted("Ping { nonce: 2 }"));
    assert_eq!(client.wait(PROBE_MS_MIN).hung_up, Some(CloseCode::SILENT));
}

/// How long a silent connection is waited for behind its PING. The client then has the next one, live.
fn condemn(client: &mut LoneClient) -> u64 {
    let asked_at = client.now;
    while client.now.since(asked_at) < 1_000_000 {
        let done = client.wait(100);
        if done.dialed {
            assert_eq!(done.hung_up, Some(CloseCode::SILENT));
            let waited = client.now.since(asked_at);
            client.opens();
            return waited;
        }
    }
    panic!("it is never condemned");
}

fn probe(client: &mut LoneClient) {
    assert!(client.input(Input::Hint(Hint::Awake)).transmitted("Ping"));
}

// PROTOCOL.md C-35, C-16.
#[test]
fn every_condemnation_doubles_patience_up_to_a_bound() {
    let mut client = LoneClient::live();
    for level in 0..PATIENCE_LEVEL_MAX + 3 {
        probe(&mut client);
        let patience = ANSWER_MS_MIN << level.min(PATIENCE_LEVEL_MAX);
        assert_eq!(condemn(&mut client), patience, "after {level} condemnations");
    }
}

// PROTOCOL.md C-35.
#[test]
fn patience_ends_with_an_answer_that_comes_soon_and_with_nothing_else() {
    let answered = |frame: Downlink<'_>, after_ms| {
        let mut client = LoneClient::live();
        probe(&mut client);
        condemn(&mut client);
        probe(&mut client);
        client.wait(after_ms);
        client.gets(&[frame]);
        probe(&mut client);
        condemn(&mut client)
    };
    let (soon, late) = (ANSWER_MS_MIN, ANSWER_MS_MIN + 1);
    assert_eq!(answered(Downlink::Pong { nonce: 1 }, soon), ANSWER_MS_MIN);
    assert_eq!(answered(Downlink::Pong { nonce: 1 }, late), 2 * ANSWER_MS_MIN);
    for other in
        [Downlink::Pong { nonce: 0 }, Downlink::Ack { seq: 0 }, Downlink::Ping { nonce: 1 }]
    {
        assert_eq!(answered(other, 0), 2 * ANSWER_MS_MIN, "{other:?}");
    }
}

// PROTOCOL.md C-35.
#[test]
fn while_it_is_patient_a_client_asks_every_five_seconds_whether_it_has_to_be() {
    let mut client = LoneClient::live();
    probe(&mut client);
    condemn(&mut client);
    for nonce in 1..4 {
        // Whatever else comes.
        for _ in 0..PATIENCE_CHECK_MS / 100 - 1 {
            client.gets(&[Downlink::Ack { seq: 0 }]);
            assert!(client.wait(100).packets.is_empty());
        }
        assert!(client.wait(100).transmitted(&format!("Ping {{ nonce: {nonce} }}")));
        // A PING is under way: no further one, although the line is alive.
        client.gets(&[Downlink::Ack { seq: 0 }]);
        assert!(client.wait(2 * ANSWER_MS_MIN).packets.is_empty());
        client.gets(&[Downlink::Pong { nonce }]);
    }
    // The line is fast: that was the last one.
    client.wait(PATIENCE_CHECK_MS);
    client.gets(&[Downlink::Pong { nonce: 4 }]);
    assert!(client.wait(2 * PATIENCE_CHECK_MS).packets.is_empty());
    let mut trusting = LoneClient::live();
    assert!(trusting.wait(2 * PATIENCE_CHECK_MS).packets.is_empty(), "it never had to be");
}

// PROTOCOL.md C-35.
#[test]
fn a_client_that_waits_for_long_tells_the_server_that_it_is_there() {
    let mut client = LoneClient::live();
    for _ in 0..5 {
        probe(&mut client);
        condemn(&mut client);
    }
    probe(&mut client);
    for heartbeat in 1..=3 {
        assert!(client.wait(HEARTBEAT_MS - 1).packets.is_empty(), "heartbeat {heartbeat}");
        assert_eq!(client.wait(1).frames(), [PONG], "heartbeat {heartbeat}");
    }
    assert_eq!(
        client.wait((ANSWER_MS_MIN << 5) - 3 * HEARTBEAT_MS).hung_up,
        Some(CloseCode::SILENT)
    );
}

// PROTOCOL.md C-18, C-35.
#[test]
fn an_attempt_gets_longer_only_once_its_websocket_is_open() {
    let mut client = LoneClient::new(Config::default());
    assert!(client.input(Input::Woke).dialed);
    for level in 0..PATIENCE_LEVEL_JOINING_MAX + 2 {
        client.input(Input::Opened);
        let wait_ms = CONNECT_TIMEOUT_MS << level.min(PATIENCE_LEVEL_JOINING_MAX);
        for opens in [true, false] {
            let wait_ms = if opens { wait_ms } else { CONNECT_TIMEOUT_MS };
            let case = format!("after {level} attempts, opens: {opens}");
            assert_eq!(client.wait(wait_ms - 1).hung_up, None, "{case}");
            assert_eq!(client.wait(1).hung_up, Some(CloseCode::SILENT), "{case}");
            while !client.wait(10).dialed {}
        }
    }
}

// PROTOCOL.md C-14, C-16.
#[test]
fn what_is_under_way_unseen_gets_its_time() {
    let fragment_ms = FRAGMENT_BYTES as u64 / SLOWEST_BYTES_PER_MS;
    let send = |client: &mut LoneClient, bytes: usize| {
        client.client.send(Kind::Send, Format::Text, "", vec![b'x'; bytes]).unwrap();
        client.drain();
    };
    for (bytes, coming, travel_ms) in [
        (800, false, 800 / SLOWEST_BYTES_PER_MS),
        (100_000, false, fragment_ms),
        (800, true, fragment_ms),
        (100_000, true, fragment_ms),
    ] {
        let mut client = LoneClient::live();
        if coming {
            client.input(Input::Packet(part(FRAGMENT_BYTES)));
        }
        send(&mut client, bytes);
        let case = format!("{bytes} bytes, something comes: {coming}");
        assert!(!client.wait(PROBE_MS_MIN + travel_ms - 1).transmitted("Ping"), "{case}");
        assert!(client.wait(1).transmitted("Ping"), "{case}");
        assert_eq!(client.wait(ANSWER_MS_MIN + travel_ms - 1).hung_up, None, "{case}");
        assert_eq!(client.wait(1).hung_up, Some(CloseCode::SILENT), "{case}");
    }
    // Nothing is in flight, and half a packet has come: the heartbeat, then the answer.
    let mut client = LoneClient::live();
    client.input(Input::Packet(part(FRAGMENT_BYTES)));
    assert!(client.wait(HEARTBEAT_MS).transmitted("Ping"));
    assert_eq!(client.wait(ANSWER_MS_MIN + fragment_ms - 1).hung_up, None);
    assert_eq!(client.wait(1).hung_up, Some(CloseCode::SILENT));
}

/// Lets bytes move every so often, and no message come of them: when that ends the connection, and how.
fn trickle(server: &mut LoneSession, every_ms: u64) -> (u64, CloseCode) {
    let began = server.now;
    while server.now.since(began) < 1_000_000 {
        server.now = server.now.after(every_ms);
        server.session.moved(server.now);
        if let Some(code) = server.wait(0).hung_up {
            return (server.now.since(began), code);
        }
    }
    panic!("it never ends");
}

// PROTOCOL.md S-36, S-1, S-15.
#[test]
fn bytes_that_move_are_life_for_a_while() {
    let mut server = LoneSession::live();
    assert_eq!(trickle(&mut server, 1_000), (MESSAGE_MS_MAX, CloseCode::SILENT));
    let mut server = LoneSession::live();
    let too_seldom = 2 * HEARTBEAT_MS + PROBE_MS_MIN;
    server.wait(100);
    server.session.moved(server.now);
    assert_eq!(server.wait(too_seldom - 1).hung_up, None);
    assert_eq!(server.wait(1).hung_up, Some(CloseCode::SILENT));
    // A message that has come begins the time anew.
    let mut server = LoneSession::live();
    for _ in 0..10 {
        for _ in 0..MESSAGE_MS_MAX / 1_000 - 1 {
            server.session.moved(server.now);
            assert_eq!(server.wait(1_000).hung_up, None);
        }
        server.gets_bytes(part(FRAGMENT_BYTES));
    }
    let mut server = LoneSession::new(session::Config::default());
    let most = HELLO_TIMEOUT_MS * HELLO_TIMEOUTS_MAX;
    assert_eq!(trickle(&mut server, 1_000), (most, CloseCode::HELLO_TIMEOUT));
    let mut server = LoneSession::new(session::Config::default());
    for _ in 0..most / 1_000 - 1 {
        server.session.moved(server.now);
        server.wait(1_000);
    }
    server.joins(crate::lone_session::HELLO, 0);
}
