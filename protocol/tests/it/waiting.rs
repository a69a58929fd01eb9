//! Between two connections: how long, what shortens it, and what must not.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use tautline_protocol::CloseCode;
use tautline_protocol::client::{Config, Hint, Input};
use tautline_protocol::downlink::Downlink;
use tautline_sim::ledger::Fate;

// PROTOCOL.md C-23.
#[test]
fn a_page_put_aside_does_not_shorten_a_firm_wait() {
    let mut lone = LoneClient::joining(Config::default());
    let code = CloseCode::FULL;
    lone.gets(&[Downlink::Refuse { code, after_ms: 60_000, reason: b"full" }]);
    lone.input(Input::Hint(Hint::Suspended));
    lone.input(Input::Hint(Hint::Awake));
    assert!(!lone.wait(59_000).dialed, "the server has said: not before a minute");
    assert!(lone.wait(20_000).dialed);
}

// PROTOCOL.md C-23.
#[test]
fn a_page_put_aside_still_obeys_goaway() {
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: 60_000, spread_ms: 0, reason: b"" }]);
    lone.input(Input::Hint(Hint::Suspended));
    lone.input(Input::Hint(Hint::Awake));
    assert!(!lone.wait(59_000).dialed);
    assert!(lone.wait(20_000).dialed);
}

// PROTOCOL.md C-17, C-23.
#[test]
fn a_connection_that_dies_after_goaway_is_not_replaced_too_early() {
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: 60_000, spread_ms: 0, reason: b"" }]);
    let mut dialed = false;
    for _ in 0..59 {
        dialed |= lone.wait(1_000).dialed;
    }
    assert!(!dialed, "it was found dead, but the server has said: not before a minute");
    assert!(lone.wait(20_000).dialed);
}

#[test]
fn the_reason_of_an_older_refusal_is_not_told_for_the_end() {
    let mut lone = LoneClient::joining(Config::default());
    let code = CloseCode::FULL;
    lone.gets(&[Downlink::Refuse { code, after_ms: 0, reason: b"full today" }]);
    assert!(lone.wait(20_000).dialed);
    lone.input(Input::Opened);
    lone.gets(&[Downlink::Welcome(welcome())]);
    let done = lone.input(Input::Closed(CloseCode::ENDED));
    assert!(done.told("Closed { end: Stopped"), "{done:?}");
    assert!(done.told("reason: []"), "{done:?}");
}

// PROTOCOL.md C-21.
#[test]
fn hints_end_a_wait_within_a_tenth_of_a_second() {
    for hint in [Hint::Online, Hint::Awake] {
        let mut lone = LoneClient::new(Config::default());
        lone.input(Input::Woke);
        for _ in 0..8 {
            lone.input(Input::Closed(CloseCode(1006)));
            lone.wait(10_000);
        }
        lone.input(Input::Closed(CloseCode(1006)));
        lone.input(Input::Hint(hint));
        assert!(lone.wait(100).dialed);
    }
}

// PROTOCOL.md C-20, C-21, C-23.
#[test]
fn a_firm_wait_is_not_shortened_by_hints() {
    for frame in [
        Downlink::Refuse { code: CloseCode::FULL, after_ms: 0, reason: b"" },
        Downlink::Refuse { code: CloseCode::INTERNAL, after_ms: 5_000, reason: b"" },
    ] {
        for hint in [Hint::Online, Hint::Awake, Hint::Offline, Hint::Asleep] {
            let mut lone = LoneClient::joining(Config::default());
            lone.gets(&[frame]);
            assert!(!lone.input(Input::Hint(hint)).dialed);
            assert!(!lone.wait(4_999).dialed, "{frame:?} {hint:?}");
            assert!(lone.wait(15_000).dialed);
        }
    }
}

// PROTOCOL.md C-20, C-30.
#[test]
fn a_server_that_is_full_is_left_alone_for_at_least_half_the_cap() {
    for code in [CloseCode::FULL, CloseCode::TOO_MANY, CloseCode(4150), CloseCode(1013)] {
        let mut lone = LoneClient::joining(Config::default());
        let done = lone.input(Input::Closed(code));
        let wait = done.wake_at.unwrap().since(lone.now);
        assert!((5_000..=10_000).contains(&wait), "{code}: {wait}");
    }
}

// PROTOCOL.md C-23.
#[test]
fn no_server_can_send_a_client_away_for_longer_than_ten_minutes() {
    let mut lone = LoneClient::joining(Config::default());
    let code = CloseCode::FULL;
    lone.gets(&[Downlink::Refuse { code, after_ms: u64::MAX, reason: b"" }]);
    assert!(lone.wait(600_000).dialed);
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: u64::MAX, spread_ms: u64::MAX, reason: b"" }]);
    lone.input(Input::Closed(CloseCode::GOING_AWAY));
    assert!(lone.wait(1_200_000).dialed);
}

