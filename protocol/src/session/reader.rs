//! One stream on its way to the client: how far it is, and how much more it may get.

use super::{Config, Epoch, Offset};
use crate::message::Start;
use alloc::collections::VecDeque;

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

pub(super) struct Reader {
    /// What the client asked for, until the subscription is confirmed.
    requested: Option<Start>,
    sent: Offset,
    /// Entries that an earlier connection has sent up to here and that were not handled then.
    carried_to: Offset,
    handled: Offset,
    /// Offset and size of each entry sent on this connection and not handled.
    outstanding: VecDeque<(Offset, usize)>,
    outstanding_bytes: usize,
}

impl Reader {
    pub(super) const fn confirmed(received: Offset, handled: Offset) -> Self {
        Self {
            requested: None,
            sent: received,
            carried_to: received,
            handled,
            outstanding: VecDeque::new(),
            outstanding_bytes: 0,
        }
    }

    pub(super) fn requested(start: Start) -> Self {
        let mut reader = Self::confirmed(0, 0);
        reader.requested = Some(start);
        reader
    }

    pub(super) fn confirm(&mut self, epoch: Epoch, offset: Offset) {
        let handled = match self.requested {
            Some(Start::After(cursor)) if cursor.epoch == epoch => cursor.handled.min(offset),
            _ => offset,
        };
        *self = Self::confirmed(offset, handled);
    }

    pub(super) const fn sent(&self) -> Offset {
        self.sent
    }

    pub(super) fn room(&self, config: &Config) -> Room {
        let carried = self.carried_to.saturating_sub(self.handled);
        let outstanding = carried + self.outstanding.len() as u64;
        let entries = match self.requested {
            None => config.stream_window_entries.saturating_sub(outstanding),
            Some(_) => 0,
        };
        let bytes = config.stream_window_bytes.saturating_sub(self.outstanding_bytes);
        Room { after: self.sent, entries, bytes }
    }

    /// Counts an entry as sent; false if it does not follow or there is no room for it.
    pub(super) fn push(&mut self, offset: Offset, size: usize, config: &Config) -> bool {
        let room = self.room(config);
        let fits = size <= room.bytes || self.outstanding.is_empty();
        if offset != self.sent + 1 || room.entries == 0 || !fits {
            return false;
        }
        self.sent = offset;
        self.outstanding.push_back((offset, size));
        self.outstanding_bytes += size;
        true
    }

    /// What lies before `offset` will not be sent any more.
    pub(super) fn skip_to(&mut self, offset: Offset) {
        self.sent = self.sent.max(offset);
    }

    /// The client has handled everything up to `offset`; false if it cannot have.
    pub(super) fn handled(&mut self, offset: Offset) -> bool {
        if offset > self.sent {
            return false;
        }
        self.handled = self.handled.max(offset);
        while let Some((_, size)) = self.outstanding.pop_front_if(|(at, _)| *at <= offset) {
            self.outstanding_bytes -= size;
        }
        true
    }
}
