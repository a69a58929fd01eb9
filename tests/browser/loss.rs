//! A server that has forgotten the session: told first, and every message gets an outcome.

use super::connect::next;
use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config, Event, Failure, WhenUncertain};
use wasm_bindgen_test::wasm_bindgen_test as test;

async fn lose_with_one_in_flight(
    when_uncertain: WhenUncertain,
) -> (Peer, Client, tautline::Events) {
    let mut peer = Peer::install();
    let config = Config { when_uncertain, ..Config::default() };
    let (client, events) = Client::connect("ws://test/line", config).unwrap();
    peer.accept(0).await;
    client.send_text("in flight").unwrap();
    fake_socket::sleep(5).await;
    peer.cut();
    peer.forget();
    client.send_text("not yet").unwrap();
    peer.accept(1).await;
    peer.run(20).await;
    (peer, client, events)
}

#[test]
async fn by_default_the_uncertain_is_sent_again_and_marked() {
    let (peer, _client, mut events) = lose_with_one_in_flight(WhenUncertain::Resend).await;
    let lost = Event::Lost { accepted_known: false, direct_missing: true };
    assert_eq!(next(&mut events).await, lost);
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: 2 });
    assert_eq!(peer.texts(), ["in flight", "not yet"]);
    let marks: Vec<_> = peer.handled.iter().map(|message| message.possible_duplicate).collect();
    assert_eq!(marks, [true, false]);
}

#[test]
async fn on_request_the_uncertain_fails_instead() {
    let (peer, _client, mut events) = lose_with_one_in_flight(WhenUncertain::Fail).await;
    assert!(matches!(next(&mut events).await, Event::Lost { .. }));
    let failed = Event::Failed { first: 1, last: 1, failure: Failure::OutcomeUnknown };
    assert_eq!(next(&mut events).await, failed);
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: 2 });
    assert_eq!(peer.texts(), ["not yet"]);
}