// PROTOCOL.md C-24.
#[test]
fn goaway_replaces_the_connection_in_its_time_and_loses_nothing() {
    let mut line = Line::live();
    let (session, now) = (line.session, line.now);
    line.server.go_away(&session, 1_000, 500, now);
    line.flush();
    let mut ids = Vec::new();
    while line.now.since(now) < 3_000 {
        ids.push(line.say("m"));
        line.run(50);
    }
    line.settle();
    assert_eq!(line.dials.len(), 2);
    assert!((1_000..=1_520).contains(&line.dials[1].since(now)));
    assert_eq!(line.hang_ups, [CloseCode::REPLACED]);
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

// PROTOCOL.md C-23.
#[test]
fn a_server_that_goes_away_early_is_not_asked_before_the_time_it_gave() {
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: 30_000, spread_ms: 0, reason: b"" }]);
    lone.input(Input::Closed(CloseCode::GOING_AWAY));
    lone.input(Input::Hint(Hint::Online));
    assert!(!lone.wait(29_999).dialed);
    assert!(lone.wait(1).dialed);
}

#[test]
fn a_time_that_goaway_gave_is_over_once_the_attempt_begins() {
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: 1_000, spread_ms: 0, reason: b"" }]);
    assert!(lone.wait(1_000).dialed);
    for _ in 0..8 {
        lone.input(Input::Closed(CloseCode(1006)));
        lone.input(Input::Hint(Hint::Online));
        assert!(lone.wait(100).dialed, "the wait is the client's own, and a hint ends it");
    }
}

// PROTOCOL.md C-23.
#[test]
fn goaway_spreads_a_crowd() {
    let mut times: Vec<u64> = Vec::new();
    for random in 0..100 {
        let mut lone = LoneClient::seeded(random);
        lone.gets(&[Downlink::GoAway { after_ms: 1_000, spread_ms: 10_000, reason: b"" }]);
        times.push(lone.drain().wake_at.unwrap().as_millis());
    }
    times.sort_unstable();
    assert!(times[0] >= 1_000 && times[99] <= 11_000);
    assert!(times[25] < 5_000 && times[75] > 6_000, "{times:?}");
}

// PROTOCOL.md C-25.
#[test]
fn a_page_put_aside_holds_no_connection_and_comes_back_when_it_wakes() {
    let mut line = Line::live();
    line.hint(Hint::Suspended);
    assert_eq!(line.hang_ups, [CloseCode::SUSPENDED]);
    let id = line.say("m");
    line.run(600_000);
    assert_eq!(line.dials.len(), 1, "it sleeps, and wants no timer");
    line.hint(Hint::Awake);
    line.settle();
    assert_eq!(line.fate(id), Fate::Acknowledged);
    assert!(line.ledger.losses.is_empty());
}

#[test]
fn suspending_ends_every_kind_of_attempt() {
    let asking = crate::line::asking();
    let mut authorizing = LoneClient::new(asking);
    let asked = authorizing.input(Input::Woke).asked.unwrap();
    let mut dialing = LoneClient::new(Config::default());
    dialing.input(Input::Woke);
    let mut waiting = LoneClient::new(Config::default());
    waiting.input(Input::Woke);
    waiting.input(Input::Closed(CloseCode(1006)));
    let joining = LoneClient::joining(Config::default());
    for mut lone in [authorizing, dialing, waiting, joining] {
        let done = lone.input(Input::Hint(Hint::Suspended));
        assert_eq!(done.wake_at, None);
        lone.client.authorize(asked, Some(b"late"));
        assert!(!lone.wait(3_600_000).dialed);
        lone.input(Input::Hint(Hint::Awake));
        let done = lone.wait(100);
        assert!(done.dialed || done.asked.is_some());
    }
}

// PROTOCOL.md C-18.
#[test]
fn an_attempt_that_hangs_is_given_up_and_tried_again() {
    let mut opening = LoneClient::new(Config::default());
    assert!(opening.input(Input::Woke).dialed);
    let joining = LoneClient::joining(Config::default());
    for mut lone in [opening, joining] {
        assert_eq!(lone.wait(9_999).hung_up, None);
        assert_eq!(lone.wait(1).hung_up, Some(CloseCode::SILENT));
        assert!(lone.wait(100).dialed);
    }
}
