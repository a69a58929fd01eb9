//! What can be wrong with a packet.

use crate::close::CloseCode;
use core::fmt;

/// Why a packet could not be read. Nothing behind the fault has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The packet holds no frame.
    Empty,
    /// A field runs past the end of the packet or of its frame.
    Truncated,
    /// A number is longer than 64 bits, or not in its shortest form.
    Number,
    /// A length is over the limit for its field.
    TooLong,
    /// No frame of this direction has this type.
    UnknownFrame(u8),
    /// A field has a value that is not allowed, or contradicts another field.
    BadField,
    /// A text field is not UTF-8.
    NotText,
    /// A continued ENTRY does not follow an ENTRY.
    NoPrecedingEntry,
}

impl DecodeError {
    /// The code that the connection is closed with.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::TooLong => CloseCode::TOO_LARGE,
            _ => CloseCode::MALFORMED,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the packet is empty"),
            Self::Truncated => f.write_str("a field runs past the end of the packet"),
            Self::Number => f.write_str("a number is over 64 bits or not in its shortest form"),
            Self::TooLong => f.write_str("a length is over its limit"),
            Self::UnknownFrame(head) => {
                write!(f, "no frame has type {head:#04x} in this direction")
            }
            Self::BadField => f.write_str("a field has a value that is not allowed"),
            Self::NotText => f.write_str("a text is not UTF-8"),
            Self::NoPrecedingEntry => f.write_str("a continued ENTRY follows no ENTRY"),
        }
    }
}

impl core::error::Error for DecodeError {}
