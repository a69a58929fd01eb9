//! Messages on a line that nobody disturbs.

use tautline_protocol::client::End;
use tautline_protocol::{DIRECT, Format, Kind};
use tautline_server::{Config, Payload, PostError};

use crate::client::Client;
use crate::world::World;

// PROTOCOL.md S-7.
#[tokio::test]
async fn a_message_is_acknowledged_after_the_handler_has_seen_it() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    let id = client.send("hello");
    client.acknowledged(id).await;
    assert_eq!(world.script.seen(), ["hello"]);
}

// PROTOCOL.md C-4, S-7.
#[tokio::test]
async fn many_messages_are_handled_once_and_in_order() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let texts: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let last = texts.iter().map(|text| client.send(text)).last().unwrap();
    client.acknowledged(last).await;
    assert_eq!(world.script.seen(), texts);
}

#[tokio::test]
async fn a_request_gets_its_reply() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    assert_eq!(client.request("question").await, "re: question");
    assert_eq!(client.request("who").await, "alice");
}

#[tokio::test]
async fn a_refusal_names_its_message_and_the_line_lives_on() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    client.send("before");
    let refused = client.send("refuse");
    let after = client.send("after");
    assert_eq!(client.refused(refused).await, ("no".into(), "as asked for".into()));
    client.acknowledged(after).await;
    assert_eq!(world.script.seen(), ["before", "refuse", "after"]);
    assert_eq!(client.machine.stats().connections, 1);
}

#[tokio::test]
async fn a_panic_in_the_handler_refuses_its_message_alone() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    let panics = client.send("panic");
    let after = client.send("after");
    assert_eq!(client.refused(panics).await.0, "internal");
    client.acknowledged(after).await;
    assert_eq!(client.machine.stats().connections, 1);
    assert_eq!(world.script.seen(), ["panic", "after"]);
}

#[tokio::test]
async fn a_reply_that_no_client_could_take_becomes_a_refusal() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    let id = client.message(Kind::Request, "", "huge");
    assert_eq!(client.refused(id).await.0, "internal");
    assert_eq!(client.request("fine").await, "re: fine");
    assert_eq!(client.machine.stats().connections, 1);
}

#[tokio::test]
async fn a_waiting_handler_holds_up_its_session_and_no_other() {
    let world = World::start().await;
    let mut waiting = Client::new(world.address, 1);
    let before = waiting.send("before");
    waiting.send("wait");
    let after = waiting.send("after");
    // What was handled before the wait is acknowledged although the wait goes on.
    waiting.acknowledged(before).await;
    world.script.reached_gate().await;
    let mut other = Client::new(world.address, 2);
    assert_eq!(other.request("question").await, "re: question");
    assert_eq!(world.script.seen(), ["before", "wait"]);
    world.script.open_gate();
    waiting.acknowledged(after).await;
    assert_eq!(world.script.seen(), ["before", "wait", "after"]);
}

#[tokio::test]
async fn a_handler_sends_along_with_accepting_or_not_at_all() {
    let world = World::start().await;
    let mut client = Client::new(world.address, 1);
    let refused = client.send("push and refuse");
    client.refused(refused).await;
    client.send("push");
    assert_eq!(client.next(DIRECT).await, (2, "pushed".into()), "the refusal was entry 1");
}

// PROTOCOL.md S-8.
#[tokio::test]
async fn a_reader_that_is_full_still_gets_its_messages_acknowledged() {
    let mut config = Config::default();
    config.session.stream_window_entries = 2;
    let world = World::with_config(config).await;
    let mut client = Client::open(world.address, 1).await;
    client.handles = false;
    for text in ["one", "two", "three"] {
        world.server.push([1; 16], Payload::text(text)).await.unwrap();
    }
    assert_eq!(client.next(DIRECT).await, (1, "one".into()));
    assert_eq!(client.next(DIRECT).await, (2, "two".into()));
    // An application that handles the second only after this is confirmed waits for no third.
    let id = client.send("while handling");
    client.acknowledged(id).await;
}

#[tokio::test]
async fn the_application_pushes_to_a_session_connected_or_not() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    let push = |text: &str| world.server.push([1; 16], Payload::text(text));
    assert_eq!(push("one").await.unwrap(), 1);
    assert_eq!(client.next(DIRECT).await, (1, "one".into()));
    client.cut();
    assert_eq!(push("two").await.unwrap(), 2);
    assert_eq!(client.next(DIRECT).await, (2, "two".into()));
    let unknown = world.server.push([9; 16], Payload::text("nobody")).await;
    assert_eq!(unknown.unwrap_err().to_string(), "there is no such session");
    let large = world.server.push([1; 16], Payload::binary(vec![0; 17 << 20])).await;
    assert!(matches!(large, Err(PostError::TooLarge { size }) if size == 17 << 20));
}

// PROTOCOL.md C-9, S-19.
#[tokio::test]
async fn volatile_messages_are_handled_in_line_and_not_acknowledged() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    client.machine.send_volatile(Format::Text, None, b"volatile").unwrap();
    client.machine.send_volatile(Format::Text, None, b"refuse").unwrap();
    let id = client.send("numbered");
    client.acknowledged(id).await;
    let mut seen = world.script.seen();
    seen.sort();
    assert_eq!(seen, ["numbered", "refuse", "volatile"]);
    assert_eq!(client.machine.stats().settled, 1);
}

// PROTOCOL.md C-26, S-17.
#[tokio::test]
async fn goodbye_ends_the_session() {
    let world = World::start().await;
    let mut client = Client::open(world.address, 1).await;
    client.send("last words");
    client.machine.close(10_000);
    assert_eq!(client.closed().await.0, End::Requested);
    assert_eq!(world.script.seen(), ["last words"]);
    let gone = async {
        while world.server.push([1; 16], Payload::text("anyone?")).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    crate::world::soon(gone).await;
}
