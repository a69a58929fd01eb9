//! The sessions in memory: opened, without a connection for a while, expired, found again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::resume::{Record, Resolution, Resumption, Tombstone, is_stale, resolve};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Seq, SessionId};
use tokio::time::Instant;

use super::tombstones::{Stone, Tombstones};
use crate::engine::budget::Budget;
use crate::engine::log::{Log, new_epoch};
use crate::engine::{EngineConfig, OpenError};
use crate::handler::Identity;

/// One session. Its lock is taken while that of [`Sessions`] is held, never the other way round.
#[derive(Debug)]
pub(super) struct State {
    pub(super) identity: Arc<str>,
    pub(super) accepted: Seq,
    pub(super) direct: Log,
    pub(super) generation: u64,
    /// The highest connection that has joined, as the client counts them (HELLO).
    connection: u64,
    /// What the client knew of when this incarnation began, and what was accepted then.
    predecessor: Epoch,
    accepted_at_first: Seq,
    idle_since: Option<Instant>,
}

pub(super) type Shared = Arc<Mutex<State>>;

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    budget: Arc<Budget>,
    states: HashMap<SessionId, Shared>,
    per_identity: HashMap<Arc<str>, usize>,
    /// Those without a connection, the longest idle first: of all, and of each identity.
    idle: BTreeSet<(Instant, SessionId)>,
    idle_of: BTreeSet<(Arc<str>, Instant, SessionId)>,
    tombstones: Tombstones,
}

