//! The end of a server: asked, granted some time, and in time.

use std::time::{Duration, Instant};

use tautline_protocol::uplink::Uplink;
use tautline_server::Config;

use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::World;

fn graceful(millis: u64) -> Config {
    Config { grace: Duration::from_millis(millis), ..Config::default() }
}

#[tokio::test]
async fn an_idle_server_ends_at_once() {
    let mut world = World::with_config(graceful(60_000)).await;
    world.stop();
    world.ended().await;
}

#[tokio::test]
async fn clients_that_leave_when_asked_end_the_server_early() {
    let mut world = World::with_config(graceful(60_000)).await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    world.stop();
    assert_eq!(raw.hear().await, Heard::GoAway);
    // Until it leaves, it is served.
    raw.say(&[numbered(1, "last words")]).await;
    assert_eq!(raw.hear().await, Heard::Ack(1));
    drop(raw);
    world.ended().await;
}

#[tokio::test]
async fn clients_that_stay_are_hung_up_after_the_grace() {
    let mut world = World::with_config(graceful(50)).await;
    let (raw, _) = Raw::join(world.address, hello(1)).await;
    world.stop();
    assert_eq!(raw.closed().await.0, 4004);
    world.ended().await;
}

#[tokio::test]
async fn a_server_that_ends_takes_no_new_connection() {
    let mut world = World::with_config(graceful(60_000)).await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    world.stop();
    assert_eq!(raw.hear().await, Heard::GoAway);
    assert!(crate::client::dial(world.address).await.is_none());
    drop(raw);
    world.ended().await;
}

#[tokio::test]
async fn nothing_keeps_a_server_beyond_its_time() {
    let mut world = World::with_config(graceful(50)).await;
    // One handler that never ends, one client that does not even read, one that has not joined.
    let (mut stuck, _) = Raw::join(world.address, hello(1)).await;
    stuck.say(&[numbered(1, "wait")]).await;
    world.script.reached_gate().await;
    let (_deaf, _) = Raw::join(world.address, hello(2)).await;
    let mut undecided = Raw::dial(world.address).await;
    undecided.say(&[Uplink::Hello(hello(3))]).await;
    let most = world.server.shut_down_max();
    let began = Instant::now();
    world.stop();
    world.ended().await;
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(50), "{took:?}");
    assert!(took < most + Duration::from_secs(1), "{took:?}, at most {most:?} were stated");
}

#[tokio::test]
async fn a_handler_that_ends_within_the_grace_is_waited_for() {
    let mut world = World::with_config(graceful(60_000)).await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[numbered(1, "wait")]).await;
    world.script.reached_gate().await;
    world.stop();
    assert_eq!(raw.hear().await, Heard::GoAway);
    drop(raw);
    world.script.open_gate();
    let server = world.server.clone();
    world.ended().await;
    assert_eq!(server.connections(), 0);
}
