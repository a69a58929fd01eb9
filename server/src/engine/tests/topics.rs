//! Which topics there are: made on first use, gone when nobody needs them, nobody's alone.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tautline_protocol::message::{Cursor, Start};
use tokio::time::advance;

use super::subjects::{Subject, bell, entry, read, read_on};
use crate::engine::{Bell, EngineConfig, EngineError, Maker, Position, Read};
use crate::mailbox::Mailbox;

on_all_engines!(a_topic_that_nothing_is_published_to_is_gone_with_its_last_reader);
async fn a_topic_that_nothing_is_published_to_is_gone_with_its_last_reader<E: Subject>() {
    let config = EngineConfig { topics: 1, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let topic = engine.topic("one", &Maker::Server).await.unwrap();
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    for _ in 0..3 {
        advance(Duration::from_secs(3_600)).await;
        engine.sweep().await;
        let second = engine.topic("two", &Maker::Server).await;
        assert!(matches!(second, Err(EngineError::TooManyTopics)), "one is read");
    }
    let also = topic.clone();
    drop(topic);
    assert!(engine.topic("two", &Maker::Server).await.is_err(), "and by another, too");
    drop(also);
    for name in ["two", "three", "one"] {
        let topic = engine.topic(name, &Maker::Server).await.expect("there is room at once");
        assert!(!engine.delete_topic(name).await.unwrap(), "there is nothing in it");
        // Who comes back to it has missed nothing, and is told nothing.
        let cursor = Cursor { epoch: before.epoch, received: 0, handled: 0 };
        let after = engine.locate(&topic, Start::After(cursor)).await.unwrap();
        assert_eq!((after == before, after.offset), (name == "one", 0));
    }
}

on_all_engines!(a_topic_that_nobody_needs_any_more_is_removed);
async fn a_topic_that_nobody_needs_any_more_is_removed<E: Subject>() {
    let config = EngineConfig { topics: 1, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let topic = engine.topic("one", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    advance(Duration::from_secs(24 * 3_600 + 1)).await;
    engine.sweep().await;
    assert!(engine.topic("two", &Maker::Server).await.is_err(), "it is read");
    drop(topic);
    advance(Duration::from_secs(3_599)).await;
    engine.sweep().await;
    // Whoever was cut off finds it as it was.
    let topic = engine.topic("one", &Maker::Server).await.unwrap();
    assert_eq!(engine.locate(&topic, Start::Last(0)).await.unwrap(), before);
    engine.sweep().await;
    drop(topic);
    advance(Duration::from_secs(3_600)).await;
    engine.sweep().await;
    drop(engine.topic("two", &Maker::Server).await.expect("there is room again"));
    let topic = engine.topic("one", &Maker::Server).await.unwrap();
    let cursor = Cursor { epoch: before.epoch, received: 1, handled: 1 };
    let after = engine.locate(&topic, Start::After(cursor)).await.unwrap();
    assert_eq!(after.offset, 0, "a cursor of the old incarnation starts anew");
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(engine.publish(&topic, entry(1)).await.unwrap(), 1);
    assert_eq!(read(&*engine, &topic, 0).await, (Read::CaughtUp, 1));
}

on_all_engines!(nobody_takes_all_topics);
async fn nobody_takes_all_topics<E: Subject>() {
    let config = EngineConfig { topics: 8, topics_per_identity: 3, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let (ann, bob) = (Maker::Identity("ann".into()), Maker::Identity("bob".into()));
    let nobody = Maker::Session([1; 16]);
    let all = [(&ann, "this identity"), (&bob, "this identity"), (&nobody, "this session")];
    let mut read = Vec::new();
    for (number, (maker, words)) in all.into_iter().enumerate() {
        // The last one makes room for what it does not publish to.
        let most = if number == 2 { 2 } else { 3 };
        for topic in 0..most {
            let topic = engine.topic(&format!("{number} {topic}"), maker).await.unwrap();
            engine.publish(&topic, entry(1)).await.unwrap();
        }
        if number == 2 {
            let refused = engine.topic("another", maker).await.err().unwrap();
            assert_eq!(refused.to_string(), "the server has no room for another topic");
            assert!(engine.delete_topic("0 0").await.unwrap());
            // It counts while it is read.
            read.push(engine.topic("another", maker).await.unwrap());
        }
        for _ in 0..100 {
            let refused = engine.topic("one more", maker).await.err().unwrap().to_string();
            assert!(refused.starts_with(&format!("{words} has made 3 topics")), "{refused}");
        }
        // Those that are there are everybody's.
        engine.topic(&format!("{number} 1"), &nobody).await.unwrap();
        engine.topic("0 1", maker).await.unwrap();
    }
    assert!(engine.topic("the server's", &Maker::Server).await.is_err(), "all are taken");
    drop(read);
    engine.topic("the server's", &Maker::Server).await.expect("there is room");
    engine.topic("another", &nobody).await.expect("there is room");
}

// PROTOCOL.md S-11.
on_all_engines!(who_reads_a_topic_that_is_deleted_is_told);
async fn who_reads_a_topic_that_is_deleted_is_told<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    for _ in 0..3 {
        engine.publish(&topic, entry(1)).await.unwrap();
    }
    let mailbox = Arc::new(Mailbox::default());
    let waiting = Bell::new(mailbox.clone(), 7);
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    let mut entries = Vec::new();
    assert_eq!(read_on(&*engine, &topic, before, &waiting, &mut entries).await, Read::CaughtUp);
    assert!(engine.delete_topic("news").await.unwrap());
    assert!(!engine.delete_topic("news").await.unwrap(), "there is nothing left");
    assert!(!engine.delete_topic("others").await.unwrap(), "there is no such topic");
    let mut rung = Vec::new();
    let _ = mailbox.poll(&mut Context::from_waker(Waker::noop()), &mut rung);
    assert_eq!(rung, [7]);
    for offset in [0, 1, 3] {
        let after = Position { offset, ..before };
        let told = read_on(&*engine, &topic, after, &bell(), &mut entries).await;
        let Read::Gap(next) = told else { panic!("{told:?}") };
        assert!(next.epoch != before.epoch && next.offset == 0, "{next:?}");
    }
    assert_eq!(engine.publish(&topic, entry(1)).await.unwrap(), 1);
    assert_eq!(read(&*engine, &topic, 0).await, (Read::CaughtUp, 1));
    // Also when nobody holds it in between.
    drop(topic);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    assert_eq!(read(&*engine, &topic, 0).await, (Read::CaughtUp, 1));
}

on_all_engines!(a_topic_in_use_stays_though_it_may_be_unused_for_no_time);
async fn a_topic_in_use_stays_though_it_may_be_unused_for_no_time<E: Subject>() {
    let config = EngineConfig { topic_ttl: Duration::ZERO, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let read_by_one = engine.topic("read", &Maker::Server).await.unwrap();
    drop(engine.topic("unused", &Maker::Server).await.unwrap());
    let written = engine.topic("written", &Maker::Server).await.unwrap();
    engine.publish(&written, entry(1)).await.unwrap();
    drop(written);
    engine.sweep().await;
    assert_eq!(engine.publish(&read_by_one, entry(1)).await.unwrap(), 1);
    let again = engine.topic("read", &Maker::Server).await.unwrap();
    assert_eq!(read(&*engine, &again, 0).await, (Read::CaughtUp, 1));
    let written = engine.topic("written", &Maker::Server).await.unwrap();
    assert_eq!(read(&*engine, &written, 0).await, (Read::CaughtUp, 1));
}

// PROTOCOL.md S-29.
on_all_engines!(a_topic_that_nobody_could_come_back_to_does_not_age);
async fn a_topic_that_nobody_could_come_back_to_does_not_age<E: Subject>() {
    let mut config = EngineConfig::default();
    config.topic.age = Some(Duration::from_secs(1));
    let engine = E::fresh(config);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    let before = engine.locate(&topic, Start::Last(0)).await.unwrap();
    advance(Duration::from_secs(2)).await;
    engine.sweep().await;
    drop(topic);
    for _ in 0..3 {
        advance(Duration::from_secs(2 * 3_600)).await;
        engine.slept(Duration::from_secs(2 * 3_600 - 1));
        engine.sweep().await;
    }
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    assert_eq!(engine.locate(&topic, Start::Last(0)).await.unwrap(), before);
}
