//! What was never transmitted can still be taken back, be replaced, or expire: it has no number yet,
//! so that no hole is left.

use super::{MessageId, Outbox};
use crate::mutation::Mutation;
use crate::time::{Instant, earliest};

impl Outbox {
    /// The place of a message that was not yet transmitted.
    pub(super) fn waiting(&self, id: MessageId) -> Option<usize> {
        let transmitted = if Mutation::ReplaceTransmitted.is_on() { 0 } else { self.numbered };
        let first = self.gone + transmitted;
        let waiting = self.stored.get(first..)?;
        let index = waiting.binary_search_by_key(&id, |message| message.id).ok()?;
        Some(first + index)
    }

    /// Takes a message back; its successors move up.
    pub(in super::super) fn cancel(&mut self, id: MessageId) -> bool {
        let place = self.waiting(id);
        if let Some(place) = place {
            self.remove(place);
            self.hold();
        }
        place.is_some()
    }

    /// When [`sweep`](Self::sweep) may have something to do.
    pub(in super::super) fn expires_next(&self) -> Option<Instant> {
        self.expires_next.filter(|_| self.numbered < self.len())
    }

    /// Sweeps out what has expired, which it tells, and by the half what is settled.
    pub(in super::super) fn sweep(&mut self, now: Instant, mut expired: impl FnMut(MessageId)) {
        if self.expires_next.is_some_and(|at| now >= at) {
            self.hold();
        } else if self.gone * 2 <= self.stored.len() {
            return;
        }
        let transmitted =
            self.numbered - usize::from(Mutation::ExpireTransmitted.is_on() && self.numbered > 0);
        let transmitted = self.gone + transmitted;
        self.expires_next = None;
        let (mut index, mut kept) = (self.gone, 0);
        while let Some(message) = self.stored.get(index) {
            let expires_at = message.expires_at.filter(|_| index >= transmitted);
            if expires_at.is_some_and(|at| now >= at) {
                self.bytes -= message.body.len();
                expired(message.id);
            } else {
                self.expires_next = earliest(self.expires_next, expires_at);
                self.stored.swap(kept, index);
                kept += 1;
            }
            index += 1;
        }
        self.stored.truncate(kept);
        self.gone = 0;
        if Mutation::ExpireTransmitted.is_on() {
            self.recount();
        }
    }

    /// After a fault on purpose: what is counted agrees with what is there.
    pub(super) fn recount(&mut self) {
        self.numbered = self.numbered.min(self.len());
        self.resume(self.acknowledged + self.in_flight.min(self.numbered) as u64);
    }
}
