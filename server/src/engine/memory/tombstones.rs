//! What is left of sessions that are gone, so that their clients learn what became of messages.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tautline_protocol::resume::Tombstone;
use tautline_protocol::{Epoch, SessionId};
use tokio::time::Instant;

use crate::engine::EngineConfig;

type Key = (SessionId, Epoch);

/// One for each incarnation, so that a client which missed the answer of a HELLO is told the same
/// again, whatever came after.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    stones: HashMap<Key, Stone>,
    /// Oldest first.
    order: VecDeque<(Instant, Key)>,
}

#[derive(Debug)]
pub(super) struct Stone {
    pub(super) identity: Arc<str>,
    pub(super) tombstone: Tombstone,
}

impl Tombstones {
    pub(super) fn find(&self, session: SessionId, epoch: Epoch) -> Option<&Stone> {
        self.stones.get(&(session, epoch))
    }

    pub(super) fn set(
        &mut self,
        session: SessionId,
        stone: Stone,
        config: &EngineConfig,
        now: Instant,
    ) {
        let key = (session, stone.tombstone.epoch);
        if self.stones.insert(key, stone).is_none() {
            self.order.push_back((now, key));
        }
        self.sweep(config, now);
    }

    pub(super) fn sweep(&mut self, config: &EngineConfig, now: Instant) {
        while let Some((set_at, key)) = self.order.front() {
            let aged = now.saturating_duration_since(*set_at) >= config.tombstone_ttl;
            if !aged && self.stones.len() <= config.tombstones {
                break;
            }
            self.stones.remove(key);
            self.order.pop_front();
        }
    }
}
