//! The application's side of a server: what it does with clients and their messages.

use std::future::Future;

use bytes::Bytes;
use tautline_protocol::{Format, Seq};

pub use crate::identity::{Caller, Credentials, Denied, Identity};

/// What a server does with clients and their messages; only [`authorize`](Self::authorize) is
/// required.
///
/// The messages of one session are handled strictly in order, one at a time; those of different
/// sessions at the same time. A method that panics refuses its message with the code `internal`,
/// and the line lives on.
///
/// [`send`](Self::send), [`request`](Self::request) and [`publish`](Self::publish) always run to
/// their end once begun, unless the server is shut down: a client that is cut off meanwhile and
/// comes back waits for that, so that no message is handled twice; a handler that may take very
/// long should set itself a limit. [`authorize`](Self::authorize)
/// and [`subscribe`](Self::subscribe) are dropped half-way when their connection ends or they take too
/// long: over a subscription and over fresh credentials half a minute, over those of a new connection
/// eight seconds. If newer credentials come on a live line, those before are dropped after a second.
pub trait Handler: Send + Sync + 'static {
    /// Who is this? Asked at the start of every connection, and for fresh credentials.
    fn authorize(
        &self,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Identity, Denied>> + Send;

    /// Handles a message. Once this has returned, and its effects are committed, the client's
    /// promise is kept.
    fn send(&self, message: Message<'_>) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = message;
        async { Err(Refusal::no_handler()) }
    }

    /// Answers a request.
    fn request(
        &self,
        message: Message<'_>,
    ) -> impl Future<Output = Result<Payload, Refusal>> + Send {
        let _ = message;
        async { Err(Refusal::no_handler()) }
    }

    /// May this client read the topic?
    fn subscribe(
        &self,
        caller: &Caller,
        topic: &str,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (caller, topic);
        async { Err(Refusal::forbidden("this server lets nobody subscribe")) }
    }

    /// May this client append the payload to the topic?
    fn publish(
        &self,
        caller: &Caller,
        topic: &str,
        payload: &Payload,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        let _ = (caller, topic, payload);
        async { Err(Refusal::forbidden("this server lets nobody publish")) }
    }
}

/// A message to handle.
#[derive(Debug)]
pub struct Message<'a> {
    /// Who sent it.
    pub caller: &'a Caller,
    /// Its number in its session; `None` if it is volatile, which is sent at most once and can
    /// not be refused.
    pub seq: Option<Seq>,
    /// It may have been handled before: by an earlier incarnation of the session, whose state the
    /// server has lost, or by this one, when the server was killed before it could be committed. A
    /// new message can be marked too, an old one never goes unmarked.
    pub possible_duplicate: bool,
    /// What it says.
    pub payload: Payload,
    pub(crate) also: &'a mut Also,
}

/// What a handler wants done along with its message.
#[derive(Debug, Default)]
pub(crate) struct Also {
    pub(crate) direct: Vec<Payload>,
    pub(crate) publishes: Vec<(String, Payload)>,
}

impl Message<'_> {
    /// Sends a message to the client, in one step with accepting this one: both happen, or, if
    /// the handler then refuses or panics, neither.
    pub fn push(&mut self, payload: Payload) {
        self.also.direct.push(payload);
    }

    /// Appends to a topic, in one step with accepting this message. [`Handler::publish`] is not
    /// asked. If there is no room for another topic, the message is refused.
    pub fn publish(&mut self, topic: impl Into<String>, payload: Payload) {
        self.also.publishes.push((topic.into(), payload));
    }
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    format: Format,
    bytes: Bytes,
}

impl Payload {
    /// A text: in JavaScript a string.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Format::Text, text.into().into())
    }

    /// Bytes: in JavaScript a `Uint8Array`.
    #[must_use]
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self::new(Format::Binary, bytes.into())
    }

    /// What the client's codec decodes from text: with the default codec a value as JSON.
    #[must_use]
    pub fn encoded_text(text: impl Into<String>) -> Self {
        Self::new(Format::EncodedText, text.into().into())
    }

    /// What the client's codec decodes from bytes.
    #[must_use]
    pub fn encoded_binary(bytes: impl Into<Bytes>) -> Self {
        Self::new(Format::EncodedBinary, bytes.into())
    }

    pub(crate) const fn new(format: Format, bytes: Bytes) -> Self {
        Self { format, bytes }
    }

    /// What the bytes are.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The bytes. They share memory with the whole packet that they came in: copy what is kept
    /// for long.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The text, plain or encoded; `None` if it is binary.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if self.format.is_text() { std::str::from_utf8(&self.bytes).ok() } else { None }
    }
}

/// Why one message or subscription is refused; the client's promise rejects with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs, at most 64 bytes.
    pub code: String,
    /// For people, at most 1,024 bytes.
    pub reason: String,
}

impl Refusal {
    /// A refusal with a code of the application's own.
    #[must_use]
    pub fn new(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { code: code.into(), reason: reason.into() }
    }

    /// This client may not do that.
    #[must_use]
    pub fn forbidden(reason: impl Into<String>) -> Self {
        Self::new("forbidden", reason)
    }

    pub(crate) fn internal(reason: impl Into<String>) -> Self {
        Self::new("internal", reason)
    }

    fn no_handler() -> Self {
        let reason = "this server has no handler for such messages: build one on the library \
                      tautline-server, and implement Handler::send or Handler::request";
        Self::new("no-handler", reason)
    }
}
