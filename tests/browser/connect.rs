//! From the first dial to the first confirmed message, and what odd sockets do.

use super::fake_socket;
use super::peer::Peer;
use tautline::{Client, Config, ConnectError, Credentials, End, Event, State};
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The next event that is not a change of state.
pub(crate) async fn next(events: &mut tautline::Events) -> Event {
    loop {
        match events.next().await.expect("the line goes on") {
            Event::State { .. } => {}
            event => return event,
        }
    }
}

#[test]
async fn a_message_sent_before_the_socket_opens_is_confirmed_after() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    let id = client.send_text("early").unwrap();
    peer.accept(0).await;
    peer.run(20).await;
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: id });
    assert_eq!(peer.texts(), ["early"]);
    assert_eq!(client.state(), State::Open);
}

// PROTOCOL.md F-1.
#[test]
async fn the_socket_is_asked_for_buffers_and_for_this_protocol() {
    let mut peer = Peer::install();
    let (_client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    assert_eq!(fake_socket::binary_type(0), "arraybuffer");
    assert_eq!(fake_socket::protocol(0), "tautline.1");
}

/// The random number of a client, and nothing else, protects a session without credentials.
// PROTOCOL.md C-2.
#[test]
async fn every_client_draws_a_session_id_from_the_secure_source() {
    fake_socket::install();
    fake_socket::watch_random();
    let clients = [(); 2].map(|()| Client::connect("ws://test/line", Config::default()).unwrap());
    let mut ids = Vec::new();
    for socket in 0..clients.len() {
        fake_socket::until("it dials", || fake_socket::count() > socket).await;
        fake_socket::open(socket);
        fake_socket::sleep(5).await;
        let hello = fake_socket::take(socket).expect("HELLO");
        ids.push(hello[2..18].to_vec());
        assert!(fake_socket::has_drawn(&ids[socket]), "{:?}", ids[socket]);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
async fn credentials_are_asked_for_before_every_attempt() {
    let mut peer = Peer::install();
    let config = Config { credentials: Credentials::Ask, ..Config::default() };
    let (client, mut events) = Client::connect("ws://test/line", config).unwrap();
    for socket in 0..2 {
        let Event::Authorize { attempt } = next(&mut events).await else { panic!("not asked") };
        assert_eq!(fake_socket::count(), socket, "it asks before it dials");
        client.authorize(attempt, Some(b"token")).unwrap();
        peer.accept(socket).await;
        peer.cut();
    }
}

#[test]
async fn a_constructor_that_throws_is_an_attempt_that_failed() {
    let mut peer = Peer::install();
    fake_socket::refuse(true);
    let (client, _events) = Client::connect("ws://test/line", Config::default()).unwrap();
    fake_socket::until("it waits", || client.state() == State::Waiting).await;
    fake_socket::refuse(false);
    peer.accept(0).await;
}

// PROTOCOL.md F-2, F-12.
#[test]
async fn a_text_frame_closes_the_connection_and_keeps_the_session() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    fake_socket::deliver_text(0, "hello");
    assert_eq!(fake_socket::closed_with(0), 4001);
    let id = client.send_text("still here").unwrap();
    peer.accept(1).await;
    peer.run(20).await;
    assert_eq!(next(&mut events).await, Event::Acknowledged { through: id });
    assert_eq!(client.stats().connections, 2);
}

// PROTOCOL.md C-30.
#[test]
async fn a_stop_code_ends_the_line_and_says_so() {
    let mut peer = Peer::install();
    let (client, mut events) = Client::connect("ws://test/line", Config::default()).unwrap();
    peer.accept(0).await;
    fake_socket::close(0, 4303);
    fake_socket::until("it ends", || client.state() == State::Closed).await;
    loop {
        match events.next().await {
            Some(Event::Closed { end: End::Stopped(code), .. }) => break assert_eq!(code.0, 4303),
            Some(Event::State { .. }) => {}
            other => panic!("expected the end, got {other:?}"),
        }
    }
    assert_eq!(events.next().await, None, "nothing comes after the end");
}

#[test]
async fn a_url_where_no_line_can_go_is_an_error_at_once() {
    fake_socket::install();
    let wrong = [
        "ftp://test/line",
        "javascript:alert(1)",
        "mailto:ann@test",
        "ws://",
        "ws://test:70000/line",
        "ws://test/line#",
        "ws://test/line#part",
    ];
    for given in wrong {
        match Client::connect(given, Config::default()) {
            Err(ConnectError::Url { url, .. }) => assert_eq!(url, given),
            other => panic!("{given}: {other:?}"),
        }
    }
    fake_socket::sleep(50).await;
    assert_eq!(fake_socket::count(), 0, "nobody dials");
}

#[test]
async fn addresses_of_the_web_mean_the_same_and_relative_ones_the_own_server() {
    let own = format!("ws://{}/line", fake_socket::host());
    let meant = [
        ("http://test/line", "ws://test/line"),
        ("https://test/line?a=b", "wss://test/line?a=b"),
        ("wss://test", "wss://test/"),
        ("/line", own.as_str()),
    ];
    for (given, expected) in meant {
        fake_socket::install();
        let (_client, _events) = Client::connect(given, Config::default()).unwrap();
        fake_socket::until("it dials", || fake_socket::count() == 1).await;
        assert_eq!(fake_socket::url(0), expected, "{given}");
    }
}

#[test]
async fn credentials_that_no_server_takes_are_refused_and_the_attempt_waits_for_others() {
    let mut peer = Peer::install();
    let config = Config { credentials: Credentials::Ask, ..Config::default() };
    let (client, mut events) = Client::connect("ws://test/line", config).unwrap();
    let Event::Authorize { attempt } = next(&mut events).await else { panic!("not asked") };
    assert!(client.authorize(attempt, Some(&[b'x'; 16_385])).is_err());
    client.authorize(attempt, Some(&[b'x'; 16_384])).unwrap();
    peer.accept(0).await;
}
