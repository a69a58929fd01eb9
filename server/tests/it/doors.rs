//! What is refused at the door: origins, subprotocols, silence and garbage.

use std::net::SocketAddr;

use tautline_protocol::fragment::divide;
use tautline_protocol::limits;
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::{World, soon};

/// Asks for an upgrade with these headers; returns the response.
async fn ask(address: SocketAddr, headers: &[(&str, &str)]) -> String {
    let host = address.to_string();
    let usual = [("Host", host.as_str()), ("Sec-WebSocket-Version", "13"), KEY];
    ask_for(address, &[&usual, headers].concat()).await
}

/// Asks for an upgrade with no more headers than these; returns the response.
async fn ask_for(address: SocketAddr, headers: &[(&str, &str)]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request =
        "GET /line HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n".to_owned();
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    // The head, and as much of the body as comes with it.
    while !response.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let count = soon(stream.read(&mut buffer)).await.unwrap();
        assert!(count > 0, "closed before a response");
        response.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&response).into_owned()
}

const PROTOCOL: (&str, &str) = ("Sec-WebSocket-Protocol", "tautline.1");
const KEY: (&str, &str) = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");

// PROTOCOL.md S-21.
#[tokio::test]
async fn foreign_pages_may_not_connect() {
    let config = Config { allowed_origins: vec!["https://a.test".into()], ..Config::default() };
    let world = World::with_config(config).await;
    let own = format!("http://{}", world.address);
    for (origin, expected) in [
        (own.as_str(), "101"),
        ("https://a.test", "101"),
        ("http://a.test", "403"),
        ("https://b.test", "403"),
        ("null", "403"),
    ] {
        let response = ask(world.address, &[PROTOCOL, ("Origin", origin)]).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {expected}")), "{origin}: {response}");
        if expected == "403" {
            assert!(response.contains(&format!("The origin {origin} may not connect")));
        }
    }
    assert!(ask(world.address, &[PROTOCOL]).await.starts_with("HTTP/1.1 101"), "no browser");
}

// PROTOCOL.md S-27.
#[tokio::test]
async fn a_page_that_has_given_its_name_the_servers_address_may_not_connect() {
    let config = Config { allowed_origins: vec!["https://app.test".into()], ..Config::default() };
    let world = World::with_config(config).await;
    let (evil, app) = (("Host", "evil.test"), ("Host", "app.test:8080"));
    let version = ("Sec-WebSocket-Version", "13");
    for (headers, expected) in [
        (vec![evil, ("Origin", "http://evil.test")], "403"),
        (vec![("Host", "localhost"), ("Origin", "http://localhost")], "101"),
        (vec![app, ("Origin", "http://app.test:8080")], "101"),
        (vec![evil, ("Origin", "https://app.test")], "101"),
        // As a proxy passes it on that keeps the name, which no page can.
        (vec![evil, ("Origin", "http://evil.test"), ("X-Forwarded-For", "192.0.2.1")], "101"),
        (vec![evil, ("Origin", "https://evil.test"), ("X-Forwarded-Proto", "https,http")], "101"),
        (vec![evil, ("Origin", "https://evil.test"), ("Forwarded", "proto=https")], "101"),
        (vec![evil, ("Origin", "http://evil.test"), ("Origin", "https://app.test")], "403"),
        // Not a page.
        (vec![evil], "101"),
    ] {
        let response =
            ask_for(world.address, &[&[PROTOCOL, KEY, version], &headers[..]].concat()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {expected}")), "{headers:?}: {response}");
        if headers[1..] == [("Origin", "http://evil.test")] {
            assert!(response.contains("--allow-origin http://evil.test"), "{response}");
        }
    }
}

#[tokio::test]
async fn a_websocket_of_another_version_is_told_which_there_is() {
    let world = World::start().await;
    let host = ("Host", "localhost");
    for headers in [vec![host], vec![host, ("Sec-WebSocket-Version", "12")]] {
        let response = ask_for(world.address, &[&[PROTOCOL, KEY], &headers[..]].concat()).await;
        assert!(response.starts_with("HTTP/1.1 426"), "{response}");
        let response = response.to_ascii_lowercase();
        assert!(response.contains("sec-websocket-version: 13\r\n"), "{response}");
        assert!(response.contains("upgrade: websocket\r\n"), "{response}");
    }
}

/// As RFC 6455 asks in section 4.2.1.
#[tokio::test]
async fn a_handshake_has_one_key_of_16_bytes_and_one_version() {
    let world = World::start().await;
    let usual = [PROTOCOL, ("Host", "localhost")];
    let version = ("Sec-WebSocket-Version", "13");
    let key = |value| ("Sec-WebSocket-Key", value);
    for (headers, expected) in [
        (&[version, KEY][..], "101"),
        (&[version, key("+/+/+/+/+/+/+/+/+/+/+w==")], "101"),
        (&[version], "400"),
        (&[version, key("")], "400"),
        (&[version, key("dGhl")], "400"),
        (&[version, key("dGhlIHNhbXBsZSBub25jZQ")], "400"),
        (&[version, key("dGhlIHNhbXBsZSBub25jZSE=")], "400"),
        (&[version, key("dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==")], "400"),
        (&[version, key("%%%%%%%%%%%%%%%%%%%%%%==")], "400"),
        (&[version, KEY, KEY], "400"),
        (&[version, version, KEY], "400"),
    ] {
        let response = ask_for(world.address, &[&usual, headers].concat()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {expected}")), "{headers:?}: {response}");
    }
}

// PROTOCOL.md F-1, V-1.
#[tokio::test]
async fn the_subprotocol_has_to_be_offered() {
    let world = World::start().await;
    for offer in [&[][..], &[("Sec-WebSocket-Protocol", "chat, superchat")]] {
        let response = ask(world.address, offer).await;
        assert!(response.starts_with("HTTP/1.1 400"), "{response}");
        assert!(response.contains("does not offer the subprotocol tautline.1"), "{response}");
    }
    let both = ask(world.address, &[("Sec-WebSocket-Protocol", "tautline.2, tautline.1")]).await;
    assert!(both.contains("sec-websocket-protocol: tautline.1\r\n"), "{both}");
}

// PROTOCOL.md V-1.
#[tokio::test]
async fn a_client_of_unknown_versions_learns_that_by_a_close_code() {
    let world = World::start().await;
    let mut request = format!("ws://{}/line", world.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "tautline.9".parse().unwrap());
    let (socket, _) = soon(tokio_tungstenite::connect_async(request)).await.unwrap();
    assert_eq!(Raw { socket }.closed().await, (4302, None), "and nothing that it might not read");
}

#[tokio::test]
async fn a_plain_request_is_told_what_this_is() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET /line HTTP/1.0\r\nHost: {}\r\n\r\n", world.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.contains("This is where Tautline lines connect to."), "{response}");
}

// PROTOCOL.md S-1, S-2.
#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let mut config = Config::default();
    config.session.hello_timeout_ms = 50;
    let world = World::with_config(config).await;
    let (code, reason) = Raw::dial(world.address).await.closed().await;
    assert_eq!((code, reason.as_deref()), (4003, Some("no HELLO came in time")));
}

