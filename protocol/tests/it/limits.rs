//! Every bound is kept, by both ends, and running into one is stated.

use crate::line::Line;
use crate::lone_client::{LoneClient, hello, welcome};
use crate::lone_session::{HELLO, LoneSession, message, volatile};
use tautline_protocol::client::{Config, Failure};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::limits;
use tautline_protocol::resume::Resumption;
use tautline_protocol::session;
use tautline_protocol::uplink;
use tautline_protocol::{Epoch, Format, Kind};
use tautline_sim::engine::Keep;
use tautline_sim::ledger::Fate;

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
    line.ledger.send(1, Kind::Send, payload);
    line.settle();
}

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
        assert_eq!(done.hung_up, Some(tautline_protocol::CloseCode::VIOLATION));
        lone.reconnects();
    }
}
