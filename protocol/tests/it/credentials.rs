//! Who the client is: said in HELLO, asked again, refused, and kept apart from others.

use crate::line::{Line, asking};
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::LoneSession;
use tautline_protocol::CloseCode;
use tautline_protocol::client::{Config, Credentials, End, Input, State};
use tautline_protocol::downlink::Downlink;
use tautline_protocol::limits::{AUTH_TIMEOUT_MS, CREDENTIALS_BYTES_MAX};
use tautline_protocol::uplink::Uplink;
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

#[test]
fn fresh_credentials_are_asked_for_at_every_attempt() {
    let mut line = Line::with(asking(), Behaviour::default());
    line.server.behaviour.credentials = Some(b"ann:1".to_vec());
    assert!(line.connect());
    line.server.behaviour.credentials = Some(b"ann:2".to_vec());
    line.credentials = Some(b"ann:2".to_vec());
    line.reconnect();
    line.must_converge();
    assert_eq!(line.dials.len(), 2, "the old ones were not tried again");
}

// PROTOCOL.md C-22.
#[test]
fn refused_credentials_are_asked_for_anew_and_then_given_up() {
    let mut line = Line::with(asking(), Behaviour::default());
    line.server.behaviour.credentials = Some(b"ann:2".to_vec());
    let id = line.say("m");
    assert!(line.run_until(60_000, |pair| pair.dials.len() == 2));
    assert!(line.now.as_millis() < 200, "they are not tried later, but anew");
    line.credentials = Some(b"ann:2".to_vec());
    line.settle();
    assert_eq!(line.fate(id), Fate::Acknowledged);

    let mut line = Line::with(asking(), Behaviour::default());
    line.may_end = true;
    line.server.behaviour.credentials = Some(b"ann:2".to_vec());
    let id = line.say("m");
    line.settle();
    let (end, reason) = line.ledger.closed.clone().unwrap();
    assert_eq!(end, End::Unauthorized(CloseCode::UNAUTHORIZED));
    assert_eq!(reason, b"wrong credentials");
    assert_eq!(line.dials.len(), 3);
    assert_eq!(line.fate(id), Fate::Failed(tautline_protocol::client::Failure::Closed));
}

// PROTOCOL.md C-22.
#[test]
fn fixed_credentials_that_are_refused_end_the_line_at_once() {
    let credentials = Credentials::Fixed(b"ann:1".to_vec());
    let config = Config { credentials, ..Config::default() };
    let mut line = Line::with(config, Behaviour::default());
    line.may_end = true;
    line.server.behaviour.credentials = Some(b"ann:2".to_vec());
    line.run(1_000);
    assert_eq!(line.client.state(), State::Closed);
    assert_eq!(line.dials.len(), 1);
}

// PROTOCOL.md C-22.
#[test]
fn a_success_forgives_earlier_refusals() {
    let mut lone = LoneClient::new(asking());
    let mut done = lone.input(Input::Woke);
    for _ in 0..5 {
        for refused in [true, true, false] {
            lone.client.authorize(done.asked.unwrap(), Some(b"c"));
            assert!(lone.drain().dialed);
            lone.input(Input::Opened);
            if refused {
                let code = CloseCode::UNAUTHORIZED;
                lone.gets(&[Downlink::Refuse { code, after_ms: 0, reason: b"" }]);
            } else {
                let first = lone.client.stats().connections == 0;
                let resumption = if first {
                    tautline_protocol::resume::Resumption::New
                } else {
                    tautline_protocol::resume::Resumption::Resumed
                };
                let welcome = tautline_protocol::downlink::Welcome { resumption, ..welcome() };
                lone.gets(&[Downlink::Welcome(welcome)]);
                lone.input(Input::Closed(CloseCode(1006)));
            }
            done = lone.wait(20_000);
        }
    }
    assert_eq!(lone.client.stats().connections, 5);
}

#[test]
fn a_provider_that_fails_or_hangs_is_asked_again() {
    let mut lone = LoneClient::new(asking());
    let attempt = lone.input(Input::Woke).asked.unwrap();
    lone.client.authorize(attempt, None);
    assert!(lone.drain().told("no usable credentials"));
    let second = lone.wait(100).asked.unwrap();
    assert_ne!(attempt, second);
    assert!(lone.wait(10_000).told("no credentials in time"));
    lone.client.authorize(second, Some(b"too late"));
    assert!(!lone.drain().dialed);
    let third = lone.wait(20_000).asked.unwrap();
    lone.client.authorize(second, Some(b"of another attempt"));
    assert!(!lone.drain().dialed);
    lone.client.authorize(third, Some(b"good"));
    assert!(lone.drain().dialed);
}

#[test]
fn credentials_over_the_limit_are_not_sent() {
    let mut lone = LoneClient::new(asking());
    let attempt = lone.input(Input::Woke).asked.unwrap();
    lone.client.authorize(attempt, Some(&[0; CREDENTIALS_BYTES_MAX + 1]));
    assert!(!lone.drain().dialed);
    let attempt = lone.wait(100).asked.unwrap();
    lone.client.authorize(attempt, Some(&[0; CREDENTIALS_BYTES_MAX]));
    assert!(lone.drain().dialed);
    let done = lone.input(Input::Opened);
    let mut session = LoneSession::new(Default::default());
    let wanted = session.gets_bytes(done.packets[0].clone());
    assert_eq!(wanted.join.unwrap().credentials.len(), CREDENTIALS_BYTES_MAX);
}

