//! The books find every lie: what the check relies on, one entry at a time.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use tautline_model::bounds::{Ask, Bounds};
use tautline_model::fingerprint::{ORIGIN, fingerprint};
use tautline_model::ledger::{Broken, Facts, Ledger};
use tautline_model::truth::{Handled, Item, Truth};
use tautline_protocol::client::{Event, Failure, Missing, State};
use tautline_protocol::{DIRECT, Epoch, Format};

const EPOCH: Epoch = Epoch(2);

const fn bounds(asks: Vec<Ask>) -> Bounds {
    Bounds {
        messages: 2,
        asks,
        pushes: 3,
        news: 0,
        trims: 0,
        cuts: 0,
        crashes: 0,
        losses: 0,
        takeovers: 0,
        cancels: 0,
        handle_later: false,
        fail_uncertain: false,
    }
}

/// What the first lie is in a course of events, after two messages of `ask` and three pushes, the
/// first of which is trimmed.
#[track_caller]
fn finds(handled: &[u64], ask: Ask, events: &[Event<'_>], expected: Result<(), Broken>) {
    let mut truth = Truth::default();
    for (seq, message) in (1..).zip(handled) {
        let handled = Handled { epoch: EPOCH, seq, message: *message };
        assert!(truth.handle(handled, false, |_| false));
    }
    (1..=3).for_each(|number| truth.append(EPOCH, Item::Message(number)));
    let mut ledger = Ledger::default();
    assert_eq!((ledger.send(), ledger.send()), (1, 2));
    let bounds = bounds(vec![ask]);
    let trimmed = [(Epoch::NONE, 0), (EPOCH, 1)];
    let facts = Facts { truth: &truth, trimmed, epoch: EPOCH, bounds: &bounds };
    let (state, reason) = (State::Open, "connected");
    let open = Event::State { state, reason, code: None, words: b"", retry_at: None };
    ledger.note(&open, facts).unwrap();
    let found = events.iter().try_for_each(|event| ledger.note(event, facts));
    assert_eq!(found, expected);
}

const fn push(offset: u64, payload: &[u8]) -> Event<'_> {
    Event::Message { stream: DIRECT, offset, format: Format::Binary, payload }
}

const fn gap(from: u64, to: u64) -> Event<'static> {
    Event::Gap { stream: DIRECT, missing: Missing { from, to, reset: false } }
}

#[test]
fn an_acknowledgement_is_true_once_the_message_is_handled() {
    let acknowledged = [Event::Acknowledged { through: 2 }];
    finds(&[1, 2], Ask::Send, &acknowledged, Ok(()));
    finds(&[1], Ask::Send, &acknowledged, Err(Broken::Outcome));
}

#[test]
fn an_answer_comes_before_its_acknowledgement_and_once() {
    let reply = Event::Reply { id: 1, format: Format::Binary, payload: &[1] };
    let acknowledged = Event::Acknowledged { through: 1 };
    finds(&[1], Ask::Request, &[reply, acknowledged], Ok(()));
    finds(&[1], Ask::Request, &[acknowledged], Err(Broken::Outcome));
    finds(&[1], Ask::Request, &[reply, reply], Err(Broken::SettledTwice));
    finds(&[], Ask::Request, &[reply], Err(Broken::Outcome));
    finds(&[1], Ask::Refuse, &[reply], Err(Broken::Outcome));
}

#[test]
fn a_message_fails_only_for_a_true_reason() {
    for failure in [Failure::OutcomeUnknown, Failure::AnswerLost, Failure::Closed] {
        let failed = Event::Failed { first: 1, last: 1, failure };
        finds(&[1], Ask::Request, &[failed], Err(Broken::Outcome));
    }
    let failed = Event::Failed { first: 1, last: 1, failure: Failure::AnswerLost };
    finds(&[1], Ask::Request, &[gap(1, 1), failed], Ok(()));
}

#[test]
fn a_gap_names_exactly_what_is_missing() {
    finds(&[], Ask::Send, &[gap(1, 1), push(2, &[2]), push(3, &[3])], Ok(()));
    finds(&[], Ask::Send, &[gap(1, 2)], Err(Broken::Reading));
    finds(&[], Ask::Send, &[gap(2, 1)], Err(Broken::Reading));
}

#[test]
fn an_entry_comes_once_in_order_and_as_it_was_written() {
    finds(&[], Ask::Send, &[push(1, &[1]), push(2, &[2])], Ok(()));
    finds(&[], Ask::Send, &[push(2, &[2])], Err(Broken::Reading));
    finds(&[], Ask::Send, &[push(1, &[1]), push(1, &[1])], Err(Broken::Reading));
    finds(&[], Ask::Send, &[push(1, &[3])], Err(Broken::Reading));
}

#[test]
fn a_loss_is_a_lie_while_the_server_keeps_its_sessions() {
    let lost = Event::Lost { accepted_known: true, direct_missing: true };
    finds(&[], Ask::Send, &[lost], Err(Broken::Loss));
}

#[test]
fn messages_are_handled_once_in_order_and_without_a_hole() {
    let handle = |courses: &[(u64, u64)], possible_duplicate| {
        let mut truth = Truth::default();
        let mut handle = |(seq, message): &(u64, u64)| {
            let handled = Handled { epoch: EPOCH, seq: *seq, message: *message };
            truth.handle(handled, possible_duplicate, |_| false)
        };
        courses.iter().all(&mut handle)
    };
    assert!(handle(&[(1, 1), (2, 2)], false));
    assert!(!handle(&[(1, 2)], false), "message 1 is left out");
    assert!(!handle(&[(1, 1), (3, 2)], false), "number 2 is left out");
    assert!(!handle(&[(1, 1), (2, 1)], false), "twice");
    assert!(!handle(&[(1, 1)], true), "marked, though the server has lost nothing");
}

#[test]
fn states_that_differ_by_the_time_of_day_alone_are_one() {
    let soon = |now: u64| fingerprint(&(ORIGIN.after(now + 5), 7_u64), ORIGIN.after(now));
    let later = |now: u64| fingerprint(&(ORIGIN.after(now + 6), 7_u64), ORIGIN.after(now));
    assert_eq!(soon(0), soon(1_000));
    assert_ne!(soon(0), later(0));
    assert_ne!(fingerprint(&7_u64, ORIGIN), fingerprint(&8_u64, ORIGIN));
}
