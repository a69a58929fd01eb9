//! Topics: read from where the reader wants, over cuts, with every gap told.

use crate::line::Line;
use crate::lone_client::{EPOCH, LoneClient, welcome};
use crate::lone_session::LoneSession;
use tautline_protocol::client::{Config, Missing};
use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry, Welcome};
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, Epoch, Format, Start};
use tautline_sim::server::Behaviour;

// PROTOCOL.md C-1, S-9.
#[test]
fn a_subscription_survives_cuts_and_misses_nothing() {
    let mut line = Line::live();
    for _ in 0..5 {
        line.publish("room");
    }
    let stream = line.subscribe("room", Start::Last(2)).unwrap();
    line.run(100);
    for round in 0..30 {
        line.publish("room");
        line.run(25);
        if round % 3 == 0 {
            line.cut(Some(0), Some(0));
        }
    }
    line.must_converge();
    let received = line.ledger.payloads(stream);
    assert_eq!(received.len(), 32, "two old ones and all that came since");
    assert_eq!(received[0], b"news 4");
    assert!(line.ledger.gaps.is_empty());
}

// PROTOCOL.md C-11, S-10.
#[test]
fn a_reader_carries_on_where_it_is_told_to() {
    let mut line = Line::live();
    for _ in 0..5 {
        line.publish("room");
    }
    let epoch = line.server.engine.topic("room").epoch;
    let cursor = |epoch, at| Start::After(Cursor { epoch, received: at, handled: at });
    let known = line.subscribe("room", cursor(epoch, 3)).unwrap();
    let foreign = line.subscribe("room", cursor(Epoch(1), 3)).unwrap();
    line.must_converge();
    assert_eq!(line.ledger.payloads(known), [b"news 4", b"news 5"]);
    assert_eq!(line.ledger.payloads(foreign).len(), 5);
    let missing = Missing { from: 1, to: 0, reset: true };
    assert_eq!(line.ledger.gaps, [(foreign, missing)]);
}

// PROTOCOL.md C-11, S-11.
#[test]
fn a_gap_on_resume_is_told_before_anything_newer() {
    let mut line = Line::live();
    let stream = line.subscribe("room", Start::Last(0)).unwrap();
    line.run(100);
    line.publish("room");
    line.run(1_000);
    line.network.reachable = false;
    line.cut(Some(0), Some(0));
    for _ in 0..3 {
        line.publish("room");
    }
    line.server.engine.topic("room").trim_through(3);
    line.must_converge();
    let missing = Missing { from: 2, to: 3, reset: false };
    assert_eq!(line.ledger.gaps, [(stream, missing)]);
    assert_eq!(line.ledger.payloads(stream), [b"news 1", b"news 4"]);
}

// PROTOCOL.md C-11, S-11.
#[test]
fn a_gap_under_a_live_but_slow_reader_is_told_in_its_place() {
    let mut behaviour = Behaviour::default();
    behaviour.config.stream_window_entries = 2;
    let mut line = Line::live_with(Config::default(), behaviour);
    let stream = line.subscribe("room", Start::Last(0)).unwrap();
    line.run(100);
    line.handles = false;
    for _ in 0..6 {
        line.publish("room");
    }
    line.run(100);
    line.server.engine.topic("room").trim_through(5);
    line.must_converge();
    let missing = Missing { from: 3, to: 5, reset: false };
    assert_eq!(line.ledger.gaps, [(stream, missing)]);
    assert_eq!(line.ledger.payloads(stream), [b"news 1", b"news 2", b"news 6"]);
    assert_eq!(line.dials.len(), 1);
}

// PROTOCOL.md C-11, S-11.
#[test]
fn a_log_begun_anew_is_told_live_and_on_resume() {
    for live in [true, false] {
        let mut line = Line::live();
        let stream = line.subscribe("room", Start::Last(0)).unwrap();
        line.run(100);
        line.publish("room");
        line.run(1_000);
        line.network.reachable = live;
        if !live {
            line.cut(Some(0), Some(0));
        }
        line.server.engine.reset_topic("room");
        line.publish("room");
        line.must_converge();
        let missing = Missing { from: 1, to: 0, reset: true };
        assert_eq!(line.ledger.gaps, [(stream, missing)]);
        assert_eq!(line.ledger.payloads(stream), [b"news 1", b"news 2"]);
        assert_eq!(line.dials.len() == 1, live);
    }
}

// PROTOCOL.md S-11.
#[test]
fn a_gap_does_not_overtake_the_entries_before_it() {
    let mut lone = LoneSession::live();
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start: Start::Last(0) }]);
    lone.session.subscribed(1, Epoch(9), 0);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(1, 1, &[entry.clone(), entry.clone()]);
    lone.session.gap(1, Epoch(9), 5);
    lone.session.deliver(1, 6, &[entry]);
    let frames = lone.drain().frames();
    let kinds: Vec<_> = frames.iter().map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["Subscribed", "Entry", "Entry", "Gap", "Entry"]);
    assert!(frames[4].contains("offset: 6"));
}

