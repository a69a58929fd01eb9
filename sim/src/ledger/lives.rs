//! The books of a line that survives its page: they go on, and what was told and not stored may be told
//! again.

use super::{Fate, Ledger, Sent};
use crate::check::streams::Reading;
use std::mem;
use tautline_protocol::client::{Event, Failure, MessageId};
use tautline_protocol::{DIRECT, Kind, Offset};

/// A message as the page's store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Its name in the books.
    pub(crate) name: MessageId,
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// The client of every life names its messages from 1; the books have one name for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Those of the messages that the store had.
    restored: Vec<MessageId>,
    /// The newest of the lives before.
    base: MessageId,
}

impl Ledger {
    /// What the books call a message of the client.
    pub(crate) fn name(&self, id: MessageId) -> MessageId {
        let restored = &self.names.restored;
        let known = id.checked_sub(1).and_then(|index| restored.get(index as usize));
        known.copied().unwrap_or_else(|| self.names.base + id - restored.len() as u64)
    }

    /// What the client calls a message of the books; `None` if it does not have it.
    pub(crate) fn id_of(&self, name: MessageId) -> Option<MessageId> {
        let Names { restored, base } = &self.names;
        if name > *base {
            return Some(restored.len() as u64 + name - base);
        }
        restored.binary_search(&name).ok().map(|index| index as u64 + 1)
    }

    /// The newest name that the client has given.
    pub(crate) fn newest_id(&self) -> MessageId {
        let Names { restored, base } = &self.names;
        let newest = self.sent.last_key_value().map_or(0, |(name, _)| *name);
        restored.len() as u64 + newest.saturating_sub(*base)
    }

    /// An event with the names of the books.
    pub(super) fn renamed<'a>(&self, event: &Event<'a>) -> Event<'a> {
        match *event {
            Event::Acknowledged { through } => Event::Acknowledged { through: self.name(through) },
            Event::Reply { id, format, payload } => {
                Event::Reply { id: self.name(id), format, payload }
            }
            Event::Refused { id, code, reason } => {
                Event::Refused { id: self.name(id), code, reason }
            }
            Event::Failed { first, last, failure } => {
                Event::Failed { first: self.name(first), last: self.name(last), failure }
            }
            other => other,
        }
    }

    /// What is in the outbox.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let open = self.sent.range(self.first_open..);
        let open = open.filter(|(_, sent)| sent.fate == Fate::Pending);
        open.map(|(name, Sent { kind, payload, .. })| Kept {
            name: *name,
            kind: *kind,
            payload: payload.clone(),
        })
        .collect()
    }

    /// The books of the page's next life, to which its store has brought `kept`, with `direct` direct
    /// messages handled, up to offset `at`, and `losses` losses told. What else was open is forgotten,
    /// each message as `forget` says.
    pub(crate) fn next_life(
        &mut self,
        kept: &[Kept],
        (direct, at, losses): (usize, Offset, usize),
        forget: impl Fn(MessageId) -> Fate,
    ) -> Self {
        let base = self.sent.last_key_value().map_or(0, |(name, _)| *name).max(self.names.base);
        let restored: Vec<_> = kept.iter().map(|kept| kept.name).collect();
        let mut next = Self {
            session: self.session,
            sent: mem::take(&mut self.sent),
            superseded: mem::take(&mut self.superseded),
            volatile: mem::take(&mut self.volatile),
            losses: mem::take(&mut self.losses),
            gaps: self.gaps.clone(),
            handled: self.handled,
            ended_before: self.ended_before || self.closed.is_some(),
            open: kept.len(),
            first_open: restored.first().copied().unwrap_or(base + 1),
            ..Self::default()
        };
        next.losses.truncate(losses);
        for (name, sent) in &mut next.sent {
            if sent.fate == Fate::Pending && !restored.contains(name) {
                sent.fate = forget(*name);
                sent.settled_at = self.handled;
            }
        }
        next.names = Names { restored, base };
        for kept in kept {
            next.reopen(kept, forget(kept.name));
        }
        let of_direct = self.received.iter().filter(|received| received.stream == DIRECT);
        next.received = of_direct.take(direct).cloned().collect();
        next.streams.insert(DIRECT, Reading { at: Some(at), ..Reading::default() });
        next
    }

    /// A message is in the outbox again, whatever the application was told of it meanwhile.
    fn reopen(&mut self, kept: &Kept, forgotten: Fate) {
        let is_older =
            |(name, sent): &(MessageId, Sent)| *name == kept.name && sent.payload == kept.payload;
        if let Some(place) = self.superseded.iter().position(is_older) {
            // The store does not have the newer one that has taken its place.
            let (name, older) = self.superseded.remove(place);
            if let Some(mut newer) = self.sent.insert(name, older) {
                if newer.fate == Fate::Pending {
                    newer.fate = forgotten;
                }
                self.superseded.push((name, newer));
            }
        }
        if let Some(sent) = self.sent.get_mut(&kept.name) {
            let told = mem::replace(&mut sent.fate, Fate::Pending);
            sent.told = (told != Fate::Pending).then_some(told);
            sent.settled_at = 0;
        }
    }

    /// What an earlier life was told of a message is told again, unless something was lost.
    pub(crate) fn contradicts(&self, sent: &Sent, fate: &Fate) -> bool {
        let Some(told) = sent.told.as_ref().filter(|_| self.losses.is_empty()) else {
            return false;
        };
        // That the application has withdrawn it was not stored in time; and the end of a line is not
        // that of its messages.
        let is_withdrawn = match told {
            Fate::Cancelled | Fate::Superseded | Fate::Failed(Failure::Expired) => true,
            Fate::Failed(Failure::Closed | Failure::OutcomeUnknown) => self.ended_before,
            _ => false,
        };
        told != fate && !is_withdrawn && !matches!(fate, Fate::Forgotten | Fate::Abandoned)
    }
}
