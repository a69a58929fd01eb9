//! What the server's nodes share: sessions, tombstones and logs, in memory and in a fixed order.

mod log;

use crate::random::Random;
use std::collections::BTreeMap;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::mutation::Mutation;
use tautline_protocol::resume::{Record, Resolution, Resumption, Tombstone, is_stale, resolve};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Format, Offset, Seq, SessionId};

pub use self::log::Log;

#[derive(Debug)]
struct Kept {
    accepted: Seq,
    direct: Log,
    identity: Vec<u8>,
    /// Of the connection that has opened it last: what another one commits is refused.
    generation: u64,
    /// The highest connection, as its client counts, that has opened it.
    connection: u64,
    /// What the client knew of when this incarnation began, and what was accepted then.
    predecessor: Epoch,
    accepted_at_first: Seq,
}

impl Kept {
    /// Whether this incarnation was made for just such a HELLO, whose WELCOME was lost: then it gets
    /// the same answer, and what was pushed meanwhile is not lost (PROTOCOL.md, R-4).
    fn answers_again(&self, hello: &Hello) -> bool {
        hello.epoch == self.predecessor && self.accepted == self.accepted_at_first
    }
}

/// How often a session was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// In all.
    pub all: usize,
    /// Without a tombstone.
    pub without_tombstone: usize,
}

/// What is lost when the server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing is lost.
    Everything,
    /// Sessions become tombstones; topics begin anew.
    Tombstones,
    /// Everything is lost.
    Nothing,
}

/// Why a session is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It belongs to somebody else.
    WrongIdentity,
    /// A newer connection of the same client has opened it before.
    Stale,
}

/// A newer connection has opened the session, or it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced;

/// A session after HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What its connection shows from now on.
    pub generation: u64,
    /// What the client is told.
    pub resolution: Resolution,
}

/// What handling a message leaves behind.
#[derive(Debug, Default)]
pub struct Effect {
    /// The answer, for the direct stream.
    pub answer: Option<EncodedEntry>,
    /// Topic and payload of a publish.
    pub publish: Option<(String, Format, Vec<u8>)>,
}

/// Where a payload was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// In which topic.
    pub topic: String,
    /// In which incarnation of it.
    pub epoch: Epoch,
    /// At which offset.
    pub offset: Offset,
}

/// The memory of all nodes.
#[derive(Debug)]
pub struct Engine {
    sessions: BTreeMap<SessionId, Kept>,
    /// One for each incarnation: PROTOCOL.md, R-3.
    tombstones: BTreeMap<(SessionId, Epoch), Tombstone>,
    topics: BTreeMap<String, Log>,
    /// How often sessions were opened.
    generations: u64,
    random: Random,
    /// Everything that was ever put into topics, for the checks.
    pub history: BTreeMap<Vec<u8>, Vec<Put>>,
    /// Up to where each incarnation of a topic is gone; [`Offset::MAX`]: all of it.
    pub gone: BTreeMap<Epoch, Offset>,
    /// How often each session was lost, for the checks.
    pub losses: BTreeMap<SessionId, Losses>,
    /// How often entries of a direct stream went that the client had not handled.
    pub direct_trims: BTreeMap<SessionId, usize>,
}

