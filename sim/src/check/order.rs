//! Handled exactly once and in order, per session; after a loss again only with a mark.

use crate::ledger::Ledger;
use crate::server::Handled;
use std::collections::{BTreeMap, BTreeSet};
use tautline_protocol::Epoch;
use tautline_protocol::client::MessageId;

/// What contradicts that in what the server has handled of one session.
#[must_use]
pub(crate) fn wrong(ledger: &Ledger, handled: &[(usize, &Handled)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let names: BTreeMap<&[u8], MessageId> =
        ledger.sent.iter().map(|(id, sent)| (&*sent.payload, *id)).collect();
    let mut last: BTreeMap<Epoch, (u64, MessageId)> = BTreeMap::new();
    let mut times: BTreeMap<MessageId, Vec<&Handled>> = BTreeMap::new();
    let mut newest = 0;
    for (_, handled) in handled {
        let Some(seq) = handled.seq else { continue };
        let Some(id) = names.get(&*handled.payload).copied() else {
            wrong.push(format!("handled, and never sent: {handled:?}"));
            continue;
        };
        if let Some((seq_before, id_before)) = last.insert(handled.epoch, (seq, id))
            && (seq != seq_before + 1 || id <= id_before)
        {
            wrong.push(format!(
                "number {seq} (message {id}) was handled behind {seq_before} (message {id_before})"
            ));
        }
        let times = times.entry(id).or_default();
        if times.is_empty() {
            if id < newest {
                wrong.push(format!("message {id} was handled behind message {newest}"));
            }
            newest = id;
        }
        times.push(handled);
    }
    wrong.extend(times.iter().filter_map(|(id, times)| repeated(*id, times)));
    wrong
}

/// Volatile messages that were handled more than once. A transport that repeats packets repeats them.
#[must_use]
pub(crate) fn repeated_volatile(ledger: &Ledger, handled: &[(usize, &Handled)]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (_, handled) in handled {
        let is_volatile = handled.seq.is_none() && ledger.volatile.contains(&handled.payload);
        if is_volatile && !seen.insert(&handled.payload) {
            wrong.push(format!("a volatile message was handled again: {handled:?}"));
        }
    }
    wrong
}

/// A message is handled again only by another incarnation of the session, and marked.
fn repeated(id: MessageId, times: &[&Handled]) -> Option<String> {
    let unmarked = times.iter().skip(1).any(|again| !again.possible_duplicate);
    let epochs: BTreeSet<_> = times.iter().map(|handled| handled.epoch).collect();
    (unmarked || epochs.len() != times.len())
        .then(|| format!("message {id} was handled {} times: {times:?}", times.len()))
}
