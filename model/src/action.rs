//! What can happen next.

use crate::engine::Keep;
use crate::link::LinkId;
use std::fmt;
use tautline_protocol::StreamId;

/// One step of a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The application sends its next message.
    Send,
    /// The application takes its newest message back.
    Cancel,
    /// The application has handled the oldest entry that it has not.
    Handle,
    /// The server's application sends a direct message.
    Push,
    /// Somebody publishes to the topic.
    Publish,
    /// The oldest entry of the direct stream (0) or of the topic is trimmed.
    Trim(StreamId),
    /// The next packet arrives at the server.
    ArriveUp(LinkId),
    /// The next packet arrives at the client.
    ArriveDown(LinkId),
    /// The handler that runs is done.
    Finish,
    /// The client's next deadline passes.
    Deadline,
    /// A link breaks.
    Cut(LinkId, Notices),
    /// The server learns that a link is closed; what was under way to it is lost.
    ServerNotices(LinkId),
    /// The client learns that its link is closed; what was under way to it is lost.
    ClientNotices(LinkId),
    /// The server dies and comes back.
    Crash(Keep),
}

/// Who notices at once that a link breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notices {
    /// The client; what it has sent may still arrive.
    Client,
    /// The server; what it has sent may still arrive.
    Server,
    /// Nobody; nothing arrives any more.
    Nobody,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => f.write_str("the client's application sends a message"),
            Self::Cancel => f.write_str("the client's application takes its last message back"),
            Self::Handle => f.write_str("the client's application has handled an entry"),
            Self::Push => f.write_str("the server's application sends a direct message"),
            Self::Publish => f.write_str("somebody publishes to the topic"),
            Self::Trim(0) => f.write_str("the oldest entry of the direct stream is trimmed"),
            Self::Trim(_) => f.write_str("the oldest entry of the topic is trimmed"),
            Self::ArriveUp(link) => write!(f, "a packet arrives at the server on link {link}"),
            Self::ArriveDown(link) => write!(f, "a packet arrives at the client on link {link}"),
            Self::Finish => f.write_str("the handler is done"),
            Self::Deadline => f.write_str("the client's next deadline passes"),
            Self::Cut(link, Notices::Client) => {
                write!(f, "link {link} breaks, and the client notices")
            }
            Self::Cut(link, Notices::Server) => {
                write!(f, "link {link} breaks, and the server notices")
            }
            Self::Cut(link, Notices::Nobody) => write!(f, "link {link} goes dead unnoticed"),
            Self::ServerNotices(link) => write!(f, "the server notices that link {link} is closed"),
            Self::ClientNotices(link) => write!(f, "the client notices that link {link} is closed"),
            Self::Crash(Keep::Everything) => f.write_str("the server dies and keeps its state"),
            Self::Crash(Keep::Tombstones) => f.write_str("the server dies and keeps tombstones"),
            Self::Crash(Keep::Nothing) => f.write_str("the server dies and loses everything"),
        }
    }
}
