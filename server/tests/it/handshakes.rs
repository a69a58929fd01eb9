//! The WebSocket itself: how it begins, what its own frames mean, and how it ends.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tautline_protocol::limits::HELLO_TIMEOUT_MS;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_server::Config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::raw::{Raw, hello};
use crate::world::{World, soon};

/// Offers subprotocols; the connection, or the status of the response.
async fn offers(address: SocketAddr, protocols: &str, origin: Option<&str>) -> Result<Raw, u16> {
    let mut request = format!("ws://{address}/line").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match soon(tokio_tungstenite::connect_async(request)).await {
        Ok((socket, _)) => Ok(Raw { socket }),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{protocols}: {error}"),
    }
}

// PROTOCOL.md V-1, V-4.
#[tokio::test]
async fn a_version_is_looked_at_behind_the_origin_and_before_any_limit() {
    let world = World::with_config(Config { connections: 1, ..Config::default() }).await;
    let (_first, _) = Raw::join(world.address, hello(1)).await;
    for (protocols, origin, expected) in [
        ("tautline.9", None, Ok(4302)),
        ("tautline.1x, chat", None, Ok(4302)),
        ("tautline.", None, Ok(4302)),
        ("chat, tautline.9, tautline.1", None, Ok(4100)),
        ("TAUTLINE.1", None, Err(400)),
        ("tautline", None, Err(400)),
        ("tautline.9", Some("https://foreign.test"), Err(403)),
        ("chat", Some("https://foreign.test"), Err(403)),
    ] {
        let ended = match offers(world.address, protocols, origin).await {
            // REFUSE comes although there was no HELLO.
            Ok(raw) => Ok(raw.closed().await.0),
            Err(status) => Err(status),
        };
        assert_eq!(ended, expected, "{protocols} of {origin:?}");
    }
}

// PROTOCOL.md F-18.
#[tokio::test]
async fn a_packet_may_come_in_pieces_with_pings_of_the_websocket_between() {
    let world = World::start().await;
    let (mut raw, _) = Raw::join(world.address, hello(1)).await;
    let piece = |bytes: &'static [u8], opcode, last| {
        Message::Frame(Frame::message(bytes, OpCode::Data(opcode), last))
    };
    for message in [
        piece(&[0x0a], Data::Binary, false),
        Message::Ping("between".into()),
        piece(&[], Data::Continue, false),
        piece(&[0x01], Data::Continue, true),
    ] {
        soon(raw.socket.send(message)).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(soon(raw.socket.next()).await.unwrap().unwrap());
    }
    assert_eq!(heard, [Message::Pong("between".into()), Message::binary(vec![0x0b, 0x01])]);
}

// PROTOCOL.md F-18, S-15.
#[tokio::test]
async fn pings_of_the_websocket_do_not_keep_a_line_alive() {
    let mut config = Config::default();
    config.session.heartbeat_ms = 10;
    let world = World::with_config(config).await;
    let (raw, _) = Raw::join(world.address, hello(1)).await;
    let (mut sink, mut stream) = raw.socket.split();
    let pings = async {
        let mut every = tokio::time::interval(std::time::Duration::from_millis(100));
        // Two heartbeats and two seconds later it is over; a line that they kept alive would go on.
        for _ in 0..HELLO_TIMEOUT_MS / 100 {
            every.tick().await;
            if sink.send(Message::Ping("still here".into())).await.is_err() {
                break;
            }
        }
    };
    let closed = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                Some(Ok(_)) => {}
                other => panic!("expected a close code, got {other:?}"),
            }
        }
    };
    tokio::select! {
        code = closed => assert_eq!(code, Some(4000)),
        () = pings => panic!("the line lives on"),
    }
}

// PROTOCOL.md F-19, S-17.
#[tokio::test]
async fn whatever_code_a_client_closes_with_its_session_stays() {
    let world = World::start().await;
    let (mut connection, mut known) = (1, None);
    for code in [Some(1000), Some(1001), Some(3000), Some(4000), Some(4300), None] {
        let epoch = known.unwrap_or(hello(1).epoch);
        let next = Hello { connection, epoch, ..hello(1) };
        let (mut raw, welcome) = Raw::join(world.address, next).await;
        let expected = if known.is_some() { Resumption::Resumed } else { Resumption::New };
        assert_eq!(welcome.resumption, expected, "{code:?}");
        let frame = code.map(|code: u16| CloseFrame { code: code.into(), reason: "".into() });
        soon(raw.socket.send(Message::Close(frame))).await.unwrap();
        // It is answered, and then the connection ends.
        while let Some(Ok(message)) = soon(raw.socket.next()).await {
            assert!(message.is_close(), "{message:?}");
        }
        (connection, known) = (connection + 1, Some(welcome.epoch));
    }
    let last = Hello { connection, epoch: known.unwrap(), ..hello(1) };
    let (mut raw, welcome) = Raw::join(world.address, last).await;
    assert_eq!(welcome.resumption, Resumption::Resumed);
    raw.say(&[Uplink::Bye]).await;
    assert_eq!(raw.closed().await.0, 1000);
    let gone = Hello { connection: connection + 1, epoch: known.unwrap(), ..hello(1) };
    let (_, welcome) = Raw::join(world.address, gone).await;
    assert_ne!(welcome.resumption, Resumption::Resumed, "BYE alone ends it");
}
