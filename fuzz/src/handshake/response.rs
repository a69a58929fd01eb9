//! What the server may say to a request.

use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use tautline_protocol::CloseCode;
use tautline_protocol::downlink::Frames;

use super::ALLOWED;
use super::request::Said;

/// Bad request, foreign origin, no such place, no such method, not an upgrade, a head that is too
/// long in two ways, full.
const REFUSALS: [u16; 8] = [400, 403, 404, 405, 426, 414, 431, 503];
/// What breaks RFC 6455 itself, and a text that is none.
const WEBSOCKET_CODES: [u16; 2] = [1002, 1007];
/// More than any number of refusals, WELCOME and PONGs to the longest script.
const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn check(said: &Said, response: &[u8]) {
    assert!(response.len() < RESPONSE_BYTES_MAX, "{} bytes", response.len());
    let mut headers = [EMPTY_HEADER; 64];
    let mut parsed = Response::new(&mut headers);
    let Ok(Status::Complete(length)) = parsed.parse(response) else {
        // A head that never ends gets none.
        assert!(response.is_empty(), "{}", response.escape_ascii());
        return;
    };
    let code = parsed.code.unwrap_or_default();
    if code != 101 {
        assert!(REFUSALS.contains(&code), "{code} to {}", said.bytes.escape_ascii());
        return;
    }
    let head = must_be_upgradable(&said.bytes);
    let protocol = header(parsed.headers, "sec-websocket-protocol");
    let protocol = protocol.expect("a subprotocol is chosen");
    assert!(protocol.starts_with(b"tautline."));
    let extension = header(parsed.headers, "sec-websocket-extensions");
    assert_eq!(extension, None, "no compression, whose bombs nobody could bound");
    let code = packets(&response[length..]);
    if said.is_framed && head == Some(said.head) {
        let code = code.expect("a WebSocket is closed with a code");
        let is_known = CloseCode::TABLE.iter().any(|(known, _)| known.0 == code);
        assert!(is_known || WEBSOCKET_CODES.contains(&code), "{code}");
        assert_eq!(protocol != b"tautline.1", code == CloseCode::VERSION.0);
    }
}

fn header<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Reads the request as another parser than the server's does; returns where it ends, unless it
/// has a body, whose bytes would be missing at the WebSocket's beginning.
fn must_be_upgradable(bytes: &[u8]) -> Option<usize> {
    let mut headers = [EMPTY_HEADER; 256];
    let mut request = Request::new(&mut headers);
    let parsed = request.parse(bytes);
    let Ok(Status::Complete(end)) = parsed else { panic!("this is no request: {parsed:?}") };
    let text = |name: &str| {
        let value = header(request.headers, name).map(|value| value.to_ascii_lowercase());
        String::from_utf8_lossy(&value.unwrap_or_default()).into_owned()
    };
    assert_eq!((request.method, request.version), (Some("GET"), Some(1)));
    assert!(text("connection").contains("upgrade") && text("upgrade") == "websocket");
    assert_eq!(text("sec-websocket-version"), "13");
    assert!(!text("sec-websocket-key").is_empty());
    let offers = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("sec-websocket-protocol"));
    let mut offers = offers.flat_map(|header| header.value.split(|byte| *byte == b','));
    assert!(offers.any(|offer| offer.trim_ascii().starts_with(b"tautline.")));
    if header(request.headers, "origin").is_some() {
        let origin = text("origin");
        let origin = origin.strip_suffix('/').unwrap_or(&origin);
        let scheme = text("x-forwarded-proto");
        let scheme = if scheme.is_empty() { "http" } else { &scheme };
        let target = request.path.unwrap_or_default();
        let host = match target.strip_prefix("http://") {
            Some(rest) => rest.split('/').next().unwrap_or_default().to_owned(),
            None => text("host"),
        };
        let is_allowed = [ALLOWED.into(), format!("{ALLOWED}:443")].iter().any(|of| of == origin);
        let is_own = format!("{scheme}://{host}") == origin;
        let is_named = host.ends_with("localhost") || !text("x-forwarded-proto").is_empty();
        assert!(is_allowed || is_own && is_named, "{origin} is foreign to {host}");
    }
    let has_body =
        ["content-length", "transfer-encoding"].iter().any(|name| !text(name).is_empty());
    (!has_body).then_some(end)
}

/// Reads the server's WebSocket frames; returns the code that it closes with.
fn packets(mut bytes: &[u8]) -> Option<u16> {
    while let [head, length, rest @ ..] = bytes {
        let (length, rest) = match (length, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [0, 0, 0, 0, 0, a, b, c, rest @ ..]) => {
                (u32::from_be_bytes([0, *a, *b, *c]) as usize, rest)
            }
            (length, rest) => (usize::from(*length), rest),
        };
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        match head {
            0x82 => assert!(Frames::new(payload).all(|frame| frame.is_ok()), "{payload:?}"),
            0x88 => return payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
            0x8a => {}
            other => panic!("a frame with the head {other:#04x}"),
        }
        bytes = rest;
    }
    None
}
