//! Subscriptions: positions, gaps, and what happens to them at the edges of a connection.

use crate::line::Line;
use crate::lone_client::{EPOCH, LoneClient, welcome};
use crate::lone_session::LoneSession;
use tautline_protocol::client::Config;
use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry, Welcome};
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::Resumption;
use tautline_protocol::session;
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{Epoch, Format, Start};
use tautline_sim::server::Behaviour;

// PROTOCOL.md C-1.
#[test]
fn subscribing_between_hello_and_welcome_takes_effect_on_this_connection() {
    let mut lone = LoneClient::joining(Config::default());
    let stream = lone.client.subscribe("news", Start::Last(0)).unwrap();
    assert!(lone.drain().packets.is_empty(), "nothing leaves before WELCOME");
    let done = lone.gets(&[Downlink::Welcome(welcome())]);
    assert!(done.transmitted(&format!("Subscribe {{ stream: {stream}")), "{done:?}");
}

// PROTOCOL.md C-1.
#[test]
fn unsubscribing_between_hello_and_welcome_reaches_the_server() {
    let mut lone = LoneClient::new(Config::default());
    let stream = lone.client.subscribe("news", Start::Last(0)).unwrap();
    lone.wait(0);
    let done = lone.input(tautline_protocol::client::Input::Opened);
    assert!(done.transmitted("Subscribe"));
    lone.client.unsubscribe(stream);
    let done = lone.gets(&[Downlink::Welcome(welcome())]);
    assert!(done.transmitted(&format!("Unsubscribe {{ stream: {stream} }}")), "{done:?}");
}

#[test]
fn a_subscription_that_ends_in_the_turn_it_began_costs_nothing() {
    let mut lone = LoneClient::live();
    let stream = lone.client.subscribe("news", Start::Last(0)).unwrap();
    lone.client.unsubscribe(stream);
    assert!(lone.drain().packets.is_empty());
}

// PROTOCOL.md C-13.
#[test]
fn a_cursor_is_not_reported_before_its_subscription_stands_again() {
    // The server takes half a second to allow a subscription; a report is due after 0.2 s.
    let behaviour = Behaviour { subscribe_ms: 500, ..Behaviour::default() };
    let mut line = Line::live_with(Config::default(), behaviour);
    let stream = line.subscribe("room", Start::Last(0)).unwrap();
    line.run(1_000);
    line.handles = false;
    for _ in 0..10 {
        line.publish("room");
    }
    line.run(100);
    assert_eq!(line.ledger.payloads(stream).len(), 10);
    line.reconnect();
    // The application catches up while the subscription is still being allowed.
    line.handles = true;
    line.must_converge();
    assert_eq!(line.dials.len(), 2, "one cut, one new connection");
}

#[test]
fn a_report_that_comes_before_the_subscription_stands_is_no_violation() {
    let mut lone = LoneSession::live();
    let start = Start::After(Cursor { epoch: Epoch(9), received: 10, handled: 5 });
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start }]);
    let wanted = lone.gets(&[Uplink::Received { stream: 1, offset: 10 }]);
    assert_eq!(wanted.hung_up, None);
    lone.session.subscribed(1, Epoch(9), 10);
    let config = session::Config::default();
    assert_eq!(lone.session.room(1).entries, config.stream_window_entries, "all ten are handled");
}

// PROTOCOL.md S-9, S-13.
#[test]
fn a_log_begun_anew_under_a_live_reader_is_read_from_its_start() {
    let mut lone = LoneSession::live();
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start: Start::Last(0) }]);
    lone.session.subscribed(1, Epoch(9), 100);
    lone.session.gap(1, Epoch(10), 0);
    assert_eq!(lone.session.room(1).after, 0);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"first"));
    lone.session.deliver(1, 1, &[entry]);
    let wanted = lone.drain();
    assert!(wanted.transmitted("Gap { stream: 1, epoch: Epoch(10), offset: 0 }"));
    assert!(wanted.transmitted("offset: 1"), "{wanted:?}");
    // A report of the old log may have crossed the gap.
    assert_eq!(lone.gets(&[Uplink::Received { stream: 1, offset: 100 }]).hung_up, None);
}

// PROTOCOL.md S-2, S-14.
#[test]
fn subscriptions_over_the_limit_are_refused_behind_welcome() {
    let mut behaviour = Behaviour::default();
    behaviour.config.streams = 2;
    let mut line = Line::with(Config::default(), behaviour);
    for topic in ["a", "b", "c", "d"] {
        line.subscribe(topic, Start::Last(0)).unwrap();
    }
    line.must_converge();
    let too_many = || b"too-many".to_vec();
    assert_eq!(line.ledger.refused_streams, [(3, too_many()), (4, too_many())]);
    assert_eq!(line.dials.len(), 1);
}

