//! A peer that says exactly what a test wants it to say, frame by frame.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tautline_protocol::downlink::{Downlink, Entry, Frames, Welcome};
use tautline_protocol::fragment::{Arriving, Part, divide};
use tautline_protocol::uplink::{Hello, Message as Sent, Uplink};
use tautline_protocol::{Epoch, Format, Kind, Offset, Seq};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Socket, dial};
use crate::world::soon;

pub(crate) struct Raw {
    pub(crate) socket: Socket,
}

/// A HELLO for the first connection of a session.
pub(crate) fn hello(session: u8) -> Hello<'static> {
    Hello {
        session: [session; 16],
        epoch: Epoch::NONE,
        connection: 1,
        acknowledged: 0,
        restart: 1,
        received: 0,
        handled: 0,
        credentials: b"alice",
    }
}

/// A message with this number.
pub(crate) fn numbered(seq: Seq, payload: &str) -> Uplink<'_> {
    Uplink::Message(Sent {
        kind: Kind::Send,
        format: Format::Text,
        possible_duplicate: false,
        seq_low: Some(seq.to_le_bytes()[0]),
        topic: "",
        payload: payload.as_bytes(),
    })
}

/// What a test wants to know of a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Welcome(Welcome),
    Refuse(u16, String),
    Ack(Seq),
    Refusal(Seq),
    Entry(Offset),
    Gap(Offset),
    Subscribed(Epoch, Offset),
    SubscribeRefused(String),
    GoAway,
    Auth,
    Other,
}

impl Raw {
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        Self { socket: soon(dial(address)).await.expect("the server is there") }
    }

    /// Says HELLO and waits for WELCOME.
    pub(crate) async fn join(address: SocketAddr, hello: Hello<'_>) -> (Self, Welcome) {
        let mut raw = Self::dial(address).await;
        raw.say(&[Uplink::Hello(hello)]).await;
        match raw.hear().await {
            Heard::Welcome(welcome) => (raw, welcome),
            other => panic!("expected WELCOME, got {other:?}"),
        }
    }

    pub(crate) async fn say(&mut self, frames: &[Uplink<'_>]) {
        let mut packet = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut packet));
        let messages = match frames {
            [Uplink::Hello(_), ..] => vec![packet],
            _ => divide(packet),
        };
        for message in messages {
            self.say_bytes(message).await;
        }
    }

    /// Says a packet, behind WELCOME.
    pub(crate) async fn say_packet(&mut self, packet: Vec<u8>) {
        for message in divide(packet) {
            self.say_bytes(message).await;
        }
    }

    pub(crate) async fn say_bytes(&mut self, packet: Vec<u8>) {
        soon(self.socket.send(Message::binary(packet))).await.unwrap();
    }

    /// The first frame of the next packet.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.hear_packet().await.remove(0)
    }

    pub(crate) async fn hear_packet(&mut self) -> Vec<Heard> {
        let mut arriving = Arriving::default();
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Binary(message))) => {
                    if let Part::Whole(packet) = arriving.take(message, usize::MAX) {
                        return Frames::new(&packet).map(|frame| heard(frame.unwrap())).collect();
                    }
                }
                other => panic!("expected a packet, got {other:?}"),
            }
        }
    }

    /// Reads until the connection is closed; returns the code and the last REFUSE.
    pub(crate) async fn closed(mut self) -> (u16, Option<String>) {
        let (mut refused, mut arriving) = (None, Arriving::default());
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), refused),
                Some(Ok(Message::Binary(message))) => {
                    let Part::Whole(packet) = arriving.take(message, usize::MAX) else { continue };
                    for frame in Frames::new(&packet) {
                        if let Heard::Refuse(_, reason) = heard(frame.unwrap()) {
                            refused = Some(reason);
                        }
                    }
                }
                Some(Ok(_)) => {}
                other => panic!("expected a close code, got {other:?}"),
            }
        }
    }
}

fn heard(frame: Downlink<'_>) -> Heard {
    match frame {
        Downlink::Welcome(welcome) => Heard::Welcome(welcome),
        Downlink::Refuse { code, reason, .. } => {
            Heard::Refuse(code.0, String::from_utf8_lossy(reason).into_owned())
        }
        Downlink::Ack { seq } => Heard::Ack(seq),
        Downlink::Entry { entry: Entry::Refusal { seq, .. }, .. } => Heard::Refusal(seq),
        Downlink::Entry { offset, .. } => Heard::Entry(offset),
        Downlink::Gap { offset, .. } => Heard::Gap(offset),
        Downlink::Subscribed { epoch, offset, .. } => Heard::Subscribed(epoch, offset),
        Downlink::SubscribeRefused { code, .. } => {
            Heard::SubscribeRefused(String::from_utf8_lossy(code).into_owned())
        }
        Downlink::GoAway { .. } => Heard::GoAway,
        Downlink::Auth => Heard::Auth,
        _ => Heard::Other,
    }
}