impl Sessions {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            states: HashMap::new(),
            per_identity: HashMap::new(),
            idle: BTreeSet::new(),
            idle_of: BTreeSet::new(),
            tombstones: Tombstones::default(),
        }
    }

    pub(super) fn find(&self, session: &SessionId) -> Option<&Shared> {
        self.states.get(session)
    }

    /// Opens a session; `Ok` has its new generation.
    pub(super) fn open(
        &mut self,
        hello: &Hello,
        identity: &Identity,
        config: &EngineConfig,
        now: Instant,
    ) -> Result<(Shared, u64, Resolution), OpenError> {
        self.sweep(config, now);
        let found = self.states.get(&hello.session).cloned();
        let stone = self.tombstones.find(hello.session, hello.epoch);
        let owner = match (&found, stone) {
            (Some(state), _) => Some(lock(state).identity.clone()),
            (None, Some(stone)) => Some(stone.identity.clone()),
            (None, None) => None,
        };
        if owner.is_some_and(|owner| *owner != *identity.name()) {
            return Err(OpenError::WrongIdentity);
        }
        let latest = found.as_ref().map_or(0, |state| lock(state).connection);
        if is_stale(&hello.as_frame(), latest) {
            return Err(OpenError::Stale);
        }
        let tombstone = stone.map(|stone| stone.tombstone);
        let record = found.as_ref().map(|state| lock(state).record());
        let fresh = match &found {
            Some(state) if lock(state).answers_again(hello) => lock(state).direct.epoch(),
            _ => new_epoch(),
        };
        let resolution = resolve(&hello.as_frame(), record, tombstone, fresh);
        let goes_on = record.is_some_and(|record| record.epoch == resolution.epoch);
        let state = match found {
            Some(state) if goes_on => state,
            _ => {
                self.bury(&hello.session, config, now);
                self.make_room(identity, config, now)?;
                self.create(hello, identity, &resolution)
            }
        };
        let generation = self.join(&state, hello, &resolution);
        Ok((state, generation, resolution))
    }

    fn join(&mut self, shared: &Shared, hello: &Hello, resolution: &Resolution) -> u64 {
        let mut state = lock(shared);
        if let Some(since) = state.idle_since.take() {
            self.idle.remove(&(since, hello.session));
            self.idle_of.remove(&(state.identity.clone(), since, hello.session));
        }
        if resolution.resumption == Resumption::Resumed {
            state.direct.trim_through(hello.handled);
        } else {
            state.accepted = resolution.accepted;
            state.accepted_at_first = resolution.accepted;
        }
        state.connection = hello.connection;
        state.generation += 1;
        state.generation
    }

    fn create(&mut self, hello: &Hello, identity: &Identity, resolution: &Resolution) -> Shared {
        let name = identity.shared_name();
        *self.per_identity.entry(name.clone()).or_default() += 1;
        let state = State {
            identity: name,
            accepted: resolution.accepted,
            direct: Log::new(resolution.epoch, &self.budget),
            generation: 0,
            connection: 0,
            predecessor: hello.epoch,
            accepted_at_first: resolution.accepted,
            idle_since: None,
        };
        let shared = Arc::new(Mutex::new(state));
        self.states.insert(hello.session, shared.clone());
        shared
    }

    /// Sees to it that one more session may be made.
    fn make_room(
        &mut self,
        identity: &Identity,
        config: &EngineConfig,
        now: Instant,
    ) -> Result<(), OpenError> {
        let name = identity.shared_name();
        let own = self.per_identity.get(&name).copied().unwrap_or_default();
        if !identity.is_anonymous() && own >= config.sessions_per_identity {
            let range = (name.clone(), earliest(&self.idle, now), [0; 16])..;
            let idlest = self.idle_of.range(range).next().filter(|(of, _, _)| *of == name);
            let (_, _, session) = idlest.ok_or(OpenError::TooMany)?;
            let session = *session;
            self.bury(&session, config, now);
        }
        if self.states.len() >= config.sessions {
            let (_, session) = self.idle.first().copied().ok_or(OpenError::Full)?;
            self.bury(&session, config, now);
        }
        Ok(())
    }

    /// The connection of this generation is over.
    pub(super) fn leave(&mut self, session: SessionId, generation: u64, now: Instant) {
        let Some(shared) = self.states.get(&session) else { return };
        let mut state = lock(shared);
        if state.generation == generation {
            state.idle_since = Some(now);
            self.idle.insert((now, session));
            self.idle_of.insert((state.identity.clone(), now, session));
        }
    }

    /// Removes a session and leaves a tombstone.
    pub(super) fn bury(&mut self, session: &SessionId, config: &EngineConfig, now: Instant) {
        let Some(shared) = self.states.remove(session) else { return };
        let mut state = lock(&shared);
        // Whoever still holds it can do nothing with it any more.
        state.generation += 1;
        let identity = state.identity.clone();
        if let Some(since) = state.idle_since {
            self.idle.remove(&(since, *session));
            self.idle_of.remove(&(identity.clone(), since, *session));
        }
        if let Some(count) = self.per_identity.get_mut(&identity) {
            *count -= 1;
            if *count == 0 {
                self.per_identity.remove(&identity);
            }
        }
        let Record { epoch, accepted, head } = state.record();
        let stone = Stone { identity, tombstone: Tombstone { epoch, accepted, head } };
        self.tombstones.set(*session, stone, config, now);
    }

    /// Expires what has been without a connection for too long.
    pub(super) fn sweep(&mut self, config: &EngineConfig, now: Instant) {
        while let Some((since, session)) = self.idle.first().copied() {
            if now.saturating_duration_since(since) < config.session_ttl {
                break;
            }
            self.bury(&session, config, now);
        }
        self.tombstones.sweep(config, now);
    }
}

fn earliest(idle: &BTreeSet<(Instant, SessionId)>, now: Instant) -> Instant {
    idle.first().map_or(now, |(since, _)| *since)
}

impl State {
    fn record(&self) -> Record {
        Record { epoch: self.direct.epoch(), accepted: self.accepted, head: self.direct.head() }
    }

    /// Whether this incarnation was made for just such a HELLO, whose WELCOME was lost: then it
    /// gets the same answer, and what was pushed meanwhile is not lost. PROTOCOL.md R-4.
    fn answers_again(&self, hello: &Hello) -> bool {
        hello.epoch == self.predecessor && self.accepted == self.accepted_at_first
    }
}
