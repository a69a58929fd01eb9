//! The words of the protocol: numbers, names and kinds that both directions use.

/// Names an uplink message within its session; counts from 1, 0 is before the first.
pub type Seq = u64;
/// A position in a log; counts from 1, 0 is before the first.
pub type Offset = u64;
/// Names a stream within its session; 0 is the direct stream, the client counts up from 1.
pub type StreamId = u32;
/// Names a session: 128 bits from the client's secure random.
pub type SessionId = [u8; 16];

/// One incarnation of a session or of a log: a random number, another one once state was lost.
///
/// 0 is never an incarnation; on the wire it says *none known*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

impl Epoch {
    /// No incarnation is known.
    pub const NONE: Self = Self(0);
}

/// What the sender wants done with an uplink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Handle it.
    Send = 0,
    /// Handle it and answer with a reply.
    Request = 1,
    /// Append it to a topic.
    Publish = 2,
}

/// What a payload is. The protocol carries it; only the ends look inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Format {
    /// UTF-8 text.
    #[default]
    Text = 0,
    /// Bytes.
    Binary = 1,
    /// A value that the application's codec has turned into text, such as JSON.
    EncodedText = 2,
    /// A value that the application's codec has turned into bytes.
    EncodedBinary = 3,
}

impl Format {
    /// The format with this number: two bits on the wire, so that none is invalid.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Text,
            1 => Self::Binary,
            2 => Self::EncodedText,
            _ => Self::EncodedBinary,
        }
    }

    /// Whether the payload has to be UTF-8.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::EncodedText)
    }
}

/// Where a subscription starts to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// With up to this many of the newest entries.
    Last(u64),
    /// Behind a position that was read before.
    After(Cursor),
}

/// How far a reader has come in one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The incarnation of the log that the offsets belong to.
    pub epoch: Epoch,
    /// The last entry received; reading goes on behind it.
    pub received: Offset,
    /// The last entry that the application has handled; never above `received`.
    pub handled: Offset,
}
