//! What goes in and what comes out.

use crate::close::CloseCode;
use crate::message::{Epoch, Offset, Seq, SessionId, Start, StreamId};
use crate::time::Instant;
use crate::uplink;
use alloc::string::String;
use bytes::Bytes;

/// What the world tells the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A binary message arrived.
    Packet(Bytes),
    /// A text message arrived, which has no place in this protocol.
    Text,
    /// The connection is closed or broken.
    Closed,
    /// Time has passed. Also the way to tell the time before a command.
    Woke,
}

/// What a client said in HELLO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// The session to make or to resume.
    pub session: SessionId,
    /// The incarnation the client knows.
    pub epoch: Epoch,
    /// Counts the client's connections of this session; see [`uplink::Hello::connection`].
    pub connection: u64,
    /// Every message up to this one is settled.
    pub acknowledged: Seq,
    /// The first number to come should the session be lost.
    pub restart: Seq,
    /// How far the client has come in the direct stream.
    pub received: Offset,
    /// How far the application has handled it.
    pub handled: Offset,
    /// What proves who the client is.
    pub credentials: Bytes,
}

impl Hello {
    /// The frame it came in, for [`resolve`](crate::resume::resolve).
    #[must_use]
    pub fn as_frame(&self) -> uplink::Hello<'_> {
        uplink::Hello {
            session: self.session,
            epoch: self.epoch,
            connection: self.connection,
            acknowledged: self.acknowledged,
            restart: self.restart,
            received: self.received,
            handled: self.handled,
            credentials: &self.credentials,
        }
    }
}

/// What the machine wants done.
#[derive(Debug, PartialEq)]
pub enum Output<'a> {
    /// Check who it is, take the session over from any older connection, resolve it, and answer
    /// with [`Session::join`](crate::Session::join) or [`Session::refuse`](crate::Session::refuse). What comes behind has to wait for that.
    Join(Hello),
    /// Check the credentials; answer with [`Session::authorized`](crate::Session::authorized) or [`Session::refuse`](crate::Session::refuse).
    Authenticate(Bytes),
    /// Answer with [`Session::subscribed`](crate::Session::subscribed) or [`Session::refuse_subscription`](crate::Session::refuse_subscription).
    Subscribe {
        /// The stream's name.
        stream: StreamId,
        /// The topic to read.
        topic: String,
        /// Where to start.
        start: Start,
    },
    /// Stop reading for this stream.
    Unsubscribe {
        /// Which stream.
        stream: StreamId,
    },
    /// The client has handled the direct stream up to here; what lies before may go.
    Trim {
        /// The last entry handled.
        offset: Offset,
    },
    /// The client ends the session: forget it. [`Output::HangUp`] follows.
    Bye,
    /// Send this as one binary message.
    Transmit(&'a [u8]),
    /// Close the WebSocket.
    HangUp(CloseCode),
    /// Nothing to do before this moment, or before an input or command; `None` once it is over.
    Idle {
        /// When to bring [`Input::Woke`].
        wake_at: Option<Instant>,
    },
}
