//! What one batch of the writer does inside its transaction, and what readers are shown after it.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::{Epoch, Offset, Seq, SessionId};

use super::job::Logs;
use super::rows::{LogRow, Millis, put_entry};
use super::topics::DiskTopic;
use super::writer::{Live, Volatile};
use crate::engine::budget::cost;
use crate::engine::{EngineConfig, Retention};

/// A batch under way. Its rows are in the store's transaction; nobody sees them yet.
pub(super) struct Step<'a> {
    pub(super) sql: &'a Connection,
    pub(super) keep: &'a EngineConfig,
    /// Every session that is open.
    pub(super) live: &'a HashMap<SessionId, Live>,
    /// Messages of sessions that were handled, and whose commit has failed.
    pub(super) doubts: &'a HashMap<SessionId, Seq>,
    pub(super) generations: &'a mut u64,
    pub(super) totals: Totals,
    logs: Logs,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) sessions: usize,
    pub(super) tombstones: usize,
    logs: usize,
    /// Of all entries, as [`cost`] counts.
    cost: usize,
}

/// A log in a batch.
pub(super) struct Touched {
    pub(super) row: LogRow,
    pub(super) appended: Vec<EncodedEntry>,
    /// The topic that it is the log of, if something was appended.
    pub(super) topic: Option<Arc<DiskTopic>>,
    is_changed: bool,
}

impl Touched {
    const fn unchanged(row: LogRow) -> Self {
        Self { row, appended: Vec::new(), topic: None, is_changed: false }
    }

    /// What was done to it next.
    pub(super) fn follow(&mut self, next: Self) {
        self.row = next.row;
        self.appended.extend(next.appended);
        self.topic = next.topic.or(self.topic.take());
    }
}

impl Totals {
    /// Counts what is there.
    pub(super) fn count(sql: &Connection) -> rusqlite::Result<Self> {
        let number = |query: &str| -> rusqlite::Result<usize> {
            let number: i64 = sql.query_row(query, [], |row| row.get(0))?;
            Ok(usize::try_from(number).unwrap_or_default())
        };
        let bytes = number("SELECT coalesce(sum(bytes), 0) FROM log")?;
        let entries = number("SELECT coalesce(sum(head - first + 1), 0) FROM log")?;
        Ok(Self {
            sessions: number("SELECT count(*) FROM session")?,
            tombstones: number("SELECT count(*) FROM tombstone")?,
            logs: number("SELECT count(*) FROM log")?,
            cost: cost(entries, bytes),
        })
    }

    /// Whether a log of this cost keeps more than there is room for, as the memory engine's budget
    /// has it.
    const fn is_exceeded(&self, keep: &EngineConfig, cost: usize) -> bool {
        let logs = if self.logs == 0 { 1 } else { self.logs };
        self.cost > keep.log_bytes && cost > keep.log_bytes / logs
    }
}

fn row_cost(row: &LogRow) -> usize {
    let entries = usize::try_from(row.entries()).unwrap_or(usize::MAX);
    cost(entries, usize::try_from(row.bytes).unwrap_or(usize::MAX))
}

impl<'a> Step<'a> {
    pub(super) fn new(
        sql: &'a Connection,
        keep: &'a EngineConfig,
        volatile: &'a mut Volatile,
        totals: Totals,
    ) -> Self {
        let Volatile { live, doubts, generations, .. } = volatile;
        Self { sql, keep, live, doubts, generations, totals, logs: Logs::new() }
    }

    /// A log's row as this batch has left it.
    pub(super) fn log(&mut self, id: i64) -> rusqlite::Result<&LogRow> {
        Ok(&self.touched(id)?.row)
    }

