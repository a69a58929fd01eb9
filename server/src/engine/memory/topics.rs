//! The topics in memory, made on first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tautline_protocol::downlink::EncodedEntry;
use tokio::time::Instant;

use crate::engine::budget::Budget;
use crate::engine::log::{Log, Woken, new_epoch};
use crate::engine::{EngineConfig, EngineError, Retention};

/// A topic kept in memory.
#[derive(Debug)]
pub struct MemoryTopic(Mutex<Log>);

impl MemoryTopic {
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Topics {
    budget: Arc<Budget>,
    known: RwLock<HashMap<Box<str>, Known>>,
}

#[derive(Debug)]
struct Known {
    topic: Arc<MemoryTopic>,
    /// When it was found to be used last, by a sweep.
    used_at: Instant,
}

impl Topics {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, known: RwLock::default() }
    }

    pub(super) fn find_or_make(
        &self,
        name: &str,
        config: &EngineConfig,
        now: Instant,
    ) -> Result<Arc<MemoryTopic>, EngineError> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(known.topic.clone());
        }
        let mut topics = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = topics.get(name) {
            return Ok(known.topic.clone());
        }
        if topics.len() >= config.topics {
            return Err(EngineError::TooManyTopics);
        }
        let topic = Arc::new(MemoryTopic(Mutex::new(Log::new(new_epoch(), &self.budget))));
        topics.insert(name.into(), Known { topic: topic.clone(), used_at: now });
        Ok(topic)
    }

    /// Trims by age, and removes what nobody has used for long and nothing is left of.
    pub(super) fn sweep(&self, config: &EngineConfig, now: Instant) {
        let mut topics = self.known.write().unwrap_or_else(PoisonError::into_inner);
        topics.retain(|_, known| {
            let mut log = known.topic.log();
            log.trim(&config.topic, now);
            // Connections that read it or are about to append to it hold it too.
            let is_used = !log.is_empty() || Arc::strong_count(&known.topic) > 1;
            if is_used {
                known.used_at = now;
            }
            is_used || now.saturating_duration_since(known.used_at) < config.topic_ttl
        });
    }
}

/// Appends entries in order, and takes the lock of a topic once for each run of entries for it.
pub(super) fn append_runs(
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
        woken.push(topic.log().append(run, retention, now));
    }
    woken
}
