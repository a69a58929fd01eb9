//! What the server keeps: sessions, tombstones and logs, in memory and in a fixed order.

use crate::random::Random;
use std::collections::{BTreeMap, VecDeque};
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::{Record, Resolution, Resumption, Tombstone, resolve};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Offset, Seq, SessionId, Start};

/// A log that is trimmed from the front.
#[derive(Debug)]
pub struct Log {
    /// Its incarnation.
    pub epoch: Epoch,
    first: Offset,
    entries: VecDeque<EncodedEntry>,
}

impl Log {
    const fn new(epoch: Epoch) -> Self {
        Self { epoch, first: 1, entries: VecDeque::new() }
    }

    /// The last entry's offset.
    #[must_use]
    pub fn head(&self) -> Offset {
        self.first - 1 + self.entries.len() as u64
    }

    /// Appends an entry; returns its offset.
    pub fn append(&mut self, entry: EncodedEntry) -> Offset {
        self.entries.push_back(entry);
        self.head()
    }

    /// Forgets every entry up to `offset`.
    pub fn trim_through(&mut self, offset: Offset) {
        while self.first <= offset && self.entries.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// The entries behind `after`; or, if some of them are gone, the offset to go on behind.
    ///
    /// # Errors
    /// Carries that offset.
    pub fn read(&self, after: Offset, count: u64) -> Result<Vec<EncodedEntry>, Offset> {
        if after + 1 < self.first {
            return Err(self.first - 1);
        }
        let skip = usize::try_from(after + 1 - self.first).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(self.entries.iter().skip(skip).take(count).cloned().collect())
    }

    /// The position behind which a subscription that starts so is served.
    #[must_use]
    pub fn position(&self, start: Start) -> Offset {
        let oldest = self.first - 1;
        match start {
            Start::Last(count) => self.head().saturating_sub(count).max(oldest),
            Start::After(Cursor { epoch, received, .. }) if epoch == self.epoch => {
                received.min(self.head()).max(oldest)
            }
            Start::After(_) => oldest,
        }
    }
}

#[derive(Debug)]
struct Kept {
    accepted: Seq,
    direct: Log,
    identity: Vec<u8>,
    /// The client has shown that it knows this incarnation.
    confirmed: bool,
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

/// The server's memory.
#[derive(Debug)]
pub struct Engine {
    sessions: BTreeMap<SessionId, Kept>,
    tombstones: BTreeMap<SessionId, Tombstone>,
    topics: BTreeMap<String, Log>,
    random: Random,
}

impl Engine {
    /// An empty one; its epochs come from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            sessions: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            topics: BTreeMap::new(),
            random: Random::new(seed),
        }
    }

    fn fresh_epoch(&mut self) -> Epoch {
        Epoch(self.random.bits() | 1)
    }

    /// Whether the session is free, or belongs to `identity`.
    #[must_use]
    pub fn may_join(&self, session: &SessionId, identity: &[u8]) -> bool {
        self.sessions.get(session).is_none_or(|kept| kept.identity == identity)
    }

    /// Decides what a HELLO gets, and keeps the session from now on.
    pub fn join(&mut self, hello: &Hello, identity: &[u8]) -> Resolution {
        let fresh = self.fresh_epoch();
        let record = self.sessions.get(&hello.session).map(|kept| Record {
            epoch: kept.direct.epoch,
            accepted: kept.accepted,
            head: kept.direct.head(),
        });
        let tombstone = self.tombstones.get(&hello.session).copied();
        let resolution = resolve(&hello.as_frame(), record, tombstone, fresh);
        if resolution.resumption == Resumption::Resumed {
            if let Some(kept) = self.sessions.get_mut(&hello.session)
                && hello.epoch == resolution.epoch
            {
                kept.direct.trim_through(hello.handled);
                // PROTOCOL.md: a tombstone stays until its successor is known to the client.
                kept.confirmed = true;
                self.tombstones.remove(&hello.session);
            }
        } else {
            self.entomb(&hello.session);
            let kept = Kept {
                accepted: resolution.accepted,
                direct: Log::new(resolution.epoch),
                identity: identity.to_vec(),
                confirmed: false,
            };
            self.sessions.insert(hello.session, kept);
        }
        resolution
    }

    /// Forgets a session but for its tombstone. One that its client never knew leaves none: it
    /// would bury the tombstone of the one that the client does know.
    pub fn entomb(&mut self, session: &SessionId) {
        if let Some(kept) = self.sessions.remove(session)
            && kept.confirmed
        {
            let stone = Tombstone {
                epoch: kept.direct.epoch,
                accepted: kept.accepted,
                head: kept.direct.head(),
            };
            self.tombstones.insert(*session, stone);
        }
    }

    /// Forgets a session and its tombstone.
    pub fn forget(&mut self, session: &SessionId) {
        self.sessions.remove(session);
        self.tombstones.remove(session);
    }

    /// The server died.
    pub fn lose(&mut self, keep: Keep) {
        match keep {
            Keep::Everything => return,
            Keep::Tombstones => {
                let sessions: Vec<_> = self.sessions.keys().copied().collect();
                for session in sessions {
                    self.entomb(&session);
                }
            }
            Keep::Nothing => {
                self.sessions.clear();
                self.tombstones.clear();
            }
        }
        self.topics.clear();
    }

    /// A message is processed: its number, and its answer if it has one, are kept together.
    /// Returns the position of the answer, or 0.
    pub fn commit(
        &mut self,
        session: &SessionId,
        seq: Seq,
        answer: Option<EncodedEntry>,
    ) -> Offset {
        let Some(kept) = self.sessions.get_mut(session) else { return 0 };
        kept.accepted = seq;
        kept.confirmed = true;
        self.tombstones.remove(session);
        answer.map_or(0, |answer| kept.direct.append(answer))
    }

    /// The client has handled the direct stream up to `offset`.
    pub fn trim(&mut self, session: &SessionId, offset: Offset) {
        if let Some(kept) = self.sessions.get_mut(session) {
            kept.direct.trim_through(offset);
            kept.confirmed = true;
            self.tombstones.remove(session);
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

    /// Begins a topic anew.
    pub fn reset_topic(&mut self, name: &str) {
        self.topics.remove(name);
    }
}
