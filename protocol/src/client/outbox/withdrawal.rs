//! What was never transmitted can still be taken back, be replaced, or expire: it has no number yet,
//! so that no hole is left.

use super::{MessageId, Outbox};
use crate::client::Failure;
use crate::mutation::Mutation;
use crate::time::{Instant, earliest};
use core::mem;

/// So many messages are looked at in a millisecond, at most, for whether they have expired.
const LOOKED_AT_IN_A_MS: u64 = 1_024;

impl Outbox {
    /// The place of a message that was not yet transmitted.
    pub(super) fn waiting(&self, id: MessageId) -> Option<usize> {
        let transmitted = Mutation::ReplaceTransmitted.is_on();
        let first = if transmitted { self.gone } else { self.reach };
        let waiting = self.stored.get(first..)?;
        let index = waiting.binary_search_by_key(&id, |message| message.id).ok()?;
        self.stored.get(first + index).filter(|message| message.head > 0)?;
        Some(first + index)
    }

    /// Takes a message back; its successors move up.
    pub(in super::super) fn cancel(&mut self, id: MessageId) -> bool {
        let place = self.waiting(id).filter(|place| *place >= self.reach);
        let Some(message) = place.and_then(|place| self.stored.get_mut(place)) else {
            return false;
        };
        message.head = 0;
        self.bytes -= mem::take(&mut message.body).len();
        self.withdrawn += 1;
        self.skip_withdrawn();
        self.hold();
        true
    }

    /// When [`sweep`](Self::sweep) may have something to do.
    pub(in super::super) fn expires_next(&self) -> Option<Instant> {
        self.expires_next.filter(|_| self.numbered < self.len())
    }

    /// One of them expires then. The more there are, the less often each of them is looked at.
    pub(super) fn expires(&mut self, at: Option<Instant>) {
        let soon = self.looked_at.after(self.len() as u64 / LOOKED_AT_IN_A_MS);
        self.expires_next = earliest(self.expires_next, at.map(|at| at.max(soon)));
    }

    /// Removes the messages whose time to live is over. Room of settled and withdrawn messages is freed when it
    /// is at least half of the outbox.
    ///
    /// `max` is given on a new connection, before anything is transmitted. Then two more kinds of messages are
    /// removed, unless the server has accepted them: those with a payload of more than `max` bytes, and the
    /// condemned one. `tell` gets the name of each removed message and why it fails; `None` for the condemned
    /// one.
    pub(in super::super) fn sweep(
        &mut self,
        now: Instant,
        max: Option<usize>,
        mut tell: impl FnMut(MessageId, Option<Failure>),
    ) {
        self.looked_at = now;
        if self.expires_next.is_some_and(|at| now >= at) {
            self.hold();
        } else if max.is_none() && (self.gone + self.withdrawn) * 2 <= self.stored.len() {
            return;
        }
        let (numbered, uncertain) = (self.numbered, self.uncertain);
        let condemned = if max.is_some() { mem::take(&mut self.condemned) } else { 0 };
        let transmitted =
            numbered - usize::from(Mutation::ExpireTransmitted.is_on() && numbered > 0);
        self.expires_next = None;
        let (mut index, mut kept, mut next) = (0, 0, None);
        while let Some(message) = self.stored.get(self.gone + index) {
            let expires_at = message.expires_at.filter(|_| index >= transmitted);
            let is_condemned = message.id == condemned;
            let mut goes = true;
            if message.head == 0 {
                // Withdrawn: it has no bytes any more.
            } else if index >= self.in_flight
                && (is_condemned || max.is_some_and(|max| message.payload_length() > max))
            {
                let why = match is_condemned {
                    _ if index < uncertain => Some(Failure::OutcomeUnknown),
                    true => None,
                    false => Some(Failure::TooLarge),
                };
                tell(message.id, why);
            } else if expires_at.is_some_and(|at| now >= at) {
                tell(message.id, Some(Failure::Expired));
            } else {
                next = earliest(next, expires_at);
                goes = false;
            }
            if goes {
                self.bytes -= message.body.len();
                self.numbered -= usize::from(index < numbered);
                self.uncertain -= usize::from(index < uncertain);
            } else {
                self.stored.swap(kept, self.gone + index);
                kept += 1;
            }
            index += 1;
        }
        self.stored.truncate(kept);
        (self.gone, self.withdrawn, self.reach) = (0, 0, self.numbered);
        self.expires(next);
        if Mutation::ExpireTransmitted.is_on() {
            self.recount();
        }
    }

    /// After a fault on purpose: what is counted agrees with what is there.
    pub(super) fn recount(&mut self) {
        self.numbered = self.numbered.min(self.len());
        self.reach = self.reach.max(self.gone + self.numbered);
        self.resume(self.acknowledged + self.in_flight.min(self.numbered) as u64);
    }
}
