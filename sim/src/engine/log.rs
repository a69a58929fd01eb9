//! A log in memory, trimmed from the front.

use std::collections::VecDeque;
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::message::Cursor;
use tautline_protocol::{Epoch, Offset, Start};

/// A log that is trimmed from the front.
#[derive(Debug)]
pub struct Log {
    /// Its incarnation.
    pub epoch: Epoch,
    first: Offset,
    entries: VecDeque<EncodedEntry>,
}

impl Log {
    pub(super) const fn new(epoch: Epoch) -> Self {
        Self { epoch, first: 1, entries: VecDeque::new() }
    }

    /// The last entry's offset.
    #[must_use]
    pub fn head(&self) -> Offset {
        self.first - 1 + self.entries.len() as u64
    }

    /// The last offset that is gone.
    #[must_use]
    pub const fn gone(&self) -> Offset {
        self.first - 1
    }

    /// Appends an entry; returns its offset.
    pub fn append(&mut self, entry: EncodedEntry) -> Offset {
        self.entries.push_back(entry);
        self.head()
    }

    /// Forgets every entry up to `offset`.
    pub fn trim_through(&mut self, offset: Offset) {
        while self.first <= offset && self.entries.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// The entries behind `after`; or, if some of them are gone, the offset to go on behind.
    ///
    /// # Errors
    /// Carries that offset.
    pub fn read(&self, after: Offset, count: u64) -> Result<Vec<EncodedEntry>, Offset> {
        if after + 1 < self.first {
            return Err(self.first - 1);
        }
        let skip = usize::try_from(after + 1 - self.first).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.entries.iter().skip(skip).take(count).cloned().collect())
    }

    /// The position behind which a subscription that starts so is served.
    #[must_use]
    pub fn position(&self, start: Start) -> Offset {
        let oldest = self.gone();
        match start {
            Start::Last(count) => self.head().saturating_sub(count).max(oldest),
            Start::After(Cursor { epoch, received, .. })
                if epoch == self.epoch && received <= self.head() =>
            {
                received.max(oldest)
            }
            Start::After(_) => oldest,
        }
    }
}
