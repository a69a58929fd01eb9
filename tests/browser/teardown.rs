//! What is left behind: nothing.

use super::connect::next;
use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config, End, Event};
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
async fn a_dropped_client_lets_go_of_its_socket() {
    let mut peer = Peer::install();
    let (client, events) = Client::connect("ws://test/line", Config::default()).unwrap();
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
    let (_client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
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
    let (client, events) = Client::connect("ws://test/line", Config::default()).unwrap();
    fake_socket::until("it dials", || fake_socket::count() == 1).await;
    fake_socket::close(0, 1006);
    drop((client, events));
    // The first retry comes within 100 ms, and that may be at once.
    let dialed = fake_socket::count();
    fake_socket::sleep(300).await;
    assert_eq!(fake_socket::count(), dialed);
}

#[test]
async fn a_line_dropped_in_the_turn_of_a_command_throws_nothing_in_the_page() {
    let mut peer = Peer::install();
    fake_socket::errors();
    drop(Client::connect("ws://test/line", Config::default()).unwrap());
    let (client, events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    client.send_text("never mind").unwrap();
    drop((client, events));
    let (client, events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(1).await;
    client.unsubscribe(7);
    drop((events, client));
    fake_socket::sleep(50).await;
    assert_eq!(fake_socket::errors(), "");
    assert!(!fake_socket::listens(0) && !fake_socket::listens(1));
}

#[test]
async fn a_line_that_was_closed_delivers_what_it_took_though_nobody_holds_it() {
    let mut peer = Peer::install();
    let (client, events) = Client::connect("ws://test/line", Config::default()).unwrap();
    client.send_text("last words").unwrap();
    client.close(5_000);
    drop((client, events));
    peer.accept(0).await;
    peer.run(30).await;
    assert_eq!(peer.texts(), ["last words"]);
    assert_eq!(fake_socket::closed_with(0), 1000);
    assert!(!fake_socket::listens(0), "nothing is left of it");
}

#[test]
async fn dropping_the_client_alone_ends_the_line_and_tells_the_reader() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    let id = client.send_text("in flight").unwrap();
    fake_socket::sleep(5).await;
    drop(client);
    assert_ne!(fake_socket::closed_with(0), 0, "it was closed");
    assert!(
        matches!(next(&mut events).await, Event::Failed { first, last, .. } if (first, last) == (id, id))
    );
    assert!(matches!(next(&mut events).await, Event::Closed { end: End::Requested, .. }));
    assert_eq!(events.next().await, None);
    fake_socket::sleep(300).await;
    assert_eq!(fake_socket::count(), 1, "nobody dials any more");
}

#[test]
async fn a_line_goes_on_without_its_events() {
    let mut peer = Peer::install();
    let (client, _) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    for _ in 0..3 {
        peer.push("to nobody");
    }
    client.send_text("still here").unwrap();
    peer.run(20).await;
    peer.cut();
    client.send_text("and now").unwrap();
    peer.accept(1).await;
    peer.run(20).await;
    assert_eq!(peer.texts(), ["still here", "and now"]);
    assert_eq!(client.stats().unacknowledged, 0);
}
