//! One stream on its way to the client: how far it is, and how much more it may get.

use super::{Config, Epoch, Offset};
use crate::message::Start;
use crate::mutation::Mutation;
use alloc::collections::VecDeque;
use core::mem::size_of;

/// What may be delivered of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The last entry delivered; the next is the one behind it.
    pub after: Offset,
    /// So many entries ...
    pub entries: u64,
    /// ... of so many bytes together; a larger entry goes alone, once all before it are handled.
    pub bytes: usize,
}

#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Reader {
    /// The incarnation of the log.
    epoch: Epoch,
    /// It was another one before, on this connection: a report of that may still be under way.
    moved: bool,
    /// The subscription is not confirmed yet.
    requested: bool,
    sent: Offset,
    /// Entries that an earlier connection has sent up to here and that were not handled then.
    carried_to: Offset,
    handled: Offset,
    /// Offset and size of each entry sent on this connection and not handled.
    outstanding: VecDeque<(Offset, usize)>,
    outstanding_bytes: usize,
}

impl Reader {
    pub(super) const fn confirmed(epoch: Epoch, received: Offset, handled: Offset) -> Self {
        Self {
            epoch,
            moved: false,
            requested: false,
            sent: received,
            carried_to: received,
            handled,
            outstanding: VecDeque::new(),
            outstanding_bytes: 0,
        }
    }

    pub(super) fn requested(start: Start) -> Self {
        let mut reader = match start {
            Start::After(cursor) => Self::confirmed(cursor.epoch, cursor.received, cursor.handled),
            Start::Last(_) => Self::confirmed(Epoch::NONE, 0, 0),
        };
        reader.requested = true;
        reader
    }

    pub(super) fn confirm(&mut self, epoch: Epoch, offset: Offset) {
        if self.epoch == epoch && self.sent <= offset {
            // Entries that are gone are nobody's to handle: they take no room.
            self.carried_to = self.carried_to.min(offset);
            self.sent = offset;
            self.requested = false;
        } else {
            *self = Self::confirmed(epoch, offset, offset);
        }
    }

    pub(super) const fn sent(&self) -> Offset {
        self.sent
    }

    pub(super) const fn outstanding_bytes(&self) -> usize {
        self.outstanding_bytes
    }

    /// Memory that it takes, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.outstanding.capacity() * size_of::<(Offset, usize)>()
    }

    /// PROTOCOL.md S-12.
    pub(super) fn room(&self, config: &Config) -> Room {
        let carried = self.carried_to.saturating_sub(self.handled);
        let outstanding = carried + self.outstanding.len() as u64;
        if Mutation::IgnoreStreamWindow.is_on() && !self.requested {
            return Room { after: self.sent, entries: u64::MAX, bytes: usize::MAX };
        }
        let window = if self.requested { 0 } else { config.stream_window_entries };
        let entries = window.saturating_sub(outstanding);
        let bytes = config.stream_window_bytes.saturating_sub(self.outstanding_bytes);
        Room { after: self.sent, entries, bytes }
    }

    /// Counts an entry as sent; false if it does not follow or there is no room for it.
    /// PROTOCOL.md S-9.
    pub(super) fn push(&mut self, offset: Offset, size: usize, config: &Config) -> bool {
        let room = self.room(config);
        let fits = size <= room.bytes || self.outstanding.is_empty();
        if self.sent.checked_add(1) != Some(offset) || room.entries == 0 || !fits {
            return false;
        }
        self.sent = offset;
        self.outstanding.push_back((offset, size));
        self.outstanding_bytes += size;
        true
    }

    /// What lies before `offset` of `epoch` will not be sent any more.
    pub(super) fn skip_to(&mut self, epoch: Epoch, offset: Offset) {
        if epoch == self.epoch {
            self.sent = self.sent.max(offset);
        } else {
            *self = Self::confirmed(epoch, offset, offset);
            self.moved = true;
        }
    }

    /// The client has handled everything up to `offset`; tells whether that is news, and nothing if it
    /// cannot have.
    pub(super) fn handled(&mut self, offset: Offset) -> Option<bool> {
        if offset > self.sent {
            return self.moved.then_some(false);
        }
        let is_news = offset > self.handled;
        self.handled = self.handled.max(offset);
        while let Some((_, size)) = self.outstanding.pop_front_if(|(at, _)| *at <= offset) {
            self.outstanding_bytes -= size;
        }
        if self.outstanding.is_empty() {
            self.outstanding = VecDeque::new();
        }
        Some(is_news)
    }
}
