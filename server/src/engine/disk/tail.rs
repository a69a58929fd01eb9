//! What readers see of a log: what is committed, the newest of it in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::{Offset, Start};
use tokio::time::Instant;

use super::config::HELD;
use super::rows::LogRow;
use crate::engine::budget::Budget;
use crate::engine::log::{Log, Woken};
use crate::engine::{Bell, Position, Read, ReadLimit};

/// A log that has readers, or may have.
#[derive(Debug)]
pub(super) struct Tail {
    /// Its row.
    pub(super) id: i64,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The position of the oldest entry on the disk, or of the next to come.
    first: Offset,
    /// The newest entries.
    held: Log,
}

/// What a reader finds in memory.
pub(super) enum Glance {
    /// All there is to find.
    Found(Read),
    /// What follows is on the disk, up to this position.
    OnDisk(Offset),
}

impl Tail {
    pub(super) fn new(row: &LogRow, budget: &Arc<Budget>) -> Self {
        let held = Log::behind(row.epoch, row.head, budget);
        Self { id: row.id, seen: Mutex::new(Seen { first: row.first, held }) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what was committed.
    pub(super) fn show(&self, row: &LogRow, appended: Vec<EncodedEntry>, now: Instant) -> Woken {
        let mut seen = self.seen();
        seen.first = row.first;
        let woken = if appended.is_empty() {
            Woken::default()
        } else {
            seen.held.append(appended, &HELD, now)
        };
        seen.held.trim_through(row.first - 1);
        woken
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
            Read::Gap(Position { offset, .. }) => Glance::OnDisk(offset),
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
