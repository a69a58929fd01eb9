//! Topics: publishing, reading, history, gaps, many readers and slow ones.

use std::time::Duration;

use tautline_protocol::client::Missing;
use tautline_protocol::message::Cursor;
use tautline_protocol::{Kind, Start, StreamId};
use tautline_server::{EngineConfig, Payload, PostError};

use crate::client::{Client, Told};
use crate::world::World;

async fn publish(world: &World, topic: &str, text: &str) -> u64 {
    world.server.publish(topic, Payload::text(text)).await.unwrap()
}

/// A world whose topics keep only so many entries.
async fn keeping(entries: usize) -> World {
    let mut memory = EngineConfig::default();
    memory.topic.entries = entries;
    World::with_memory(memory).await
}

async fn gap(client: &mut Client, stream: StreamId) -> Missing {
    let gap = client.until(move |told| match told {
        Told::Gap { stream: of, missing } if *of == stream => Some(*missing),
        _ => None,
    });
    gap.await
}

#[tokio::test]
async fn what_one_publishes_all_subscribers_read() {
    let world = World::start().await;
    let mut readers = Vec::new();
    for session in 2..12 {
        let mut reader = Client::open(world.address, session).await;
        let (stream, offset) = reader.subscribe("news", Start::Last(0)).await;
        assert_eq!(offset, 0);
        readers.push((reader, stream));
    }
    let mut publisher = Client::open(world.address, 1).await;
    let id = (0..100).map(|number| publisher.publish("news", &number.to_string())).last().unwrap();
    publisher.acknowledged(id).await;
    for (reader, stream) in &mut readers {
        for number in 0..100 {
            assert_eq!(reader.next(*stream).await, (number + 1, number.to_string()));
        }
    }
}

#[tokio::test]
async fn a_publisher_reads_its_own_topic_too() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    client.publish("news", "mine");
    assert_eq!(client.next(stream).await, (1, "mine".into()));
    assert_eq!(publish(&world, "news", "the application's").await, 2);
    assert_eq!(client.next(stream).await, (2, "the application's".into()));
    client.send("announce");
    assert_eq!(client.next(stream).await, (3, "announced".into()));
}

// PROTOCOL.md S-10.
#[tokio::test]
async fn a_new_reader_gets_as_much_history_as_it_asks_for() {
    let world = World::start().await;
    for number in 1..=10 {
        publish(&world, "news", &number.to_string()).await;
    }
    let mut client = Client::open(world.address, 1).await;
    for (last, offset) in [(0, 10), (3, 7), (10, 0), (1_000, 0)] {
        let (stream, started) = client.subscribe("news", Start::Last(last)).await;
        assert_eq!(started, offset, "the last {last}");
        for number in offset + 1..=10 {
            assert_eq!(client.next(stream).await, (number, number.to_string()));
        }
    }
}

// PROTOCOL.md S-10.
#[tokio::test]
async fn a_reader_carries_on_behind_its_cursor() {
    let world = World::start().await;
    publish(&world, "news", "old").await;
    let mut first = Client::open(world.address, 1).await;
    first.machine.subscribe("news", Start::Last(1)).unwrap();
    let subscribed = first.until(|told| match told {
        Told::Subscribed { epoch, .. } => Some(*epoch),
        _ => None,
    });
    let epoch = subscribed.await;
    publish(&world, "news", "new").await;
    let mut second = Client::open(world.address, 2).await;
    let cursor = Cursor { epoch, received: 1, handled: 1 };
    let (stream, offset) = second.subscribe("news", Start::After(cursor)).await;
    assert_eq!(offset, 1);
    assert_eq!(second.next(stream).await, (2, "new".into()));
}

// PROTOCOL.md S-9.
#[tokio::test]
async fn subscriptions_survive_a_cut() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    for number in 1..=30 {
        publish(&world, "news", &number.to_string()).await;
        if number % 3 == 0 {
            client.cut();
        }
    }
    for number in 1..=30 {
        assert_eq!(client.next(stream).await, (number, number.to_string()));
    }
}