// PROTOCOL.md C-12, C-29, S-13.
#[test]
fn late_entries_of_an_ended_subscription_are_dropped() {
    let mut line = Line::live();
    let stream = line.subscribe("room", Start::Last(0)).unwrap();
    line.run(100);
    for _ in 0..3 {
        line.publish("room");
    }
    line.run(5);
    // They are on their way; the ledger objects to whatever is told from now on.
    line.unsubscribe(stream);
    line.publish("room");
    line.must_converge();
    assert!(line.ledger.payloads(stream).is_empty());
    assert_eq!(line.dials.len(), 1);
    // The session has dropped what had not left, too.
    let mut lone = LoneSession::live();
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start: Start::Last(0) }]);
    lone.session.subscribed(1, Epoch(9), 0);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(1, 1, &[entry]);
    let wanted = lone.gets(&[Uplink::Unsubscribe { stream: 1 }]);
    assert!(!wanted.transmitted("Entry") && wanted.wants("Unsubscribe"), "{wanted:?}");
    assert!(lone.gets(&[Uplink::Unsubscribe { stream: 1 }]).others.is_empty(), "once");
    assert_eq!(lone.gets(&[Uplink::Received { stream: 1, offset: 1 }]).hung_up, None);
}

#[test]
fn a_refused_subscription_ends_and_takes_no_room() {
    let mut line = Line::live();
    let stream = line.subscribe("private/room", Start::Last(0)).unwrap();
    line.run(100);
    assert_eq!(line.ledger.refused_streams, [(stream, b"forbidden".to_vec())]);
    line.reconnect();
    line.run(100);
    assert_eq!(line.ledger.refused_streams.len(), 1, "it is not asked for again");
}

// PROTOCOL.md C-12, S-20.
#[test]
fn stream_ids_are_not_used_twice() {
    let mut lone = LoneClient::live();
    let first = lone.client.subscribe("t", Start::Last(0)).unwrap();
    lone.client.unsubscribe(first);
    assert_ne!(lone.client.subscribe("t", Start::Last(0)).unwrap(), first);
    let mut lone = LoneSession::live();
    let subscribe = Uplink::Subscribe { stream: 1, topic: "t", start: Start::Last(0) };
    let wanted = lone.gets(&[subscribe, subscribe]);
    assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md C-10, C-11, C-12, S-11.
#[test]
fn what_a_server_must_not_say_about_streams_is_a_violation() {
    let (epoch, offset) = (EPOCH, 5);
    let entry = |stream, offset| Downlink::Entry {
        stream,
        offset,
        format: Format::Text,
        entry: Entry::Message(b"x"),
    };
    for frames in [
        &[Downlink::Subscribed { stream: 0, epoch, offset }][..],
        &[Downlink::Subscribed { stream: 9, epoch, offset }],
        &[Downlink::SubscribeRefused { stream: 0, code: b"", reason: b"" }],
        &[Downlink::Gap { stream: 0, epoch: Epoch(77), offset }],
        &[entry(9, 1)],
        &[entry(1, 1)],
        &[Downlink::Subscribed { stream: 1, epoch, offset }, entry(1, 7)],
        &[Downlink::Subscribed { stream: 1, epoch, offset }, entry(1, 6), entry(1, 8)],
        &[
            Downlink::Gap { stream: 0, epoch, offset },
            Downlink::Gap { stream: 0, epoch, offset: 4 },
        ],
    ] {
        let mut lone = LoneClient::live();
        lone.client.subscribe("t", Start::Last(0)).unwrap();
        lone.drain();
        assert_eq!(lone.gets(frames).hung_up, Some(CloseCode::VIOLATION), "{frames:?}");
    }
}

// PROTOCOL.md C-11, S-10.
#[test]
fn a_position_that_the_log_does_not_have_begins_it_anew_and_costs_nobody_else_anything() {
    for (received, handled) in [(6, 6), (99, 5), (1 << 53, 0), (u64::MAX, u64::MAX)] {
        let mut line = Line::live();
        for _ in 0..5 {
            line.publish("room");
        }
        let other = line.subscribe("other", Start::Last(0)).unwrap();
        let epoch = line.server.engine.topic("room").epoch;
        let cursor = Cursor { epoch, received, handled };
        let stream = line.subscribe("room", Start::After(cursor)).unwrap();
        line.run(100);
        assert_eq!(line.ledger.payloads(stream).len(), 5, "behind {received}");
        line.reconnect();
        line.publish("room");
        line.publish("other");
        line.must_converge();
        let missing = Missing { from: 1, to: 0, reset: true };
        assert_eq!(line.ledger.gaps, [(stream, missing)], "behind {received}");
        assert_eq!(line.ledger.payloads(stream).len(), 6, "behind {received}");
        assert_eq!(line.ledger.payloads(other).len(), 1);
        assert_eq!(line.dials.len(), 2, "the one that the test has cut, and the next");
    }
}

// PROTOCOL.md C-11.
#[test]
fn a_log_that_goes_backward_began_anew_whoever_says_so() {
    let epoch = EPOCH;
    for by_gap in [true, false] {
        let mut lone = LoneClient::live();
        lone.client.subscribe("t", Start::Last(0)).unwrap();
        lone.drain();
        lone.gets(&[Downlink::Subscribed { stream: 1, epoch, offset: 5 }]);
        let back = if by_gap {
            lone.gets(&[Downlink::Gap { stream: 1, epoch, offset: 2 }])
        } else {
            lone.reconnects();
            let resumed = Welcome { resumption: Resumption::Resumed, ..welcome() };
            lone.gets(&[Downlink::Welcome(resumed)]);
            lone.gets(&[Downlink::Subscribed { stream: 1, epoch, offset: 2 }])
        };
        let told: Vec<&str> = back.events.iter().map(|event| &event[..3]).collect();
        assert_eq!((back.hung_up, told), (None, vec!["Sub", "Gap"]), "{back:?}");
        assert!(back.told("missing: Missing { from: 1, to: 2, reset: true }"), "{back:?}");
        let entry = Entry::Message(b"x");
        let entry = Downlink::Entry { stream: 1, offset: 3, format: Format::Text, entry };
        assert!(lone.gets(&[entry]).told("offset: 3"));
    }
}
