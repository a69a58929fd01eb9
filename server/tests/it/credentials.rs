//! Who may come in, and for how long.

use std::time::Duration;

use tautline_protocol::client::End;
use tautline_protocol::limits::CONNECT_TIMEOUT_MS;
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_protocol::{CloseCode, Start};

use crate::client::{Client, Told};
use crate::raw::{Heard, Raw, hello, numbered};
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
    // Before the client would leave by itself.
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(CONNECT_TIMEOUT_MS - 1_000)).await;
    let (code, reason) = raw.closed().await;
    let expected = "the server took too long over the credentials";
    assert_eq!((code, reason.as_deref()), (4006, Some(expected)));
    world.left_with(0).await;
    // Whoever comes next with the same number finds nothing in the way.
    Raw::join(world.address, hello(1)).await;
}

// PROTOCOL.md S-16.
#[tokio::test]
async fn a_handler_that_does_not_decide_holds_up_nothing_on_a_live_line() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[Uplink::Auth { credentials: b"undecided" }]).await;
    world.script.reached_gate().await;
    raw.say(&[numbered(1, "go on")]).await;
    assert_eq!(raw.hear().await, Heard::Ack(1));
    raw.say(&[Uplink::Subscribe { stream: 1, topic: "news", start: Start::Last(0) }]).await;
    assert!(matches!(raw.hear().await, Heard::Subscribed(..)));
    // The newest count, though nothing was decided on those before.
    raw.say(&[Uplink::Auth { credentials: b"bob" }]).await;
    assert_eq!(raw.closed().await.0, 4301);
}

/// The code of the REFUSE that comes; until then PINGs are answered.
async fn refused_with(raw: &mut Raw) -> u16 {
    loop {
        match raw.hear().await {
            Heard::Refuse(code, _) => return code,
            Heard::Other => raw.say(&[Uplink::Pong { nonce: 0 }]).await,
            other => panic!("unexpected {other:?}"),
        }
    }
}

// PROTOCOL.md S-16.
#[tokio::test]
async fn a_handler_that_never_decides_on_fresh_credentials_ends_the_connection() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[Uplink::Auth { credentials: b"undecided" }]).await;
    world.script.reached_gate().await;
    // The half minute passes at once: nothing else is awaited meanwhile.
    tokio::time::pause();
    assert_eq!(refused_with(&mut raw).await, 4006);
    drop(raw);
    world.left_with(0).await;
}

#[tokio::test]
async fn a_subscription_that_is_never_decided_is_refused_and_holds_up_the_others_no_longer() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    let subscribe = |stream, topic| Uplink::Subscribe { stream, topic, start: Start::Last(0) };
    raw.say(&[subscribe(1, "undecided"), subscribe(2, "news")]).await;
    world.script.reached_gate().await;
    tokio::time::pause();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        match raw.hear().await {
            Heard::Other => raw.say(&[Uplink::Pong { nonce: 0 }]).await,
            answer => heard.push(answer),
        }
    }
    assert_eq!(heard[0], Heard::SubscribeRefused("internal".into()));
    assert!(matches!(heard[1], Heard::Subscribed(..)), "{heard:?}");
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
    assert_eq!(
        refused_with(&mut raw).await,
        4000,
        "it may have slept: its next HELLO shows what it has"
    );
}
