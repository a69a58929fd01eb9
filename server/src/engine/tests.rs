//! What engines keep and what they forget, by a clock that tests move: every engine the same.

/// Has every engine run a test.
macro_rules! on_all_engines {
    ($test:ident) => {
        mod $test {
            #[tokio::test(start_paused = true)]
            async fn memory() {
                super::$test::<crate::engine::memory::MemoryEngine>().await;
            }

            #[cfg(feature = "disk")]
            #[tokio::test(start_paused = true)]
            async fn disk() {
                super::$test::<crate::engine::disk::DiskEngine>().await;
            }
        }
    };
}

pub(super) mod subjects;
mod topics;

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tautline_protocol::Epoch;
use tautline_protocol::message::{Cursor, Start};
use tautline_protocol::resume::Resumption;
use tokio::time::advance;

use self::subjects::{
    ALL, Subject, accept, bell, entry, hello, kept, open, read, read_direct_on, read_on,
};
use super::{
    Bell, Effects, EngineConfig, EngineError, Maker, OpenError, Opened, Position, Read, ReadLimit,
    Retention,
};
use crate::handler::Identity;
use crate::mailbox::Mailbox;

// PROTOCOL.md R-3.
on_all_engines!(a_session_outlives_its_connection_for_a_while);
async fn a_session_outlives_its_connection_for_a_while<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let first = open(&*engine, &hello(1, Epoch::NONE)).await;
    let epoch = first.resolution.epoch;
    accept(&*engine, &first.session, 1).await;
    // While it is connected it does not age.
    advance(Duration::from_secs(3_600)).await;
    drop(first);
    advance(Duration::from_secs(299)).await;
    let again = open(&*engine, &hello(1, epoch)).await;
    assert_eq!(again.resolution.resumption, Resumption::Resumed);
    drop(again);
    advance(Duration::from_secs(300)).await;
    let lost = open(&*engine, &hello(1, epoch)).await.resolution;
    assert_eq!((lost.resumption, lost.accepted), (Resumption::LostAcceptedKnown, 1));
    assert_ne!(lost.epoch, epoch);
}

// PROTOCOL.md R-3.
on_all_engines!(a_tombstone_lasts_a_day);
async fn a_tombstone_lasts_a_day<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let first = open(&*engine, &hello(1, Epoch::NONE)).await;
    let epoch = first.resolution.epoch;
    drop(first);
    advance(Duration::from_secs(300)).await;
    engine.sweep().await;
    advance(Duration::from_secs(24 * 3_600 - 1)).await;
    let lost = open(&*engine, &hello(1, epoch)).await.resolution;
    assert_eq!(lost.resumption, Resumption::LostAcceptedKnown);
    advance(Duration::from_secs(1)).await;
    let lost = open(&*engine, &hello(1, epoch)).await.resolution;
    assert_eq!(lost.resumption, Resumption::Lost);
}

on_all_engines!(the_oldest_tombstone_gives_way);
async fn the_oldest_tombstone_gives_way<E: Subject>() {
    let config = EngineConfig { tombstones: 2, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let mut epochs = Vec::new();
    for session in 1..=3 {
        let opened = open(&*engine, &hello(session, Epoch::NONE)).await;
        epochs.push(opened.resolution.epoch);
        engine.forget(opened.session).await;
    }
    let found = [Resumption::Lost, Resumption::LostAcceptedKnown, Resumption::LostAcceptedKnown];
    for ((session, epoch), expected) in (1..).zip(epochs).zip(found) {
        let lost = open(&*engine, &hello(session, epoch)).await.resolution;
        assert_eq!(lost.resumption, expected, "session {session}");
    }
}

// PROTOCOL.md R-2.
on_all_engines!(a_session_that_does_not_overlap_becomes_a_tombstone);
async fn a_session_that_does_not_overlap_becomes_a_tombstone<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let old = open(&*engine, &hello(1, Epoch::NONE)).await;
    let epoch = old.resolution.epoch;
    engine.push([1; 16], vec![entry(1)]).await.unwrap();
    accept(&*engine, &old.session, 1).await;
    // The page has lost what it knew of the session that it names.
    let new = open(&*engine, &hello(1, Epoch::NONE)).await;
    assert_eq!(new.resolution.resumption, Resumption::New);
    assert_eq!(engine.push([1; 16], vec![entry(1)]).await.unwrap(), 1, "a direct stream begins");
    let lost = open(&*engine, &hello(1, epoch)).await.resolution;
    assert_eq!(lost.resumption, Resumption::LostAcceptedKnown);
    assert_eq!((lost.accepted, lost.head), (1, 1));
}

