//! What was never transmitted can still be taken back, be replaced, or expire: it has no number yet,
//! so that no hole is left.

use super::super::SendError;
use super::{MessageId, Outbox, Stored};
use crate::mutation::Mutation;
use crate::time::{Instant, earliest};
use alloc::vec::Vec;

impl Outbox {
    /// The place of a message, if it is none of the first `transmitted`.
    fn place_of(&self, id: MessageId, transmitted: usize) -> Option<usize> {
        let first = self.gone + transmitted;
        let waiting = self.stored.get(first..)?;
        let index = waiting.binary_search_by_key(&id, |message| message.id).ok()?;
        Some(first + index)
    }

    /// Takes a message back; its successors move up.
    pub(in super::super) fn cancel(&mut self, id: MessageId) -> bool {
        let place = self.place_of(id, self.numbered);
        if let Some(place) = place {
            self.remove(place);
            self.hold();
        }
        place.is_some()
    }

    /// Gives a message other contents; it keeps its name and its place.
    ///
    /// # Errors
    /// There is no room for what is larger than before.
    pub(in super::super) fn replace(
        &mut self,
        id: MessageId,
        head: u8,
        body: Vec<u8>,
        expires_at: Option<Instant>,
    ) -> Result<bool, SendError> {
        let transmitted = if Mutation::ReplaceTransmitted.is_on() { 0 } else { self.numbered };
        let place = self.place_of(id, transmitted);
        let is_alone = self.len() == 1;
        let Some(message) = place.and_then(|place| self.stored.get_mut(place)) else {
            return Ok(false);
        };
        let (before, after) = (message.body.len(), body.len());
        let bytes = self.bytes - before + after;
        if bytes > self.bytes_max && after > before && !is_alone {
            return Err(SendError::OutboxFull);
        }
        *message = Stored { id, head, body, expires_at };
        self.bytes = bytes;
        self.hold();
        self.expires_next = earliest(self.expires_next, expires_at);
        if Mutation::ReplaceTransmitted.is_on() {
            self.recount();
        }
        Ok(true)
    }

    /// When [`expire`](Self::expire) may have something to do.
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
    fn recount(&mut self) {
        self.numbered = self.numbered.min(self.len());
        self.resume(self.acknowledged + self.in_flight.min(self.numbered) as u64);
    }
}
