//! Who may come in, and for how long.

use std::time::Duration;

use tautline_protocol::CloseCode;
use tautline_protocol::client::End;
use tautline_protocol::uplink::{Hello, Uplink};

use crate::client::{Client, Told};
use crate::raw::{Heard, Raw, hello};
use crate::world::World;

// PROTOCOL.md C-22, S-3.
#[tokio::test]
async fn refused_credentials_end_the_line_with_the_reason() {
    let world = World::start().await;
    let mut client = Client::with_name(world.address, 1, "nobody");
    let (end, reason) = client.closed().await;
    assert_eq!(end, End::Unauthorized(CloseCode::UNAUTHORIZED));
    assert_eq!(reason, "nobody may not come in");
}

#[tokio::test]
async fn a_panic_over_credentials_is_an_internal_error() {
    let world = World::start().await;
    let mut raw = Raw::dial(world.address).await;
    let panics = Hello { credentials: b"panic", ..hello(1) };
    raw.say(&[Uplink::Hello(panics)]).await;
    assert_eq!(raw.closed().await.0, 4006);
}

// PROTOCOL.md S-35.
#[tokio::test]
async fn a_handler_that_does_not_decide_is_not_waited_for() {
    let world = World::start().await;
    let mut raw = Raw::dial(world.address).await;
    raw.say(&[Uplink::Hello(Hello { credentials: b"undecided", ..hello(1) })]).await;
    world.script.reached_gate().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    let (code, reason) = raw.closed().await;
    let expected = "the server took too long to open the session";
    assert_eq!((code, reason.as_deref()), (4006, Some(expected)));
}

#[tokio::test]
async fn credentials_that_run_out_are_renewed_on_the_live_line() {
    let world = World::start().await;
    let mut client = Client::with_name(world.address, 1, "alice 1");
    client.opened().await;
    for _ in 0..3 {
        client.until(|told| (*told == Told::Asked).then_some(())).await;
    }
    assert_eq!(client.request("who").await, "alice");
    assert_eq!(client.machine.stats().connections, 1);
}

// PROTOCOL.md S-16.
#[tokio::test]
async fn fresh_credentials_that_are_refused_end_the_connection() {
    let world = World::start().await;
    let fleeting = Hello { credentials: b"alice 1", ..hello(1) };
    let (mut raw, _) = Raw::join(world.address, fleeting).await;
    assert_eq!(raw.hear().await, Heard::Auth);
    raw.say(&[Uplink::Auth { credentials: b"nobody" }]).await;
    let (code, reason) = raw.closed().await;
    assert_eq!((code, reason.as_deref()), (4200, Some("nobody may not come in")));
}

// PROTOCOL.md S-16.
#[tokio::test]
async fn fresh_credentials_of_somebody_else_end_the_line() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[Uplink::Auth { credentials: b"bob" }]).await;
    assert_eq!(raw.closed().await.0, 4301);
}

// PROTOCOL.md S-16.
#[tokio::test]
async fn credentials_that_are_not_renewed_in_time_end_the_connection() {
    let world = World::start().await;
    let fleeting = Hello { credentials: b"alice 1", ..hello(1) };
    let (mut raw, _) = Raw::join(world.address, fleeting).await;
    assert_eq!(raw.hear().await, Heard::Auth);
    // The half minute that the client has passes at once: nothing else is awaited meanwhile.
    tokio::time::pause();
    let mut code = 0;
    while code == 0 {
        match raw.hear().await {
            Heard::Refuse(refused, _) => code = refused,
            Heard::Other => raw.say(&[Uplink::Pong { nonce: 0 }]).await,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(code, 4000, "it may have slept: its next HELLO shows what it has");
}
