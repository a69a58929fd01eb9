//! Typed messages for Rust applications, as JSON.

use super::connect::next;
use super::peer::Peer;
use serde::{Deserialize, Serialize};
use tautline::protocol::Kind;
use tautline::{Client, Config, Event, Format};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    likes: u32,
}

#[test]
async fn a_typed_request_gets_a_typed_reply() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    let note = Note { text: "typed".into(), likes: 3 };
    let id = client.send_json(Kind::Request, "", &note).unwrap();
    peer.run(20).await;
    assert_eq!(peer.handled[0].format, Format::EncodedText);
    let Event::Reply { id: of, payload } = next(&mut events).await else { panic!("no reply") };
    assert_eq!((of, payload.json::<Note>().unwrap()), (id, note));
}

#[test]
async fn a_payload_of_another_type_is_an_error() {
    let mut peer = Peer::install();
    let (_client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    peer.push("no JSON");
    peer.turn();
    let Event::Message { payload, .. } = next(&mut events).await else { panic!("no message") };
    assert!(payload.json::<Note>().is_err());
}