#[test]
fn the_server_asks_for_fresh_credentials_on_a_live_line() {
    for config in [asking(), Config::default()] {
        let fixed = matches!(config.credentials, Credentials::Fixed(_));
        let mut line = Line::live_with(config, Behaviour::default());
        let expected: &[u8] = if fixed { b"" } else { b"ann:2" };
        line.credentials = Some(b"ann:2".to_vec());
        line.server.behaviour.credentials = Some(expected.to_vec());
        let (session, now) = (line.session, line.now);
        line.server.request_credentials(&session, now);
        line.flush();
        line.run(AUTH_TIMEOUT_MS + 1_000);
        assert_eq!(line.dials.len(), 1);
        assert!(line.server.hang_ups.is_empty());
    }
}

/// A packet of a kilobyte made the client write sixteen megabytes.
#[test]
fn credentials_leave_once_for_a_packet_however_often_it_asks() {
    let credentials = Credentials::Fixed(vec![b'c'; CREDENTIALS_BYTES_MAX]);
    let config = Config { credentials, ..Config::default() };
    let mut lone = LoneClient::live_with(config, welcome());
    for _ in 0..2 {
        let done = lone.gets(&[Downlink::Auth; 1_000]);
        assert_eq!(done.frames().len(), 1, "one AUTH");
    }
    let mut lone = LoneClient::new(asking());
    let attempt = lone.input(Input::Woke).asked.unwrap();
    lone.client.authorize(attempt, Some(b"good"));
    lone.drain();
    lone.input(Input::Opened);
    lone.gets(&[Downlink::Welcome(welcome())]);
    let attempt = lone.gets(&[Downlink::Auth; 1_000]).asked.unwrap();
    assert_eq!(attempt, 2, "the application was asked once more");
}

// PROTOCOL.md S-16.
#[test]
fn a_client_without_fresh_credentials_is_refused_in_time() {
    let mut lone = LoneSession::live();
    lone.session.request_credentials();
    assert_eq!(lone.drain().frames(), ["Auth"]);
    lone.session.request_credentials();
    assert!(lone.drain().packets.is_empty(), "asked once");
    for _ in 0..29 {
        lone.wait(1_000);
        lone.gets(&[Uplink::Pong { nonce: 0 }]);
    }
    let wanted = lone.wait(1_000);
    assert_eq!(wanted.hung_up, Some(CloseCode::SILENT));
    assert!(wanted.transmitted("Refuse { code: CloseCode(4000)"));
}

/// A client with fixed credentials would have ended for good, because its server was slow.
// PROTOCOL.md S-16.
#[test]
fn credentials_that_came_in_time_may_take_long_to_check_but_not_for_ever() {
    let mut lone = LoneSession::live();
    lone.session.request_credentials();
    lone.wait(29_000);
    let wanted = lone.gets(&[Uplink::Auth { credentials: b"new" }]);
    assert!(wanted.wants("Authenticate(b\"new\")"), "{wanted:?}");
    for _ in 0..29 {
        // Newer ones do not make it longer.
        lone.gets(&[Uplink::Auth { credentials: b"newer" }]);
        assert_eq!(lone.wait(1_000).hung_up, None);
    }
    let wanted = lone.wait(1_000);
    assert_eq!(wanted.hung_up, Some(CloseCode::INTERNAL));
    assert!(wanted.transmitted("Refuse { code: CloseCode(4006)"), "{wanted:?}");
}

// PROTOCOL.md S-16.
#[test]
fn credentials_that_were_judged_are_not_waited_for() {
    let mut lone = LoneSession::live();
    for _ in 0..3 {
        lone.gets(&[Uplink::Auth { credentials: b"new" }]);
        lone.session.authorized();
        for _ in 0..20 {
            lone.gets(&[Uplink::Pong { nonce: 0 }]);
            assert_eq!(lone.wait(1_000).hung_up, None);
        }
    }
}

#[test]
fn fresh_credentials_that_are_refused_cut_the_line_and_keep_its_messages() {
    let mut line = Line::live_with(asking(), Behaviour::default());
    let id = line.say("m");
    line.server.behaviour.credentials = Some(b"ann:3".to_vec());
    let (session, now) = (line.session, line.now);
    line.server.request_credentials(&session, now);
    line.flush();
    line.run(50);
    assert_ne!(line.client.state(), State::Open);
    line.credentials = Some(b"ann:3".to_vec());
    line.settle();
    assert_eq!(line.handled(id), 1);
    assert!(line.ledger.losses.is_empty());
}

// PROTOCOL.md S-3.
#[test]
fn a_session_of_another_identity_is_not_handed_over() {
    let mut line = Line::live_with(asking(), Behaviour::default());
    line.may_end = true;
    line.say("m");
    line.settle();
    line.credentials = Some(b"eve:1".to_vec());
    line.cut(Some(0), Some(0));
    line.settle();
    line.run(30_000);
    let (end, _) = line.ledger.closed.clone().unwrap();
    assert_eq!(end, End::Stopped(CloseCode::WRONG_IDENTITY));
}

/// It was asleep when it was asked. Its credentials are as good as before.
// PROTOCOL.md S-16.
#[test]
fn a_page_that_sleeps_while_it_is_asked_for_credentials_comes_back() {
    let mut line = Line::live();
    let id = line.say("m");
    line.settle();
    line.frozen = true;
    let (session, now) = (line.session, line.now);
    line.server.request_credentials(&session, now);
    line.flush();
    line.run(AUTH_TIMEOUT_MS + 1_000);
    line.must_converge();
    assert_eq!(line.handled(id), 1);
    assert_eq!(line.ledger.closed, None);
}