// PROTOCOL.md S-3.
on_all_engines!(a_tombstone_belongs_to_an_identity_too);
async fn a_tombstone_belongs_to_an_identity_too<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let opened = open(&*engine, &hello(1, Epoch::NONE)).await;
    let hello = hello(1, opened.resolution.epoch);
    engine.forget(opened.session).await;
    let refused = engine.open(&hello, &Identity::new("mallory")).await;
    assert!(matches!(refused, Err(OpenError::WrongIdentity)));
}

on_all_engines!(an_older_generation_commits_nothing);
async fn an_older_generation_commits_nothing<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let old = open(&*engine, &hello(1, Epoch::NONE)).await;
    accept(&*engine, &old.session, 1).await;
    let new = open(&*engine, &hello(1, old.resolution.epoch)).await;
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    let mut effects = Effects {
        accepted: Some(2),
        direct: vec![entry(1)],
        publishes: vec![(topic.clone(), entry(1))],
    };
    let fenced = engine.commit(&old.session, &mut effects).await;
    assert!(matches!(fenced, Err(EngineError::Fenced)), "{fenced:?}");
    assert_eq!(read(&*engine, &topic, 0).await, (Read::CaughtUp, 0));
    assert_eq!(accept(&*engine, &new.session, 2).await, 0, "the direct stream is empty");
    // Its end says nothing about the session, which is connected.
    drop(old);
    advance(Duration::from_secs(3_600)).await;
    engine.sweep().await;
    assert_eq!(accept(&*engine, &new.session, 3).await, 0);
}

on_all_engines!(a_direct_stream_is_trimmed_as_it_is_handled_and_bounded_if_it_is_not);
async fn a_direct_stream_is_trimmed_as_it_is_handled_and_bounded_if_it_is_not<E: Subject>() {
    let direct = Retention { entries: 10, bytes: 1_000, age: None };
    let engine = E::fresh(EngineConfig { direct, ..EngineConfig::default() });
    let Opened { session, .. } = open(&*engine, &hello(1, Epoch::NONE)).await;
    let mut entries = Vec::new();
    for (pushed, size, oldest) in [(10, 8, 1), (5, 8, 6), (9, 197, 20)] {
        engine.push([1; 16], vec![entry(size); pushed]).await.unwrap();
        entries.clear();
        let read = read_direct_on(&*engine, &session, 0, &mut entries).await;
        match (read, oldest) {
            (Read::CaughtUp, 1) => {}
            (Read::Gap(Position { offset, .. }), _) => assert_eq!(offset, oldest - 1),
            other => panic!("unexpected {other:?}"),
        }
    }
    engine.trim_direct(&session, 20).await.unwrap();
    entries.clear();
    let read = read_direct_on(&*engine, &session, 20, &mut entries).await;
    assert_eq!((read, entries.len()), (Read::CaughtUp, 4));
    engine.trim_direct(&session, 1_000).await.unwrap();
    assert_eq!(accept(&*engine, &session, 1).await, 24, "its positions go on");
}

on_all_engines!(an_entry_larger_than_a_log_may_be_is_kept_alone);
async fn an_entry_larger_than_a_log_may_be_is_kept_alone<E: Subject>() {
    let mut config = EngineConfig::default();
    config.topic.bytes = 10;
    let engine = E::fresh(config);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    for offset in 1..=3 {
        assert_eq!(engine.publish(&topic, entry(1_000)).await.unwrap(), offset);
        assert_eq!(read(&*engine, &topic, offset - 1).await, (Read::CaughtUp, 1));
    }
}

