//! The page's hints, and links that are open but dead.

use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config, State};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn a_black_hole_is_found_and_replaced() {
    let mut peer = Peer::install();
    let (client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    client.send_text("into the void").unwrap();
    // The peer does not take another turn: the socket stays open and says nothing.
    fake_socket::until("a second socket is opened", || fake_socket::count() == 2).await;
    assert_eq!(fake_socket::closed_with(0), 4000);
    assert!(!fake_socket::listens(0), "late events of the dead one reach nobody");
    peer.accept(1).await;
    peer.run(20).await;
    assert_eq!(peer.texts(), ["into the void"]);
}

#[test]
async fn coming_online_ends_the_waiting() {
    let _peer = Peer::install();
    let mut config = Config::default();
    config.backoff.base_ms = 60_000;
    config.backoff.cap_ms = 60_000;
    let (client, _events) = Client::connect("ws://test/line", config).unwrap();
    // The first retry comes soon; it is the second that waits long.
    for socket in 0..2 {
        fake_socket::until("it dials", || fake_socket::count() > socket).await;
        fake_socket::close(socket, 1006);
    }
    fake_socket::sleep(200).await;
    assert_eq!((fake_socket::count(), client.state()), (2, State::Waiting));
    fake_socket::dispatch("online");
    fake_socket::until("it dials again", || fake_socket::count() == 3).await;
}

#[test]
async fn a_page_put_aside_lets_go_and_resumes_when_shown() {
    let mut peer = Peer::install();
    let (client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    fake_socket::page_transition("pagehide", true);
    assert_eq!(fake_socket::closed_with(0), 4007);
    client.send_text("written meanwhile").unwrap();
    fake_socket::sleep(300).await;
    assert_eq!(fake_socket::count(), 1, "it holds no connection while it is aside");
    fake_socket::page_transition("pageshow", true);
    peer.accept(1).await;
    peer.run(20).await;
    assert_eq!(peer.texts(), ["written meanwhile"]);
}

#[test]
async fn a_page_that_is_left_for_good_is_no_hint() {
    let mut peer = Peer::install();
    let (client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    fake_socket::page_transition("pagehide", false);
    assert_eq!((fake_socket::closed_with(0), client.state()), (0, State::Open));
}

#[test]
async fn a_wake_up_probes_at_once() {
    let mut peer = Peer::install();
    let (_client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    fake_socket::sleep(20).await;
    while fake_socket::take(0).is_some() {}
    fake_socket::dispatch("online");
    let ping = fake_socket::take(0).expect("a probe left at once");
    assert_eq!(ping.first(), Some(&0x0a), "PING");
}
