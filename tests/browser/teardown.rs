//! What is left behind: nothing.

use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn a_dropped_client_lets_go_of_its_socket() {
    let mut peer = Peer::install();
    let (client, events) = Client::connect("ws://test/line", Config::default());
    peer.accept(0).await;
    assert!(fake_socket::listens(0));
    drop((client, events));
    assert!(!fake_socket::listens(0), "no listener is left");
    assert_ne!(fake_socket::closed_with(0), 0, "it was closed");
    fake_socket::dispatch("online");
    fake_socket::sleep(50).await;
    assert_eq!(fake_socket::count(), 1, "nobody dials any more");
}

#[test]
async fn a_replaced_socket_is_silent_before_the_next_opens() {
    let mut peer = Peer::install();
    let (_client, _events) = Client::connect("ws://test/line", Config::default());
    for socket in 0..5 {
        peer.accept(socket).await;
        peer.cut();
        fake_socket::until("the next is opened", || fake_socket::count() > socket + 1).await;
        assert!(!fake_socket::listens(socket), "socket {socket} still listens");
    }
}

#[test]
async fn a_client_dropped_while_it_waits_never_dials_again() {
    let _peer = Peer::install();
    let (client, events) = Client::connect("ws://test/line", Config::default());
    fake_socket::until("it dials", || fake_socket::count() == 1).await;
    fake_socket::close(0, 1006);
    drop((client, events));
    // The first retry comes within 100 ms, and that may be at once.
    let dialed = fake_socket::count();
    fake_socket::sleep(300).await;
    assert_eq!(fake_socket::count(), dialed);
}
