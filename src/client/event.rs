//! What a Rust application is told, owned.

#[cfg(feature = "json")]
use std::fmt;
#[cfg(feature = "json")]
use tautline_protocol::client::SendError;
use tautline_protocol::client::{End, Event as ProtocolEvent, Failure, MessageId, Missing, State};
use tautline_protocol::{CloseCode, Epoch, Format, Instant, StreamId};

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What the bytes are.
    pub format: Format,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Payload {
    /// The payload as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// The payload parsed as JSON.
    ///
    /// # Errors
    /// It is not JSON, or not of this type.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }
}

/// Why a typed message was not taken.
#[cfg(feature = "json")]
#[derive(Debug)]
pub enum JsonError {
    /// The value cannot be JSON.
    Json(serde_json::Error),
    /// The line did not take it.
    Send(SendError),
}

#[cfg(feature = "json")]
impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the value cannot be JSON: {error}"),
            Self::Send(error) => error.fmt(f),
        }
    }
}

#[cfg(feature = "json")]
impl std::error::Error for JsonError {}

/// Something the application should know: the owned form of the protocol's
/// [`Event`](ProtocolEvent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Credentials are wanted: answer with [`Client::authorize`](crate::Client::authorize).
    Authorize {
        /// Goes back with the answer.
        attempt: u32,
    },
    /// The state changed.
    State {
        /// The state from now on.
        state: State,
        /// Why, for people.
        reason: &'static str,
        /// The code that ended the connection, if one did: the server's, or the client's own.
        code: Option<CloseCode>,
        /// What the server said to it, for people.
        words: String,
        /// With [`State::Waiting`]: when the next attempt starts, on the page's clock.
        retry_at: Option<Instant>,
    },
    /// The server has lost the session.
    Lost {
        /// The server still knew what it had accepted.
        accepted_known: bool,
        /// Direct messages may be missing.
        direct_missing: bool,
    },
    /// Every message up to this one that was not refused, failed or replied to is processed.
    Acknowledged {
        /// The last one.
        through: MessageId,
    },
    /// The reply to a request.
    Reply {
        /// The request.
        id: MessageId,
        /// The reply.
        payload: Payload,
    },
    /// The server's handler refused a message.
    Refused {
        /// The message.
        id: MessageId,
        /// Why, for programs.
        code: String,
        /// Why, for people.
        reason: String,
    },
    /// Messages from `first` to `last` will not be confirmed.
    Failed {
        /// The first one.
        first: MessageId,
        /// The last one.
        last: MessageId,
        /// Why not.
        failure: Failure,
    },
    /// A message of a stream; 0 is the direct stream.
    Message {
        /// Which stream.
        stream: StreamId,
        /// Its position.
        offset: u64,
        /// The message.
        payload: Payload,
    },
    /// The server has confirmed a subscription.
    Subscribed {
        /// Which stream.
        stream: StreamId,
        /// The log's incarnation.
        epoch: Epoch,
        /// The position before the next entry to come.
        offset: u64,
    },
    /// The server has refused a subscription.
    SubscribeRefused {
        /// Which stream.
        stream: StreamId,
        /// Why, for programs.
        code: String,
        /// Why, for people.
        reason: String,
    },
    /// Entries of a stream can no longer be read.
    Gap {
        /// Which stream.
        stream: StreamId,
        /// Which entries.
        missing: Missing,
    },
    /// The line has ended.
    Closed {
        /// How.
        end: End,
        /// The server's words, if it was the server.
        reason: String,
    },
}

impl Event {
    /// The stream that it is about, if it is about one.
    pub(super) const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Message { stream, .. }
            | Self::Subscribed { stream, .. }
            | Self::SubscribeRefused { stream, .. }
            | Self::Gap { stream, .. } => Some(*stream),
            _ => None,
        }
    }
}

impl From<ProtocolEvent<'_>> for Event {
    fn from(event: ProtocolEvent<'_>) -> Self {
        match event {
            ProtocolEvent::State { state, reason, code, words, retry_at } => {
                Self::State { state, reason, code, words: text(words), retry_at }
            }
            ProtocolEvent::Lost { accepted_known, direct_missing } => {
                Self::Lost { accepted_known, direct_missing }
            }
            ProtocolEvent::Acknowledged { through } => Self::Acknowledged { through },
            ProtocolEvent::Reply { id, format, payload } => {
                Self::Reply { id, payload: Payload { format, bytes: payload.into() } }
            }
            ProtocolEvent::Refused { id, code, reason } => {
                Self::Refused { id, code: text(code), reason: text(reason) }
            }
            ProtocolEvent::Failed { first, last, failure } => Self::Failed { first, last, failure },
            ProtocolEvent::Message { stream, offset, format, payload } => {
                let payload = Payload { format, bytes: payload.into() };
                Self::Message { stream, offset, payload }
            }
            ProtocolEvent::Subscribed { stream, epoch, offset } => {
                Self::Subscribed { stream, epoch, offset }
            }
            ProtocolEvent::SubscribeRefused { stream, code, reason } => {
                Self::SubscribeRefused { stream, code: text(code), reason: text(reason) }
            }
            ProtocolEvent::Gap { stream, missing } => Self::Gap { stream, missing },
            ProtocolEvent::Closed { end, reason } => Self::Closed { end, reason: text(reason) },
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
