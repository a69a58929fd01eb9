//! Once and in order, over cuts, both ways.

use super::connect::next;
use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config, Event, Start};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn sends_of_one_turn_share_a_packet() {
    let mut peer = Peer::install();
    let (client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    for n in 0..100 {
        client.send_text(n.to_string()).unwrap();
    }
    fake_socket::sleep(1).await;
    assert!(fake_socket::take(0).is_some(), "one packet left");
    assert!(fake_socket::take(0).is_none(), "and no second one");
}

#[test]
async fn a_burst_survives_a_cut_in_its_middle() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    let mut last = 0;
    for n in 0..50 {
        last = client.send_text(n.to_string()).unwrap();
        if n == 20 {
            fake_socket::sleep(1).await;
            peer.turn();
        }
        if n == 40 {
            fake_socket::sleep(1).await;
            // What left meanwhile is lost with the connection.
            peer.cut();
        }
    }
    peer.accept(1).await;
    peer.run(50).await;
    let expected: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(peer.texts(), expected);
    while next(&mut events).await != (Event::Acknowledged { through: last }) {}
    assert!(client.stats().retransmitted > 0, "something had to go twice");
}

#[test]
async fn pushes_survive_a_cut_and_come_once() {
    let mut peer = Peer::install();
    let (_client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    peer.push("one");
    peer.turn();
    peer.cut();
    peer.push("two");
    peer.accept(1).await;
    peer.push("three");
    peer.run(20).await;
    for (position, text) in [(1, "one"), (2, "two"), (3, "three")] {
        let Event::Message { stream: 0, offset, payload } = next(&mut events).await else {
            panic!("expected message {position}");
        };
        assert_eq!((offset, payload.text()), (position, Some(text)));
    }
}

// PROTOCOL.md C-29.
#[test]
async fn nothing_of_a_stream_comes_after_it_was_ended_even_if_it_waits_already() {
    let mut peer = Peer::install();
    peer.has_topic();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    let [ended, other] = [(); 2].map(|()| client.subscribe("news", Start::Last(9)).unwrap());
    peer.accept(0).await;
    for text in ["1", "2", "3"] {
        peer.publish(text);
    }
    peer.run(20).await;
    assert!(matches!(next(&mut events).await, Event::Subscribed { .. }));
    client.unsubscribe(ended);
    peer.push("a direct message");
    client.unsubscribe(0);
    peer.run(20).await;
    let mut read = Vec::new();
    while read.len() < 4 {
        if let Event::Message { stream, payload, .. } = next(&mut events).await {
            read.push((stream, payload.text().unwrap().to_owned()));
        }
    }
    let expected = [(other, "1"), (other, "2"), (other, "3"), (0, "a direct message")];
    assert_eq!(read, expected.map(|(stream, text)| (stream, text.to_owned())));
}
