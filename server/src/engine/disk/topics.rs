//! The topics on disk, made with their first entry.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use tautline_protocol::Epoch;

use super::queue::Queue;
use super::rows::{LogRow, Millis, damaged};
use super::sessions::millis;
use super::step::Step;
use super::tail::Tail;
use crate::engine::budget::Budget;
use crate::engine::log::Woken;
use crate::engine::topics::{
    Incarnations, Maker, Membership, Registry, Swept, Topic, begin, bucket,
};
use crate::engine::{EngineConfig, EngineError};

/// Topics that one sweep trims by age, so that no batch takes long.
const AGED_AT_ONCE: usize = 500;
/// Pages that one sweep gives back to the file system.
const PAGES_AT_ONCE: usize = 8_192;
/// The bucket of the salt that all names have which were not given another.
const COMMON: i64 = -1;

/// A topic kept on disk.
#[derive(Debug)]
pub struct DiskTopic {
    pub(super) tail: Arc<Tail>,
    maker: Maker,
    membership: Membership<Self>,
    registry: Weak<Registry<Self>>,
}

impl Topic for DiskTopic {
    fn membership(&self) -> &Membership<Self> {
        &self.membership
    }

    fn is_empty(&self) -> bool {
        self.tail.is_empty()
    }
}

impl DiskTopic {
    pub(super) fn name(&self) -> &str {
        &self.membership.name
    }

    /// It has entries on the disk.
    pub(super) fn keep(self: &Arc<Self>) {
        if let Some(registry) = self.registry.upgrade() {
            registry.keep(self);
        }
    }
}

/// Those that are there.
#[derive(Debug)]
pub(super) struct Topics {
    registry: Arc<Registry<DiskTopic>>,
    budget: Arc<Budget>,
    aged: AtomicUsize,
}

/// A topic as the disk has it.
#[derive(Debug)]
pub(super) struct TopicRow {
    pub(super) name: String,
    pub(super) maker: Maker,
    pub(super) log: LogRow,
}

impl Topics {
    pub(super) fn new(incarnations: Incarnations, budget: Arc<Budget>) -> Self {
        Self { registry: Registry::new(incarnations), budget, aged: AtomicUsize::new(0) }
    }

    fn make(&self, tail: Tail, maker: &Maker, membership: Membership<DiskTopic>) -> DiskTopic {
        let (tail, maker) = (Arc::new(tail), maker.clone());
        DiskTopic { tail, maker, membership, registry: Arc::downgrade(&self.registry) }
    }

    /// Adds one that is on the disk.
    pub(super) fn restore(&self, row: &TopicRow) -> Arc<DiskTopic> {
        let tail = Tail::new(&row.log, &self.budget);
        let TopicRow { name, maker, .. } = row;
        self.registry.restore(name, maker, |membership| self.make(tail, maker, membership))
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<DiskTopic>> {
        self.registry.find(name)
    }

    pub(super) fn find_or_make(
        &self,
        name: &str,
        maker: &Maker,
        config: &EngineConfig,
    ) -> Result<Arc<DiskTopic>, EngineError> {
        self.registry.find_or_make(name, maker, config, |membership, epoch| {
            self.make(Tail::unwritten(epoch, &self.budget), maker, membership)
        })
    }

    /// What was in it is gone from the disk.
    pub(super) fn deleted(&self, topic: &Arc<DiskTopic>, before: Epoch, salt: u64) {
        let mut woken = Woken::default();
        self.registry.begin_anew(topic, salt, |topic, epoch| {
            let emptied = topic.tail.begin_anew(before, epoch);
            emptied.map(|waiting| woken = waiting).is_some()
        });
        woken.ring();
    }

    /// Takes out what nobody has used for long and nothing is left of, and puts its removal in line, with
    /// the logs whose turn it is to be trimmed by age. Who asks for a topic meanwhile gets in line behind
    /// its removal.
    pub(super) fn sweep(&self, queue: &Queue) -> impl Future<Output = ()> + Send + use<> {
        let keep = &queue.keep;
        let swept = self.registry.sweep(
            keep.topic_ttl,
            queue.instant(),
            |_| {},
            |unused, stays| queue.sweep(unused, self.next_to_age(&stays)),
        );
        async move {
            // If it fails, that is logged, and there is a next time.
            let _ = swept.await;
        }
    }

    /// The logs of the topics whose turn it is to be trimmed by age.
    fn next_to_age(&self, known: &[Arc<DiskTopic>]) -> Vec<i64> {
        let mut logs: Vec<_> = known.iter().filter_map(|topic| topic.tail.id()).collect();
        logs.sort_unstable();
        let from = self.aged.load(Ordering::Relaxed);
        let from = if from < logs.len() { from } else { 0 };
        self.aged.store(from + AGED_AT_ONCE, Ordering::Relaxed);
        logs.into_iter().skip(from).take(AGED_AT_ONCE).collect()
    }
}

/// All that are on the disk.
pub(super) fn all(sql: &Connection) -> rusqlite::Result<Vec<TopicRow>> {
    let mut query = sql.prepare(
        "SELECT topic.name, topic.log, maker.name FROM topic
         LEFT JOIN maker ON maker.topic = topic.name",
    )?;
    let mut found = query.query([])?;
    let mut topics = Vec::new();
    while let Some(row) = found.next()? {
        let maker = match row.get_ref(2)? {
            ValueRef::Null => Maker::Server,
            ValueRef::Text(name) => Maker::Identity(String::from_utf8_lossy(name).into()),
            ValueRef::Blob(id) => Maker::Session(
                id.try_into().map_err(|_| damaged("a row of the makers is not one".into()))?,
            ),
            _ => return Err(damaged("a row of the makers is not one".into())),
        };
        let log = LogRow::find(sql, row.get(1)?)?;
        topics.push(TopicRow { name: row.get(0)?, maker, log });
    }
    Ok(topics)
}

/// The salts on the disk. There is one at least from now on.
pub(super) fn incarnations(sql: &Connection) -> rusqlite::Result<Incarnations> {
    sql.execute(
        "INSERT OR IGNORE INTO salt VALUES (?, ?)",
        params![COMMON, Incarnations::salt().cast_signed()],
    )?;
    let mut query = sql.prepare("SELECT bucket, salt FROM salt")?;
    let salts = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let (mut common, mut changed) = (0, std::collections::HashMap::new());
    for row in salts {
        let (bucket, salt) = row?;
        match u64::try_from(bucket) {
            Ok(bucket) => drop(changed.insert(bucket, salt.cast_unsigned())),
            Err(_) => common = salt.cast_unsigned(),
        }
    }
    Ok(Incarnations::new(common, changed))
}

impl Step<'_> {
    fn find_topic(&self, name: &str) -> rusqlite::Result<Option<i64>> {
        let mut query = self.sql.prepare_cached("SELECT log FROM topic WHERE name = ?")?;
        query.query_row([name], |row| row.get(0)).optional()
    }

