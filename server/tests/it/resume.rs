//! Cuts, and what the two ends make of them.

use tautline_protocol::client::{Failure, State};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_protocol::{DIRECT, Kind};
use tautline_server::{EngineConfig, Payload};

use crate::client::{Client, Told};
use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::World;

#[tokio::test]
async fn a_line_cut_again_and_again_loses_and_repeats_nothing() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let mut expected = Vec::new();
    for round in 0..20 {
        let last = (0..50)
            .map(|number| {
                let text = format!("{round}.{number}");
                expected.push(text.clone());
                client.send(&text)
            })
            .last()
            .unwrap();
        // Cut now before anything has left, now behind it, now once some is acknowledged.
        match round % 3 {
            0 => {}
            1 => drop(client.request("under way").await),
            _ => client.acknowledged(last).await,
        }
        client.cut();
        client.opened().await;
    }
    let last = client.send("end");
    expected.push("end".into());
    client.acknowledged(last).await;
    assert_eq!(world.script.seen(), expected);
    assert_eq!(client.machine.stats().connections, 21);
}

#[tokio::test]
async fn what_is_pushed_during_cuts_arrives_once_and_in_order() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let mut seen = Vec::new();
    for round in 0..20u64 {
        for number in 0..50 {
            let text = format!("{round}.{number}");
            world.server.push([1; 16], Payload::text(text)).await.unwrap();
        }
        for _ in 0..round {
            seen.push(client.next(DIRECT).await);
        }
        client.cut();
    }
    while seen.len() < 1_000 {
        seen.push(client.next(DIRECT).await);
    }
    let expected = (0..20).flat_map(|round| (0..50).map(move |number| format!("{round}.{number}")));
    let expected: Vec<_> = (1..).zip(expected).collect();
    assert_eq!(seen, expected);
}

// PROTOCOL.md S-8.
#[tokio::test]
async fn a_reply_on_its_way_at_the_cut_comes_after_it() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let before = client.send("wait");
    let asked = client.message(Kind::Request, "", "question");
    let reached = world.script.reached_gate();
    tokio::select! {
        () = reached => {}
        () = client.acknowledged(before) => panic!("the handler waits"),
    }
    client.cut();
    world.script.open_gate();
    let reply = client.until(|told| match told {
        Told::Reply { id, text } if *id == asked => Some(text.clone()),
        _ => None,
    });
    assert_eq!(reply.await, "re: question");
    assert_eq!(world.script.seen(), ["wait"]);
}

// PROTOCOL.md S-6.
#[tokio::test]
async fn a_duplicate_is_acknowledged_again_and_not_handled() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[numbered(1, "one"), numbered(2, "two")]).await;
    assert_eq!(raw.hear().await, Heard::Ack(2));
    raw.say(&[numbered(1, "one"), numbered(2, "two"), numbered(3, "three")]).await;
    // At once for the duplicates, and once the third is handled.
    let mut acknowledged = 0;
    while acknowledged < 3 {
        match raw.hear().await {
            Heard::Ack(seq) => acknowledged = seq,
            other => panic!("expected ACK, got {other:?}"),
        }
    }
    assert_eq!(world.script.seen(), ["one", "two", "three"]);
}

// PROTOCOL.md F-12, S-6.
#[tokio::test]
async fn a_hole_is_a_violation_and_leaves_the_session_intact() {
    let world = World::start().await;
    let (mut raw, welcome) = Raw::join(world.address, hello(1)).await;
    raw.say(&[numbered(1, "one")]).await;
    assert_eq!(raw.hear().await, Heard::Ack(1));
    raw.say(&[numbered(3, "three")]).await;
    assert_eq!(raw.closed().await.0, 4002);
    let again =
        Hello { epoch: welcome.epoch, connection: 2, acknowledged: 1, restart: 2, ..hello(1) };
    let (_raw, resumed) = Raw::join(world.address, again).await;
    assert_eq!((resumed.resumption, resumed.accepted), (Resumption::Resumed, 1));
    assert_eq!(world.script.seen(), ["one"]);
}

/// Sessions that end with their connection, and what is left of them.
async fn forgetful(tombstones: usize) -> World {
    let session_ttl = std::time::Duration::ZERO;
    World::with_memory(EngineConfig { session_ttl, tombstones, ..EngineConfig::default() }).await
}

