//! Whatever the application calls from wherever it is called: it works.

use super::connect::next;
use super::peer::Peer;
use tautline::protocol::Kind;
use tautline::{Client, Config, Event, Format, SendError, State};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn a_reply_sent_from_within_an_event_goes_out() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    for round in 1..=3 {
        peer.push("ping");
        peer.turn();
        assert!(matches!(next(&mut events).await, Event::Message { .. }));
        let id = client.send_text(format!("pong {round}")).unwrap();
        let _ = client.stats();
        peer.run(10).await;
        assert_eq!(next(&mut events).await, Event::Acknowledged { through: id });
    }
    assert_eq!(peer.texts(), ["pong 1", "pong 2", "pong 3"]);
}

#[test]
async fn a_reply_settles_its_request_and_what_was_sent_before() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    let before = client.send_text("before").unwrap();
    let id = client.send(Kind::Request, Format::Text, "", b"echo".to_vec()).unwrap();
    peer.run(20).await;
    let Event::Reply { id: of, payload } = next(&mut events).await else { panic!("no reply") };
    assert_eq!((of, payload.text()), (id, Some("echo")));
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: before });
    assert_eq!(client.stats().unacknowledged, 0);
}

#[test]
async fn closing_from_within_an_event_drains_first() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    peer.push("the end");
    peer.turn();
    assert!(matches!(next(&mut events).await, Event::Message { .. }));
    let last = client.send_text("last words").unwrap();
    client.close(1_000);
    assert_eq!(client.send_text("too late"), Err(SendError::Closed));
    peer.run(20).await;
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: last });
    assert!(matches!(next(&mut events).await, Event::Closed { .. }));
    assert_eq!(client.state(), State::Closed);
    assert_eq!(peer.texts(), ["last words"]);
}
