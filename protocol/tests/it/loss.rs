//! The server has lost the session: what is told, what is sent again, what is not.

use crate::line::{Line, failing_when_uncertain};
use crate::lone_client::{LoneClient, hello, welcome};
use tautline_protocol::client::{Config, Failure};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{DIRECT, Epoch, Format, Kind, Start};
use tautline_sim::engine::Keep;
use tautline_sim::ledger::Fate;
use tautline_sim::network::{Budget, Way};
use tautline_sim::server::Behaviour;

// PROTOCOL.md R-12.
#[test]
fn an_answered_message_is_not_sent_again_after_a_loss() {
    let mut lone = LoneClient::live();
    let id = lone.client.send(Kind::Request, Format::Text, "", b"ask").unwrap();
    let other = lone.client.send(Kind::Send, Format::Text, "", b"tell").unwrap();
    lone.drain();
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    let format = Format::Text;
    let done = lone.gets(&[Downlink::Entry { stream: DIRECT, offset: 1, format, entry }]);
    assert!(done.told(&format!("Reply {{ format: Text, id: {id}")));
    // The ACK behind the reply is lost with the connection, and the session with the server.
    let packet = lone.reconnects();
    let accepted = hello(&packet).restart - 1;
    let resumption = Resumption::Lost;
    let lost = Welcome { resumption, epoch: Epoch(2), accepted, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(lost)]);
    assert!(!done.transmitted("[97, 115, 107]"), "{:?}", done.frames());
    assert!(done.transmitted("possible_duplicate: true"), "{:?}", done.frames());
    // It has kept its number, by which the application may know that it was handled before.
    assert_eq!(accepted, 1);
    let done = lone.gets(&[Downlink::Ack { seq: 2 }]);
    assert!(done.told(&format!("Acknowledged {{ through: {other} }}")), "{done:?}");
    assert_eq!(lone.client.stats().outbox_bytes, 0);
}

fn sent_and_cut_off(config: Config) -> (Line, Vec<u64>) {
    let mut line = Line::live_with(config, Behaviour::default());
    line.push();
    line.run(500);
    let ids = vec![line.say("m"), line.say("m"), line.say("m")];
    // All three arrive and are processed, but the acknowledgement is lost.
    line.run(11);
    assert_eq!(line.server.journal.len(), 3);
    line.cut(Some(0), Some(0));
    line.run(1);
    (line, ids)
}

// PROTOCOL.md R-12.
#[test]
fn a_tombstone_settles_exactly_what_the_lost_session_had_processed() {
    let (mut line, mut ids) = sent_and_cut_off(Config::default());
    line.expire(true);
    ids.push(line.say("m"));
    line.settle();
    assert_eq!(line.ledger.losses, [(true, false)], "known, and no direct message is missing");
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Acknowledged));
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

// PROTOCOL.md.
#[test]
fn a_tombstone_with_unread_direct_entries_tells_that_answers_are_lost() {
    let mut line = Line::live();
    let ids = [line.say("m"), line.ask(), line.send(Kind::Send, "refuse", 0).unwrap()];
    line.run(11);
    line.cut(Some(0), Some(0));
    line.expire(true);
    let later = line.say("m");
    line.settle();
    assert_eq!(line.ledger.losses, [(true, true)]);
    for id in ids {
        assert_eq!(line.fate(id), Fate::Failed(Failure::AnswerLost));
        assert_eq!(line.handled(id), 1);
    }
    assert_eq!(line.fate(later), Fate::Acknowledged);
}

// PROTOCOL.md R-12.
#[test]
fn without_a_tombstone_messages_are_resent_and_marked() {
    let (mut line, mut ids) = sent_and_cut_off(Config::default());
    line.expire(false);
    ids.push(line.say("m"));
    line.settle();
    assert_eq!(line.ledger.losses, [(false, true)]);
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Acknowledged));
    let marks: Vec<_> = line.server.journal.iter().map(|it| it.possible_duplicate).collect();
    assert_eq!(marks, [false, false, false, true, true, true, false], "the last is surely new");
}

// PROTOCOL.md R-12.
#[test]
fn without_a_tombstone_messages_fail_if_that_is_the_policy() {
    let (mut line, ids) = sent_and_cut_off(failing_when_uncertain());
    line.expire(false);
    let later = line.say("m");
    line.settle();
    for id in ids {
        assert_eq!(line.fate(id), Fate::Failed(Failure::OutcomeUnknown));
        assert_eq!(line.handled(id), 1, "it is not sent again");
    }
    assert_eq!(line.fate(later), Fate::Acknowledged, "it was never transmitted before");
}

