//! An append-only log in memory, trimmed at its front.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::message::Cursor;
use tautline_protocol::{Epoch, Offset, Start};
use tokio::time::Instant;

use super::budget::Budget;
use super::config::Retention;
use super::{Bell, Position, Read, ReadLimit, Ringer};

/// Readers that have caught up; below this many, those that left are not looked for.
const WAITING_PRUNED_FROM: usize = 32;

#[derive(Debug)]
pub(super) struct Log {
    budget: Arc<Budget>,
    epoch: Epoch,
    /// The position of the oldest entry kept, or of the next to come.
    first: Offset,
    entries: VecDeque<Kept>,
    bytes: usize,
    waiting: Vec<Ringer>,
    prune_at: usize,
}

#[derive(Debug)]
struct Kept {
    entry: EncodedEntry,
    appended_at: Instant,
}

/// Those to wake, once no lock is held.
#[must_use]
#[derive(Default)]
pub(super) struct Woken(Vec<Ringer>);

/// A random number but 0. Epochs have to be unlikely to repeat, not hard to guess: the standard
/// library's hash keys, which come from the system's entropy, are good enough.
pub(super) fn new_epoch() -> Epoch {
    loop {
        let number = RandomState::new().hash_one(Instant::now());
        if number != 0 {
            return Epoch(number);
        }
    }
}

impl Woken {
    #[cfg(feature = "disk")]
    pub(super) fn and(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn ring(self) {
        for ringer in self.0 {
            ringer.ring();
        }
    }
}

impl Log {
    pub(super) fn new(epoch: Epoch, budget: &Arc<Budget>) -> Self {
        Self::behind(epoch, 0, budget)
    }

    /// An empty log that goes on behind `head`.
    pub(super) fn behind(epoch: Epoch, head: Offset, budget: &Arc<Budget>) -> Self {
        budget.log_added();
        Self {
            budget: budget.clone(),
            epoch,
            first: head + 1,
            entries: VecDeque::new(),
            bytes: 0,
            waiting: Vec::new(),
            prune_at: WAITING_PRUNED_FROM,
        }
    }

    /// The position of the last entry, kept or not.
    pub(super) fn head(&self) -> Offset {
        self.first + self.entries.len() as Offset - 1
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Readers that wait, or did when they were last looked for.
    #[cfg(test)]
    pub(super) const fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn append(
        &mut self,
        entries: impl IntoIterator<Item = EncodedEntry>,
        retention: &Retention,
        now: Instant,
    ) -> Woken {
        let (count, bytes) = (self.entries.len(), self.bytes);
        for entry in entries {
            self.bytes += entry.size();
            self.entries.push_back(Kept { entry, appended_at: now });
        }
        self.budget.grown(self.entries.len() - count, self.bytes - bytes);
        self.trim(retention, now);
        Woken(std::mem::take(&mut self.waiting))
    }

    /// Drops what the retention does not keep. The newest entry stays whatever its size.
    pub(super) fn trim(&mut self, retention: &Retention, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let (count, bytes) = (self.entries.len(), self.bytes);
            let crowded = count > retention.entries.max(1)
                || (count > 1 && bytes > retention.bytes)
                || (count > 1 && self.budget.is_exceeded(count, bytes));
            let aged = retention.age.is_some_and(|age| is_older(oldest, age, now));
            if !crowded && !aged {
                break;
            }
            self.drop_oldest();
        }
    }

    /// Drops the entries up to `offset`.
    pub(super) fn trim_through(&mut self, offset: Offset) {
        while self.first <= offset && !self.entries.is_empty() {
            self.drop_oldest();
        }
        if self.entries.is_empty() {
            // A direct stream is empty most of the time, and there may be very many.
            self.entries = VecDeque::new();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.entry.size();
            self.budget.shrunk(1, oldest.entry.size());
            self.first += 1;
        }
    }

    /// Goes on empty, behind `head` of another incarnation; those who waited are to be told.
    pub(super) fn begin_anew(&mut self, epoch: Epoch, head: Offset) -> Woken {
        while !self.entries.is_empty() {
            self.drop_oldest();
        }
        self.entries = VecDeque::new();
        (self.epoch, self.first) = (epoch, head + 1);
        Woken(std::mem::take(&mut self.waiting))
    }

    pub(super) fn locate(&self, start: Start) -> Position {
        self.locate_behind(start, self.first - 1)
    }

    /// As [`locate`](Self::locate), where more is kept elsewhere: all behind `oldest`.
    pub(super) fn locate_behind(&self, start: Start, oldest: Offset) -> Position {
        let offset = match start {
            Start::Last(count) => self.head().saturating_sub(count).max(oldest),
            Start::After(Cursor { epoch, received, .. })
                if epoch == self.epoch && received <= self.head() =>
            {
                received.max(oldest)
            }
            // A position that this log does not have is of another one.
            Start::After(_) => oldest,
        };
        Position { epoch: self.epoch, offset }
    }

    pub(super) fn read(
        &mut self,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Read {
        let oldest = self.first - 1;
        if after.epoch != self.epoch || after.offset < oldest {
            return Read::Gap(Position { epoch: self.epoch, offset: oldest });
        }
        let skipped = usize::try_from(after.offset - oldest).unwrap_or(usize::MAX);
        let skipped = skipped.min(self.entries.len());
        let most = usize::try_from(limit.entries).unwrap_or(usize::MAX);
        let (mut count, mut bytes) = (0, 0);
        for kept in self.entries.range(skipped..).take(most) {
            bytes += kept.entry.size();
            if count > 0 && bytes > limit.bytes {
                break;
            }
            count += 1;
            entries.push(kept.entry.clone());
        }
        if skipped + count < self.entries.len() {
            return Read::More;
        }
        self.wait(bell);
        Read::CaughtUp
    }

    fn wait(&mut self, bell: &Bell) {
        if self.waiting.len() >= self.prune_at {
            self.waiting.retain(Ringer::is_heard);
            self.prune_at = (self.waiting.len() * 2).max(WAITING_PRUNED_FROM);
        }
        self.waiting.extend(bell.arm());
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.budget.log_removed(self.entries.len(), self.bytes);
    }
}

fn is_older(kept: &Kept, age: Duration, now: Instant) -> bool {
    now.saturating_duration_since(kept.appended_at) > age
}
