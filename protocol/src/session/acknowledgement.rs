//! When the client may be told that its messages are processed.

use super::{Offset, Seq};

/// Handled, and to be told once the direct stream is delivered up to `head`.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Pending {
    through: Seq,
    head: Offset,
}

#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Acknowledgement {
    told: Seq,
    /// The next to tell.
    next: Option<Pending>,
    /// All that came while `next` was waiting. Kept apart, so that a direct stream which never
    /// rests cannot put the acknowledgement off for ever.
    later: Option<Pending>,
    again: bool,
}

impl Acknowledgement {
    pub(super) const fn start_after(&mut self, accepted: Seq) {
        self.told = accepted;
    }

    pub(super) fn handled(&mut self, through: Seq, head: Offset) {
        let awaited = self.later.or(self.next).map_or(0, |pending| pending.head);
        let pending = Some(Pending { through, head: head.max(awaited) });
        if self.next.is_none() {
            self.next = pending;
        } else {
            self.later = pending;
        }
    }

    /// A duplicate came: the client has missed an acknowledgement.
    pub(super) const fn repeat(&mut self) {
        self.again = true;
    }

    /// What to tell now that the direct stream is delivered up to `delivered`. PROTOCOL.md S-8.
    pub(super) fn take(&mut self, delivered: Offset) -> Option<Seq> {
        let before = self.told;
        while let Some(pending) = self.next.filter(|pending| pending.head <= delivered) {
            self.told = self.told.max(pending.through);
            self.next = self.later.take();
        }
        let again = core::mem::take(&mut self.again);
        (again || self.told > before).then_some(self.told)
    }
}
