//! The engine that keeps everything in memory, bounded, and loses it with the process.

mod sessions;
#[cfg(test)]
mod tests;
mod tombstones;
mod topics;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, SessionId, Start};
use tokio::time::Instant;

use self::sessions::{Sessions, Shared};
use self::topics::Topics;
use super::aging::AgingClock;
use super::budget::Budget;
use super::log::Woken;
use super::{
    Bell, Effects, Engine, EngineConfig, EngineError, Maker, OpenError, Opened, Position, Read,
    ReadLimit,
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
    clock: AgingClock,
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
        self.engine.sessions().leave(self.id, self.generation, self.engine.now());
    }
}

impl Inner {
    fn now(&self) -> Instant {
        self.clock.now()
    }

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
        let topics = Topics::new(budget);
        Self(Arc::new(Inner { config, sessions, topics, clock: AgingClock::default() }))
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
        let now = self.0.now();
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
        let (config, now) = (&self.0.config, self.0.now());
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
        let woken_by_topics = self.0.topics.append_runs(&mut effects.publishes, &config.topic, now);
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
            self.0.sessions().bury(&session.id, &self.0.config, self.0.now());
        }
    }

    async fn push(
        &self,
        session: SessionId,
        entries: Vec<EncodedEntry>,
    ) -> Result<Offset, EngineError> {
        let shared = self.0.sessions().find(&session).cloned().ok_or(EngineError::NoSession)?;
        let mut state = sessions::lock(&shared);
        let woken = state.direct.append(entries, &self.0.config.direct, self.0.now());
        let head = state.direct.head();
        drop(state);
        woken.ring();
        Ok(head)
    }

    async fn topic(&self, name: &str, maker: &Maker) -> Result<Arc<MemoryTopic>, EngineError> {
        self.0.topics.find_or_make(name, maker, &self.0.config)
    }

    async fn delete_topic(&self, name: &str) -> Result<bool, EngineError> {
        Ok(self.0.topics.delete(name))
    }

    async fn publish(
        &self,
        topic: &Arc<MemoryTopic>,
        entry: EncodedEntry,
    ) -> Result<Offset, EngineError> {
        let (config, now) = (&self.0.config, self.0.now());
        let (head, woken) = self.0.topics.append(topic, [entry], &config.topic, now);
        woken.ring();
        Ok(head)
    }

    async fn locate(
        &self,
        topic: &Arc<MemoryTopic>,
        start: Start,
    ) -> Result<Position, EngineError> {
        let mut log = topic.log();
        log.trim(&self.0.config.topic, self.0.now());
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

    fn slept(&self, duration: Duration) {
        self.0.clock.put_back(duration);
    }

    async fn sweep(&self) {
        let now = self.0.now();
        self.0.sessions().sweep(&self.0.config, now);
        self.0.topics.sweep(&self.0.config, now);
    }
}
