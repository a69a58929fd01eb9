//! The bounds on sessions and connections.

use tautline_protocol::uplink::{Hello, Uplink};
use tautline_server::{Config, EngineConfig, Payload};

use crate::raw::{Raw, hello};
use crate::world::World;

async fn refused(world: &World, hello: Hello<'_>) -> (u16, Option<String>) {
    let mut raw = Raw::dial(world.address).await;
    raw.say(&[Uplink::Hello(hello)]).await;
    raw.closed().await
}

// PROTOCOL.md S-22.
#[tokio::test]
async fn a_server_full_of_connected_sessions_takes_no_more() {
    let memory = EngineConfig { sessions: 2, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let (_one, _) = Raw::join(world.address, hello(1)).await;
    let (_two, _) = Raw::join(world.address, hello(2)).await;
    let (code, reason) = refused(&world, hello(3)).await;
    let expected = "the server has no room for another session";
    assert_eq!((code, reason.as_deref()), (4100, Some(expected)));
}

#[tokio::test]
async fn a_session_without_a_connection_gives_way() {
    let memory = EngineConfig { sessions: 2, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let (one, _) = Raw::join(world.address, hello(1)).await;
    let (_two, _) = Raw::join(world.address, hello(2)).await;
    drop(one);
    world.left_with(1).await;
    let (_three, _) = Raw::join(world.address, hello(3)).await;
    assert!(world.server.push([1; 16], Payload::text("gone")).await.is_err());
    assert!(world.server.push([2; 16], Payload::text("here")).await.is_ok());
}

// PROTOCOL.md S-22.
#[tokio::test]
async fn an_identity_has_a_bound_of_its_own() {
    let memory = EngineConfig { sessions_per_identity: 2, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let (one, _) = Raw::join(world.address, hello(1)).await;
    let (_two, _) = Raw::join(world.address, hello(2)).await;
    assert_eq!(refused(&world, hello(3)).await.0, 4101);
    let bob = Hello { credentials: b"bob", ..hello(4) };
    let (bobs, _) = Raw::join(world.address, bob).await;
    drop(bobs);
    drop(one);
    world.left_with(1).await;
    // The idle one of the same identity gives way, not bob's.
    let (_three, _) = Raw::join(world.address, hello(3)).await;
    assert!(world.server.push([1; 16], Payload::text("gone")).await.is_err());
    assert!(world.server.push([4; 16], Payload::text("here")).await.is_ok());
}

#[tokio::test]
async fn nobody_in_particular_has_no_such_bound() {
    let memory = EngineConfig { sessions_per_identity: 1, ..EngineConfig::default() };
    let world = World::with_memory(memory).await;
    let anonymous = |session| Hello { credentials: b"", ..hello(session) };
    let (_one, _) = Raw::join(world.address, anonymous(1)).await;
    let (_two, _) = Raw::join(world.address, anonymous(2)).await;
}

// PROTOCOL.md S-22.
#[tokio::test]
async fn a_connection_too_many_is_told_why() {
    let config = Config { connections: 2, ..Config::default() };
    let world = World::with_config(config).await;
    let (one, _) = Raw::join(world.address, hello(1)).await;
    let (_two, _) = Raw::join(world.address, hello(2)).await;
    let (code, reason) = Raw::dial(world.address).await.closed().await;
    let expected = "the server has as many connections as it may";
    assert_eq!((code, reason.as_deref()), (4100, Some(expected)));
    drop(one);
    world.left_with(1).await;
    let (_three, _) = Raw::join(world.address, hello(3)).await;
}

// PROTOCOL.md S-22.
#[tokio::test]
async fn an_address_has_a_bound_of_its_own() {
    let config = Config { connections_per_address: 1, ..Config::default() };
    let world = World::with_config(config).await;
    let (_one, _) = Raw::join(world.address, hello(1)).await;
    let (code, reason) = Raw::dial(world.address).await.closed().await;
    let expected = "127.0.0.1 has as many connections as it may";
    assert_eq!((code, reason.as_deref()), (4101, Some(expected)));
}
