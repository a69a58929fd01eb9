//! The topics on disk, made on first use.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use tokio::time::Instant;

use super::rows::{LogRow, Millis};
use super::sessions::millis;
use super::step::Step;
use super::tail::Tail;
use crate::engine::EngineError;
use crate::engine::log::new_epoch;

/// Topics that one sweep trims by age, so that no batch takes long.
const AGED_AT_ONCE: usize = 500;
/// Pages that one sweep gives back to the file system.
const PAGES_AT_ONCE: usize = 8_192;

/// A topic kept on disk.
#[derive(Debug)]
pub struct DiskTopic {
    pub(super) tail: Arc<Tail>,
}

/// Those that are there.
#[derive(Debug, Default)]
pub(super) struct Topics {
    known: RwLock<HashMap<String, Known>>,
    aged: AtomicUsize,
}

#[derive(Debug)]
struct Known {
    topic: Arc<DiskTopic>,
    /// When it was found to be used last, by a sweep.
    used_at: Instant,
}

impl Topics {
    pub(super) fn find(&self, name: &str) -> Option<Arc<DiskTopic>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(|known| known.topic.clone())
    }

    /// Adds a topic, unless it is there.
    pub(super) fn insert(&self, name: String, tail: Arc<Tail>) -> Arc<DiskTopic> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(name).or_insert_with(|| Known {
            topic: Arc::new(DiskTopic { tail }),
            used_at: Instant::now(),
        });
        found.topic.clone()
    }

    /// Takes out what nobody has used for long and nothing is left of, and has `order` put its removal
    /// in line, with the logs whose turn it is to be trimmed by age. Nobody looks for a topic
    /// meanwhile: who does not find it any more gets in line behind its removal.
    pub(super) fn sweep<T>(
        &self,
        ttl: Duration,
        order: impl FnOnce(Vec<(String, Arc<DiskTopic>)>, Vec<i64>) -> T,
    ) -> T {
        let now = Instant::now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut unused = Vec::new();
        known.retain(|name, known| {
            // Connections that read it or are about to append to it hold it too.
            let is_used = !known.topic.tail.is_empty() || Arc::strong_count(&known.topic) > 1;
            if is_used {
                known.used_at = now;
            }
            let stays = is_used || now.saturating_duration_since(known.used_at) < ttl;
            if !stays {
                unused.push((name.clone(), known.topic.clone()));
            }
            stays
        });
        order(unused, self.next_to_age(&known))
    }

    /// Whether nobody can look for a topic now.
    #[cfg(test)]
    pub(super) fn is_locked(&self) -> bool {
        self.known.try_read().is_err()
    }

    /// The logs of the topics whose turn it is to be trimmed by age.
    fn next_to_age(&self, known: &HashMap<String, Known>) -> Vec<i64> {
        let mut logs: Vec<_> = known.values().map(|known| known.topic.tail.id).collect();
        logs.sort_unstable();
        let from = self.aged.load(Ordering::Relaxed);
        let from = if from < logs.len() { from } else { 0 };
        self.aged.store(from + AGED_AT_ONCE, Ordering::Relaxed);
        logs.into_iter().skip(from).take(AGED_AT_ONCE).collect()
    }
}

impl Step<'_> {
    pub(super) fn find_or_make_topic(
        &mut self,
        name: &str,
    ) -> rusqlite::Result<Result<LogRow, EngineError>> {
        let found: Option<i64> = self
            .sql
            .prepare_cached("SELECT log FROM topic WHERE name = ?")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        if let Some(log) = found {
            return Ok(Ok(self.log(log)?.clone()));
        }
        let topics: i64 = self
            .sql
            .prepare_cached("SELECT count(*) FROM topic")?
            .query_row([], |row| row.get(0))?;
        if topics.cast_unsigned() >= self.keep.topics as u64 {
            return Ok(Err(EngineError::TooManyTopics));
        }
        let log = self.create_log(new_epoch())?;
        self.sql
            .prepare_cached("INSERT INTO topic VALUES (?, ?)")?
            .execute(params![name, log.id])?;
        Ok(Ok(log))
    }

    /// Removes topics that are still empty, and trims others by age; returns the logs removed.
    pub(super) fn sweep_topics(
        &mut self,
        unused: &[(String, Arc<DiskTopic>)],
        aging: &[i64],
        now: Millis,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut removed = Vec::new();
        for (name, topic) in unused {
            if self.log(topic.tail.id)?.entries() == 0 {
                self.remove_log(topic.tail.id)?;
                self.sql.prepare_cached("DELETE FROM topic WHERE name = ?")?.execute([name])?;
                removed.push(topic.tail.id);
            }
        }
        let keep = self.keep;
        let Some(age) = keep.topic.age else { return Ok(removed) };
        for log in aging {
            self.trim(*log, &keep.topic, Some(now - millis(age)))?;
        }
        Ok(removed)
    }

    /// Gives room back to the file system, once a quarter of the file is free.
    pub(super) fn give_back(&mut self) -> rusqlite::Result<()> {
        let number = |name: &str| -> rusqlite::Result<i64> {
            self.sql.pragma_query_value(None, name, |row| row.get(0))
        };
        let (free, pages) = (number("freelist_count")?, number("page_count")?);
        if free > 1_000 && free > pages / 4 {
            let mut vacuum =
                self.sql.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
            let mut steps = vacuum.query([])?;
            while steps.next()?.is_some() {}
        }
        Ok(())
    }
}
