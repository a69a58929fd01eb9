//! The WebSocket of one connection: packets in, packets out, the end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tautline_protocol::session::Input;
use tautline_protocol::{CloseCode, Instant};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message};

use crate::sockets::Activity;
use crate::websocket::WebSocket;

/// Answers to the WebSocket's own Pings that may gather, in bytes. The library that gives them has no
/// bound but the memory.
const PONG_BYTES: usize = 4 * 1024;
const PONG_HEAD_BYTES: usize = 2;

pub(crate) struct Transport {
    socket: WebSocket,
    /// Bytes of Pongs that may not have left.
    pong_bytes: usize,
    /// Nothing more can be written.
    is_mute: bool,
    /// Nothing more can be read.
    is_deaf: bool,
    /// When bytes have moved, if whoever serves the socket tells; and when, if they were nothing but a Ping or a
    /// Pong.
    activity: Option<Activity>,
    idle_at: Option<Instant>,
}

/// What was read.
pub(super) enum Arrival {
    Input(Input),
    /// What cannot be read, and the code to close with: a packet over the limit, or what no WebSocket
    /// sends.
    Unreadable(CloseCode),
}

impl Transport {
    pub(crate) const fn new(socket: WebSocket, activity: Option<Activity>) -> Self {
        Self { socket, pong_bytes: 0, is_mute: false, is_deaf: false, activity, idle_at: None }
    }

    /// When bytes have moved last that show a peer which is slow. PROTOCOL.md S-36.
    pub(super) fn moved_at(&self) -> Option<Instant> {
        self.last_activity().filter(|at| Some(*at) != self.idle_at)
    }

    fn last_activity(&self) -> Option<Instant> {
        self.activity.as_ref().map(Activity::last)
    }

    /// Ready when a packet can be sent. Of a connection that is broken only a read tells: what the peer has
    /// said last, such as BYE, may still have to be read.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.unsent_bytes() > 0 {
            if ready!(Pin::new(&mut self.socket).poll_flush(cx)).is_err() {
                self.socket.get_mut().drop_message();
                self.is_mute = true;
            }
            self.pong_bytes = 0;
        }
        Poll::Ready(())
    }

    /// Memory that it takes beyond what every connection does, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.unsent_bytes() + self.unfinished_bytes()
    }

    fn unsent_bytes(&self) -> usize {
        self.socket.get_ref().unsent_bytes() + self.pong_bytes
    }

    /// What of it is for a message that has not come whole.
    pub(super) fn unfinished_bytes(&self) -> usize {
        self.socket.get_ref().unfinished_bytes()
    }

    /// Takes a packet to send, once [`poll_ready`](Self::poll_ready) is; the next one writes it.
    pub(super) fn send(&mut self, packet: &[u8]) {
        if !self.is_mute {
            self.socket.get_mut().put(packet);
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        if self.pong_bytes > PONG_BYTES {
            ready!(self.poll_ready(cx));
        }
        let item = ready!(Pin::new(&mut self.socket).poll_next(cx));
        let socket = self.socket.get_mut();
        match &item {
            Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                socket.control_frame_is_whole(payload.len());
            }
            _ => socket.message_is_whole(),
        }
        let input = match item {
            Some(Ok(Message::Binary(packet))) => Input::Packet(packet),
            Some(Ok(Message::Text(_))) => Input::Text,
            // The WebSocket's own, which browsers do not send; tungstenite answers them.
            Some(Ok(Message::Ping(payload))) => {
                self.pong_bytes += PONG_HEAD_BYTES + payload.len();
                self.idle_at = self.last_activity();
                Input::Woke
            }
            // Frames are only written, and not by this crate.
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {
                self.idle_at = self.last_activity();
                Input::Woke
            }
            Some(Err(error)) if let Some(code) = fault(&error) => {
                self.is_deaf = true;
                return Poll::Ready(Arrival::Unreadable(code));
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => Input::Closed,
        };
        Poll::Ready(Arrival::Input(input))
    }

    /// Ends the connection: says why, if there is something to say, and waits for the peer to hear
    /// it: a connection closed while the peer still sends would be reset, and the reason lost. The
    /// caller sets a limit to that.
    pub(super) async fn close(&mut self, code: Option<CloseCode>) {
        if let Some(code) = code {
            let words = CloseCode::TABLE.iter().find(|(of, _)| *of == code);
            let reason = words.map(|(_, words)| *words).unwrap_or_default().into();
            let frame = CloseFrame { code: code.0.into(), reason };
            if self.socket.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        let _ = self.socket.flush().await;
        if self.is_deaf {
            return std::future::pending().await;
        }
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

/// The code for a peer that sends what cannot be read; `None` if the connection is broken.
/// PROTOCOL.md S-28.
const fn fault(error: &Error) -> Option<CloseCode> {
    use tungstenite::Error::{Capacity, Protocol, Utf8};
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match error {
        Capacity(_) => Some(CloseCode::TOO_LARGE),
        Protocol(ResetWithoutClosingHandshake) => None,
        Protocol(_) => Some(CloseCode(1002)),
        Utf8(_) => Some(CloseCode(1007)),
        _ => None,
    }
}