// PROTOCOL.md R-6.
#[test]
fn a_loss_is_told_before_anything_of_the_new_incarnation() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.drain();
    lone.reconnects();
    let resumption = Resumption::Lost;
    let lost = Welcome { resumption, epoch: Epoch(2), accepted: 0, ..welcome() };
    let entry = Entry::Message(b"new");
    let entry = Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry };
    let done = lone.gets(&[Downlink::Welcome(lost), entry]);
    assert!(done.events[0].starts_with("Lost"), "{:?}", done.events);
    assert!(done.events.last().unwrap().starts_with("Message"), "{:?}", done.events);
}

// PROTOCOL.md R-3.
#[test]
fn the_welcome_of_a_loss_may_itself_be_lost() {
    for tombstone in [true, false] {
        for cuts in 1..4 {
            let (mut line, ids) = sent_and_cut_off(Config::default());
            line.expire(tombstone);
            // HELLO arrives, the answer does not; several times over.
            let budget = Some(Budget::Packets(Way::Down, 0));
            line.network.budgets.extend(vec![budget; cuts]);
            line.settle();
            assert_eq!(line.ledger.losses, [(tombstone, !tombstone)], "told once");
            assert_eq!(line.dials.len(), 2 + cuts);
            let times = if tombstone { 1 } else { 2 };
            assert!(ids.iter().all(|id| line.handled(*id) == times));
        }
    }
}

#[test]
fn losses_in_a_row_each_settle_what_they_can() {
    let (mut line, _) = sent_and_cut_off(Config::default());
    for tombstone in [false, true, false, true] {
        line.expire(tombstone);
        line.say("m");
        line.ask();
        line.run(700);
        line.cut(Some(0), Some(0));
    }
    line.must_converge();
}

#[test]
fn a_server_that_dies_with_all_it_knew_is_told_as_a_loss_and_nothing_else() {
    let mut line = Line::live();
    let before = line.say("m");
    line.settle();
    line.crash(Keep::Nothing);
    let after = line.say("m");
    line.settle();
    assert_eq!(line.ledger.losses.len(), 1);
    assert_eq!((line.handled(before), line.handled(after)), (1, 1));
}

// PROTOCOL.md R-1.
#[test]
fn a_server_that_forgot_its_last_steps_has_lost_the_session() {
    // It is restored from an older state: it knows less than the client was told.
    let mut line = Line::live();
    line.say("m");
    line.settle();
    let session = line.session;
    line.server.engine.roll_back(&session, 0);
    line.reconnect();
    let id = line.say("m");
    line.settle();
    assert_eq!(line.ledger.losses.len(), 1, "resuming would have called the next a hole");
    assert_eq!(line.fate(id), Fate::Acknowledged);
}

// PROTOCOL.md R-6.
#[test]
fn direct_messages_of_a_lost_session_are_said_to_be_missing() {
    let mut line = Line::live();
    line.push();
    line.run(500);
    line.cut(Some(0), Some(0));
    line.push();
    line.expire(true);
    line.must_converge();
    assert_eq!(line.ledger.losses, [(true, true)]);
    line.push();
    line.must_converge();
    assert_eq!(line.ledger.payloads(DIRECT), [&b"push 1"[..], b"push 3"]);
}

// PROTOCOL.md R-7.
#[test]
fn the_mark_of_a_possible_duplicate_stays_until_the_message_is_settled() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.drain();
    lone.reconnects();
    let lost = Welcome { resumption: Resumption::Lost, epoch: Epoch(2), ..welcome() };
    let marked = lone.gets(&[Downlink::Welcome(lost)]).frames();
    assert!(marked[0].contains("possible_duplicate: true"), "{marked:?}");
    for _ in 0..3 {
        lone.reconnects();
        let resumed = Welcome { resumption: Resumption::Resumed, epoch: Epoch(2), ..welcome() };
        assert_eq!(lone.gets(&[Downlink::Welcome(resumed)]).frames(), marked);
    }
    lone.gets(&[Downlink::Ack { seq: 1 }]);
    lone.client.send(Kind::Send, Format::Text, "", b"n").unwrap();
    assert!(lone.drain().transmitted("possible_duplicate: false"));
}

// PROTOCOL.md R-9.
#[test]
fn a_topic_is_read_on_whatever_became_of_the_session() {
    for tombstone in [true, false] {
        let mut line = Line::live();
        let stream = line.subscribe("room", Start::Last(0)).unwrap();
        line.run(100);
        line.publish("room");
        line.run(1_000);
        line.cut(Some(0), Some(0));
        line.expire(tombstone);
        line.publish("room");
        line.must_converge();
        assert_eq!(line.ledger.losses.len(), 1);
        assert_eq!(line.ledger.payloads(stream), [b"news 1", b"news 2"]);
        assert!(line.ledger.gaps.is_empty(), "{:?}", line.ledger.gaps);
    }
}
