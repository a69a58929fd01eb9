//! The outbox of a line with a store: nothing leaves it before it is stored, and after the page's end
//! it is filled again.

use super::{MessageId, Outbox};
use crate::message::Seq;
use crate::mutation::Mutation;

/// A store says whatever it says: numbers from it are at most this, so that none overflows.
const SEQ_MAX: Seq = 1 << 53;

/// What may be transmitted. The store holds a copy of the outbox as it was at some moment; from the
/// order in it follow the numbers, so that it has to have every withdrawal before anything behind it
/// gets a number.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Gate {
    /// Messages up to this one may be transmitted, and all without a store.
    released: MessageId,
    /// How often that was taken back, from 1; 0: there is no store.
    holds: u64,
    /// Messages before this one are from the store, and the server has not said yet what it has of
    /// them. 0: it has.
    first_new: MessageId,
    /// The server has accepted more than the store had: up to this number. 0: it has not.
    ahead: Seq,
    /// How many numbers were settled in an earlier life, or are of messages that the store lacked.
    skipped: u64,
}

impl Gate {
    /// For a line without a store.
    pub(super) const OPEN: Self =
        Self { released: 0, holds: 0, first_new: 0, ahead: 0, skipped: 0 };
}

impl Outbox {
    /// What holds messages back; nothing does where no line has a store.
    const fn gate(&self) -> &Gate {
        if cfg!(feature = "store") { &self.gate } else { &Gate::OPEN }
    }

    pub(super) fn is_released(&self, id: MessageId) -> bool {
        let gate = self.gate();
        gate.holds == 0 || id <= gate.released || Mutation::TransmitBeforeStored.is_on()
    }

    /// Nothing is transmitted until the store has what has just changed.
    pub(in super::super) const fn hold(&mut self) {
        if self.gate().holds > 0 {
            self.gate.holds += 1;
            self.gate.released = 0;
        }
    }

    /// Whether the next message is one that the store had: limits are for those that follow.
    pub(in super::super) const fn is_restoring(&self) -> bool {
        self.next_id < self.gate().first_new
    }

    /// How many numbers are behind it without having been settled in here.
    pub(super) const fn skipped(&self) -> u64 {
        self.gate().skipped
    }

    /// The last number that a message has.
    pub(in super::super) const fn last_numbered(&self) -> Seq {
        self.acknowledged + self.numbered as u64
    }

    /// The highest number that the server can have accepted; it says that this is `accepted`.
    ///
    /// What was stored last may be lost, or there was no room for it. The store's messages are still
    /// the next ones in their order, so that those up to `accepted` are settled. PROTOCOL.md C-34.
    pub(in super::super) fn possibly_accepted(&mut self, accepted: Seq) -> Seq {
        if self.gate().first_new > 0 {
            let first_new = self.gate.first_new;
            let stored = self.messages().take_while(|message| message.id < first_new);
            let stored = stored.count() as u64;
            let known = accepted.saturating_sub(self.acknowledged).min(stored) as usize;
            while self.numbered < known {
                self.number_next();
            }
            if accepted > self.last_numbered() && accepted <= SEQ_MAX {
                self.gate.ahead = accepted;
            }
        }
        self.last_numbered().max(self.gate().ahead)
    }

    /// The server has said what it has of the store's messages.
    pub(in super::super) const fn joined(&mut self) {
        if self.gate().first_new > 0 {
            self.gate.first_new = 0;
        }
    }

    /// Numbers go on behind what the server has accepted, once what is known of that is settled.
    pub(super) const fn catch_up_once_settled(&mut self) {
        let ahead = self.gate().ahead;
        if self.numbered == 0 && ahead > self.acknowledged {
            self.gate.skipped += ahead - self.acknowledged;
            self.acknowledged = ahead;
        }
        if ahead > 0 && self.acknowledged >= ahead {
            self.gate.ahead = 0;
        }
    }
}

/// What only a line with a store needs.
#[cfg(feature = "store")]
impl Outbox {
    /// How often there was a hold.
    pub(in super::super) const fn holds(&self) -> u64 {
        self.gate.holds
    }

    /// The store has everything up to a message; false if it has not all withdrawals.
    pub(in super::super) const fn release(&mut self, through: MessageId, holds: u64) -> bool {
        let is_up_to_date = self.gate.holds == holds;
        if is_up_to_date && self.gate.ahead == 0 {
            self.gate.released = through;
        }
        is_up_to_date
    }

    /// The first `count` messages to come are from a store.
    pub(in super::super) fn restore(
        &mut self,
        acknowledged: Seq,
        transmitted: usize,
        uncertain: usize,
        count: usize,
    ) {
        self.acknowledged = acknowledged.min(SEQ_MAX);
        self.numbered = transmitted.min(count);
        self.reach = self.numbered;
        self.uncertain = uncertain.min(self.numbered);
        let first_new = self.next_id + count as u64;
        self.gate = Gate { released: 0, holds: 1, first_new, ahead: 0, skipped: self.acknowledged };
    }

    pub(in super::super) const fn uncertain(&self) -> usize {
        self.uncertain
    }
}
