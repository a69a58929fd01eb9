//! Acknowledged means handled: what the application was told is what happened, and stays so.

use crate::ledger::{Fate, Ledger, Sent};
use crate::server::{Handled, Outcome, POISON};
use std::collections::BTreeMap;
use tautline_protocol::DIRECT;
use tautline_protocol::client::{Failure, MessageId};

/// What was told and is not so.
#[must_use]
pub(crate) fn wrong(ledger: &Ledger, handled: &[(usize, &Handled)]) -> Vec<String> {
    let mut by_payload: BTreeMap<&[u8], Vec<(usize, &Handled)>> = BTreeMap::new();
    for (at, handled) in handled {
        by_payload.entry(&handled.payload).or_default().push((*at, handled));
    }
    let mut wrong = Vec::new();
    let superseded = ledger.superseded.iter().map(|(id, sent)| (id, sent));
    for (id, sent) in ledger.sent.iter().chain(superseded) {
        let handled = by_payload.get(&*sent.payload).map(Vec::as_slice).unwrap_or_default();
        wrong.extend(untrue(*id, sent, handled));
        wrong.extend(too_late(*id, sent, handled));
        wrong.extend(unfounded(*id, sent, ledger));
    }
    wrong
}

/// What the application was told of a message is not what happened to it.
fn untrue(id: MessageId, sent: &Sent, handled: &[(usize, &Handled)]) -> Option<String> {
    let outcome = handled.first().map(|(_, handled)| &handled.outcome);
    let is_true = match (&sent.fate, outcome) {
        (Fate::Pending | Fate::Abandoned | Fate::Failed(Failure::OutcomeUnknown), _)
        | (Fate::Acknowledged, Some(Outcome::Done))
        | (Fate::Failed(Failure::AnswerLost), Some(_))
        | (Fate::Cancelled | Fate::Superseded | Fate::Forgotten, None)
        | (Fate::Failed(Failure::Closed | Failure::TooLarge | Failure::Expired), None) => true,
        (Fate::Replied(told), Some(Outcome::Replied(reply))) => told == reply,
        (Fate::Refused(told), Some(Outcome::Refused(code))) => told == code.as_bytes(),
        // It was given up, with the code of the connections that it has ended.
        (Fate::Refused(told), None) => told == b"4001" && sent.payload.starts_with(POISON),
        _ => false,
    };
    (!is_true).then(|| format!("message {id} was told to be {:?}, and was {outcome:?}", sent.fate))
}

/// Once the application knows the outcome, nothing may make it happen again.
fn too_late(id: MessageId, sent: &Sent, handled: &[(usize, &Handled)]) -> Option<String> {
    let is_open = matches!(
        sent.fate,
        Fate::Pending | Fate::Abandoned | Fate::Failed(Failure::OutcomeUnknown)
    );
    let late = handled.iter().any(|(at, _)| *at >= sent.settled_at);
    (late && !is_open)
        .then(|| format!("message {id} was handled after it was told to be {:?}", sent.fate))
}

/// That an outcome is unknown, or an answer lost, takes a loss.
fn unfounded(id: MessageId, sent: &Sent, ledger: &Ledger) -> Option<String> {
    let is_founded = match sent.fate {
        Fate::Failed(Failure::OutcomeUnknown) => {
            !ledger.losses.is_empty() || ledger.closed.is_some() || ledger.ended_before
        }
        Fate::Failed(Failure::AnswerLost) => {
            !ledger.losses.is_empty() || ledger.gaps.iter().any(|(stream, _)| *stream == DIRECT)
        }
        _ => true,
    };
    (!is_founded).then(|| format!("message {id} is {:?}, and nothing was lost", sent.fate))
}
