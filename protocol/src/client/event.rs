//! What the client tells the application.

use super::outbox::MessageId;
use super::stream::Missing;
use crate::close::CloseCode;
use crate::message::{Epoch, Format, Offset, StreamId};
use crate::time::Instant;
use core::fmt;

/// The line's state, as the application sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// An attempt to connect is under way.
    Connecting = 0,
    /// Messages flow.
    Open = 1,
    /// The next attempt starts later.
    Waiting = 2,
    /// Ended for good.
    Closed = 3,
}

/// Something the application should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Its fields lie in this order, small ones first: whatever the event, what lies at a place is of
// one size then, or mostly, and need not be put together from halves.
#[repr(u8)]
pub enum Event<'a> {
    /// The state changed.
    State {
        /// The state from now on.
        state: State,
        /// The code that ended the connection, if one did: the peer's, or the client's own.
        code: Option<CloseCode>,
        /// With [`State::Waiting`]: when the next attempt starts, if that is known.
        retry_at: Option<Instant>,
        /// Why, for people.
        reason: &'static str,
        /// What the server said to it, for people: UTF-8 from a sound one.
        words: &'a [u8],
    },
    /// The server has lost the session. Comes before anything of the new incarnation.
    Lost {
        /// The server still knew what it had accepted; no outcome is unknown for lack of that.
        accepted_known: bool,
        /// Direct messages may be missing.
        direct_missing: bool,
    },
    /// Every message up to this one that has not failed, been refused or replied to is processed.
    Acknowledged {
        /// The last one.
        through: MessageId,
    },
    /// The reply to a request.
    Reply {
        /// What the payload is.
        format: Format,
        /// The request.
        id: MessageId,
        /// The reply.
        payload: &'a [u8],
    },
    /// The application's handler on the server refused a message; or the message ended every connection
    /// that it was sent on, with this code (such as `4001`), and is given up. It was not handled.
    Refused {
        /// The message.
        id: MessageId,
        /// Why, for programs: UTF-8 from a sound server.
        code: &'a [u8],
        /// Why, for people: UTF-8 from a sound server.
        reason: &'a [u8],
    },
    /// Messages from `first` to `last` that are not settled in another way (refused, replied to,
    /// failed, taken back) will not be confirmed.
    Failed {
        /// Why not.
        failure: Failure,
        /// The first one.
        first: MessageId,
        /// The last one.
        last: MessageId,
    },
    /// A message of a stream; 0 is the direct stream.
    Message {
        /// What the payload is.
        format: Format,
        /// Which stream.
        stream: StreamId,
        /// Its position.
        offset: Offset,
        /// The message.
        payload: &'a [u8],
    },
    /// The server has confirmed a subscription, for the first time or after a cut, or has begun its
    /// log anew: then a gap follows.
    Subscribed {
        /// Which stream.
        stream: StreamId,
        /// The log's incarnation.
        epoch: Epoch,
        /// The position before the next entry to come.
        offset: Offset,
    },
    /// The server has refused a subscription, or it ended every connection that it was asked for on,
    /// with this code (such as `4002`); the stream has ended.
    SubscribeRefused {
        /// Which stream.
        stream: StreamId,
        /// Why, for programs: UTF-8 from a sound server.
        code: &'a [u8],
        /// Why, for people: UTF-8 from a sound server.
        reason: &'a [u8],
    },
    /// Entries of a stream can no longer be read.
    Gap {
        /// Which stream.
        stream: StreamId,
        /// Which entries.
        missing: Missing,
    },
    /// The line has ended; nothing comes after this.
    Closed {
        /// How.
        end: End,
        /// The server's words, if it was the server: UTF-8 from a sound one.
        reason: &'a [u8],
    },
}

/// Why a message will not be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Failure {
    /// It was transmitted; whether it was processed cannot be known.
    OutcomeUnknown = 0,
    /// It was processed, but the server's answer to it is lost.
    AnswerLost = 1,
    /// The line closed before it was transmitted.
    Closed = 2,
    /// It is over the limit that the server has stated since.
    TooLarge = 3,
    /// Its time was over before it was transmitted.
    Expired = 4,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The application closed it.
    Requested,
    /// The server refused the credentials.
    Unauthorized(CloseCode),
    /// The server ended it.
    Stopped(CloseCode),
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The payload is over the limit.
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest allowed.
        max: usize,
    },
    /// The outbox holds as many messages or bytes as it may.
    OutboxFull,
    /// The topic's name is empty, too long or no UTF-8.
    BadTopic,
    /// The format says text, and the payload is no UTF-8.
    NotText,
    /// The line is closed or closing.
    Closed,
    /// A volatile message, and the line is not live or has much to transmit already.
    NotLive,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, max } => {
                write!(f, "the message has {size} bytes, at most {max} are allowed")
            }
            Self::OutboxFull => f.write_str("the outbox is full; wait for confirmations"),
            Self::BadTopic => f.write_str("a topic's name has 1 to 255 bytes of UTF-8"),
            Self::NotText => {
                f.write_str("the payload is no UTF-8, which its format says; send it as binary")
            }
            Self::Closed => f.write_str("the line is closed"),
            Self::NotLive => f.write_str(
                "the line is not live or has much to transmit already, and the message is volatile",
            ),
        }
    }
}

impl core::error::Error for SendError {}

/// Why a subscription was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeError {
    /// The topic's name is empty, too long or no UTF-8.
    BadTopic,
    /// The position to start behind says that more is handled than was received.
    BadPosition,
    /// There are as many subscriptions as there may be.
    TooMany,
    /// The line is closed or closing.
    Closed,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadTopic => "a topic's name has 1 to 255 bytes of UTF-8",
            Self::BadPosition => "a position with more handled than received is none",
            Self::TooMany => "there are too many subscriptions; end one first",
            Self::Closed => "the line is closed",
        })
    }
}

impl core::error::Error for SubscribeError {}

/// Counters since the client began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The smoothed round trip in milliseconds; 0 before the first sample.
    pub round_trip_ms: u64,
    /// Messages not yet transmitted on this connection.
    pub queued: u64,
    /// Messages transmitted on this connection and not acknowledged.
    pub unacknowledged: u64,
    /// Bytes in the outbox.
    pub outbox_bytes: u64,
    /// Bytes that the transport held when it was last looked at.
    pub buffered: u64,
    /// Messages settled, however.
    pub settled: u64,
    /// Messages transmitted again.
    pub retransmitted: u64,
    /// Messages that expired before they were transmitted.
    pub expired: u64,
    /// Messages that were replaced before they were transmitted.
    pub superseded: u64,
    /// Entries received.
    pub received: u64,
    /// Entries received before and dropped.
    pub duplicates: u64,
    /// Connections that became live.
    pub connections: u64,
    /// Bytes transmitted.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
}