/// Has the server handle "wait" without the client hearing of it; returns the client, cut.
async fn cut_before_the_acknowledgement(world: &World, mut client: Client) -> Client {
    client.opened().await;
    let waits = client.send("wait");
    tokio::select! {
        () = world.script.reached_gate() => {}
        () = client.acknowledged(waits) => panic!("the handler waits"),
    }
    client.cut();
    world.script.open_gate();
    world.left_with(0).await;
    client
}

// PROTOCOL.md R-12.
#[tokio::test]
async fn a_lost_session_with_a_tombstone_settles_exactly() {
    let world = forgetful(100).await;
    let mut client = cut_before_the_acknowledgement(&world, Client::new(world.address, 1)).await;
    let lost = client.until(|told| match told {
        Told::Lost { accepted_known, .. } => Some(*accepted_known),
        _ => None,
    });
    assert!(lost.await, "the tombstone says what was accepted");
    let id = client.send("next");
    client.acknowledged(id).await;
    assert_eq!(world.script.seen(), ["wait", "next"], "nothing is sent again");
}

// PROTOCOL.md.
#[tokio::test]
async fn a_lost_session_without_a_tombstone_is_sent_again_and_marked() {
    let world = forgetful(0).await;
    let mut client = cut_before_the_acknowledgement(&world, Client::new(world.address, 1)).await;
    let lost = client.until(|told| match told {
        Told::Lost { accepted_known, .. } => Some(*accepted_known),
        _ => None,
    });
    assert!(!lost.await);
    world.script.open_gate();
    let id = client.send("next");
    client.acknowledged(id).await;
    assert_eq!(world.script.seen(), ["wait", "wait?", "next"]);
}

// PROTOCOL.md R-3.
#[tokio::test]
async fn a_hello_whose_welcome_was_lost_gets_the_same_answer_again() {
    let world = forgetful(100).await;
    let (mut raw, first) = Raw::join(world.address, hello(1)).await;
    raw.say(&[numbered(1, "one")]).await;
    assert_eq!(raw.hear().await, Heard::Ack(1));
    drop(raw);
    let after_loss = |connection| Hello { epoch: first.epoch, connection, ..hello(1) };
    // The session has expired with its connection; each of these finds the tombstone, although
    // the one before has made the session anew and lost it again.
    for connection in 2..5 {
        let (_raw, welcome) = Raw::join(world.address, after_loss(connection)).await;
        assert_eq!(welcome.resumption, Resumption::LostAcceptedKnown);
        assert_eq!((welcome.accepted, welcome.head), (1, 0));
    }
}

// PROTOCOL.md R-4.
#[tokio::test]
async fn what_is_pushed_after_a_lost_welcome_is_not_lost() {
    // There is room for one session only, so that another one's coming is the loss.
    let world = World::with_memory(EngineConfig { sessions: 1, ..EngineConfig::default() }).await;
    let (raw, first) = Raw::join(world.address, hello(1)).await;
    drop(raw);
    world.left_with(0).await;
    drop(Raw::join(world.address, hello(2)).await);
    world.left_with(0).await;
    let again = |connection| Hello { epoch: first.epoch, connection, ..hello(1) };
    let (_second, lost) = Raw::join(world.address, again(2)).await;
    assert_eq!(lost.resumption, Resumption::LostAcceptedKnown);
    world.server.push([1; 16], Payload::text("news")).await.unwrap();
    // As if that WELCOME had not come: the same HELLO takes over, and gets the same incarnation.
    let (mut third, welcome) = Raw::join(world.address, again(3)).await;
    assert_eq!(welcome, lost);
    assert_eq!(third.hear().await, Heard::Entry(1));
}

// PROTOCOL.md R-12.
#[tokio::test]
async fn messages_of_unknown_fate_fail_if_the_client_wants_that() {
    let world = forgetful(0).await;
    let client = Client::failing(world.address, 1);
    let mut client = cut_before_the_acknowledgement(&world, client).await;
    let failed = client.until(|told| match told {
        Told::Failed { first, failure, .. } => Some((*first, *failure)),
        _ => None,
    });
    assert_eq!(failed.await, (1, Failure::OutcomeUnknown));
    client.until(|told| (*told == Told::State(State::Open)).then_some(())).await;
    assert_eq!(world.script.seen(), ["wait"]);
}

// PROTOCOL.md S-1.
#[tokio::test]
async fn nothing_may_come_before_hello_nor_hello_twice() {
    let world = World::start().await;
    let mut raw = Raw::dial(world.address).await;
    raw.say(&[numbered(1, "early")]).await;
    assert_eq!(raw.closed().await.0, 4002);
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[Uplink::Hello(hello(1))]).await;
    assert_eq!(raw.closed().await.0, 4002);
}
