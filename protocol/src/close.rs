//! Close codes: what each means, and what the client does about it.
//!
//! The same numbers stand in WebSocket Close frames (RFC 6455, 7.4) and in REFUSE. PROTOCOL.md
//! shows the same table; a test compares the two.

use core::fmt;

/// What a client does when its connection ended with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Connect again after the usual backoff.
    Retry,
    /// Connect again, but not soon: the server is short of something.
    RetryLater,
    /// Connect again with new credentials.
    Reauthenticate,
    /// End the line.
    Stop,
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

macro_rules! close_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $words:literal;)+) => {
        impl CloseCode {
            $($(#[doc = $doc])+ pub const $name: Self = Self($number);)+

            /// Every code of the table, with its words for people.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self::$name, $words)),+];
        }
    };
}

close_codes! {
    /// The client has said BYE.
    NORMAL = 1000, "normal end";
    /// The connection was silent for too long.
    SILENT = 4000, "nothing heard for too long";
    /// A packet did not parse.
    MALFORMED = 4001, "malformed packet";
    /// A frame came that has no place here, or a sequence number left a hole.
    VIOLATION = 4002, "protocol violation";
    /// No HELLO came in time.
    HELLO_TIMEOUT = 4003, "no HELLO in time";
    /// The server is shutting down or moving its clients.
    GOING_AWAY = 4004, "server going away";
    /// The client replaces this connection by a new one.
    REPLACED = 4005, "replaced by a new connection";
    /// The client's page was put aside; it will resume.
    SUSPENDED = 4007, "page put aside";
    /// Something failed inside the server.
    INTERNAL = 4006, "internal error";
    /// The server has no room for another connection or session.
    FULL = 4100, "server full";
    /// This client or address has used up what it may.
    TOO_MANY = 4101, "too many connections or sessions";
    /// The credentials are missing, wrong or expired.
    UNAUTHORIZED = 4200, "credentials refused";
    /// Another connection has resumed this session.
    SUPERSEDED = 4300, "resumed by another connection";
    /// The session belongs to another identity.
    WRONG_IDENTITY = 4301, "session of another identity";
    /// No common version of the protocol.
    VERSION = 4302, "no common protocol version";
    /// The server has ended this session for good.
    ENDED = 4303, "ended by the server";
    /// A message over the server's limit.
    TOO_LARGE = 4304, "message too large";
}

impl CloseCode {
    /// The reaction that the code asks of a client.
    ///
    /// From 4000 on it follows from the hundreds, so that a client can obey a code which is newer
    /// than itself. Any other code, and a connection that ended without one, is a cut.
    /// PROTOCOL.md C-30.
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        match self.0 {
            1013 | 4100..=4199 => Reaction::RetryLater,
            4200..=4299 => Reaction::Reauthenticate,
            4300..=4399 => Reaction::Stop,
            _ => Reaction::Retry,
        }
    }
}

impl CloseCode {
    /// Whether it says of what was sent that it must not be, so that it would end every connection.
    /// Those below 4000 are the WebSocket's own words for it. PROTOCOL.md C-36.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        matches!(self.0, 1002 | 1003 | 1007 | 1009 | 4001 | 4002 | 4304)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Self::TABLE.iter().find(|(code, _)| code == self).map(|(_, words)| *words);
        write!(f, "{} ({})", self.0, words.unwrap_or("unknown code"))
    }
}
