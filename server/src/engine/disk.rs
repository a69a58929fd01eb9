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

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, SessionId, Start};

use self::health::Health;
use self::queue::Queue;
use self::reader::Reader;
use self::step::Step;
use self::tail::{Glance, Tail};
use self::topics::Topics;
use self::writer::{Live, Volatile, Writer};
use super::budget::Budget;
use super::{Bell, Effects, Engine, EngineError, OpenError, Opened, Position, Read, ReadLimit};
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
        let (topics, mut tails) = (Topics::default(), HashMap::new());
        for (name, row) in started.topics {
            let tail = Arc::new(Tail::new(&row, &budget));
            tails.insert(row.id, tail.clone());
            topics.insert(name, tail);
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
        let through = match tail.read(after, limit, bell, entries) {
            Glance::Found(read) => return Ok(read),
            Glance::OnDisk(through) => through,
        };
        let found = self.reader.read(tail.id, after.offset, through, limit).await?;
        if found.is_empty() {
            // It was trimmed meanwhile.
            return Ok(Read::Gap(tail.oldest()));
        }
        entries.extend(found);
        Ok(Read::More)
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
        let (hello, name, now) = (hello.clone(), identity.shared_name(), self.0.queue.now());
        let (engine, id) = (self.0.clone(), hello.session);
        let opened = self.0.queue.put(
            0,
            move |step| step.open(&hello, &name, now),
            move |joined, volatile, logs| {
                let joined = joined?;
                let tail = volatile.tail(&joined.log, logs, &engine.budget);
                let generation = joined.generation;
                volatile.joined(id, Live { generation, log: joined.log.id });
                let session = DiskSession { engine, id, generation, tail };
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
                volatile.doubts.insert(id, accepted + 1);
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
        let (id, generation) = (session.id, session.generation);
        // Nobody waits for it: it only frees room.
        let run = move |step: &mut Step<'_>| step.trim_direct(&id, generation, through);
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

    async fn topic(&self, name: &str) -> Result<Arc<DiskTopic>, EngineError> {
        if let Some(topic) = self.0.topics.find(name) {
            return Ok(topic);
        }
        let (topics, budget) = (self.0.topics.clone(), self.0.budget.clone());
        let (wanted, name) = (name.to_owned(), name.to_owned());
        let made = self.0.queue.put(
            0,
            move |step| step.find_or_make_topic(&wanted),
            move |row, volatile, logs| {
                let tail = volatile.tail(&row?, logs, &budget);
                Ok(topics.insert(name, tail))
            },
        );
        made.await?
    }

    async fn publish(
        &self,
        topic: &Arc<DiskTopic>,
        entry: EncodedEntry,
    ) -> Result<Offset, EngineError> {
        let (topic, bytes, now) = (topic.clone(), entry.size(), self.0.queue.now());
        let run = move |step: &mut Step<'_>| {
            let keep = step.keep;
            step.append(topic.tail.id, [&entry], &keep.topic, now)
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
        let (queue, topics) = (&self.0.queue, &self.0.topics);
        let order = |unused, aging| queue.sweep(unused, aging);
        let swept = topics.sweep(queue.keep.topic_ttl, order);
        // If it fails, that is logged, and there is a next time.
        let _ = swept.await;
    }

    fn health(&self) -> Result<(), String> {
        self.0.health.check()
    }
}
