//! The engine that keeps everything in memory, bounded, and loses it with the process.

mod sessions;
#[cfg(test)]
mod tests;
mod tombstones;
mod topics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, SessionId, Start};
use tokio::time::Instant;

use self::sessions::{Sessions, Shared};
use self::topics::Topics;
use super::budget::Budget;
use super::log::Woken;
use super::{
    Bell, Effects, Engine, EngineConfig, EngineError, OpenError, Opened, Position, Read, ReadLimit,
};
use crate::handler::Identity;

pub use self::topics::MemoryTopic;

/// Keeps sessions and logs in the process's memory.
#[derive(Clone, Debug)]
pub struct MemoryEngine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: EngineConfig,
    sessions: Mutex<Sessions>,
    topics: Topics,
}

/// A session opened in memory.
#[derive(Debug)]
pub struct MemorySession {
    engine: Arc<Inner>,
    id: SessionId,
    generation: u64,
    state: Shared,
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        self.engine.sessions().leave(self.id, self.generation, Instant::now());
    }
}

impl Inner {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryEngine {
    /// An empty engine.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        let budget = Arc::new(Budget::new(config.log_bytes));
        let sessions = Mutex::new(Sessions::new(budget.clone()));
        Self(Arc::new(Inner { config, sessions, topics: Topics::new(budget) }))
    }
}

impl MemorySession {
    fn lock(&self) -> Result<MutexGuard<'_, sessions::State>, EngineError> {
        let state = sessions::lock(&self.state);
        if state.generation == self.generation { Ok(state) } else { Err(EngineError::Fenced) }
    }
}

impl Engine for MemoryEngine {
    type Session = MemorySession;
    type Topic = Arc<MemoryTopic>;

    async fn open(
        &self,
        hello: &Hello,
        identity: &Identity,
    ) -> Result<Opened<MemorySession>, OpenError> {
        let now = Instant::now();
        let (state, generation, resolution) =
            self.0.sessions().open(hello, identity, &self.0.config, now)?;
        let session =
            MemorySession { engine: self.0.clone(), id: hello.session, generation, state };
        Ok(Opened { session, resolution, doubtful: 0 })
    }

    async fn commit(
        &self,
        session: &MemorySession,
        effects: &mut Effects<Arc<MemoryTopic>>,
    ) -> Result<Offset, EngineError> {
        let (config, now) = (&self.0.config, Instant::now());
        let mut state = session.lock()?;
        if let Some(accepted) = effects.accepted.take() {
            state.accepted = accepted;
        }
        let woken = if effects.direct.is_empty() {
            Woken::default()
        } else {
            state.direct.append(effects.direct.drain(..), &config.direct, now)
        };
        let head = state.direct.head();
        // Under the session's lock, so that nobody sees the one without the other.
        let woken_by_topics = topics::append_runs(&mut effects.publishes, &config.topic, now);
        drop(state);
        woken.ring();
        for woken in woken_by_topics {
            woken.ring();
        }
        Ok(head)
    }

    async fn read_direct(
        &self,
        session: &MemorySession,
        after: Offset,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        let mut state = session.lock()?;
        let after = Position { epoch: state.direct.epoch(), offset: after };
        Ok(state.direct.read(after, limit, bell, entries))
    }

    async fn trim_direct(
        &self,
        session: &MemorySession,
        through: Offset,
    ) -> Result<(), EngineError> {
        session.lock()?.direct.trim_through(through);
        Ok(())
    }

    async fn forget(&self, session: MemorySession) {
        if session.lock().is_ok() {
            self.0.sessions().bury(&session.id, &self.0.config, Instant::now());
        }
    }

    async fn push(
        &self,
        session: SessionId,
        entries: Vec<EncodedEntry>,
    ) -> Result<Offset, EngineError> {
        let shared = self.0.sessions().find(&session).cloned().ok_or(EngineError::NoSession)?;
        let mut state = sessions::lock(&shared);
        let woken = state.direct.append(entries, &self.0.config.direct, Instant::now());
        let head = state.direct.head();
        drop(state);
        woken.ring();
        Ok(head)
    }

    async fn topic(&self, name: &str) -> Result<Arc<MemoryTopic>, EngineError> {
        self.0.topics.find_or_make(name, &self.0.config, Instant::now())
    }

    async fn publish(
        &self,
        topic: &Arc<MemoryTopic>,
        entry: EncodedEntry,
    ) -> Result<Offset, EngineError> {
        let mut log = topic.log();
        let woken = log.append([entry], &self.0.config.topic, Instant::now());
        let head = log.head();
        drop(log);
        woken.ring();
        Ok(head)
    }

    async fn locate(
        &self,
        topic: &Arc<MemoryTopic>,
        start: Start,
    ) -> Result<Position, EngineError> {
        let mut log = topic.log();
        log.trim(&self.0.config.topic, Instant::now());
        Ok(log.locate(start))
    }

    async fn read_topic(
        &self,
        topic: &Arc<MemoryTopic>,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        Ok(topic.log().read(after, limit, bell, entries))
    }

    async fn sweep(&self) {
        let now = Instant::now();
        self.0.sessions().sweep(&self.0.config, now);
        self.0.topics.sweep(&self.0.config, now);
    }
}
