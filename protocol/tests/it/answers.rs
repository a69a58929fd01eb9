//! Replies, refusals and acknowledgements: which comes first, and what is true when some are lost.

use crate::line::Line;
use crate::lone_client::{EPOCH, LoneClient, welcome};
use crate::lone_session::{LoneSession, message};
use tautline_protocol::client::{Config, Input};
use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::session;
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, DIRECT, Format, Kind};
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

// PROTOCOL.md C-13.
#[test]
fn an_answer_does_not_count_the_messages_before_it_as_handled() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Request, Format::Text, "", b"ask").unwrap();
    lone.drain();
    let format = Format::Text;
    let message = |offset| {
        let entry = Entry::Message(b"unhandled");
        Downlink::Entry { stream: DIRECT, offset, format, entry }
    };
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    let reply = Downlink::Entry { stream: DIRECT, offset: 3, format, entry };
    lone.gets(&[message(1), message(2), reply]);
    assert!(!lone.wait(1_000).transmitted("Received"), "the application has handled nothing");
    lone.client.handled(DIRECT, 1);
    lone.drain();
    assert!(lone.wait(1_000).transmitted("Received { stream: 0, offset: 1 }"));
    lone.client.handled(DIRECT, 2);
    lone.drain();
    let done = lone.wait(1_000);
    assert!(done.transmitted("Received { stream: 0, offset: 3 }"), "{:?}", done.frames());
}

// PROTOCOL.md C-13.
#[test]
fn an_answer_behind_handled_messages_is_handled_at_once() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Request, Format::Text, "", b"ask").unwrap();
    lone.drain();
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    lone.gets(&[Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry }]);
    assert!(lone.wait(1_000).transmitted("Received { stream: 0, offset: 1 }"));
}

// PROTOCOL.md C-7.
#[test]
fn an_acknowledgement_behind_a_gap_of_answers_is_not_taken_for_success() {
    let mut lone = LoneClient::live();
    for _ in 0..3 {
        lone.client.send(Kind::Send, Format::Text, "", b"x").unwrap();
    }
    lone.drain();
    // The reader was too slow: the server has dropped direct entries, answers among them.
    let done = lone.gets(&[
        Downlink::Gap { stream: DIRECT, epoch: EPOCH, offset: 5 },
        Downlink::Ack { seq: 3 },
    ]);
    assert!(done.told("Gap"));
    assert!(done.told("Failed { failure: AnswerLost, first: 1, last: 3 }"), "{done:?}");
    assert!(!done.told("Acknowledged"), "{done:?}");
    // What is sent from now on is not concerned.
    lone.client.send(Kind::Send, Format::Text, "", b"y").unwrap();
    lone.drain();
    assert!(lone.gets(&[Downlink::Ack { seq: 4 }]).told("Acknowledged { through: 4 }"));
}

// PROTOCOL.md C-7.
#[test]
fn the_doubt_about_lost_answers_outlives_the_connection() {
    let mut lone = LoneClient::live();
    for _ in 0..3 {
        lone.client.send(Kind::Send, Format::Text, "", b"x").unwrap();
    }
    lone.drain();
    lone.gets(&[Downlink::Gap { stream: DIRECT, epoch: EPOCH, offset: 5 }]);
    lone.reconnects();
    let resumption = Resumption::Resumed;
    let resumed = Welcome { resumption, accepted: 2, head: 5, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(resumed)]);
    // Two were processed before or around the gap; the third was certainly not.
    assert!(done.told("Failed { failure: AnswerLost, first: 1, last: 2 }"), "{done:?}");
    let done = lone.gets(&[Downlink::Ack { seq: 3 }]);
    assert!(done.told("Acknowledged { through: 3 }"), "{done:?}");
}

// PROTOCOL.md C-6.
#[test]
fn an_answer_settles_its_message_and_every_one_before() {
    let mut lone = LoneClient::live();
    for kind in [Kind::Send, Kind::Publish, Kind::Request, Kind::Send] {
        lone.client.send(kind, Format::Text, "topic", b"x").unwrap();
    }
    lone.drain();
    let entry = Entry::Reply { seq: 3, payload: b"yes" };
    let reply = Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry };
    let done = lone.gets(&[reply]);
    assert!(done.told("Reply { format: Text, id: 3"), "{done:?}");
    assert!(done.told("Acknowledged { through: 2 }"), "{done:?}");
    assert_eq!(lone.client.stats().unacknowledged, 1);
    assert!(!lone.gets(&[Downlink::Ack { seq: 3 }]).told("Acknowledged"), "it is settled once");
    assert!(lone.gets(&[Downlink::Ack { seq: 4 }]).told("Acknowledged { through: 4 }"));
}

