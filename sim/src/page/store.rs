//! What a page keeps when it is loaded anew: the simulator's own store, small and honest, whose every
//! transaction takes its time and may be under way when the page ends.

use super::Page;
use crate::ledger::{Fate, Kept};
use crate::random::Random;
use std::collections::BTreeSet;
use tautline_protocol::client::{Client, MessageId, Saved, State};
use tautline_protocol::message::Cursor;
use tautline_protocol::{DIRECT, Format, Instant};

/// No life of a page opens as many connections.
const CONNECTIONS: u64 = 1 << 20;
/// The slowest transaction of most, and of a busy machine.
const COMMIT_MS: [u64; 4] = [60, 60, 60, 2_000];
/// Once in so many transactions there is no room for what is new.
const FULL: u64 = 24;

/// All that is stored, as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) saved: Saved,
    /// The messages in the outbox.
    pub(crate) messages: Vec<Kept>,
    /// Where the subscriptions were.
    pub(crate) topics: Vec<(String, Cursor)>,
    /// How many direct messages the application had handled, and how many losses it was told.
    pub(crate) direct: usize,
    pub(crate) losses: usize,
}

/// A transaction under way.
#[derive(Debug)]
struct Transaction {
    commits_at: Instant,
    snapshot: Snapshot,
    /// What may be transmitted once it is committed: names of the client's, not of the books.
    through: MessageId,
    /// Messages that there is no room for.
    unstored: Vec<MessageId>,
}

/// The store of one page.
#[derive(Debug)]
pub(crate) struct Store {
    random: Random,
    stored: Snapshot,
    writing: Option<Transaction>,
    /// What was written last, to see what has changed.
    written: Option<(Snapshot, MessageId)>,
    /// Messages that may have been transmitted although there was no room to store them.
    unstored: BTreeSet<MessageId>,
    life: u64,
}

impl Store {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            stored: Snapshot::default(),
            writing: None,
            written: None,
            unstored: BTreeSet::new(),
            life: 0,
        }
    }

    pub(crate) fn commits_at(&self) -> Option<Instant> {
        self.writing.as_ref().map(|writing| writing.commits_at)
    }

    /// The page has ended: what was being written is there in time, or never will be.
    fn crash(&mut self) -> &Snapshot {
        if let Some(writing) = self.writing.take()
            && self.random.one_in(2)
        {
            self.stored = writing.snapshot;
        }
        self.written = None;
        self.life += 1;
        &self.stored
    }

    /// Gives a new client what is stored.
    pub(super) fn restore(&self, client: &mut Client, session: [u8; 16]) {
        let Snapshot { saved, messages, .. } = &self.stored;
        client.restore(session, self.life * CONNECTIONS, saved, messages.len());
    }
}

impl Page {
    /// The client has come to rest: what has changed is written, one transaction after the other.
    pub(super) fn keep(&mut self, now: Instant) {
        // What is left when the line ends is for the next life.
        let has_ended = self.ledger.closed.is_some();
        if has_ended || self.store.as_ref().is_none_or(|store| store.writing.is_some()) {
            return;
        }
        let is_open = self.client.state() == State::Open;
        let mut snapshot = self.snapshot();
        let through = if is_open { self.ledger.newest_id() } else { 0 };
        if is_open {
            snapshot.saved.transmitted = snapshot.messages.len() as u64;
        }
        let Some(store) = &mut self.store else { return };
        if store.written.as_ref() == Some(&(snapshot.clone(), through)) {
            return;
        }
        store.written = Some((snapshot.clone(), through));
        let mut unstored = Vec::new();
        if store.random.one_in(FULL) {
            // The first messages without a hole: those that are stored as they are.
            let stored = &store.stored.messages;
            let is_stored = |kept: &Kept| stored.contains(kept);
            let count = snapshot.messages.iter().take_while(|kept| is_stored(kept)).count();
            unstored = snapshot.messages.drain(count..).map(|kept| kept.name).collect();
        }
        let slowest = COMMIT_MS[store.random.below(4) as usize];
        let commits_at = now.after(store.random.below(slowest));
        store.writing = Some(Transaction { commits_at, snapshot, through, unstored });
    }

    fn snapshot(&self) -> Snapshot {
        let ledger = &self.ledger;
        let topics = ledger.topics.iter().filter(|(stream, _)| ledger.reads(**stream));
        let handled = |stream: u32| {
            let first = self.unhandled.iter().find(|(of, _)| *of == stream);
            first.map(|(_, offset)| offset - 1)
        };
        let topics = topics.filter_map(|(stream, topic)| {
            let cursor = ledger.cursor(*stream)?;
            let received = handled(*stream).unwrap_or(cursor.received);
            Some((topic.clone(), Cursor { received, handled: received, ..cursor }))
        });
        let unhandled = self.unhandled.iter().filter(|(stream, _)| *stream == DIRECT).count();
        Snapshot {
            saved: self.client.saved(),
            messages: ledger.kept(),
            topics: topics.collect(),
            direct: ledger.payloads(DIRECT).len() - unhandled,
            losses: ledger.losses.len(),
        }
    }

    /// Ends a transaction whose time has come; whether there was one.
    pub(super) fn commit(&mut self, now: Instant) -> bool {
        let Some(store) = &mut self.store else { return false };
        let Some(writing) = store.writing.take_if(|writing| writing.commits_at <= now) else {
            return false;
        };
        self.client.release(writing.through, &writing.snapshot.saved);
        store.stored = writing.snapshot;
        if writing.through > 0 {
            store.unstored.extend(writing.unstored);
        }
        true
    }

    /// The page ends, and what its store has begins the next life of the books.
    pub(super) fn begin_life(&mut self) -> Option<Snapshot> {
        let store = self.store.as_mut()?;
        let snapshot = store.crash().clone();
        let unstored = std::mem::take(&mut store.unstored);
        let told = (snapshot.direct, snapshot.saved.direct, snapshot.losses);
        let next = self.ledger.next_life(&snapshot.messages, told, |name| {
            if unstored.contains(&name) { Fate::Abandoned } else { Fate::Forgotten }
        });
        let mut past = std::mem::replace(&mut self.ledger, next);
        past.session = [0; 16];
        self.past.push(past);
        Some(snapshot)
    }

    /// Puts what was stored into a new client.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        if let Some(store) = &self.store {
            store.restore(&mut self.client, self.session);
        }
        for Kept { kind, payload, .. } in &snapshot.messages {
            if let Err(error) = self.client.send(*kind, Format::Text, "room", payload.clone()) {
                self.ledger.violations.push(format!("not restored: {error}"));
            }
        }
    }
}
