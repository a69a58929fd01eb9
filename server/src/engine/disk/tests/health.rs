//! Whoever watches the engine is told what is wrong with it, for as long as it is.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Error::SqliteFailure;
use rusqlite::ffi;
use tautline_protocol::Start;

use super::damage::damage;
use super::{DiskConfig, DiskEngine, SyncPolicy, started};
use crate::engine::Engine;
use crate::engine::disk::writer::{Writer, explain, sync_failure};
use crate::engine::disk::{start, step::Step};
use crate::engine::tests::subjects::{ALL, bell, entry};
use crate::engine::{Maker, Position, Read};

#[track_caller]
fn says(engine: &DiskEngine, what: &str) {
    let told = engine.health().expect_err("it is not well");
    assert!(told.contains(what), "{told}");
}

/// A writer on a new directory, without a thread of its own.
fn writer(directory: &Path) -> Writer {
    let config = DiskConfig::default();
    let begun = start::start(directory, &config, 0).unwrap();
    Writer::new(begun.sql, begun.directory, config, HashMap::new()).unwrap()
}

#[tokio::test]
async fn an_engine_that_is_closed_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    engine.health().unwrap();
    engine.close().await;
    says(&engine, "the disk engine is closed");
}

#[tokio::test]
async fn so_does_one_whose_writer_has_panicked() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let fail = |_: &mut Step<'_>| -> rusqlite::Result<()> { panic!("as the test wants it") };
    engine.0.queue.put(0, fail, |(), _, _| {}).await.unwrap_err();
    // Its thread may still be on the way to its end.
    let ended = async {
        while engine.health().is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it says so");
    says(&engine, "the disk engine is closed");
}

#[tokio::test]
async fn a_row_that_is_damaged_is_told_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    damage(directory.path(), "UPDATE log SET bytes = 7");
    engine.publish(&topic, entry(1)).await.unwrap_err();
    says(&engine, "the database is damaged");
    let another = engine.topic("another", &Maker::Server).await.unwrap();
    engine.publish(&another, entry(1)).await.unwrap();
    says(&engine, "the database is damaged");
}

#[tokio::test]
async fn so_is_an_entry_that_a_reader_comes_upon() {
    let directory = tempfile::tempdir().unwrap();
    let config = DiskConfig { memory_bytes: 1, ..DiskConfig::default() };
    let engine = DiskEngine::open(directory.path(), config).unwrap();
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    for _ in 0..3 {
        engine.publish(&topic, entry(1)).await.unwrap();
    }
    damage(directory.path(), "UPDATE entry SET bytes = x'7001' WHERE at = 1");
    let epoch = engine.locate(&topic, Start::Last(9)).await.unwrap().epoch;
    let mut found = Vec::new();
    // What becomes of the reader is another matter.
    let _: Result<Read, _> =
        engine.read_topic(&topic, Position { epoch, offset: 0 }, ALL, &bell(), &mut found).await;
    says(&engine, "entry 1 of log");
}

#[test]
fn a_disk_that_could_not_sync_is_told_until_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let health = writer.health();
    health.check().unwrap();
    let error = sync_failure();
    writer.failed(&error, &explain(&error), 0);
    writer.write(Vec::new());
    assert!(health.check().unwrap_err().contains("could not sync"));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_until_there_is_room_for_what_had_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let health = writer.health();
    let error = SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
    writer.failed(&error, &explain(&error), 100_000);
    // Something small finds room in what the store has.
    writer.write(Vec::new());
    assert!(health.check().unwrap_err().contains("the disk is full"));
    // Later it is tried whether there is enough, too.
    fs::create_dir(directory.path().join("room")).unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    writer.write(Vec::new());
    assert!(health.check().unwrap_err().contains("the disk is full"));
    fs::remove_dir(directory.path().join("room")).unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    writer.write(Vec::new());
    health.check().unwrap();
}

#[tokio::test]
async fn looking_for_room_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let config = DiskConfig::default();
    let begun = start::start(directory.path(), &config, 0).unwrap();
    begun.directory.has_room(1_000_000).unwrap();
    assert!(!directory.path().join("room").exists());
    // Nor what a server has left that was killed meanwhile.
    drop(begun);
    fs::write(directory.path().join("room"), "left").unwrap();
    drop(started(directory.path(), SyncPolicy::Always));
    assert!(!directory.path().join("room").exists());
}

/// A log that cannot be written, and does not take that well.
struct Broken;

impl tracing::Subscriber for Broken {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("as the test wants it");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_log_that_panics_does_not_end_the_writer() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let health = writer.health();
    let error = SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
    tracing::subscriber::with_default(Broken, || {
        writer.failed(&error, &explain(&error), 0);
        health.check().unwrap_err();
        writer.write(Vec::new());
    });
    health.check().unwrap();
}
