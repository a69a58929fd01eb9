//! Entries that are damaged while nobody looks: readers get past them, and are told what is missing.

use std::path::Path;

use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::{Epoch, Offset};

use super::damage::database;
use super::{DiskEngine, SyncPolicy, started};
use crate::engine::tests::subjects::{bell, entry, hello, open};
use crate::engine::{Engine, Maker, Opened, Position, Read, ReadLimit};

const ENTRIES: u64 = 20;

/// What each damage does to some of twenty entries, and which of them are left.
const DAMAGES: [(&str, &[u64]); 7] = [
    ("UPDATE entry SET bytes = x'7001' WHERE at = 7", &[7]),
    ("UPDATE entry SET seal = 0 WHERE at = 1", &[1]),
    ("UPDATE entry SET bytes = 'a text' WHERE at = 20", &[20]),
    ("UPDATE entry SET bytes = x'', seal = 'x' WHERE at IN (3, 4, 9)", &[3, 4, 9]),
    ("DELETE FROM entry WHERE at IN (5, 6)", &[5, 6]),
    (
        "UPDATE entry SET seal = 0",
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    ),
    (
        "DELETE FROM entry WHERE at = 8 OR at > 9 AND at < 20",
        &[8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    ),
];

fn damage(directory: &Path, change: &str) {
    assert!(database(directory).execute(change, []).unwrap() > 0);
}

/// Reads to the end as a connection does; returns the positions of what was read.
async fn all(
    mut after: Position,
    mut read: impl AsyncFnMut(Position) -> (Read, u64),
) -> Vec<Offset> {
    let mut found = Vec::new();
    for _ in 0..100 {
        let (read, count) = read(after).await;
        found.extend(after.offset + 1..=after.offset + count);
        after.offset += count;
        match read {
            Read::More => {}
            Read::CaughtUp => {
                assert_eq!(after.offset, ENTRIES, "it has come to the end");
                return found;
            }
            Read::Gap(next) => {
                assert!(next.epoch == after.epoch && next.offset > after.offset, "{next:?}");
                after = next;
            }
        }
    }
    panic!("it reads for ever: {found:?}");
}

fn sound(lost: &[u64]) -> Vec<Offset> {
    (1..=ENTRIES).filter(|at| !lost.contains(at)).collect()
}

async fn read_topic(engine: &DiskEngine, limit: ReadLimit) -> Vec<Offset> {
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    let after =
        engine.locate(&topic, Start::After(Cursor { epoch: Epoch(1), received: 0, handled: 0 }));
    let after = after.await.unwrap();
    all(after, async |after| {
        let mut entries = Vec::new();
        let read = engine.read_topic(&topic, after, limit, &bell(), &mut entries).await.unwrap();
        (read, entries.len() as u64)
    })
    .await
}

// PROTOCOL.md S-11.
#[tokio::test]
async fn readers_of_a_topic_get_past_what_is_damaged() {
    for (change, lost) in DAMAGES {
        let directory = tempfile::tempdir().unwrap();
        let engine = started(directory.path(), SyncPolicy::Always);
        let topic = engine.topic("news", &Maker::Server).await.unwrap();
        for _ in 0..ENTRIES {
            engine.publish(&topic, entry(8)).await.unwrap();
        }
        drop(topic);
        // So that nothing of it is held in memory.
        engine.close().await;
        drop(engine);
        let engine = started(directory.path(), SyncPolicy::Always);
        damage(directory.path(), change);
        for entries in [1, 2, 3, u64::MAX] {
            let limit = ReadLimit { entries, bytes: usize::MAX };
            assert_eq!(
                read_topic(&engine, limit).await,
                sound(lost),
                "{change}, {entries} at once"
            );
        }
        let limit = ReadLimit { entries: u64::MAX, bytes: 1 };
        assert_eq!(read_topic(&engine, limit).await, sound(lost), "{change}, by the byte");
    }
}

// PROTOCOL.md S-11.
#[tokio::test]
async fn a_direct_stream_gets_past_what_is_damaged() {
    for (change, lost) in DAMAGES {
        let directory = tempfile::tempdir().unwrap();
        let engine = started(directory.path(), SyncPolicy::Always);
        let first = open(&engine, &hello(1, Epoch::NONE)).await;
        let epoch = first.resolution.epoch;
        engine.push([1; 16], vec![entry(8); 20]).await.unwrap();
        drop(first);
        engine.close().await;
        drop(engine);
        let engine = started(directory.path(), SyncPolicy::Always);
        damage(directory.path(), change);
        let Opened { session, .. } = open(&engine, &hello(1, epoch)).await;
        let limit = ReadLimit { entries: u64::MAX, bytes: usize::MAX };
        let read = all(Position { epoch, offset: 0 }, async |after| {
            let (mut entries, bell) = (Vec::new(), bell());
            let read = engine.read_direct(&session, after.offset, limit, &bell, &mut entries);
            (read.await.unwrap(), entries.len() as u64)
        });
        assert_eq!(read.await, sound(lost), "{change}");
    }
}
