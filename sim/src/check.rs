//! The properties, each in a checker of its own, and what holds a whole run against them.

pub mod acknowledged;
pub mod blame;
pub mod determinism;
pub mod liveness;
pub mod memory;
pub mod order;
pub mod settlement;
pub mod streams;

use crate::engine::Engine;
use crate::ledger::Ledger;
use crate::server::Handled;
use std::collections::BTreeMap;
use tautline_protocol::SessionId;

/// What the server has handled, by session, each with its place in the order of all.
pub(crate) type Journal<'a> = BTreeMap<SessionId, Vec<(usize, &'a Handled)>>;

/// Sorts the journal by sessions.
pub(crate) fn by_session(journal: &[Handled]) -> Journal<'_> {
    let mut sessions = Journal::new();
    for (at, handled) in journal.iter().enumerate() {
        sessions.entry(handled.session).or_default().push((at, handled));
    }
    sessions
}

/// Everything in the books of one client that contradicts the promise; empty if nothing does.
#[must_use]
pub(crate) fn verify(ledger: &Ledger, journal: &Journal<'_>, engine: &Engine) -> Vec<String> {
    let mut wrong = ledger.violations.clone();
    let handled = journal.get(&ledger.session).map(Vec::as_slice).unwrap_or_default();
    wrong.extend(order::wrong(ledger, handled));
    wrong.extend(acknowledged::wrong(ledger, handled));
    wrong.extend(streams::wrong(ledger, engine));
    wrong.extend(blame::unfounded_losses(ledger, engine));
    wrong
}
