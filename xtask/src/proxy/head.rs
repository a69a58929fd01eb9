//! The first request of a connection: read up to its blank line, and told apart by what it asks for.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Largest request head, in bytes; what servers commonly allow.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most header lines of one request.
const HEADERS_MAX: usize = 64;
/// A browser opens connections ahead of need, so the first byte may come late.
const HEAD_TIME_MAX: Duration = Duration::from_secs(60);

/// One request as far as the proxy must know it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) purpose: Purpose,
    /// What goes to the server: the head, and everything read behind it.
    pub(crate) bytes: Vec<u8>,
}

/// What a connection is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A WebSocket, with the `lab` parameter of its URL.
    Line { lab: Option<String> },
    /// Any other request, for the server behind the proxy.
    Plain,
    /// A request to the proxy itself; `path` is what follows `/lab/`.
    Control { method: String, path: String, body_length: usize, body: Vec<u8> },
}

/// Why no request could be read.
#[derive(Debug)]
pub(crate) enum HeadError {
    /// The connection ended or fell silent; there is nobody to answer.
    Gone,
    /// The request is answered with 400 and this sentence.
    Malformed(String),
}

impl From<io::Error> for HeadError {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads and parses the head of the first request on `stream`.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Head, HeadError> {
    timeout(HEAD_TIME_MAX, read_head(stream)).await.unwrap_or(Err(HeadError::Gone))
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Head, HeadError> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = parse(&bytes)? {
            return Ok(head);
        }
        let room = HEAD_BYTES_MAX - bytes.len();
        if room == 0 {
            let reason = format!("expected a request head of at most {HEAD_BYTES_MAX} bytes");
            return Err(HeadError::Malformed(reason));
        }
        if (&mut *stream).take(room as u64).read_buf(&mut bytes).await? == 0 {
            return Err(HeadError::Gone);
        }
    }
}

/// Returns nothing while the head is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<Head>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => {
            return Err(HeadError::Malformed(format!("the request is not HTTP: {error}")));
        }
    };
    let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
    let behind = &bytes[length..];
    if let Some(path) = target.strip_prefix("/lab/") {
        let purpose = Purpose::Control {
            method: method.to_owned(),
            path: path.to_owned(),
            body_length: body_length(request.headers)?,
            body: behind.to_vec(),
        };
        return Ok(Some(Head { purpose, bytes: Vec::new() }));
    }
    if is_websocket(request.headers) {
        let purpose = Purpose::Line { lab: lab_id(target) };
        return Ok(Some(Head { purpose, bytes: bytes.to_vec() }));
    }
    let bytes = with_connection_close(method, target, request.headers, behind);
    Ok(Some(Head { purpose: Purpose::Plain, bytes }))
}

fn value<'a>(headers: &'a [httparse::Header<'_>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn is_websocket(headers: &[httparse::Header<'_>]) -> bool {
    value(headers, "upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(b"websocket"))
}

fn body_length(headers: &[httparse::Header<'_>]) -> Result<usize, HeadError> {
    let Some(length) = value(headers, "content-length") else { return Ok(0) };
    std::str::from_utf8(length).ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        let length = String::from_utf8_lossy(length);
        HeadError::Malformed(format!("content-length is not a number: {length}"))
    })
}

/// The `lab` parameter of a request's target, if it is one the control interface can name.
fn lab_id(target: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let id = query.split('&').find_map(|pair| pair.strip_prefix("lab="))?;
    is_lab_id(id).then(|| id.to_owned())
}

/// Lab ids are 1 to 64 letters, digits, `-` or `_`, and none of the control interface's words.
pub(crate) fn is_lab_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && !["plan", "counts"].contains(&id)
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Only the first request of a connection is read, so a plain one must be the only one: a browser
/// would send its next request, perhaps one to `/lab/`, over the same connection.
fn with_connection_close(
    method: &str,
    target: &str,
    headers: &[httparse::Header<'_>],
    behind: &[u8],
) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        if !header.name.eq_ignore_ascii_case("connection") {
            bytes.extend_from_slice(header.name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(header.value);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(behind);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> Head {
        parse(text.as_bytes()).expect("well formed").expect("complete")
    }

    #[test]
    fn websocket_is_known_by_its_lab_and_passed_unchanged() {
        let text = "GET /line?x=1&lab=tab-7 HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\nrest";
        let head = complete(text);
        assert_eq!(head.purpose, Purpose::Line { lab: Some("tab-7".to_owned()) });
        assert_eq!(head.bytes, text.as_bytes());
    }

    #[test]
    fn unusable_lab_ids_are_not_known() {
        for query in ["", "?lab=", "?lab=a%20b", "?lab=plan", "?slab=a"] {
            let head =
                complete(&format!("GET /line{query} HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"));
            assert_eq!(head.purpose, Purpose::Line { lab: None }, "{query}");
        }
    }

    #[test]
    fn plain_request_is_the_only_one_of_its_connection() {
        let head = complete("GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\nbody");
        assert_eq!(head.purpose, Purpose::Plain);
        assert_eq!(head.bytes, b"GET /a HTTP/1.1\r\nconnection: close\r\nHost: h\r\n\r\nbody");
    }

    #[test]
    fn control_request_is_taken_apart() {
        let head = complete("POST /lab/plan HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"se");
        let body = b"{\"se".to_vec();
        let (method, path) = ("POST".to_owned(), "plan".to_owned());
        assert_eq!(head.purpose, Purpose::Control { method, path, body_length: 9, body });
    }

    #[tokio::test]
    async fn head_over_the_limit_is_malformed() {
        let long = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
        let error = read(&mut long.as_bytes()).await.expect_err("too long");
        assert!(matches!(error, HeadError::Malformed(reason) if reason.contains("16384")));
    }

    #[tokio::test]
    async fn half_a_head_is_gone() {
        let error = read(&mut &b"GET / HTTP/1.1\r\nx"[..]).await.expect_err("incomplete");
        assert!(matches!(error, HeadError::Gone));
    }
}
