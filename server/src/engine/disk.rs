//! The engine that keeps everything on disk: what was acknowledged outlives the process, and the
//! machine.
//!
//! It stands on `SQLite`. One thread writes: whatever waits for it, of however many sessions, goes into
//! one transaction, so that the cost of reaching the disk is shared. Readers see only what is
//! committed, most of it from memory; what is older is read from the disk.

mod config;
mod directory;
mod error;
mod health;
mod inspect;
mod job;
mod queue;
mod reader;
mod rows;
mod schema;
mod sessions;
mod start;
mod step;
mod tail;
#[cfg(test)]
mod tests;
mod topics;
mod verify;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, SessionId, Start};

use self::health::Health;
use self::queue::Queue;
use self::reader::{Found, Reader};
use self::step::Step;
use self::tail::{Glance, Tail};
use self::topics::Topics;
use self::writer::{Live, Volatile, Writer};
use super::budget::Budget;
use super::topics::Incarnations;
use super::{
    Bell, Effects, Engine, EngineError, Maker, OpenError, Opened, Position, Read, ReadLimit,
};
use crate::handler::Identity;

pub use self::config::{DiskConfig, SyncPolicy};
pub use self::error::DiskError;
pub use self::inspect::{Report, inspect};
pub use self::topics::DiskTopic;

/// Keeps sessions and logs in a directory.
#[derive(Clone, Debug)]
pub struct DiskEngine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Queue,
    reader: Arc<Reader>,
    topics: Arc<Topics>,
    budget: Arc<Budget>,
    health: Arc<Health>,
}

/// A session opened on disk.
#[derive(Debug)]
pub struct DiskSession {
    engine: Arc<Inner>,
    id: SessionId,
    generation: u64,
    tail: Arc<Tail>,
    trim: Arc<Trim>,
}

/// How far a direct stream need not be kept. One order for it is in line at a time, however often the
/// client reports.
#[derive(Debug, Default)]
struct Trim {
    through: AtomicU64,
    is_in_line: AtomicBool,
}

impl Drop for DiskSession {
    fn drop(&mut self) {
        self.engine.queue.leave(self.id, self.generation);
    }
}

impl DiskEngine {
    /// Opens a directory, and makes it if it is not there. It waits for the disk: a million entries
    /// that have to be checked, because the server before was killed, take a few seconds.
    ///
    /// # Errors
    /// The directory is in use, or what is in it cannot be used as it is. Nothing is changed then.
    pub fn open(directory: impl AsRef<Path>, config: DiskConfig) -> Result<Self, DiskError> {
        let clock = queue::WallClock::start();
        let started = start::start(directory.as_ref(), &config, clock.now())?;
        let file = started.directory.database();
        let budget = Arc::new(Budget::new(config.memory_bytes));
        let topics = Topics::new(started.incarnations, budget.clone());
        let mut tails = HashMap::new();
        for row in &started.topics {
            tails.insert(row.log.id, topics.restore(row).tail.clone());
        }
        let keep = config.keep.clone();
        let writer = Writer::new(started.sql, started.directory, config, tails)
            .map_err(|error| schema::told(&file, error))?;
        let health = writer.health();
        let queue = Queue::start(writer, keep, clock).map_err(|source| DiskError::Io {
            doing: "start a thread for",
            path: file.clone(),
            source,
        })?;
        let reader = Arc::new(Reader::new(file, health.clone()));
        let topics = Arc::new(topics);
        Ok(Self(Arc::new(Inner { queue, reader, topics, budget, health })))
    }

    /// Writes what is there and lets go of the directory. Whatever is asked for afterwards fails.
    ///
    /// A process that ends without it loses nothing; but the next start has to check everything.
    pub async fn close(&self) {
        self.0.queue.close().await;
    }
}

impl Inner {
    async fn read(
        &self,
        tail: &Tail,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        let (log, through) = match tail.read(after, limit, bell, entries) {
            Glance::Found(read) => return Ok(read),
            Glance::OnDisk(log, through) => (log, through),
        };
        match self.reader.read(log, after.offset, through, limit).await? {
            Found::Entries(found) => {
                entries.extend(found);
                Ok(Read::More)
            }
            Found::Nothing(unreadable) => {
                // Trimmed meanwhile, or damaged.
                let oldest = tail.oldest();
                let offset = oldest.offset.max(unreadable);
                Ok(Read::Gap(if oldest.epoch == after.epoch {
                    Position { offset, ..oldest }
                } else {
                    oldest
                }))
            }
        }
    }
}

impl Engine for DiskEngine {
    type Session = DiskSession;
    type Topic = Arc<DiskTopic>;