on_all_engines!(entries_age_even_where_nothing_is_appended);
async fn entries_age_even_where_nothing_is_appended<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    advance(Duration::from_secs(12 * 3_600)).await;
    engine.publish(&topic, entry(1)).await.unwrap();
    advance(Duration::from_secs(12 * 3_600 + 1)).await;
    engine.sweep().await;
    assert!(matches!(read(&*engine, &topic, 0).await.0, Read::Gap(Position { offset: 1, .. })));
    assert_eq!(read(&*engine, &topic, 1).await, (Read::CaughtUp, 1));
}

// PROTOCOL.md S-29.
on_all_engines!(what_could_not_be_heard_of_does_not_age);
async fn what_could_not_be_heard_of_does_not_age<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let first = open(&*engine, &hello(1, Epoch::NONE)).await;
    let epoch = first.resolution.epoch;
    accept(&*engine, &first.session, 1).await;
    drop(first);
    let gone = open(&*engine, &hello(2, Epoch::NONE)).await;
    let tombstone = gone.resolution.epoch;
    engine.forget(gone.session).await;
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    for _ in 0..3 {
        // A day and a half, of which it ran 90 s.
        advance(Duration::from_secs(36 * 3_600)).await;
        engine.slept(Duration::from_secs(36 * 3_600 - 90));
        engine.sweep().await;
    }
    let again = open(&*engine, &hello(1, epoch)).await.resolution;
    assert_eq!((again.resumption, again.accepted), (Resumption::Resumed, 1));
    let lost = open(&*engine, &hello(2, tombstone)).await.resolution;
    assert_eq!(lost.resumption, Resumption::LostAcceptedKnown);
    assert_eq!(read(&*engine, &topic, 0).await, (Read::CaughtUp, 1));
}

// PROTOCOL.md S-10.
on_all_engines!(a_position_that_a_log_does_not_have_begins_it_anew);
async fn a_position_that_a_log_does_not_have_begins_it_anew<E: Subject>() {
    let retention = Retention { entries: 3, bytes: 1_000, age: None };
    let engine = E::fresh(EngineConfig { topic: retention, ..EngineConfig::default() });
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    for _ in 0..5 {
        engine.publish(&topic, entry(1)).await.unwrap();
    }
    let epoch = engine.locate(&topic, Start::Last(0)).await.unwrap().epoch;
    for (received, expected) in
        [(0, 2), (2, 2), (3, 3), (5, 5), (6, 2), (99, 2), (1 << 53, 2), (1 << 63, 2), (u64::MAX, 2)]
    {
        let cursor = Cursor { epoch, received, handled: received };
        let found = engine.locate(&topic, Start::After(cursor)).await.unwrap();
        assert_eq!(found, Position { epoch, offset: expected }, "behind {received}");
    }
}

on_all_engines!(all_logs_together_keep_less_than_twice_what_they_may);
async fn all_logs_together_keep_less_than_twice_what_they_may<E: Subject>() {
    const TOPICS: usize = 50;
    const ENTRY_BYTES: usize = 1_000;
    let config = EngineConfig { log_bytes: 1_000_000, ..EngineConfig::default() };
    let engine = E::fresh(config);
    let Opened { session, .. } = open(&*engine, &hello(1, Epoch::NONE)).await;
    let mut topics = Vec::new();
    for number in 0..TOPICS {
        let topic = engine.topic(&number.to_string(), &Maker::Server).await.unwrap();
        engine.publish(&topic, entry(1)).await.unwrap();
        topics.push(topic);
    }
    let mut most = 0;
    // One after the other takes all that it can get, then again.
    for _ in 0..2 {
        for topic in &topics {
            let publishes = vec![(topic.clone(), entry(ENTRY_BYTES)); 300];
            let mut effects = Effects { publishes, ..Effects::default() };
            engine.commit(&session, &mut effects).await.unwrap();
            let mut all = 0;
            for topic in &topics {
                all += kept(&*engine, topic).await;
            }
            most = most.max(all * ENTRY_BYTES);
        }
    }
    assert!((500_000..2_000_000).contains(&most), "{most} bytes");
    for topic in &topics {
        let kept = kept(&*engine, topic).await;
        assert!(kept >= 1_000_000 / TOPICS / (ENTRY_BYTES + 100) - 1, "{kept} entries");
    }
    // What goes with its log is free again.
    let news = engine.topic("news", &Maker::Server).await.unwrap();
    assert_eq!(kept(&*engine, &news).await, 0);
}

