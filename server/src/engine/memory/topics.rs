//! The topics in memory, made on first use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::downlink::EncodedEntry;
use tokio::time::Instant;

use crate::engine::budget::Budget;
use crate::engine::log::{Log, Woken};
use crate::engine::topics::{Incarnations, Maker, Membership, Registry, Topic};
use crate::engine::{EngineConfig, EngineError, Retention};

/// A topic kept in memory.
#[derive(Debug)]
pub struct MemoryTopic {
    log: Mutex<Log>,
    membership: Membership<Self>,
}

impl MemoryTopic {
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic for MemoryTopic {
    fn membership(&self) -> &Membership<Self> {
        &self.membership
    }

    fn is_empty(&self) -> bool {
        self.log().is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Topics {
    budget: Arc<Budget>,
    registry: Arc<Registry<MemoryTopic>>,
}

impl Topics {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        let incarnations = Incarnations::new(Incarnations::salt(), Default::default());
        Self { budget, registry: Registry::new(incarnations) }
    }

    pub(super) fn find_or_make(
        &self,
        name: &str,
        maker: &Maker,
        config: &EngineConfig,
    ) -> Result<Arc<MemoryTopic>, EngineError> {
        self.registry.find_or_make(name, maker, config, |membership, epoch| {
            let log = Mutex::new(Log::new(epoch, &self.budget));
            MemoryTopic { log, membership }
        })
    }

    /// Appends to a topic, which stays from now on.
    pub(super) fn append(
        &self,
        topic: &Arc<MemoryTopic>,
        entries: impl IntoIterator<Item = EncodedEntry>,
        retention: &Retention,
        now: Instant,
    ) -> (u64, Woken) {
        let mut log = topic.log();
        let woken = log.append(entries, retention, now);
        let head = log.head();
        drop(log);
        self.registry.keep(topic);
        (head, woken)
    }

    /// Appends entries in order, and takes the lock of a topic once for each run of entries for it.
    pub(super) fn append_runs(
        &self,
        publishes: &mut Vec<(Arc<MemoryTopic>, EncodedEntry)>,
        retention: &Retention,
        now: Instant,
    ) -> Vec<Woken> {
        let mut woken = Vec::new();
        let mut publishes = publishes.drain(..).peekable();
        while let Some((topic, entry)) = publishes.next() {
            let mut run = vec![entry];
            while let Some((_, entry)) = publishes.next_if(|(next, _)| Arc::ptr_eq(next, &topic)) {
                run.push(entry);
            }
            woken.push(self.append(&topic, run, retention, now).1);
        }
        woken
    }

    /// Drops what is in a topic; false if there is no such topic, or nothing was ever in it.
    pub(super) fn delete(&self, name: &str) -> bool {
        let Some(topic) = self.registry.find(name) else { return false };
        if topic.log().head() == 0 {
            return false;
        }
        let mut woken = Woken::default();
        self.registry.begin_anew(&topic, Incarnations::salt(), |topic, epoch| {
            woken = topic.log().begin_anew(epoch, 0);
            true
        });
        woken.ring();
        true
    }

    /// Trims by age, and removes what nobody has used for long and nothing is left of.
    pub(super) fn sweep(&self, config: &EngineConfig, now: Instant) {
        let trim = |topic: &MemoryTopic| topic.log().trim(&config.topic, now);
        self.registry.sweep(config.topic_ttl, now, trim, |_, _| {});
    }
}