// PROTOCOL.md S-8.
#[test]
fn every_kind_of_message_gets_its_answer() {
    let mut line = Line::live();
    let kinds = [Kind::Send, Kind::Request, Kind::Publish];
    let done = kinds.map(|kind| line.send(kind, "m", 0).unwrap());
    let refused = kinds.map(|kind| line.send(kind, "refuse", 0).unwrap());
    line.settle();
    assert_eq!(line.fate(done[0]), Fate::Acknowledged);
    assert_eq!(line.fate(done[1]), Fate::Replied(b"re: m 2".to_vec()));
    assert_eq!(line.fate(done[2]), Fate::Acknowledged);
    for id in refused {
        assert_eq!(line.fate(id), Fate::Refused(b"no".to_vec()));
    }
}

// PROTOCOL.md R-5.
#[test]
fn a_refusal_in_the_replay_wins_over_the_acknowledgement_of_welcome() {
    let mut line = Line::live();
    let ids = [line.say("m"), line.send(Kind::Send, "refuse", 0).unwrap(), line.ask()];
    line.run(11);
    assert_eq!(line.server.journal.len(), 3, "all is done");
    line.cut(Some(0), Some(0));
    line.settle();
    assert_eq!(line.fate(ids[0]), Fate::Acknowledged);
    assert_eq!(line.fate(ids[1]), Fate::Refused(b"no".to_vec()));
    assert!(matches!(line.fate(ids[2]), Fate::Replied(_)));
    assert_eq!(line.server.journal.len(), 3);
}

// PROTOCOL.md R-5.
#[test]
fn an_acknowledgement_of_welcome_waits_for_the_whole_replay() {
    let mut lone = LoneClient::live();
    for _ in 0..2 {
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    }
    lone.drain();
    lone.reconnects();
    let resumption = Resumption::Resumed;
    let resumed = Welcome { resumption, accepted: 2, head: 3, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(resumed)]);
    assert!(!done.told("Acknowledged"));
    assert!(!lone.gets(&[Downlink::Ack { seq: 2 }]).told("Acknowledged"));
    let entry = |offset, entry| {
        let format = Format::Text;
        Downlink::Entry { stream: DIRECT, offset, format, entry }
    };
    let done = lone.gets(&[entry(1, Entry::Message(b"x")), entry(2, Entry::Message(b"y"))]);
    assert!(!done.told("Acknowledged"));
    let refusal = Entry::Refusal { seq: 2, code: b"no", reason: b"" };
    let done = lone.gets(&[entry(3, refusal)]);
    let refused = done.events.iter().position(|event| event.starts_with("Refused { id: 2"));
    let acknowledged = done.events.iter().position(|event| event.starts_with("Acknowledged"));
    assert!(refused.unwrap() < acknowledged.unwrap(), "{:?}", done.events);
}

// PROTOCOL.md S-8.
#[test]
fn an_acknowledgement_never_overtakes_the_answers_before_it() {
    // A window of one entry: each answer needs a report of the one before.
    let config = session::Config { stream_window_entries: 1, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    lone.gets(&[message(1, b"1"), message(2, b"2")]);
    lone.takes();
    let reply = |seq| EncodedEntry::new(Format::Text, Entry::Reply { seq, payload: b"r" });
    lone.session.handled(1, 1);
    lone.session.handled(2, 2);
    assert!(lone.drain().packets.is_empty(), "nothing is delivered yet");
    lone.session.deliver(DIRECT, 1, &[reply(1), reply(2)]);
    let frames = lone.drain().frames();
    assert_eq!(frames.len(), 2);
    assert!(frames[0].contains("Reply { seq: 1") && frames[1] == "Ack { seq: 1 }", "{frames:?}");
    lone.gets(&[Uplink::Received { stream: DIRECT, offset: 1 }]);
    lone.session.deliver(DIRECT, 2, &[reply(2)]);
    let frames = lone.drain().frames();
    assert!(frames[0].contains("Reply { seq: 2") && frames[1] == "Ack { seq: 2 }", "{frames:?}");
}

// PROTOCOL.md S-8.
#[test]
fn a_later_message_without_an_answer_does_not_overtake_an_earlier_answer() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"1"), message(2, b"2"), message(3, b"3")]);
    lone.takes();
    lone.session.handled(1, 1);
    lone.session.handled(2, 2);
    lone.session.handled(3, 0);
    assert!(lone.drain().packets.is_empty(), "the answers to 1 and 2 are not delivered yet");
    let reply = |seq| EncodedEntry::new(Format::Text, Entry::Reply { seq, payload: b"r" });
    lone.session.deliver(DIRECT, 1, &[reply(1)]);
    assert!(lone.drain().frames()[1..] == ["Ack { seq: 1 }"]);
    lone.session.deliver(DIRECT, 2, &[reply(2)]);
    assert!(lone.drain().frames()[1..] == ["Ack { seq: 3 }"]);
}

