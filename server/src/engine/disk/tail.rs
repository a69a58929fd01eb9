//! What readers see of a log: what is committed, the newest of it in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::{Epoch, Offset, Start};
use tokio::time::Instant;

use super::config::HELD;
use super::rows::LogRow;
use crate::engine::budget::Budget;
use crate::engine::log::{Log, Woken};
use crate::engine::{Bell, Position, Read, ReadLimit};

/// A log that has readers, or may have.
#[derive(Debug)]
pub(super) struct Tail {
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Its row, once there is one.
    id: Option<i64>,
    /// The position of the oldest entry on the disk, or of the next to come.
    first: Offset,
    /// The newest entries.
    held: Log,
}

/// What a reader finds in memory.
pub(super) enum Glance {
    /// All there is to find.
    Found(Read),
    /// What follows is on the disk in this log, up to this position.
    OnDisk(i64, Offset),
}

impl Tail {
    pub(super) fn new(row: &LogRow, budget: &Arc<Budget>) -> Self {
        let held = Log::behind(row.epoch, row.head, budget);
        let seen = Mutex::new(Seen { id: Some(row.id), first: row.first, held });
        Self { seen }
    }

    /// A log that is written with its first entry.
    pub(super) fn unwritten(epoch: Epoch, budget: &Arc<Budget>) -> Self {
        let held = Log::new(epoch, budget);
        let seen = Mutex::new(Seen { id: None, first: 1, held });
        Self { seen }
    }

    pub(super) fn id(&self) -> Option<i64> {
        self.seen().id
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what was committed.
    pub(super) fn show(&self, row: &LogRow, appended: Vec<EncodedEntry>, now: Instant) -> Woken {
        let mut seen = self.seen();
        let mut woken = Woken::default();
        if seen.held.epoch() != row.epoch {
            let behind = row.head.saturating_sub(appended.len() as Offset);
            woken = seen.held.begin_anew(row.epoch, behind);
        }
        (seen.id, seen.first) = (Some(row.id), row.first);
        if !appended.is_empty() {
            woken.and(seen.held.append(appended, &HELD, now));
        }
        seen.held.trim_through(row.first - 1);
        woken
    }

    /// What there was of the incarnation `before` is gone from the disk; `None` if another one has
    /// begun since.
    pub(super) fn begin_anew(&self, before: Epoch, epoch: Epoch) -> Option<Woken> {
        let mut seen = self.seen();
        if seen.held.epoch() != before {
            return None;
        }
        (seen.id, seen.first) = (None, 1);
        Some(seen.held.begin_anew(epoch, 0))
    }

    pub(super) fn read(
        &self,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Glance {
        let mut seen = self.seen();
        let before = Position { epoch: seen.held.epoch(), offset: seen.first - 1 };
        if after.epoch != before.epoch || after.offset < before.offset {
            return Glance::Found(Read::Gap(before));
        }
        match seen.held.read(after, limit, bell, entries) {
            Read::Gap(Position { offset, .. }) => match seen.id {
                Some(id) => Glance::OnDisk(id, offset),
                None => Glance::Found(Read::Gap(Position { offset, ..before })),
            },
            read => Glance::Found(read),
        }
    }

    /// The position before the oldest entry that is kept.
    pub(super) fn oldest(&self) -> Position {
        let seen = self.seen();
        Position { epoch: seen.held.epoch(), offset: seen.first - 1 }
    }

    pub(super) fn locate(&self, start: Start) -> Position {
        let seen = self.seen();
        seen.held.locate_behind(start, seen.first - 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        let seen = self.seen();
        seen.first > seen.held.head()
    }
}
