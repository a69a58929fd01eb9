//! Between two connections: how long, what shortens it, and what must not.

use crate::lone_client::{LoneClient, welcome};
use tautline_protocol::CloseCode;
use tautline_protocol::client::{Config, Hint, Input};
use tautline_protocol::downlink::Downlink;

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

#[test]
fn a_page_put_aside_still_obeys_goaway() {
    let mut lone = LoneClient::live();
    lone.gets(&[Downlink::GoAway { after_ms: 60_000, spread_ms: 0, reason: b"" }]);
    lone.input(Input::Hint(Hint::Suspended));
    lone.input(Input::Hint(Hint::Awake));
    assert!(!lone.wait(59_000).dialed);
    assert!(lone.wait(20_000).dialed);
}

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
