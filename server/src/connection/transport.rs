//! The WebSocket of one connection: packets in, packets out, the end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tautline_protocol::session::Input;

use crate::sockets::Activity;
use tautline_protocol::{CloseCode, Instant};

/// Answers to the WebSocket's own Pings that may gather, in bytes. The library that gives them has no
/// bound but the memory.
const PONG_BYTES: usize = 16 * 1024;
const PONG_HEAD_BYTES: usize = 2;

pub(crate) struct Transport {
    socket: WebSocket,
    /// Something is written and may not have left.
    is_dirty: bool,
    /// Bytes of Pongs that may not have left.
    pong_bytes: usize,
    /// Bytes of packets that the WebSocket may still hold.
    unsent_bytes: usize,
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
        Self {
            socket,
            is_dirty: false,
            pong_bytes: 0,
            unsent_bytes: 0,
            is_deaf: false,
            activity,
            idle_at: None,
        }
    }

    /// When bytes have moved last that show a peer which is slow. PROTOCOL.md S-36.
    pub(super) fn moved_at(&self) -> Option<Instant> {
        self.last_activity().filter(|at| Some(*at) != self.idle_at)
    }

    fn last_activity(&self) -> Option<Instant> {
        self.activity.as_ref().map(Activity::last)
    }

    /// Ready when a packet can be sent; an error means that the connection is broken.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        let ready = Pin::new(&mut self.socket).poll_ready(cx);
        if ready.is_ready() {
            // Packets are written one by one, and the one before has left.
            self.unsent_bytes = 0;
        }
        ready
    }

    /// Memory that it takes beyond what every connection does, in bytes.
    pub(super) const fn held_bytes(&self) -> usize {
        self.unsent_bytes + self.pong_bytes
    }

    /// Takes a packet to send. That it fails will be seen by the next [`poll_ready`](Self::poll_ready)
    /// or read.
    pub(super) fn send(&mut self, packet: &[u8]) {
        self.unsent_bytes += packet.len();
        let message = Message::Binary(Bytes::copy_from_slice(packet));
        self.is_dirty = Pin::new(&mut self.socket).start_send(message).is_ok();
    }

    /// Sees to it that what was sent leaves, as far as it can.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) {
        if self.is_dirty && Pin::new(&mut self.socket).poll_flush(cx).is_ready() {
            self.is_dirty = false;
            self.unsent_bytes = 0;
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        if self.pong_bytes > PONG_BYTES {
            // An error shows itself to the read.
            let _ = ready!(Pin::new(&mut self.socket).poll_flush(cx));
            self.pong_bytes = 0;
        }
        let input = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
            Some(Ok(Message::Binary(packet))) => Input::Packet(packet),
            Some(Ok(Message::Text(_))) => Input::Text,
            // The WebSocket's own, which browsers do not send; tungstenite answers them.
            Some(Ok(Message::Ping(payload))) => {
                self.pong_bytes += PONG_HEAD_BYTES + payload.len();
                self.idle_at = self.last_activity();
                Input::Woke
            }
            Some(Ok(Message::Pong(_))) => {
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
            let frame = CloseFrame { code: code.0, reason };
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
fn fault(error: &axum::Error) -> Option<CloseCode> {
    use tungstenite::Error::{Capacity, Protocol, Utf8};
    use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match std::error::Error::source(error)?.downcast_ref()? {
        Capacity(_) => Some(CloseCode::TOO_LARGE),
        Protocol(ResetWithoutClosingHandshake) => None,
        Protocol(_) => Some(CloseCode(1002)),
        Utf8(_) => Some(CloseCode(1007)),
        _ => None,
    }
}