#[test]
fn a_gap_wider_than_the_window_does_not_fill_it() {
    let mut behaviour = Behaviour::default();
    behaviour.config.stream_window_entries = 10;
    let mut line = Line::live_with(Config::default(), behaviour);
    let stream = line.subscribe("room", Start::Last(0)).unwrap();
    line.run(100);
    line.network.reachable = false;
    line.cut(Some(0), Some(0));
    for _ in 0..30 {
        line.publish("room");
    }
    line.server.engine.topic("room").trim_through(u64::MAX);
    line.network.reachable = true;
    line.must_converge();
    line.publish("room");
    line.must_converge();
    assert_eq!(line.ledger.payloads(stream), [b"news 31"]);
    assert_eq!(line.ledger.gaps.len(), 1);
}

// PROTOCOL.md S-12.
#[test]
fn what_is_carried_over_and_unhandled_still_counts_for_the_window() {
    let config = session::Config { stream_window_entries: 10, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let start = Start::After(Cursor { epoch: Epoch(9), received: 8, handled: 5 });
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start }]);
    // Entries 9 to 100 are gone; 6 to 8 are still with the application.
    lone.session.subscribed(1, Epoch(9), 100);
    assert_eq!(lone.session.room(1).entries, 7);
    lone.gets(&[Uplink::Received { stream: 1, offset: 7 }]);
    assert_eq!(lone.session.room(1).entries, 9);
    lone.gets(&[Uplink::Received { stream: 1, offset: 100 }]);
    assert_eq!(lone.session.room(1).entries, 10);
}

// PROTOCOL.md C-1, C-11.
#[test]
fn a_gap_behind_handled_entries_counts_as_handled() {
    let mut lone = LoneClient::live();
    let stream = lone.client.subscribe("t", Start::Last(0)).unwrap();
    lone.drain();
    lone.gets(&[
        Downlink::Subscribed { stream, epoch: EPOCH, offset: 0 },
        Downlink::Gap { stream, epoch: EPOCH, offset: 50 },
    ]);
    let packet = lone.reconnects();
    let cursor = Cursor { epoch: EPOCH, received: 50, handled: 50 };
    let subscribe = Uplink::Subscribe { stream, topic: "t", start: Start::After(cursor) };
    assert_eq!(uplink::Frames::new(&packet, 0).nth(1), Some(Ok(subscribe)));
}

#[test]
fn a_cursor_at_the_end_of_all_numbers_breaks_nothing() {
    let mut lone = LoneSession::live();
    let start = Start::After(Cursor { epoch: Epoch(9), received: u64::MAX, handled: u64::MAX });
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start }]);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(1, 1, std::slice::from_ref(&entry));
    lone.session.subscribed(1, Epoch(9), u64::MAX);
    lone.session.deliver(1, 1, &[entry]);
    let wanted = lone.drain();
    assert!(!wanted.transmitted("Entry"), "{wanted:?}");
}

#[test]
fn the_last_offset_there_is_is_delivered_like_any_other() {
    let mut lone = LoneSession::live();
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start: Start::Last(0) }]);
    lone.session.subscribed(1, EPOCH, u64::MAX - 1);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(1, u64::MAX, &[entry.clone(), entry]);
    let wanted = lone.drain();
    assert!(wanted.transmitted("offset: 18446744073709551615"), "{wanted:?}");
    assert_eq!(wanted.frames().len(), 2, "SUBSCRIBED and one entry");
}

// PROTOCOL.md S-10.
#[test]
fn nothing_is_delivered_before_the_subscription_stands() {
    let mut lone = LoneSession::live();
    let start = Start::After(Cursor { epoch: Epoch(9), received: 10, handled: 10 });
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start }]);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(1, 11, std::slice::from_ref(&entry));
    assert!(lone.drain().packets.is_empty());
    lone.session.subscribed(1, Epoch(9), 10);
    lone.session.deliver(1, 11, &[entry]);
    let frames = lone.drain().frames();
    let kinds: Vec<_> = frames.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["Subscribed", "Entry"]);
}

/// More topics than two packets have room for: what is handled of the last one is due before the server
/// knows of it.
// PROTOCOL.md C-13.
#[test]
fn no_cursor_is_reported_before_its_subscription() {
    let mut lone = LoneClient::live();
    let mut last = 0;
    for number in 0..600 {
        let topic = format!("{number:0>250}");
        last = lone.client.subscribe(topic, Start::Last(0)).unwrap();
    }
    lone.drain();
    let entry = |offset| Downlink::Entry {
        stream: last,
        offset,
        format: Format::Text,
        entry: Entry::Message(b"news"),
    };
    let stands = Downlink::Subscribed { stream: last, epoch: EPOCH, offset: 0 };
    lone.gets(&[stands, entry(1)]);
    lone.reconnects();
    lone.client.handled(last, 1);
    lone.wait(1_000);
    let resumed = Welcome { resumption: Resumption::Resumed, ..welcome() };
    let frames = lone.gets(&[Downlink::Welcome(resumed)]).frames();
    let place = |what: String| frames.iter().position(|frame| frame.contains(&what));
    let subscribed = place(format!("Subscribe {{ stream: {last}"));
    let reported = place(format!("Received {{ stream: {last}"));
    assert!(subscribed.is_some(), "{}", frames.len());
    assert!(reported.is_none_or(|at| Some(at) > subscribed), "{reported:?} {subscribed:?}");
}