    /// The log of a topic; with its first entry it is made.
    pub(super) fn log_of(&mut self, topic: &Arc<DiskTopic>) -> rusqlite::Result<i64> {
        let (name, maker) = (topic.name(), &topic.maker);
        let id = match self.find_topic(name)? {
            Some(log) => log,
            None => {
                let epoch = self.next_incarnation(name)?;
                let log = self.create_log(epoch)?.id;
                let mut insert = self.sql.prepare_cached("INSERT INTO topic VALUES (?, ?)")?;
                insert.execute(params![name, log])?;
                self.sql.prepare_cached("DELETE FROM maker WHERE topic = ?")?.execute([name])?;
                let mut insert = self.sql.prepare_cached("INSERT INTO maker VALUES (?, ?)")?;
                match maker {
                    Maker::Server => 0,
                    Maker::Identity(identity) => insert.execute(params![name, &**identity])?,
                    Maker::Session(session) => insert.execute(params![name, session])?,
                };
                log
            }
        };
        self.show_as(id, topic)?;
        Ok(id)
    }

    fn next_incarnation(&self, name: &str) -> rusqlite::Result<Epoch> {
        let mut query = self.sql.prepare_cached(
            "SELECT salt FROM salt WHERE bucket IN (?, ?) ORDER BY bucket DESC LIMIT 1",
        )?;
        let salts = params![COMMON, bucket(name).cast_signed()];
        let salt: i64 = query.query_row(salts, |row| row.get(0))?;
        Ok(begin(name, salt.cast_unsigned()))
    }

    /// Removes a topic and all that is in it, if there is one; its name begins with another salt. Returns
    /// the log that it had.
    pub(super) fn delete_topic(
        &mut self,
        name: &str,
        salt: u64,
    ) -> rusqlite::Result<Option<LogRow>> {
        let Some(id) = self.find_topic(name)? else { return Ok(None) };
        let log = self.log(id)?.clone();
        self.remove_log(id)?;
        self.sql.prepare_cached("DELETE FROM topic WHERE name = ?")?.execute([name])?;
        self.sql.prepare_cached("DELETE FROM maker WHERE topic = ?")?.execute([name])?;
        let mut put = self.sql.prepare_cached("INSERT OR REPLACE INTO salt VALUES (?, ?)")?;
        put.execute(params![bucket(name).cast_signed(), salt.cast_signed()])?;
        Ok(Some(log))
    }

    /// Removes topics that are still empty, and trims others by age; returns the logs removed.
    pub(super) fn sweep_topics(
        &mut self,
        unused: &[Swept<DiskTopic>],
        aging: &[i64],
        now: Millis,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut removed = Vec::new();
        for (topic, salt) in unused {
            let Some(id) = self.find_topic(topic.name())? else { continue };
            if self.log(id)?.entries() == 0 {
                self.delete_topic(topic.name(), *salt)?;
                removed.push(id);
            }
        }
        let keep = self.keep;
        let Some(age) = keep.topic.age else { return Ok(removed) };
        for log in aging {
            // It may have been deleted since.
            if self.has_log(*log)? {
                self.trim(*log, &keep.topic, Some(now - millis(age)))?;
            }
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
