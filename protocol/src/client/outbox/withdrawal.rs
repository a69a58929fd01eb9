//! What was never transmitted can still be taken back, be replaced, or expire: it has no number yet,
//! so that no hole is left.

use super::{MessageId, Outbox, Stored};
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

    /// Sweeps out what has expired, which it tells, and by the half what is over.
    pub(in super::super) fn sweep(&mut self, now: Instant, mut expired: impl FnMut(MessageId)) {
        self.looked_at = now;
        if self.expires_next.is_some_and(|at| now >= at) {
            self.hold();
        } else if (self.gone + self.withdrawn) * 2 <= self.stored.len() {
            return;
        }
        let transmitted =
            self.numbered - usize::from(Mutation::ExpireTransmitted.is_on() && self.numbered > 0);
        let mut next = None;
        self.take_out(&mut |index, message| {
            let expires_at = message.expires_at.filter(|_| index >= transmitted);
            let is_over = expires_at.is_some_and(|at| now >= at);
            if is_over {
                expired(message.id);
            } else {
                next = earliest(next, expires_at);
            }
            is_over
        });
        self.expires_next = None;
        self.expires(next);
        if Mutation::ExpireTransmitted.is_on() {
            self.recount();
        }
    }

    /// Takes out, in one go, what `goes` by its place and what is over already; the rest moves up.
    pub(super) fn take_out(&mut self, goes: &mut dyn FnMut(usize, &Stored) -> bool) {
        let (numbered, uncertain) = (self.numbered, self.uncertain);
        let (mut index, mut kept) = (0, 0);
        while let Some(message) = self.stored.get(self.gone + index) {
            if message.head == 0 || goes(index, message) {
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
    }

    /// After a fault on purpose: what is counted agrees with what is there.
    pub(super) fn recount(&mut self) {
        self.numbered = self.numbered.min(self.len());
        self.reach = self.reach.max(self.gone + self.numbered);
        self.resume(self.acknowledged + self.in_flight.min(self.numbered) as u64);
    }
}
