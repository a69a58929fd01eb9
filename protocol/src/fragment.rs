//! A packet too large for one WebSocket message travels as several, each a part behind one byte:
//! PROTOCOL.md F-14, F-15. The machines do so themselves; this is for whoever reads or writes the
//! frames without them.

use crate::limits::FRAGMENT_BYTES;
use crate::wire::put_byte;
use alloc::vec::Vec;
use core::mem;

/// In front of a part that others follow.
pub const FRAGMENT: u8 = 0x0f;
/// In front of the last part.
pub const LAST_FRAGMENT: u8 = 0x10;

/// A packet of which some has left.
#[derive(Debug, Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub struct Leaving {
    packet: Vec<u8>,
    gone: usize,
}

impl Leaving {
    /// Whether nothing is left of it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packet.is_empty()
    }

    /// The first byte of the packet; 0 if there is none.
    #[must_use]
    pub fn head(&self) -> u8 {
        self.packet.first().copied().unwrap_or(0)
    }

    /// Takes a packet that is too large for one WebSocket message out of `packet`, and puts its first part
    /// there instead.
    pub fn split(&mut self, packet: &mut Vec<u8>) {
        mem::swap(&mut self.packet, packet);
        self.put_next(packet);
    }

    /// Appends the next part to `out`, behind its head. With the last part the packet's memory is
    /// released.
    pub fn put_next(&mut self, out: &mut Vec<u8>) {
        let rest = self.packet.get(self.gone..).unwrap_or_default();
        let part = rest.len().min(FRAGMENT_BYTES);
        let is_last = part == rest.len();
        put_byte(out, if is_last { LAST_FRAGMENT } else { FRAGMENT });
        out.extend_from_slice(rest.get(..part).unwrap_or_default());
        self.gone += part;
        if is_last {
            self.clear();
        }
    }

    /// Memory that it takes.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.packet.capacity()
    }

    /// Drops what has not left.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What has come of a packet so far.
#[derive(Debug, Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub struct Arriving(Vec<u8>);

/// The WebSocket messages that a packet travels in behind WELCOME.
#[must_use]
pub fn divide(mut packet: Vec<u8>) -> Vec<Vec<u8>> {
    let mut leaving = Leaving::default();
    if packet.len() > FRAGMENT_BYTES {
        leaving.split(&mut packet);
    }
    let mut messages = Vec::from([packet]);
    while !leaving.is_empty() {
        let mut message = Vec::new();
        leaving.put_next(&mut message);
        messages.push(message);
    }
    messages
}

/// What a WebSocket message is.
#[derive(Debug)]
pub enum Part<T> {
    /// A packet, or the last part of one: here it is.
    Whole(T),
    /// A part of a packet.
    Some,
    /// The packet is over its limit.
    TooLarge,
}

impl Arriving {
    /// Takes a WebSocket message; a packet of more than `max` bytes is not taken. PROTOCOL.md F-15.
    pub fn take<T: AsRef<[u8]> + From<Vec<u8>>>(&mut self, message: T, max: usize) -> Part<T> {
        let Some((&head @ (FRAGMENT | LAST_FRAGMENT), part)) = message.as_ref().split_first()
        else {
            return Part::Whole(message);
        };
        if self.0.len() + part.len() > max {
            return Part::TooLarge;
        }
        self.0.extend_from_slice(part);
        if head == FRAGMENT { Part::Some } else { Part::Whole(mem::take(&mut self.0).into()) }
    }

    /// Whether no packet is on its way in parts.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Memory that it takes.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Drops what has come.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }
}
