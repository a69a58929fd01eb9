//! What the disk engine does that no other can: it comes back.

mod damage;
mod health;
mod private;
mod unreadable;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tautline_protocol::Start;
use tautline_protocol::resume::Resumption;
use tempfile::TempDir;

use super::{DiskConfig, DiskEngine, SyncPolicy};
use crate::engine::tests::subjects::{accept, entry, hello, kept, open, read};
use crate::engine::{
    Effects, Engine, EngineConfig, EngineError, HANDLED_AHEAD_MAX, Maker, Read, Retention,
};

fn started(directory: &Path, sync: SyncPolicy) -> DiskEngine {
    DiskEngine::open(directory, DiskConfig { sync, ..DiskConfig::default() }).unwrap()
}

/// What a server that is killed now would leave.
fn killed(directory: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    left
}

/// As if the machine had been started anew.
fn reboot(directory: &Path) {
    let sql = Connection::open(directory.join("tautline.db")).unwrap();
    sql.execute("UPDATE state SET boot = 'another'", []).unwrap();
}

#[tokio::test]
async fn messages_that_may_have_been_handled_before_a_kill_are_doubtful() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let first = open(&engine, &hello(1, tautline_protocol::Epoch::NONE)).await;
    assert_eq!(first.doubtful, 0);
    accept(&engine, &first.session, 3).await;
    let epoch = first.resolution.epoch;
    let left = killed(directory.path());
    let again = started(left.path(), SyncPolicy::Always);
    let second = open(&again, &hello(1, epoch)).await;
    assert_eq!(second.resolution.resumption, Resumption::Resumed);
    assert_eq!((second.resolution.epoch, second.resolution.accepted), (epoch, 3));
    assert_eq!(second.doubtful, 3 + HANDLED_AHEAD_MAX);
    // One that has left before the end has nothing to doubt.
    drop(first);
    engine.close().await;
    drop(engine);
    let again = started(directory.path(), SyncPolicy::Always);
    assert_eq!(open(&again, &hello(1, epoch)).await.doubtful, 0);
}

#[tokio::test]
async fn what_a_machine_may_have_lost_is_said_to_be_lost() {
    let never = SyncPolicy::Interval(Duration::from_secs(60));
    for (sync, goes_on) in [(SyncPolicy::Always, true), (never, false)] {
        let directory = tempfile::tempdir().unwrap();
        let engine = started(directory.path(), sync);
        let first = open(&engine, &hello(1, tautline_protocol::Epoch::NONE)).await;
        accept(&engine, &first.session, 3).await;
        let topic = engine.topic("news", &Maker::Server).await.unwrap();
        engine.publish(&topic, entry(1)).await.unwrap();
        let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
        // A kill alone loses nothing, whatever the policy.
        for machine_too in [false, true] {
            let left = killed(directory.path());
            if machine_too {
                reboot(left.path());
            }
            let again = started(left.path(), sync);
            let resumption = open(&again, &hello(1, first.resolution.epoch)).await.resolution;
            let topic = again.topic("news", &Maker::Server).await.unwrap();
            let after = again.locate(&topic, Start::Last(0)).await.unwrap();
            assert_eq!(after.offset, 1, "{sync:?}");
            let is_lost = resumption.resumption == Resumption::Lost;
            assert_eq!((is_lost, before.epoch != after.epoch), {
                let lost = machine_too && !goes_on;
                (lost, lost)
            });
        }
    }
}

#[tokio::test]
async fn an_interval_ends_with_everything_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Interval(Duration::from_millis(20)));
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    let synced = || fs::read(directory.path().join("commits")).unwrap();
    let before = synced();
    let waited = async {
        while synced() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("it counts what it synced");
}

#[tokio::test]
async fn room_that_retention_frees_goes_back_to_the_file_system() {
    let topic = Retention { entries: 5_000, bytes: usize::MAX, age: None };
    let keep = EngineConfig { topic, ..EngineConfig::default() };
    let directory = tempfile::tempdir().unwrap();
    let fill = async |engine: &DiskEngine| {
        let session = open(engine, &hello(1, tautline_protocol::Epoch::NONE)).await.session;
        let topic = engine.topic("news", &Maker::Server).await.unwrap();
        let publishes = vec![(topic.clone(), entry(4_000)); 5_000];
        engine.commit(&session, &mut Effects { publishes, ..Effects::default() }).await.unwrap();
        topic
    };
    let engine =
        DiskEngine::open(directory.path(), DiskConfig { keep, ..DiskConfig::default() }).unwrap();
    fill(&engine).await;
    engine.close().await;
    drop(engine);
    let size = || fs::metadata(directory.path().join("tautline.db")).unwrap().len();
    let before = size();
    assert!(before > 20_000_000, "{before} bytes");
    // From now on next to nothing is kept.
    let topic = Retention { entries: 10, bytes: usize::MAX, age: None };
    let keep = EngineConfig { topic, ..EngineConfig::default() };
    let engine =
        DiskEngine::open(directory.path(), DiskConfig { keep, ..DiskConfig::default() }).unwrap();
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    assert_eq!(kept(&engine, &topic).await, 10);
    for _ in 0..3 {
        engine.sweep().await;
    }
    engine.close().await;
    assert!(size() < before / 4, "{} of {before} bytes", size());
}

