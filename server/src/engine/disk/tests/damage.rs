//! Rows that are damaged while the server runs: who needs one is refused, and nobody else.

use std::path::Path;
use std::pin::pin;

use futures_util::FutureExt;
use rusqlite::Connection;
use tautline_protocol::resume::Resumption;
use tautline_protocol::{Epoch, Start};

use super::{DiskEngine, SyncPolicy, started};
use crate::engine::disk::step::Step;
use crate::engine::tests::subjects::{accept, entry, hello, open, read};
use crate::engine::{Effects, Engine, Maker, Opened, Read};
use crate::handler::Identity;

pub(super) fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("tautline.db")).unwrap()
}

pub(super) fn damage(directory: &Path, change: &str) {
    assert_eq!(database(directory).execute(change, []).unwrap(), 1);
}

/// Has everything go into one commit: the writer is held up until all of it is in line.
pub(super) async fn together<T>(engine: &DiskEngine, jobs: impl Future<Output = T>) -> T {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let mut begin = Some(begin);
    let hold = move |_: &mut Step<'_>| {
        drop(begin.take());
        // Returns when the other end is dropped.
        let _ = released.recv();
        Ok(())
    };
    let held = engine.0.queue.put_unpromised(hold, |(), _, _| {});
    let _ = begun.await;
    let mut jobs = pin!(jobs);
    assert!(jobs.as_mut().now_or_never().is_none(), "they are in line");
    drop(release);
    held.await.unwrap().unwrap();
    jobs.await
}

fn says<E: std::error::Error>(error: Option<E>, what: &str) {
    let told = error.expect("it is refused").to_string();
    assert!(told.contains(what), "{told}");
}

#[tokio::test]
async fn a_tombstone_that_is_damaged_is_refused_alone() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let gone = open(&engine, &hello(1, Epoch::NONE)).await;
    let epoch = gone.resolution.epoch;
    engine.forget(gone.session).await;
    let other = open(&engine, &hello(2, Epoch::NONE)).await.session;
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    damage(directory.path(), "UPDATE tombstone SET accepted = 7");
    for round in 1..=3 {
        let alice = Identity::new("alice");
        let hello = hello(1, epoch);
        let publishes = vec![(topic.clone(), entry(1))];
        let mut effects = Effects { accepted: Some(round), publishes, ..Effects::default() };
        let jobs = async {
            tokio::join!(
                engine.publish(&topic, entry(1)),
                engine.open(&hello, &alice),
                engine.commit(&other, &mut effects),
            )
        };
        let (published, refused, committed) = together(&engine, jobs).await;
        assert_eq!(published.unwrap(), 2 * round - 1);
        says(refused.err(), "damaged: a row of the tombstones is not what was written");
        committed.unwrap();
    }
    assert_eq!(read(&engine, &topic, 0).await, (Read::CaughtUp, 6));
    assert_eq!(open(&engine, &hello(2, Epoch::NONE)).await.doubtful, 0);
    engine.close().await;
    says(engine.publish(&topic, entry(1)).await.err(), "the disk engine is closed");
}

#[tokio::test]
async fn the_end_of_a_session_that_is_damaged_keeps_nobody_from_writing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let Opened { session, .. } = open(&engine, &hello(1, Epoch::NONE)).await;
    let other = open(&engine, &hello(2, Epoch::NONE)).await.session;
    damage(directory.path(), "UPDATE session SET accepted = 7 WHERE hex(id) LIKE '01%'");
    drop(session);
    for seq in 1..=3 {
        accept(&engine, &other, seq).await;
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_commit_that_is_refused_but_a_doubt() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let Opened { session, resolution, .. } = open(&engine, &hello(1, Epoch::NONE)).await;
    let sound = engine.topic("sound", &Maker::Server).await.unwrap();
    let damaged = engine.topic("damaged", &Maker::Server).await.unwrap();
    engine.publish(&damaged, entry(1)).await.unwrap();
    let change =
        "UPDATE log SET bytes = 7 WHERE id = (SELECT log FROM topic WHERE name = 'damaged')";
    damage(directory.path(), change);
    let publishes = vec![(sound.clone(), entry(1)), (damaged, entry(1))];
    let direct = vec![entry(1)];
    let mut effects = Effects { accepted: Some(1), direct, publishes };
    let jobs = async {
        // Whoever waits for it goes away, and the session ends in the same batch.
        let commit = engine.commit(&session, &mut effects).now_or_never();
        assert!(commit.is_none(), "it is in line");
        drop(session);
        engine.publish(&sound, entry(1)).await
    };
    assert_eq!(together(&engine, jobs).await.unwrap(), 1);
    assert_eq!(engine.locate(&sound, Start::Last(9)).await.unwrap().offset, 0);
    let again = open(&engine, &hello(1, resolution.epoch)).await;
    assert_eq!(again.resolution.resumption, Resumption::Resumed);
    assert_eq!((again.resolution.accepted, again.doubtful), (0, 2));
    assert_eq!(engine.push([1; 16], vec![entry(1)]).await.unwrap(), 1, "its stream is empty");
    assert_eq!(read(&engine, &sound, 0).await, (Read::CaughtUp, 1));
}
