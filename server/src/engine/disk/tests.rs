//! What the disk engine does that no other can: it comes back.

mod damage;
mod health;
mod private;

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tautline_protocol::Start;
use tautline_protocol::resume::Resumption;
use tempfile::TempDir;

use super::{DiskConfig, DiskEngine, SyncPolicy};
use crate::engine::tests::subjects::{accept, entry, hello, kept, open};
use crate::engine::{Effects, Engine, EngineConfig, HANDLED_AHEAD_MAX, Retention};

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
        let topic = engine.topic("news").await.unwrap();
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
            let topic = again.topic("news").await.unwrap();
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
    let topic = engine.topic("news").await.unwrap();
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
        let topic = engine.topic("news").await.unwrap();
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
    let topic = engine.topic("news").await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    assert_eq!(kept(&engine, &topic).await, 10);
    for _ in 0..3 {
        engine.sweep().await;
    }
    engine.close().await;
    assert!(size() < before / 4, "{} of {before} bytes", size());
}

#[tokio::test]
async fn who_asks_for_a_topic_while_it_is_swept_gets_in_line_behind_its_removal() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let before = engine.topic("news").await.unwrap().tail.id;
    let (topics, queue) = (&engine.0.topics, &engine.0.queue);
    let swept = topics.sweep(Duration::ZERO, |unused, aging| {
        assert_eq!(unused.len(), 1);
        // It would have its job in line before the removal is.
        assert!(topics.is_locked(), "who looks for it has to wait");
        queue.sweep(unused, aging)
    });
    let topic = engine.topic("news").await.unwrap();
    assert_ne!(topic.tail.id, before);
    assert_eq!(engine.publish(&topic, entry(1)).await.expect("it is there"), 1);
    swept.await.unwrap().unwrap();
}