#[tokio::test(start_paused = true)]
async fn what_is_published_behind_the_removal_of_a_topic_is_in_its_next_incarnation() {
    let topic = Retention { age: Some(Duration::from_secs(1)), ..EngineConfig::default().topic };
    let keep = EngineConfig { topic, topic_ttl: Duration::ZERO, ..EngineConfig::default() };
    let directory = tempfile::tempdir().unwrap();
    let engine =
        DiskEngine::open(directory.path(), DiskConfig { keep, ..DiskConfig::default() }).unwrap();
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    drop(topic);
    tokio::time::advance(Duration::from_secs(2)).await;
    engine.sweep().await;
    let swept = engine.0.topics.sweep(&engine.0.queue);
    assert!(engine.0.topics.find("news").is_none(), "its removal is in line");
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    assert_eq!(engine.publish(&topic, entry(1)).await.unwrap(), 1);
    assert_ne!(engine.locate(&topic, Start::Last(0)).await.unwrap().epoch, before.epoch);
    swept.await;
    assert_eq!(read(&engine, &topic, 0).await, (Read::CaughtUp, 1));
}

#[tokio::test]
async fn a_restart_changes_nothing_about_topics_and_who_has_made_them() {
    let keep = EngineConfig { topics_per_identity: 3, ..EngineConfig::default() };
    let config = DiskConfig { keep, ..DiskConfig::default() };
    let directory = tempfile::tempdir().unwrap();
    let makers = [Maker::Identity("ann".into()), Maker::Session([1; 16])];
    let mut epochs = Vec::new();
    for round in 0..3 {
        let engine = DiskEngine::open(directory.path(), config.clone()).unwrap();
        for maker in &makers {
            // One more in each round, until there are as many as they may make.
            let topic = engine.topic(&format!("{maker} {round}"), maker).await.unwrap();
            engine.publish(&topic, entry(1)).await.unwrap();
        }
        // Nobody has ever published to it, and whoever reads it must not be told that it began anew.
        let quiet = engine.topic("quiet", &Maker::Server).await.unwrap();
        epochs.push(engine.locate(&quiet, Start::Last(0)).await.unwrap());
        engine.close().await;
    }
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    let engine = DiskEngine::open(directory.path(), config).unwrap();
    for maker in &makers {
        let refused = engine.topic("another", maker).await;
        assert!(matches!(refused, Err(EngineError::TooManyTopicsOfOne { most: 3, .. })));
        assert!(engine.delete_topic(&format!("{maker} 0")).await.unwrap());
        engine.topic("another", maker).await.expect("there is room");
    }
}

#[tokio::test]
async fn subscribing_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let topics: Vec<_> = ["a", "b", "c"].map(|name| engine.topic(name, &Maker::Server)).into();
    for topic in topics {
        let topic = topic.await.unwrap();
        assert_eq!(engine.locate(&topic, Start::Last(9)).await.unwrap().offset, 0);
    }
    let sql = Connection::open(directory.path().join("tautline.db")).unwrap();
    let count = |table: &str| -> i64 {
        sql.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("topic"), count("log"), count("maker")), (0, 0, 0));
}

#[tokio::test]
async fn a_deleted_topic_stays_deleted_and_what_comes_in_the_same_commit_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    let jobs = async {
        let deleted = engine.delete_topic("news");
        let published = engine.publish(&topic, entry(2));
        tokio::join!(deleted, published)
    };
    let (deleted, published) = damage::together(&engine, jobs).await;
    assert_eq!((deleted.unwrap(), published.unwrap()), (true, 1));
    let after = engine.locate(&topic, Start::Last(0)).await.unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(read(&engine, &topic, 0).await, (Read::CaughtUp, 1));
    drop(topic);
    engine.close().await;
    drop(engine);
    let engine = started(directory.path(), SyncPolicy::Always);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    assert_eq!(engine.locate(&topic, Start::Last(0)).await.unwrap(), after);
    assert_eq!(read(&engine, &topic, 0).await, (Read::CaughtUp, 1));
    assert!(engine.delete_topic("news").await.unwrap());
    assert!(!engine.delete_topic("news").await.unwrap(), "there is nothing left");
    assert_eq!(read(&engine, &topic, 0).await, (Read::CaughtUp, 0));
}

/// A client may report as often as it likes how far it is: that is one order in line, however long the
/// disk takes.
#[tokio::test]
async fn of_one_session_one_order_to_trim_is_in_line() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let first = open(&engine, &hello(1, tautline_protocol::Epoch::NONE)).await;
    let (begun, waits) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let slow = engine.0.queue.put_unpromised(
        move |_| {
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
            Ok(())
        },
        |(), _, _| {},
    );
    waits.recv().unwrap();
    for through in 1..=1_000 {
        engine.trim_direct(&first.session, through).await.unwrap();
    }
    // Every waiting order has a reference to it: one of the session, and one of a single order.
    assert_eq!(std::sync::Arc::strong_count(&first.session.trim), 2);
    go_on.send(()).unwrap();
    slow.await.unwrap().unwrap();
    accept(&engine, &first.session, 1).await;
    assert_eq!(std::sync::Arc::strong_count(&first.session.trim), 1);
    engine.close().await;
}