on_all_engines!(entries_of_one_commit_keep_their_order_in_every_topic);
async fn entries_of_one_commit_keep_their_order_in_every_topic<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let Opened { session, .. } = open(&*engine, &hello(1, Epoch::NONE)).await;
    let (a, b) = (
        engine.topic("a", &Maker::Server).await.unwrap(),
        engine.topic("b", &Maker::Server).await.unwrap(),
    );
    let order = [&a, &a, &b, &a, &b, &b, &b];
    let publishes = (1..).zip(order).map(|(size, topic)| (topic.clone(), entry(size))).collect();
    let mut effects = Effects { publishes, ..Effects::default() };
    engine.commit(&session, &mut effects).await.unwrap();
    for (topic, expected) in [(a, &[1, 2, 4][..]), (b, &[3, 5, 6, 7])] {
        let Position { epoch, .. } = engine.locate(&topic, Start::Last(0)).await.unwrap();
        let mut entries = Vec::new();
        let start = Position { epoch, offset: 0 };
        read_on(&*engine, &topic, start, &bell(), &mut entries).await;
        let sizes: Vec<_> = entries.iter().map(|entry| entry.size() - 2).collect();
        assert_eq!(sizes, expected);
    }
}

on_all_engines!(an_append_rings_those_who_wait_and_nobody_else);
async fn an_append_rings_those_who_wait_and_nobody_else<E: Subject>() {
    let engine = E::fresh(EngineConfig::default());
    let (quiet, busy) = (
        engine.topic("quiet", &Maker::Server).await.unwrap(),
        engine.topic("busy", &Maker::Server).await.unwrap(),
    );
    let mailbox = Arc::new(Mailbox::default());
    let start = engine.locate(&busy, Start::Last(0)).await.unwrap();
    let mut entries = Vec::new();
    let mut bells = Vec::new();
    for (stream, topic) in [(1, &quiet), (2, &busy), (3, &busy), (4, &busy)] {
        let bell = Bell::new(mailbox.clone(), stream);
        let after = Position { offset: 0, ..engine.locate(topic, Start::Last(0)).await.unwrap() };
        // Twice, which must not be heard twice.
        for _ in 0..2 {
            let read = read_on(&*engine, topic, after, &bell, &mut entries).await;
            assert_eq!(read, Read::CaughtUp);
        }
        bells.push(bell);
    }
    // The fourth has left, and only that it does not hear any more is checked of it.
    bells.pop();
    let rung = || {
        let mut rung = Vec::new();
        let _ = mailbox.poll(&mut Context::from_waker(Waker::noop()), &mut rung);
        rung
    };
    engine.publish(&busy, entry(1)).await.unwrap();
    engine.publish(&busy, entry(1)).await.unwrap();
    assert_eq!(rung(), [2, 3]);
    // Not until it has caught up again.
    let limit = ReadLimit { entries: 1, ..ALL };
    let more = engine.read_topic(&busy, start, limit, &bells[1], &mut entries).await.unwrap();
    assert_eq!(more, Read::More);
    engine.publish(&busy, entry(1)).await.unwrap();
    assert_eq!(rung(), [0; 0]);
    read_on(&*engine, &busy, start, &bells[1], &mut entries).await;
    engine.publish(&busy, entry(1)).await.unwrap();
    assert_eq!(rung(), [2]);
}
