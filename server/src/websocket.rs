//! The socket below a WebSocket. Packets are written to it past the WebSocket library, which copies what it writes
//! into a buffer of its own that grows with the largest packet and never gets smaller; and it counts what the
//! library holds of messages that are not whole, which the library does not tell.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tautline_protocol::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocketConfig};

/// Memory that each connection holds for what it reads.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// What a byte of a message that is not whole may take: it is in the buffer of its frame, and when the frame is
/// whole in that of its message. Both grow by doubling. Measured: up to 3 bytes.
const UNFINISHED_FACTOR: usize = 3;
/// The head of a control frame that a client sends, with its mask (RFC 6455, section 5.2).
const CONTROL_HEAD_BYTES: usize = 6;

pub(crate) type WebSocket = WebSocketStream<Socket<TokioIo<Upgraded>>>;

/// A socket, the message that is being written to it, and how much has been read of one.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    inner: S,
    /// Bytes read since a message was whole, without control frames.
    unfinished: usize,
    /// With its WebSocket header.
    message: Vec<u8>,
    written: usize,
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    const fn new(inner: S) -> Self {
        Self { inner, unfinished: 0, message: Vec::new(), written: 0 }
    }

    /// Takes one binary message to write. Call it only when the message before has been written: after the
    /// WebSocket's `poll_flush` was ready.
    pub(crate) fn put(&mut self, payload: &[u8]) {
        let header = FrameHeader { opcode: OpCode::Data(Data::Binary), ..FrameHeader::default() };
        let length = payload.len() as u64;
        self.message.reserve_exact(header.len(length) + payload.len());
        header.format(length, &mut self.message).expect("writing to memory does not fail");
        self.message.extend_from_slice(payload);
    }

    /// Bytes of the message that is being written.
    pub(crate) const fn unsent_bytes(&self) -> usize {
        self.message.len()
    }

    /// Memory that the library holds for a message that is not whole, in bytes.
    pub(crate) fn unfinished_bytes(&self) -> usize {
        match self.unfinished {
            0 => 0,
            read => READ_BUFFER_BYTES + UNFINISHED_FACTOR * read.min(limits::UPLINK_BYTES_MAX),
        }
    }

    /// The library has handed out a message.
    pub(crate) const fn message_is_whole(&mut self) {
        self.unfinished = 0;
    }

    /// The library has handed out a control frame, which may stand between the frames of a message.
    pub(crate) const fn control_frame_is_whole(&mut self, payload_bytes: usize) {
        self.unfinished = self.unfinished.saturating_sub(CONTROL_HEAD_BYTES + payload_bytes);
    }

    /// Forgets the message that is being written.
    pub(crate) fn drop_message(&mut self) {
        (self.message, self.written) = (Vec::new(), 0);
    }

    /// Ready when the message is written.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let rest @ [_, ..] = &self.message[self.written..] {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.drop_message();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.unfinished = self.unfinished.saturating_add(buffer.filled().len() - before);
        read
    }
}

/// What the library writes, Pong and Close, comes behind the message that is being written.
impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_message(cx))?;
        Pin::new(&mut self.inner).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_message(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A request for a WebSocket: axum checks and answers it, and what is upgraded is this crate's.
pub(crate) struct Upgrade {
    pub(crate) websocket: WebSocketUpgrade,
    pub(crate) upgraded: OnUpgrade,
}

impl Upgrade {
    pub(crate) async fn of(parts: &mut Parts) -> Result<Self, WebSocketUpgradeRejection> {
        let none = || hyper::upgrade::on(Request::new(()));
        let upgraded = parts.extensions.get_mut().map(|theirs| std::mem::replace(theirs, none()));
        let websocket = WebSocketUpgrade::from_request_parts(parts, &()).await?;
        Ok(Self { websocket, upgraded: upgraded.unwrap_or_else(none) })
    }

    /// Accepts it, and has it served.
    pub(crate) fn accept<F: Future<Output = ()> + Send + 'static>(
        self,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response {
        tokio::spawn(async move {
            let socket = match self.upgraded.await {
                Ok(upgraded) => Socket::new(TokioIo::new(upgraded)),
                Err(error) => return tracing::debug!("a connection was gone at once: {error}"),
            };
            serve(WebSocket::from_raw_socket(socket, Role::Server, Some(limited())).await).await;
        });
        self.websocket.on_upgrade(async |_| {})
    }
}

fn limited() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(limits::UPLINK_BYTES_MAX))
        .max_frame_size(Some(limits::UPLINK_BYTES_MAX))
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
}