// PROTOCOL.md C-11, S-11.
#[tokio::test]
async fn what_was_trimmed_during_a_cut_is_a_gap() {
    let world = keeping(5).await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    publish(&world, "news", "1").await;
    assert_eq!(client.next(stream).await.0, 1);
    client.cut();
    for number in 2..=20 {
        publish(&world, "news", &number.to_string()).await;
    }
    let missing = Missing { from: 2, to: 15, reset: false };
    assert_eq!(gap(&mut client, stream).await, missing);
    for number in 16..=20 {
        assert_eq!(client.next(stream).await, (number, number.to_string()));
    }
}

#[tokio::test]
async fn a_reader_that_is_too_slow_gets_a_gap_and_holds_up_nobody() {
    let world = keeping(100).await;
    let mut slow = Client::open(world.address, 1).await;
    slow.handles = false;
    let (slow_stream, _) = slow.subscribe("news", Start::Last(0)).await;
    let mut quick = Client::open(world.address, 2).await;
    let (quick_stream, _) = quick.subscribe("news", Start::Last(0)).await;
    // More than the window of a reader that handles nothing, in entries of 60 kB.
    let text = "x".repeat(60_000);
    for number in 1..=200 {
        publish(&world, "news", &text).await;
        assert_eq!(quick.next(quick_stream).await, (number, text.clone()));
    }
    // The answer to a request comes behind everything that was under way.
    let asked = slow.message(Kind::Request, "", "all?");
    let all = slow.all_until(|told| matches!(told, Told::Reply { id, .. } if *id == asked)).await;
    let offsets = all.iter().filter_map(|told| match told {
        Told::Message { offset, .. } => Some(*offset),
        _ => None,
    });
    let last = 1024 * 1024 / 60_004;
    assert_eq!(offsets.collect::<Vec<_>>(), Vec::from_iter(1..=last), "as many as fit the window");
    let missing = Missing { from: last + 1, to: 100, reset: false };
    assert!(all.contains(&Told::Gap { stream: slow_stream, missing }));
    slow.machine.handled(slow_stream, last);
    assert_eq!(slow.next(slow_stream).await.0, 101);
}

// PROTOCOL.md S-12.
#[tokio::test]
async fn an_entry_larger_than_the_window_goes_alone() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    let large = "x".repeat(3 * 1024 * 1024);
    for _ in 0..3 {
        publish(&world, "news", "small").await;
        publish(&world, "news", &large).await;
    }
    for number in 1..=6 {
        let (offset, text) = client.next(stream).await;
        assert_eq!((offset, text.len()), (number, if number % 2 == 0 { large.len() } else { 5 }));
    }
}

#[tokio::test]
async fn topics_keep_no_more_bytes_than_they_may() {
    let mut memory = EngineConfig::default();
    memory.topic.bytes = 1_000;
    let world = World::with_memory(memory).await;
    for _ in 0..100 {
        publish(&world, "news", &"x".repeat(96)).await;
    }
    let mut client = Client::open(world.address, 1).await;
    let (_, offset) = client.subscribe("news", Start::Last(100)).await;
    assert_eq!(offset, 90, "ten entries of 100 bytes are kept");
}

#[tokio::test]
async fn topics_keep_nothing_for_longer_than_they_may() {
    let mut memory = EngineConfig::default();
    memory.topic.age = Some(Duration::ZERO);
    let world = World::with_memory(memory).await;
    publish(&world, "news", "old").await;
    let mut client = Client::open(world.address, 1).await;
    let (_, offset) = client.subscribe("news", Start::Last(100)).await;
    assert_eq!(offset, 1, "its place in the log is not given away again");
}

#[tokio::test]
async fn a_refused_subscription_or_publish_is_told() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    for (topic, expected) in [("secret", "forbidden"), ("panic", "internal")] {
        let stream = client.machine.subscribe(topic, Start::Last(0)).unwrap();
        let refused = client.until(move |told| match told {
            Told::SubscribeRefused { stream: of, code } if *of == stream => Some(code.clone()),
            _ => None,
        });
        assert_eq!(refused.await, expected);
    }
    let id = client.publish("secret", "hello");
    assert_eq!(client.refused(id).await.0, "forbidden");
    assert_eq!(client.machine.stats().connections, 1);
}

