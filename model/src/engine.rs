//! What the server keeps: the session's record, tombstones, the direct stream and one topic.

use std::collections::{BTreeMap, VecDeque};
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::{Record, Resolution, Resumption, Tombstone, is_stale, resolve};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Offset, Seq, Start};

/// What is left when the server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    Everything,
    /// A tombstone of the session; the topic begins anew.
    Tombstones,
    /// Nothing.
    Nothing,
}

/// A log that is trimmed from the front.
#[derive(Clone, Debug, Hash)]
pub struct Log {
    /// Its incarnation.
    pub epoch: Epoch,
    /// The last entry that is gone.
    pub trimmed: Offset,
    entries: VecDeque<EncodedEntry>,
}

impl Log {
    const fn new(epoch: Epoch) -> Self {
        Self { epoch, trimmed: 0, entries: VecDeque::new() }
    }

    /// The last entry's offset.
    #[must_use]
    pub fn head(&self) -> Offset {
        self.trimmed + self.entries.len() as u64
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends an entry; returns its offset.
    pub fn append(&mut self, entry: EncodedEntry) -> Offset {
        self.entries.push_back(entry);
        self.head()
    }

    /// Forgets every entry up to `offset`.
    pub fn trim_through(&mut self, offset: Offset) {
        while self.trimmed < offset && self.entries.pop_front().is_some() {
            self.trimmed += 1;
        }
    }

    /// The entries behind `after`.
    ///
    /// # Errors
    /// Some of them are gone: carries the offset to go on behind.
    pub fn read(&self, after: Offset) -> Result<Vec<EncodedEntry>, Offset> {
        let skip = after.checked_sub(self.trimmed).ok_or(self.trimmed)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(self.entries.iter().skip(skip).cloned().collect())
    }

    /// The position behind which a subscription that starts so is served.
    #[must_use]
    pub fn position(&self, start: Start) -> Offset {
        match start {
            Start::Last(count) => self.head().saturating_sub(count).max(self.trimmed),
            Start::After(Cursor { epoch, received, .. })
                if epoch == self.epoch && received <= self.head() =>
            {
                received.max(self.trimmed)
            }
            Start::After(_) => self.trimmed,
        }
    }
}

/// The session as it is kept.
#[derive(Clone, Debug, Hash)]
pub struct Kept {
    /// The highest message processed.
    pub accepted: Seq,
    /// The direct stream.
    pub direct: Log,
    /// What the client knew of when this incarnation began, and what was accepted then.
    predecessor: Epoch,
    accepted_at_first: Seq,
    /// The highest connection that has joined.
    connection: u64,
}

impl Kept {
    fn record(&self) -> Record {
        Record { epoch: self.direct.epoch, accepted: self.accepted, head: self.direct.head() }
    }
}

/// The server's memory: as the server's own engine, for one session and one topic.
#[derive(Clone, Debug, Hash)]
pub struct Engine {
    /// The session.
    pub session: Option<Kept>,
    /// The topic.
    pub topic: Log,
    tombstones: BTreeMap<Epoch, Tombstone>,
    epochs: u64,
}

impl Default for Engine {
    fn default() -> Self {
        Self { session: None, topic: Log::new(Epoch(1)), tombstones: BTreeMap::new(), epochs: 1 }
    }
}

impl Engine {
    fn fresh_epoch(&mut self) -> Epoch {
        self.epochs += 1;
        Epoch(self.epochs)
    }

    /// Whether a HELLO was held up for too long.
    #[must_use]
    pub fn refuses(&self, hello: &Hello) -> bool {
        self.session.as_ref().is_some_and(|kept| is_stale(&hello.as_frame(), kept.connection))
    }

    /// Decides what a HELLO gets, and keeps the session from now on.
    pub fn join(&mut self, hello: &Hello) -> Resolution {
        let record = self.session.as_ref().map(Kept::record);
        let tombstone = self.tombstones.get(&hello.epoch).copied();
        // a HELLO that comes again gets the same again.
        let again = self.session.as_ref().filter(|kept| {
            hello.epoch == kept.predecessor && kept.accepted == kept.accepted_at_first
        });
        let fresh = match again {
            Some(kept) => kept.direct.epoch,
            None => self.fresh_epoch(),
        };
        let resolution = resolve(&hello.as_frame(), record, tombstone, fresh);
        match &mut self.session {
            Some(kept) if kept.direct.epoch == resolution.epoch => {
                if resolution.resumption == Resumption::Resumed {
                    kept.direct.trim_through(hello.handled);
                } else {
                    kept.accepted = resolution.accepted;
                    kept.accepted_at_first = resolution.accepted;
                }
            }
            _ => {
                self.bury();
                self.session = Some(Kept {
                    accepted: resolution.accepted,
                    direct: Log::new(resolution.epoch),
                    predecessor: hello.epoch,
                    accepted_at_first: resolution.accepted,
                    connection: 0,
                });
            }
        }
        if let Some(kept) = &mut self.session {
            kept.connection = hello.connection;
        }
        resolution
    }

    /// Forgets the session but for a tombstone.
    fn bury(&mut self) {
        if let Some(kept) = self.session.take() {
            let Record { epoch, accepted, head } = kept.record();
            self.tombstones.insert(epoch, Tombstone { epoch, accepted, head });
        }
    }

    /// The server died.
    pub fn lose(&mut self, keep: Keep) {
        match keep {
            Keep::Everything => return,
            Keep::Tombstones => self.bury(),
            Keep::Nothing => {
                self.session = None;
                self.tombstones.clear();
            }
        }
        self.topic = Log::new(self.fresh_epoch());
    }
}