    fn touched(&mut self, id: i64) -> rusqlite::Result<&mut Touched> {
        use std::collections::btree_map::Entry;
        match self.logs.entry(id) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(place) => {
                let row = LogRow::find(self.sql, id)?;
                Ok(place.insert(Touched::unchanged(row)))
            }
        }
    }

    /// Readers are shown the log as that of this topic.
    pub(super) fn show_as(&mut self, id: i64, topic: &Arc<DiskTopic>) -> rusqlite::Result<()> {
        self.touched(id)?.topic.get_or_insert_with(|| topic.clone());
        Ok(())
    }

    pub(super) fn has_log(&self, id: i64) -> rusqlite::Result<bool> {
        self.sql.prepare_cached("SELECT 1 FROM log WHERE id = ?")?.exists([id])
    }

    pub(super) fn create_log(&mut self, epoch: Epoch) -> rusqlite::Result<LogRow> {
        let row = LogRow::create(self.sql, epoch)?;
        self.totals.logs += 1;
        self.logs.insert(row.id, Touched::unchanged(row.clone()));
        Ok(row)
    }

    pub(super) fn remove_log(&mut self, id: i64) -> rusqlite::Result<()> {
        let row = self.log(id)?.clone();
        self.logs.remove(&id);
        self.totals.logs -= 1;
        self.totals.cost -= row_cost(&row);
        self.sql.prepare_cached("DELETE FROM entry WHERE log = ?")?.execute([id])?;
        self.sql.prepare_cached("DELETE FROM log WHERE id = ?")?.execute([id])?;
        Ok(())
    }

    /// Appends entries, and trims what the retention does not keep; returns the last position.
    pub(super) fn append<'e>(
        &mut self,
        id: i64,
        entries: impl IntoIterator<Item = &'e EncodedEntry>,
        retention: &Retention,
        now: Millis,
    ) -> rusqlite::Result<Offset> {
        let sql = self.sql;
        let touched = self.touched(id)?;
        touched.is_changed = true;
        let before = row_cost(&touched.row);
        for entry in entries {
            touched.row.head += 1;
            touched.row.bytes += entry.size() as u64;
            put_entry(sql, id, touched.row.head, now, entry)?;
            touched.appended.push(entry.clone());
        }
        let (head, after) = (touched.row.head, row_cost(&touched.row));
        self.totals.cost += after - before;
        self.trim(id, retention, None)?;
        Ok(head)
    }

    /// Drops what the retention does not keep, and what was appended before `oldest`. The newest
    /// entry stays whatever its size, but not whatever its age.
    pub(super) fn trim(
        &mut self,
        id: i64,
        retention: &Retention,
        oldest: Option<Millis>,
    ) -> rusqlite::Result<()> {
        let (keep, totals) = (self.keep, self.totals);
        let mut row = self.log(id)?.clone();
        let whole = row_cost(&row);
        let is_crowded = |row: &LogRow| {
            let (entries, own) = (row.entries(), row_cost(row));
            let others = whole - own;
            let totals = Totals { cost: totals.cost - others, ..totals };
            entries > retention.entries.max(1) as u64
                || entries > 1 && row.bytes > retention.bytes as u64
                || entries > 1 && totals.is_exceeded(keep, own)
        };
        if row.entries() == 0 || !is_crowded(&row) && oldest.is_none() {
            return Ok(());
        }
        let mut query = self.sql.prepare_cached(
            "SELECT length(bytes), appended FROM entry WHERE log = ? AND at >= ? ORDER BY at",
        )?;
        let mut found = query.query(params![id, row.first.cast_signed()])?;
        let before = row.first;
        while let Some(entry) = found.next()? {
            let (size, appended): (i64, Millis) = (entry.get(0)?, entry.get(1)?);
            if !is_crowded(&row) && oldest.is_none_or(|oldest| appended >= oldest) {
                break;
            }
            row.first += 1;
            row.bytes = row.bytes.saturating_sub(size.cast_unsigned());
        }
        drop(found);
        drop(query);
        if row.first > before { self.cut(row) } else { Ok(()) }
    }

    /// Drops the entries up to `through`.
    pub(super) fn trim_through(&mut self, id: i64, through: Offset) -> rusqlite::Result<()> {
        let mut row = self.log(id)?.clone();
        let through = through.min(row.head);
        if through < row.first {
            return Ok(());
        }
        let mut query = self.sql.prepare_cached(
            "SELECT coalesce(sum(length(bytes)), 0) FROM entry WHERE log = ? AND at <= ?",
        )?;
        let bytes: i64 = query.query_row(params![id, through.cast_signed()], |row| row.get(0))?;
        drop(query);
        row.first = through + 1;
        row.bytes = row.bytes.saturating_sub(bytes.cast_unsigned());
        self.cut(row)
    }

    /// The log begins where `row` says.
    fn cut(&mut self, row: LogRow) -> rusqlite::Result<()> {
        let mut delete = self.sql.prepare_cached("DELETE FROM entry WHERE log = ? AND at < ?")?;
        delete.execute(params![row.id, row.first.cast_signed()])?;
        drop(delete);
        let after = row_cost(&row);
        let touched = self.touched(row.id)?;
        let before = row_cost(&touched.row);
        touched.is_changed = true;
        touched.row = row;
        self.totals.cost -= before - after;
        Ok(())
    }

    /// Writes what is left to write; returns the logs that readers have to be shown.
    pub(super) fn finish(mut self) -> rusqlite::Result<(Logs, Totals)> {
        self.logs.retain(|_, touched| touched.is_changed);
        for touched in self.logs.values() {
            touched.row.put(self.sql)?;
        }
        Ok((self.logs, self.totals))
    }
}
