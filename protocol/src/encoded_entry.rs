//! Entries as logs keep them: encoded once, shared by all readers.

use crate::downlink::{CONTINUED, ENTRY, Entry, LAST};
use crate::limits::{REASON_BYTES_MAX, REFUSAL_CODE_BYTES_MAX};
use crate::message::{Format, Offset, Seq, StreamId};
use crate::wire::{Reader, clip, number_length, put_number, put_sized};
use alloc::vec::Vec;
use bytes::Bytes;

/// An entry as logs keep it and as all its readers get it: encoded once, its bytes shared.
///
/// It holds the entry in its continued form, which names neither stream nor offset; the first
/// entry of a run in a packet gets both put before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedEntry(Bytes);

impl EncodedEntry {
    /// Encodes `entry`. Too long a code or reason of a refusal is cut off.
    #[must_use]
    pub fn new(format: Format, entry: Entry<'_>) -> Self {
        let (kind, seq, payload): (u8, Option<Seq>, &[u8]) = match entry {
            Entry::Message(payload) => (0, None, payload),
            Entry::Reply { seq, payload } => (1, Some(seq), payload),
            Entry::Refusal { seq, code, reason } => return Self::refusal(seq, code, reason),
        };
        let length = payload.len() + seq.map_or(0, number_length);
        let mut out = Vec::with_capacity(1 + number_length(length as u64) + length);
        out.push(ENTRY | CONTINUED | (format as u8) << 2 | kind);
        put_number(&mut out, length as u64);
        if let Some(seq) = seq {
            put_number(&mut out, seq);
        }
        out.extend_from_slice(payload);
        Self(out.into())
    }

    fn refusal(seq: Seq, code: &[u8], reason: &[u8]) -> Self {
        let mut body = Vec::with_capacity(16 + code.len() + reason.len());
        put_number(&mut body, seq);
        put_sized(&mut body, clipped(code, REFUSAL_CODE_BYTES_MAX));
        body.extend_from_slice(clipped(reason, REASON_BYTES_MAX));
        let mut out = Vec::with_capacity(body.len() + 4);
        out.push(ENTRY | CONTINUED | 2);
        put_sized(&mut out, &body);
        Self(out.into())
    }

    /// An entry that was kept as its [bytes](Self::as_bytes).
    #[must_use]
    pub const fn restore(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Its encoding, to keep it; [`restore`](Self::restore) takes it back.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// How much it takes in a packet, apart from a stream and offset before it.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.0.len()
    }

    /// Appends the ENTRY to a packet. Without `position` it continues the entry before it; as the
    /// `last` frame of its packet it goes without a length.
    pub(crate) fn put(&self, out: &mut Vec<u8>, position: Option<(StreamId, Offset)>, last: bool) {
        let mut reader = Reader::new(&self.0);
        let head = reader.byte();
        let last_bit = if last { LAST } else { 0 };
        match position {
            Some((stream, offset)) => {
                out.push(head & !CONTINUED | last_bit);
                put_number(out, stream.into());
                put_number(out, offset);
            }
            None => out.push(head | last_bit),
        }
        if last {
            // Its own encoding: the length is there, and is left out here.
            let _ = reader.number();
        }
        out.extend_from_slice(reader.rest());
    }
}

/// `text` cut to `max` bytes, between characters if it is UTF-8.
fn clipped(text: &[u8], max: usize) -> &[u8] {
    match core::str::from_utf8(text) {
        Ok(text) => clip(text, max).as_bytes(),
        Err(_) => text.get(..max.min(text.len())).unwrap_or_default(),
    }
}