impl Engine {
    /// An empty one; its epochs come from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            sessions: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            topics: BTreeMap::new(),
            generations: 0,
            random: Random::new(seed),
            history: BTreeMap::new(),
            gone: BTreeMap::new(),
            losses: BTreeMap::new(),
            direct_trims: BTreeMap::new(),
        }
    }

    fn fresh_epoch(&mut self) -> Epoch {
        Epoch(self.random.bits() | 1)
    }

    /// Opens the session that a HELLO names, for the identity that owns it.
    ///
    /// # Errors
    /// It is somebody else's, or a newer connection came first.
    pub fn open(&mut self, hello: &Hello, identity: &[u8]) -> Result<Opened, Refused> {
        if let Some(kept) = self.sessions.get(&hello.session) {
            if kept.identity != identity {
                return Err(Refused::WrongIdentity);
            }
            let is_late = is_stale(&hello.as_frame(), kept.connection);
            if is_late && !Mutation::AdmitStaleHello.is_on() {
                return Err(Refused::Stale);
            }
        }
        let resolution = self.join(hello, identity);
        let Some(kept) = self.sessions.get_mut(&hello.session) else {
            return Err(Refused::Stale);
        };
        kept.connection = hello.connection;
        self.generations += 1;
        kept.generation = self.generations;
        Ok(Opened { generation: kept.generation, resolution })
    }

    fn join(&mut self, hello: &Hello, identity: &[u8]) -> Resolution {
        let kept = self.sessions.get(&hello.session);
        let record = kept.map(|kept| Record {
            epoch: kept.direct.epoch,
            accepted: kept.accepted,
            head: kept.direct.head(),
        });
        let again = kept.filter(|kept| kept.answers_again(hello));
        let fresh = again.map(|kept| kept.direct.epoch);
        let fresh = fresh.unwrap_or_else(|| self.fresh_epoch());
        let tombstone = self.tombstones.get(&(hello.session, hello.epoch)).copied();
        let resolution = resolve(&hello.as_frame(), record, tombstone, fresh);
        if record.is_none_or(|record| record.epoch != resolution.epoch) {
            self.entomb(&hello.session);
            let kept = Kept {
                accepted: resolution.accepted,
                direct: Log::new(resolution.epoch),
                identity: identity.to_vec(),
                generation: 0,
                connection: 0,
                predecessor: hello.epoch,
                accepted_at_first: resolution.accepted,
            };
            self.sessions.insert(hello.session, kept);
        } else if let Some(kept) = self.sessions.get_mut(&hello.session) {
            if resolution.resumption == Resumption::Resumed {
                kept.direct.trim_through(hello.handled);
            } else {
                kept.accepted = resolution.accepted;
                kept.accepted_at_first = resolution.accepted;
            }
        }
        resolution
    }

    /// Forgets a session but for its tombstone.
    fn entomb(&mut self, session: &SessionId) {
        let Some(kept) = self.sessions.remove(session) else { return };
        if Mutation::BuryTombstone.is_on() {
            self.tombstones.retain(|(of, _), _| of != session);
        }
        let epoch = kept.direct.epoch;
        let stone = Tombstone { epoch, accepted: kept.accepted, head: kept.direct.head() };
        self.tombstones.insert((*session, epoch), stone);
    }

    /// A session's time is over; what is left of it is a tombstone, or nothing.
    pub fn expire(&mut self, session: &SessionId, tombstone: bool) {
        let losses = self.losses.entry(*session).or_default();
        losses.all += 1;
        if tombstone {
            self.entomb(session);
        } else {
            losses.without_tombstone += 1;
            self.forget(session);
        }
    }

    /// Forgets a session and its tombstones.
    pub fn forget(&mut self, session: &SessionId) {
        self.sessions.remove(session);
        self.tombstones.retain(|(of, _), _| of != session);
    }

    /// The engine died.
    pub fn lose(&mut self, keep: Keep) {
        if keep == Keep::Everything {
            return;
        }
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in &sessions {
            self.expire(session, keep == Keep::Tombstones);
        }
        if keep == Keep::Nothing {
            for (session, _) in std::mem::take(&mut self.tombstones).into_keys() {
                self.losses.entry(session).or_default().without_tombstone += 1;
            }
        }
        let topics: Vec<_> = self.topics.keys().cloned().collect();
        topics.iter().for_each(|topic| self.reset_topic(topic));
    }

    /// A message is processed: its number and its effect are kept in one step, if the connection
    /// that had it handled still holds the session. Returns the position of the answer, or 0.
    ///
    /// # Errors
    /// It does not.
    pub fn commit_as(
        &mut self,
        generation: u64,
        session: &SessionId,
        seq: Option<Seq>,
        effect: Effect,
    ) -> Result<Offset, Fenced> {
        if !self.is_current(session, generation) && !Mutation::SkipFencing.is_on() {
            return Err(Fenced);
        }
        if let Some((topic, format, payload)) = effect.publish {
            self.publish(&topic, format, &payload);
        }
        Ok(seq.map_or(0, |seq| self.commit(session, seq, effect.answer)))
    }

    /// Whether the connection of this generation holds the session.
    #[must_use]
    pub fn is_current(&self, session: &SessionId, generation: u64) -> bool {
        self.sessions.get(session).is_some_and(|kept| kept.generation == generation)
    }

    /// Keeps that a message is processed, together with its answer; returns the position of the
    /// answer, or 0.
    pub fn commit(
        &mut self,
        session: &SessionId,
        seq: Seq,
        answer: Option<EncodedEntry>,
    ) -> Offset {
        let Some(kept) = self.sessions.get_mut(session) else { return 0 };
        if !(Mutation::ForgetAccepted.is_on() && seq.is_multiple_of(8)) {
            kept.accepted = seq;
        }
        answer.map_or(0, |answer| kept.direct.append(answer))
    }

    /// The engine goes back to an older backup: what a session had accepted since is forgotten.
    pub fn roll_back(&mut self, session: &SessionId, accepted: Seq) {
        if let Some(kept) = self.sessions.get_mut(session) {
            kept.accepted = accepted;
            let losses = self.losses.entry(*session).or_default();
            losses.all += 1;
            losses.without_tombstone += 1;
        }
    }

    /// The client has handled the direct stream up to `offset`.
    pub fn trim(&mut self, session: &SessionId, offset: Offset) {
        if let Some(kept) = self.sessions.get_mut(session) {
            kept.direct.trim_through(offset);
        }
    }

    /// The direct stream has grown too long: all of it goes, whether handled or not.
    pub fn trim_direct(&mut self, session: &SessionId) {
        if let Some(kept) = self.sessions.get_mut(session) {
            kept.direct.trim_through(Offset::MAX);
            *self.direct_trims.entry(*session).or_default() += 1;
        }
    }

    /// The direct stream of a session.
    pub fn direct(&mut self, session: &SessionId) -> Option<&mut Log> {
        self.sessions.get_mut(session).map(|kept| &mut kept.direct)
    }

    /// A topic, begun if need be.
    pub fn topic(&mut self, name: &str) -> &mut Log {
        let fresh = self.fresh_epoch();
        self.topics.entry(name.into()).or_insert_with(|| Log::new(fresh))
    }

    /// Appends to a topic.
    pub fn publish(&mut self, name: &str, format: Format, payload: &[u8]) {
        let entry = EncodedEntry::new(format, Entry::Message(payload));
        let log = self.topic(name);
        let offset = log.append(entry);
        let put = Put { topic: name.into(), epoch: log.epoch, offset };
        self.history.entry(payload.to_vec()).or_default().push(put);
    }

    /// Forgets all but the newest entries of a topic.
    pub fn trim_topic(&mut self, name: &str, but: u64) {
        let log = self.topic(name);
        log.trim_through(log.head().saturating_sub(but));
        let (epoch, gone) = (log.epoch, log.gone());
        self.gone.insert(epoch, gone);
    }

    /// Begins a topic anew.
    pub fn reset_topic(&mut self, name: &str) {
        if let Some(log) = self.topics.remove(name) {
            self.gone.insert(log.epoch, Offset::MAX);
        }
    }
}
