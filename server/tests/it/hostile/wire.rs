//! A client that writes its own bytes, from the request on.

use std::net::SocketAddr;

use tautline_protocol::fragment::divide;
use tautline_protocol::uplink::Uplink;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::soon;

/// A whole binary message.
pub(super) const BINARY: u8 = 0x82;
pub(super) const TEXT: u8 = 0x81;
pub(super) const PING: u8 = 0x89;

pub(super) struct Wire {
    pub(super) stream: TcpStream,
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self { stream: soon(TcpStream::connect(address)).await.unwrap() }
    }

    /// Has become a WebSocket.
    pub(super) async fn upgrade(address: SocketAddr) -> Self {
        let mut wire = Self::connect(address).await;
        let request = upgrade_request("");
        wire.write(request.as_bytes()).await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        wire
    }

    /// Has become a WebSocket, and said HELLO.
    pub(super) async fn join(address: SocketAddr, frame: Uplink<'_>) -> Self {
        let mut wire = Self::upgrade(address).await;
        wire.packet(&[frame]).await;
        wire
    }

    /// Writes; false if the server does not want to hear it any more.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        soon(self.stream.write_all(bytes)).await.is_ok()
    }

    /// Writes as much as the server takes at once; false if it takes nothing for a while.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> bool {
        let patience = std::time::Duration::from_millis(500);
        matches!(tokio::time::timeout(patience, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    pub(super) async fn message(&mut self, head: u8, payload: &[u8]) -> bool {
        self.write(&framed(head, payload)).await
    }

    pub(super) async fn packet(&mut self, frames: &[Uplink<'_>]) -> bool {
        let mut packet = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut packet));
        let messages = match frames {
            [Uplink::Hello(_), ..] => vec![packet],
            _ => divide(packet),
        };
        let framed: Vec<u8> = messages.iter().flat_map(|it| framed(BINARY, it)).collect();
        self.write(&framed).await
    }

    /// The head of an HTTP response; empty if there is none.
    pub(super) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match soon(self.stream.read_u8()).await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// The payload of the next message, and its head.
    pub(super) async fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        soon(self.read_message()).await
    }

    async fn read_message(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.stream.read_u8().await.ok()?;
        let length = match self.stream.read_u8().await.ok()? {
            126 => self.stream.read_u16().await.ok()?.into(),
            127 => self.stream.read_u64().await.ok()?,
            length => length.into(),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((head, payload))
    }

    /// Reads on to the end; returns the code that the WebSocket was closed with, if it was with one.
    pub(super) async fn closed(mut self) -> Option<u16> {
        while let Some((head, payload)) = self.hear().await {
            if head == 0x88 {
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
        None
    }
}

/// A request for an upgrade, with more headers.
pub(super) fn upgrade_request(headers: &str) -> String {
    format!(
        "GET /line HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: tautline.1\r\n{headers}\r\n"
    )
}

/// A frame as clients send it: masked, here with zeros.
pub(super) fn framed(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = declared(head, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The beginning of a frame that says it holds so many bytes.
pub(super) fn declared(head: u8, length: u64) -> Vec<u8> {
    let mut frame = vec![head];
    match length {
        0..=125 => frame.push(0x80 | length as u8),
        126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}
