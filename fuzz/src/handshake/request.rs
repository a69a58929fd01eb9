//! A request as a script wants it: one that is sound but for a few things, or any bytes.

use arbitrary::Result;
use tautline_protocol::Epoch;
use tautline_protocol::uplink::{Hello, Uplink};

use crate::script::Script;

const METHODS: [&str; 8] = ["GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "CONNECT", "get"];
const TARGETS: [&str; 8] = [
    "/line",
    "/line",
    "/line?token=s3cret",
    "http://server.localhost/line",
    "/Line",
    "/line/",
    "//line",
    "*",
];
const VERSIONS: [&str; 4] = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"];
/// The sound ones first.
const HEADERS: [&str; 6] = [
    "Host: server.localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: tautline.1",
];
const OTHERS: [&str; 24] = [
    "Origin: http://server.localhost",
    "Origin: https://allowed.test",
    "Origin: HTTPS://allowed.test:443/",
    "Origin: https://evil.test",
    "Origin: null",
    "Origin: http://server.localhost.evil.test",
    "Origin: http://evil.test@server.localhost",
    "Origin:",
    "X-Forwarded-Proto: https",
    "Host: evil.test",
    "Host:",
    "Connection: keep-alive, Upgrade",
    "Connection: close",
    "Upgrade: h2c",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Key: short",
    "Sec-WebSocket-Protocol: chat, tautline.1",
    "Sec-WebSocket-Protocol: tautline.9",
    "Sec-WebSocket-Protocol: TAUTLINE.1",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Content-Length: 5",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
];

/// What was said to the server.
#[derive(Default)]
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    /// Where the request should end.
    pub(super) head: usize,
    /// Nothing of it closes the WebSocket or breaks its framing.
    pub(super) is_framed: bool,
}

pub(super) fn read(script: &mut Script<'_>, said: &mut Said) -> Result<()> {
    let flags = script.byte()?;
    if flags & 0xc0 == 0xc0 {
        said.bytes.extend(script.bytes()?);
    } else {
        request(script, flags, &mut said.bytes)?;
    }
    said.head = said.bytes.len();
    said.is_framed = true;
    loop {
        packet(script, said)?;
    }
}

fn request(script: &mut Script<'_>, flags: u8, out: &mut Vec<u8>) -> Result<()> {
    let mut pick = |from: &[&'static str]| -> Result<&'static str> {
        // Mostly the first, which is sound.
        Ok(if flags & 1 == 0 { from[0] } else { from[usize::from(script.byte()?) % from.len()] })
    };
    let (method, target, version) = (pick(&METHODS)?, pick(&TARGETS)?, pick(&VERSIONS)?);
    out.extend_from_slice(format!("{method} {target} {version}\r\n").as_bytes());
    let left_out = if flags & 2 == 0 { 0xff } else { script.byte()? };
    for (bit, header) in HEADERS.iter().enumerate() {
        if left_out & 1 << bit != 0 {
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    for _ in 0..(flags >> 2) & 7 {
        match script.byte()? {
            0xff => out.extend_from_slice(script.bytes()?),
            0xfe => out.extend_from_slice(&script.repeated()?),
            other => out.extend_from_slice(OTHERS[usize::from(other) % OTHERS.len()].as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// What follows: WebSocket messages, whole and in fragments, or any bytes.
fn packet(script: &mut Script<'_>, said: &mut Said) -> Result<()> {
    let kind = script.byte()?;
    let mut payload = Vec::new();
    match kind % 8 {
        0 => payload.extend(script.bytes()?),
        1 => payload.extend(script.repeated()?),
        2 => hello(script)?.encode(&mut payload),
        3 => {
            hello(script)?.encode(&mut payload);
            payload.extend(script.bytes()?);
        }
        4 => {
            said.is_framed = false;
            said.bytes.extend(script.bytes()?);
            return Ok(());
        }
        _ => Uplink::Ping { nonce: script.number()? }.encode(&mut payload),
    }
    let opcode = match kind >> 3 & 7 {
        0..=3 => 0x82,
        4 => 0x81,
        5 => 0x89,
        // A fragment, a reserved bit, an unknown opcode, a close.
        6 => [0x02, 0xc2, 0x83, 0x00][usize::from(kind >> 6)],
        _ => 0x88,
    };
    said.is_framed &= opcode == 0x82 || opcode == 0x81 && str::from_utf8(&payload).is_ok();
    put_frame(&mut said.bytes, opcode, &payload);
    Ok(())
}

fn hello<'a>(script: &mut Script<'a>) -> Result<Uplink<'a>> {
    Ok(Uplink::Hello(Hello {
        session: [1; 16],
        epoch: Epoch(script.number()?),
        connection: script.number()?,
        acknowledged: 0,
        restart: 1,
        received: 0,
        handled: 0,
        credentials: script.bytes()?,
    }))
}

/// A frame as clients send it: masked, here with zeros.
fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(opcode);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}
