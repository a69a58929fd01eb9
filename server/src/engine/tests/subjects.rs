//! The engines under test, and how tests speak with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::message::Start;
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Format, Offset};

use crate::engine::memory::MemoryEngine;
use crate::engine::{Bell, Effects, Engine, EngineConfig, Opened, Position, Read, ReadLimit};
use crate::handler::Identity;

/// An engine that has just been made, and what has to stay as long as it is used.
pub(in crate::engine) struct Fresh<E> {
    engine: E,
    _directory: Option<tempfile::TempDir>,
}

impl<E> std::ops::Deref for Fresh<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.engine
    }
}

/// An engine that is held to what all engines have to do.
pub(in crate::engine) trait Subject: Engine + Sized {
    fn fresh(config: EngineConfig) -> Fresh<Self>;
}

impl Subject for MemoryEngine {
    fn fresh(config: EngineConfig) -> Fresh<Self> {
        Fresh { engine: Self::new(config), _directory: None }
    }
}

#[cfg(feature = "disk")]
impl Subject for crate::engine::disk::DiskEngine {
    fn fresh(keep: EngineConfig) -> Fresh<Self> {
        let directory = tempfile::tempdir().unwrap();
        // Next to nothing is held in memory, so that most is read from the disk.
        let config =
            crate::engine::disk::DiskConfig { keep, memory_bytes: 1, ..Default::default() };
        Fresh { engine: Self::open(directory.path(), config).unwrap(), _directory: Some(directory) }
    }
}

pub(in crate::engine) const ALL: ReadLimit = ReadLimit { entries: u64::MAX, bytes: usize::MAX };

/// HELLO of a new connection: each has a higher number than those before.
pub(in crate::engine) fn hello(session: u8, epoch: Epoch) -> Hello {
    static DIALED: AtomicU64 = AtomicU64::new(0);
    Hello {
        session: [session; 16],
        epoch,
        connection: 1 + DIALED.fetch_add(1, Ordering::Relaxed),
        acknowledged: 0,
        restart: 1,
        received: 0,
        handled: 0,
        credentials: Bytes::new(),
    }
}

pub(in crate::engine) fn entry(size: usize) -> EncodedEntry {
    EncodedEntry::new(Format::Binary, Entry::Message(&vec![0; size]))
}

pub(in crate::engine) fn bell() -> Bell {
    Bell::new(Arc::default(), 1)
}

pub(in crate::engine) async fn open<E: Engine>(engine: &E, hello: &Hello) -> Opened<E::Session> {
    engine.open(hello, &Identity::new("alice")).await.unwrap()
}

pub(in crate::engine) async fn accept<E: Engine>(
    engine: &E,
    session: &E::Session,
    seq: u64,
) -> Offset {
    let mut effects = Effects { accepted: Some(seq), ..Effects::default() };
    engine.commit(session, &mut effects).await.unwrap()
}

/// Reads a topic from its beginning; returns what was found and how many entries.
pub(in crate::engine) async fn read<E: Engine>(
    engine: &E,
    topic: &E::Topic,
    after: Offset,
) -> (Read, usize) {
    let Position { epoch, .. } = engine.locate(topic, Start::Last(0)).await.unwrap();
    let mut entries = Vec::new();
    let after = Position { epoch, offset: after };
    let read = read_on(engine, topic, after, &bell(), &mut entries).await;
    (read, entries.len())
}

/// Reads a topic as a connection does: as often as there is more.
pub(in crate::engine) async fn read_on<E: Engine>(
    engine: &E,
    topic: &E::Topic,
    after: Position,
    bell: &Bell,
    entries: &mut Vec<EncodedEntry>,
) -> Read {
    let before = entries.len();
    loop {
        let offset = after.offset + (entries.len() - before) as Offset;
        let after = Position { offset, ..after };
        match engine.read_topic(topic, after, ALL, bell, entries).await.unwrap() {
            Read::More => {}
            read => return read,
        }
    }
}

/// The same for a direct stream.
pub(in crate::engine) async fn read_direct_on<E: Engine>(
    engine: &E,
    session: &E::Session,
    after: Offset,
    entries: &mut Vec<EncodedEntry>,
) -> Read {
    loop {
        let after = after + entries.len() as Offset;
        match engine.read_direct(session, after, ALL, &bell(), entries).await.unwrap() {
            Read::More => {}
            read => return read,
        }
    }
}

/// How many entries a topic keeps.
pub(in crate::engine) async fn kept<E: Engine>(engine: &E, topic: &E::Topic) -> usize {
    let oldest = engine.locate(topic, Start::Last(u64::MAX)).await.unwrap();
    let newest = engine.locate(topic, Start::Last(0)).await.unwrap();
    usize::try_from(newest.offset - oldest.offset).unwrap()
}
