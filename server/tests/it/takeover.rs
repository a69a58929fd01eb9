//! A session that is resumed while its connection before is still there.

use tautline_protocol::downlink::Welcome;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};

use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::World;

/// A HELLO of the session that `welcome` was said to, for a later connection.
fn again(connection: u64, welcome: &Welcome) -> Hello<'static> {
    Hello { connection, epoch: welcome.epoch, ..hello(1) }
}

// PROTOCOL.md S-4.
#[tokio::test]
async fn a_newer_connection_ends_the_one_before() {
    let world = World::start().await;
    let (old, first) = Raw::join(world.address, hello(1)).await;
    let (_new, second) = Raw::join(world.address, again(2, &first)).await;
    assert_eq!(old.closed().await.0, 4300);
    assert_eq!((second.resumption, second.epoch), (Resumption::Resumed, first.epoch));
}

// PROTOCOL.md S-4.
#[tokio::test]
async fn a_running_handler_is_committed_before_the_session_is_resumed() {
    let world = World::start().await;
    let (mut old, welcome) = Raw::join(world.address, hello(1)).await;
    old.say(&[numbered(1, "wait"), numbered(2, "behind")]).await;
    world.script.reached_gate().await;
    let mut new = Raw::dial(world.address).await;
    new.say(&[Uplink::Hello(again(2, &welcome))]).await;
    // It is fenced off at once, though its handler is still running.
    assert_eq!(old.closed().await.0, 4300);
    world.script.open_gate();
    let Heard::Welcome(welcome) = new.hear().await else { panic!("expected WELCOME") };
    assert_eq!(welcome.accepted, 1, "the running message counts, the one behind it does not");
    new.say(&[numbered(2, "behind")]).await;
    assert_eq!(new.hear().await, Heard::Ack(2));
    assert_eq!(world.script.seen(), ["wait", "behind"]);
}

#[tokio::test]
async fn a_handler_outlives_its_connection() {
    let world = World::start().await;
    let (mut old, welcome) = Raw::join(world.address, hello(1)).await;
    old.say(&[numbered(1, "wait")]).await;
    world.script.reached_gate().await;
    drop(old);
    let mut new = Raw::dial(world.address).await;
    new.say(&[Uplink::Hello(again(2, &welcome))]).await;
    world.script.open_gate();
    let Heard::Welcome(welcome) = new.hear().await else { panic!("expected WELCOME") };
    assert_eq!(welcome.accepted, 1);
    assert_eq!(world.script.seen(), ["wait"]);
}

// PROTOCOL.md S-4.
#[tokio::test]
async fn only_the_newest_of_those_that_wait_gets_the_session() {
    let world = World::start().await;
    let (mut first, welcome) = Raw::join(world.address, hello(1)).await;
    first.say(&[numbered(1, "wait")]).await;
    world.script.reached_gate().await;
    let mut second = Raw::dial(world.address).await;
    second.say(&[Uplink::Hello(again(2, &welcome))]).await;
    assert_eq!(first.closed().await.0, 4300);
    let mut third = Raw::dial(world.address).await;
    third.say(&[Uplink::Hello(again(3, &welcome))]).await;
    assert_eq!(second.closed().await.0, 4300, "before it had joined");
    world.script.open_gate();
    let Heard::Welcome(welcome) = third.hear().await else { panic!("expected WELCOME") };
    assert_eq!(welcome.accepted, 1);
}

// PROTOCOL.md S-5.
#[tokio::test]
async fn a_late_hello_does_not_take_over_from_a_newer_connection() {
    let world = World::start().await;
    let (mut new, welcome) = Raw::join(world.address, Hello { connection: 2, ..hello(1) }).await;
    let mut late = Raw::dial(world.address).await;
    late.say(&[Uplink::Hello(again(1, &welcome))]).await;
    assert_eq!(late.closed().await.0, 4005);
    new.say(&[numbered(1, "still here")]).await;
    assert_eq!(new.hear().await, Heard::Ack(1));
}

// PROTOCOL.md S-3.
#[tokio::test]
async fn a_late_hello_does_not_end_a_session_that_is_between_connections() {
    let world = World::start().await;
    let (mut second, welcome) = Raw::join(world.address, Hello { connection: 2, ..hello(1) }).await;
    second.say(&[numbered(1, "kept")]).await;
    assert_eq!(second.hear().await, Heard::Ack(1));
    drop(second);
    world.left_with(0).await;
    // The very first one, which knows of no incarnation: it was under way all the time.
    let mut late = Raw::dial(world.address).await;
    late.say(&[Uplink::Hello(hello(1))]).await;
    assert_eq!(late.closed().await.0, 4005);
    let (_third, resumed) = Raw::join(world.address, again(3, &welcome)).await;
    assert_eq!((resumed.resumption, resumed.accepted), (Resumption::Resumed, 1));
}

#[tokio::test]
async fn another_identity_takes_over_nothing() {
    let world = World::start().await;
    let (mut alice, welcome) = Raw::join(world.address, hello(1)).await;
    let mut mallory = Raw::dial(world.address).await;
    let stolen = Hello { credentials: b"mallory", ..again(2, &welcome) };
    mallory.say(&[Uplink::Hello(stolen)]).await;
    let (code, reason) = mallory.closed().await;
    assert_eq!((code, reason.as_deref()), (4301, Some("the session belongs to another identity")));
    alice.say(&[numbered(1, "still here")]).await;
    assert_eq!(alice.hear().await, Heard::Ack(1));
    // Nor once its connection is gone.
    drop(alice);
    world.left_with(0).await;
    let mut mallory = Raw::dial(world.address).await;
    mallory.say(&[Uplink::Hello(stolen)]).await;
    assert_eq!(mallory.closed().await.0, 4301);
}