// PROTOCOL.md F-2, F-12.
#[tokio::test]
async fn garbage_closes_the_connection_and_leaves_the_session_intact() {
    let world = World::start().await;
    for (connection, garbage) in (1..).zip([&[0xff; 100][..], &[0x00], &[], b"GET / HTTP/1.1"]) {
        let hello = Hello { connection, ..hello(1) };
        let (mut raw, welcome) = Raw::join(world.address, hello).await;
        assert_eq!(u64::from(welcome.resumption as u8), u64::from(connection > 1));
        raw.say_bytes(garbage.to_vec()).await;
        assert_eq!(raw.closed().await.0, 4001, "{garbage:?}");
    }
    let mut raw = Raw::dial(world.address).await;
    soon(futures_util::SinkExt::send(&mut raw.socket, Message::text("hello"))).await.unwrap();
    assert_eq!(raw.closed().await.0, 4001);
}

// PROTOCOL.md F-4.
#[tokio::test]
async fn a_message_over_the_limit_stops_the_client() {
    let mut config = Config::default();
    config.session.message_bytes = 1_000;
    let world = World::with_config(config).await;
    let (mut raw, welcome) = Raw::join(world.address, hello(1)).await;
    assert_eq!(welcome.message_bytes, 1_000);
    raw.say(&[numbered(1, &"x".repeat(1_000))]).await;
    assert_eq!(raw.hear().await, Heard::Ack(1));
    raw.say(&[numbered(2, &"x".repeat(1_001))]).await;
    assert_eq!(raw.closed().await.0, 4304);
}

// PROTOCOL.md F-14.
#[tokio::test]
async fn a_websocket_message_is_no_longer_than_the_longest_hello() {
    let world = World::start().await;
    for (session, length, is_taken) in [
        (1, limits::FRAGMENT_BYTES + 1, true),
        (2, limits::UPLINK_BYTES_MAX, true),
        (3, limits::UPLINK_BYTES_MAX + 1, false),
    ] {
        let (mut raw, _) = Raw::join(world.address, hello(session)).await;
        // A volatile MESSAGE that reaches to the end of its packet.
        let mut message = vec![b'x'; length];
        message[0] = 0xc5;
        raw.say_bytes(message).await;
        if is_taken {
            raw.say(&[numbered(1, "behind it")]).await;
            assert_eq!(raw.hear().await, Heard::Ack(1), "{length}");
        } else {
            assert_eq!(raw.closed().await.0, 4304);
        }
    }
}

// PROTOCOL.md F-11, F-13.
#[tokio::test]
async fn a_packet_over_the_limit_is_not_even_read() {
    let mut config = Config::default();
    config.session.message_bytes = 1_000;
    let world = World::with_config(config).await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say_bytes(vec![0xff; limits::UPLINK_BYTES_MAX + 1]).await;
    assert_eq!(raw.closed().await.0, 4304);
    // Nor one in parts, of which none is.
    let (mut raw, _) = Raw::join(world.address, hello(2)).await;
    for part in divide(vec![0xff; 1_000 + limits::PACKET_OVERHEAD_BYTES + 1]) {
        raw.say_bytes(part).await;
    }
    assert_eq!(raw.closed().await.0, 4304);
}

// PROTOCOL.md R-10.
#[tokio::test]
async fn pings_are_answered_while_a_handler_waits() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    raw.say(&[numbered(1, "wait")]).await;
    world.script.reached_gate().await;
    raw.say(&[Uplink::Ping { nonce: 7 }]).await;
    assert_eq!(raw.hear().await, Heard::Other, "the PONG");
    world.script.open_gate();
    assert_eq!(raw.hear().await, Heard::Ack(1));
}

#[tokio::test]
async fn a_request_that_does_not_arrive_is_not_waited_for() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /line HTTP/1.1\r\nHost:").await.unwrap();
    // What it is granted passes at once: nothing else is awaited meanwhile.
    tokio::time::pause();
    let mut response = String::new();
    soon(stream.read_to_string(&mut response)).await.unwrap();
    assert_eq!(response, "");
}