/// An application that handles one direct message at a time, and sends something and waits for its
/// confirmation while it does, must not wait for itself.
// PROTOCOL.md S-8.
#[test]
fn an_acknowledgement_without_an_answer_does_not_wait_for_a_reader_that_is_full() {
    let mut behaviour = Behaviour::default();
    behaviour.config.stream_window_entries = 1;
    let mut line = Line::live_with(Config::default(), behaviour);
    line.handles = false;
    line.push();
    line.push();
    line.run(100);
    assert_eq!(line.ledger.payloads(DIRECT).len(), 1);
    let id = line.say("m");
    line.run(100);
    assert_eq!(line.fate(id), Fate::Acknowledged);
    line.must_converge();
}

// PROTOCOL.md F-10, S-8.
#[test]
fn an_acknowledgement_follows_answers_that_fill_many_packets() {
    let mut line = Line::live();
    line.network.capture = true;
    let messages = [(Kind::Request, "ask", 2_000); 100];
    line.send_together(&messages);
    line.settle();
    let up = line.network.captured.iter().filter(|(_, packet)| packet[0] & 0x80 != 0).count();
    assert!(up >= 3, "over three packets of 64 KiB each way, {up}");
}

#[test]
fn a_stream_that_never_rests_does_not_hold_acknowledgements_back() {
    let mut lone = LoneSession::live();
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    let mut acknowledged = 0;
    for at in 1..100_u64 {
        lone.gets(&[message(at as u8, b"m")]);
        lone.takes();
        // The head is always two entries ahead of what is delivered.
        lone.session.handled(at, at + 2);
        lone.session.deliver(DIRECT, at, std::slice::from_ref(&entry));
        acknowledged += lone.drain().frames().iter().filter(|it| it.starts_with("Ack")).count();
    }
    assert!(acknowledged > 20, "{acknowledged}");
}

#[test]
fn a_second_answer_to_the_same_message_is_not_told() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Request, Format::Text, "", b"ask").unwrap();
    lone.drain();
    let reply = |offset| {
        let entry = Entry::Reply { seq: 1, payload: b"yes" };
        Downlink::Entry { stream: DIRECT, offset, format: Format::Text, entry }
    };
    let done = lone.gets(&[reply(1), reply(2), Downlink::Ack { seq: 1 }, reply(3)]);
    let replies = done.events.iter().filter(|event| event.starts_with("Reply")).count();
    assert_eq!(replies, 1, "{:?}", done.events);
}

// PROTOCOL.md C-6.
#[test]
fn answers_to_what_was_never_asked_are_ignored() {
    let mut lone = LoneClient::live();
    for (offset, seq) in [(1, 0), (2, 1), (3, u64::MAX)] {
        let entry = Entry::Reply { seq, payload: b"?" };
        let frame = Downlink::Entry { stream: DIRECT, offset, format: Format::Text, entry };
        let done = lone.gets(&[frame]);
        assert!(done.events.is_empty() && done.hung_up.is_none(), "{done:?}");
    }
}

// PROTOCOL.md C-10.
#[test]
fn a_direct_entry_that_leaves_a_hole_is_refused() {
    let mut lone = LoneClient::live();
    let entry = |offset| {
        let entry = Entry::Message(b"x");
        Downlink::Entry { stream: DIRECT, offset, format: Format::Text, entry }
    };
    assert!(lone.gets(&[entry(1)]).told("Message"));
    let done = lone.gets(&[entry(1)]);
    assert!(done.events.is_empty() && done.hung_up.is_none(), "a duplicate is dropped");
    assert_eq!(lone.client.stats().duplicates, 1);
    let done = lone.gets(&[entry(3)]);
    assert_eq!(done.hung_up, Some(CloseCode::VIOLATION));
    assert!(!done.told("Message"));
    lone.wait(1_000);
    let done = lone.input(Input::Opened);
    assert!(done.transmitted("received: 1, handled: 0"), "{:?}", done.frames());
}

#[test]
fn answers_keep_their_order_through_many_cuts() {
    let mut line = Line::live_with(Config::default(), Behaviour::default());
    let mut ids = Vec::new();
    for round in 0..40 {
        let word = if round % 3 == 0 { "refuse" } else { "ask" };
        ids.push(line.send(Kind::Request, word, 0).unwrap());
        line.run(7);
        if round % 4 == 0 {
            line.cut(Some(0), Some(3));
        }
    }
    line.settle();
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

// PROTOCOL.md F-5.
#[test]
fn a_code_or_a_reason_that_is_not_utf8_is_told_as_it_is() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.drain();
    let entry = Entry::Refusal { seq: 1, code: b"\xff", reason: b"\xfe" };
    let refusal = Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry };
    let done = lone.gets(&[refusal]);
    assert!(done.told("Refused { id: 1, code: [255], reason: [254] }"), "{done:?}");
    assert_eq!(done.hung_up, None);
}