#[tokio::test]
async fn a_topic_too_many_is_refused() {
    let memory = EngineConfig { topics: 2, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let mut client = Client::open(world.address, 1).await;
    client.subscribe("one", Start::Last(0)).await;
    let id = client.publish("two", "hello");
    client.acknowledged(id).await;
    let id = client.publish("three", "hello");
    assert_eq!(client.refused(id).await.0, "too-many-topics");
    let stream = client.machine.subscribe("three", Start::Last(0)).unwrap();
    let refused = client.until(move |told| match told {
        Told::SubscribeRefused { stream: of, code } if *of == stream => Some(code.clone()),
        _ => None,
    });
    assert_eq!(refused.await, "too-many-topics");
    let error = world.server.publish("three", Payload::text("hello")).await.unwrap_err();
    assert_eq!(error.to_string(), "the server has no room for another topic");
    let error = world.server.publish("", Payload::text("hello")).await.unwrap_err();
    assert!(matches!(error, PostError::BadTopic { size: 0 }));
    let id = client.publish("two", "still fine");
    client.acknowledged(id).await;
}

#[tokio::test]
async fn one_identity_takes_no_topics_from_others() {
    let memory = EngineConfig { topics_per_identity: 2, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let mut alice = Client::with_name(world.address, 1, "alice");
    for topic in ["one", "two"] {
        let id = alice.publish(topic, "hello");
        alice.acknowledged(id).await;
    }
    // Of whatever session of hers.
    let mut again = Client::with_name(world.address, 2, "alice");
    let id = again.publish("three", "hello");
    let (code, reason) = again.refused(id).await;
    assert_eq!(code, "too-many-topics");
    assert!(reason.starts_with("this identity has made 2 topics"), "{reason}");
    let mut bob = Client::with_name(world.address, 3, "bob");
    for topic in ["one", "three"] {
        let id = bob.publish(topic, "hello");
        bob.acknowledged(id).await;
    }
    assert!(world.server.delete_topic("one").await.unwrap());
    let id = again.publish("four", "hello");
    again.acknowledged(id).await;
}

// PROTOCOL.md C-11, S-11.
#[tokio::test]
async fn a_topic_can_be_deleted_and_goes_on() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    publish(&world, "news", "old").await;
    assert_eq!(client.next(stream).await, (1, "old".into()));
    assert!(world.server.delete_topic("news").await.unwrap());
    assert!(!world.server.delete_topic("news").await.unwrap());
    assert!(world.server.delete_topic("").await.is_err());
    assert!(gap(&mut client, stream).await.reset, "it began anew");
    publish(&world, "news", "new").await;
    assert_eq!(client.next(stream).await, (1, "new".into()));
    assert_eq!(client.machine.stats().connections, 1);
}

// PROTOCOL.md S-10.
#[tokio::test]
async fn who_comes_back_to_a_topic_that_nobody_has_published_to_has_missed_nothing() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    for number in 1..=3 {
        client.cut();
        world.left_with(0).await;
        let told = client.all_until(|told| matches!(told, Told::Subscribed { .. })).await;
        assert!(!told.iter().any(|told| matches!(told, Told::Gap { .. })), "{number}: {told:?}");
    }
    publish(&world, "news", "first").await;
    assert_eq!(client.next(stream).await, (1, "first".into()));
}

// PROTOCOL.md C-29.
#[tokio::test]
async fn nothing_comes_after_unsubscribing() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let (unwanted, _) = client.subscribe("news", Start::Last(0)).await;
    let (wanted, _) = client.subscribe("news", Start::Last(0)).await;
    client.machine.unsubscribe(unwanted);
    client.publish("news", "hello");
    let mut told_unwanted = false;
    client
        .until(|told| {
            told_unwanted |= matches!(told, Told::Message { stream, .. } if *stream == unwanted);
            matches!(told, Told::Message { stream, .. } if *stream == wanted).then_some(())
        })
        .await;
    assert!(!told_unwanted);
}
