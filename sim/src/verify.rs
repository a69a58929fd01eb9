//! Holds what the application was told against what the server did.

use crate::ledger::{Fate, Ledger, Sent};
use crate::server::{Handled, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use tautline_protocol::client::{Failure, MessageId};
use tautline_protocol::{DIRECT, Epoch};

/// Everything that contradicts the promise; empty if nothing does.
#[must_use]
pub fn verify(ledger: &Ledger, journal: &[Handled]) -> Vec<String> {
    let mut wrong = ledger.violations.clone();
    let numbered: Vec<_> = journal.iter().filter(|handled| handled.seq.is_some()).collect();
    let names: BTreeMap<&[u8], MessageId> =
        ledger.sent.iter().map(|(id, sent)| (&*sent.payload, *id)).collect();
    wrong.extend(wrong_order(&numbered, &names));
    for (id, sent) in &ledger.sent {
        let of = |(_, handled): &(usize, &Handled)| handled.payload == sent.payload;
        let handled: Vec<_> = journal.iter().enumerate().filter(of).collect();
        wrong.extend(wrong_fate(*id, sent, &handled));
        wrong.extend(handled_too_late(*id, sent, &handled));
    }
    wrong.extend(wrong_direct(ledger));
    wrong
}

/// Messages are handled in the order they were sent, each number of an incarnation once.
fn wrong_order(numbered: &[&Handled], names: &BTreeMap<&[u8], MessageId>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last: BTreeMap<Epoch, (u64, MessageId)> = BTreeMap::new();
    let mut first_times = (BTreeSet::new(), 0);
    for handled in numbered {
        let Some(id) = names.get(&*handled.payload).copied() else {
            wrong.push(format!("handled, and never sent: {handled:?}"));
            continue;
        };
        let seq = handled.seq.unwrap_or(0);
        if let Some((seq_before, id_before)) = last.insert(handled.epoch, (seq, id))
            && (seq != seq_before + 1 || id <= id_before)
        {
            wrong.push(format!(
                "number {seq} (message {id}) was handled behind {seq_before} (message {id_before})"
            ));
        }
        if first_times.0.insert(id) {
            if id < first_times.1 {
                wrong.push(format!("message {id} was handled behind message {}", first_times.1));
            }
            first_times.1 = id;
        }
    }
    wrong
}

/// What the application was told of a message is what happened to it.
fn wrong_fate(id: MessageId, sent: &Sent, handled: &[(usize, &Handled)]) -> Option<String> {
    let unmarked = handled.iter().skip(1).filter(|(_, again)| !again.possible_duplicate).count();
    let epochs: BTreeSet<_> = handled.iter().map(|(_, handled)| handled.epoch).collect();
    if unmarked > 0 || epochs.len() != handled.len() {
        return Some(format!("message {id} was handled {} times: {handled:?}", handled.len()));
    }
    let outcome = handled.first().map(|(_, handled)| &handled.outcome);
    let true_fate = match (&sent.fate, outcome) {
        (Fate::Pending | Fate::Failed(Failure::OutcomeUnknown), _)
        | (Fate::Acknowledged, Some(Outcome::Done))
        | (Fate::Failed(Failure::AnswerLost), Some(_))
        | (Fate::Cancelled | Fate::Failed(Failure::Closed | Failure::TooLarge), None) => true,
        (Fate::Replied(told), Some(Outcome::Replied(reply))) => told == reply,
        (Fate::Refused(told), Some(Outcome::Refused(code))) => told == code.as_bytes(),
        _ => false,
    };
    (!true_fate)
        .then(|| format!("message {id} was told to be {:?}, and was {outcome:?}", sent.fate))
}

/// Once the application knows the outcome, nothing may make it happen again.
fn handled_too_late(id: MessageId, sent: &Sent, handled: &[(usize, &Handled)]) -> Option<String> {
    let open = matches!(sent.fate, Fate::Pending | Fate::Failed(Failure::OutcomeUnknown));
    let late = handled.iter().any(|(at, _)| *at >= sent.settled_at);
    (late && !open)
        .then(|| format!("message {id} was handled after it was told to be {:?}", sent.fate))
}

/// Direct messages carry rising numbers (see [`Pair::push`](crate::pair::Pair::push)).
fn wrong_direct(ledger: &Ledger) -> Option<String> {
    let received = ledger.payloads(DIRECT);
    let numbers: Vec<u64> = received.iter().filter_map(|payload| number(payload)).collect();
    let rising = numbers.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    (!rising).then(|| format!("direct messages came out of order or twice: {numbers:?}"))
}

/// The number in `push 12`.
#[must_use]
pub fn number(payload: &[u8]) -> Option<u64> {
    let text = str::from_utf8(payload).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}