    async fn open(
        &self,
        hello: &Hello,
        identity: &Identity,
    ) -> Result<Opened<DiskSession>, OpenError> {
        // Without the credentials, which are checked: they may be long, and wait in line with it.
        let hello = Hello { credentials: bytes::Bytes::new(), ..hello.clone() };
        let (name, now) = (identity.shared_name(), self.0.queue.now());
        let (engine, id) = (self.0.clone(), hello.session);
        let opened = self.0.queue.put(
            0,
            move |step| step.open(&hello, &name, now),
            move |joined, volatile, logs| {
                let joined = joined?;
                let tail = volatile.tail(&joined.log, logs, &engine.budget);
                let generation = joined.generation;
                volatile.joined(id, Live { generation, log: joined.log.id });
                let session = DiskSession { engine, id, generation, tail, trim: Arc::default() };
                let (resolution, doubtful) = (joined.resolution, joined.doubtful);
                Ok(Opened { session, resolution, doubtful })
            },
        );
        opened.await?
    }

    async fn commit(
        &self,
        session: &DiskSession,
        effects: &mut Effects<Arc<DiskTopic>>,
    ) -> Result<Offset, EngineError> {
        let effects = std::mem::take(effects);
        let (id, generation, now) = (session.id, session.generation, self.0.queue.now());
        let sizes = effects.direct.iter().chain(effects.publishes.iter().map(|(_, entry)| entry));
        let bytes = sizes.map(EncodedEntry::size).sum();
        let accepted = effects.accepted;
        let undone = move |volatile: &mut Volatile| {
            if let Some(accepted) = accepted {
                // The message behind it may be with the handler.
                volatile.doubts.insert(id, accepted.saturating_add(1));
            }
        };
        let run = move |step: &mut Step<'_>| step.commit(&id, generation, &effects, now);
        self.0.queue.put_or(bytes, undone, run, |head, _, _| head).await?
    }

    async fn read_direct(
        &self,
        session: &DiskSession,
        after: Offset,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        let after = Position { epoch: session.tail.oldest().epoch, offset: after };
        self.0.read(&session.tail, after, limit, bell, entries).await
    }

    async fn trim_direct(&self, session: &DiskSession, through: Offset) -> Result<(), EngineError> {
        session.trim.through.fetch_max(through, Ordering::AcqRel);
        if session.trim.is_in_line.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (id, generation, trim) = (session.id, session.generation, session.trim.clone());
        // Nobody waits for it: it only frees room.
        let run = move |step: &mut Step<'_>| {
            trim.is_in_line.swap(false, Ordering::AcqRel);
            step.trim_direct(&id, generation, trim.through.load(Ordering::Acquire))
        };
        self.0.queue.put_unpromised(run, |(), _, _| {});
        Ok(())
    }

    async fn forget(&self, session: DiskSession) {
        let (id, generation, now) = (session.id, session.generation, self.0.queue.now());
        self.0.queue.put_unpromised(
            move |step| step.forget(&id, generation, now),
            move |(), volatile, _| volatile.gone(&id, generation),
        );
    }

    async fn push(
        &self,
        session: SessionId,
        entries: Vec<EncodedEntry>,
    ) -> Result<Offset, EngineError> {
        let now = self.0.queue.now();
        let bytes = entries.iter().map(EncodedEntry::size).sum();
        let run = move |step: &mut Step<'_>| step.push(&session, &entries, now);
        self.0.queue.put(bytes, run, |head, _, _| head).await?
    }

    async fn topic(&self, name: &str, maker: &Maker) -> Result<Arc<DiskTopic>, EngineError> {
        self.0.topics.find_or_make(name, maker, &self.0.queue.keep)
    }

    async fn delete_topic(&self, name: &str) -> Result<bool, EngineError> {
        let Some(topic) = self.0.topics.find(name) else { return Ok(false) };
        let (topics, salt) = (self.0.topics.clone(), Incarnations::salt());
        let name = name.to_owned();
        let deleted = self.0.queue.put(
            0,
            move |step| step.delete_topic(&name, salt),
            move |found, volatile, _| {
                let Some(log) = found else { return false };
                volatile.tails.remove(&log.id);
                topics.deleted(&topic, log.epoch, salt);
                true
            },
        );
        deleted.await
    }

    fn slept(&self, duration: Duration) {
        self.0.queue.slept(duration);
    }

    async fn publish(
        &self,
        topic: &Arc<DiskTopic>,
        entry: EncodedEntry,
    ) -> Result<Offset, EngineError> {
        let (topic, bytes, now) = (topic.clone(), entry.size(), self.0.queue.now());
        let run = move |step: &mut Step<'_>| {
            let keep = step.keep;
            let log = step.log_of(&topic)?;
            step.append(log, [&entry], &keep.topic, now)
        };
        self.0.queue.put(bytes, run, |head, _, _| head).await
    }

    async fn locate(&self, topic: &Arc<DiskTopic>, start: Start) -> Result<Position, EngineError> {
        Ok(topic.tail.locate(start))
    }

    async fn read_topic(
        &self,
        topic: &Arc<DiskTopic>,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        self.0.read(&topic.tail, after, limit, bell, entries).await
    }

    async fn sweep(&self) {
        self.0.topics.sweep(&self.0.queue).await;
    }

    fn health(&self) -> Result<(), String> {
        self.0.health.check()
    }
}
