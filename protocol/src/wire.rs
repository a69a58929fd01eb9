//! Reading and writing the fields that frames are made of.

use crate::error::DecodeError;
use crate::message::Epoch;
use alloc::vec::Vec;
use core::mem;

/// Takes fields off the front of a packet. Lengths are checked before anything is taken.
///
/// A field that cannot be read is 0 or empty, and so is everything behind it; the first fault is
/// remembered, and [`check`](Self::check) tells.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    fault: Option<DecodeError>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, fault: None }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes on with other bytes; returns what is left of those before.
    pub(crate) const fn enter(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        mem::replace(&mut self.rest, bytes)
    }

    /// Whether every field so far could be read.
    pub(crate) const fn check(&self) -> Result<(), DecodeError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Remembers the first fault and reads nothing more.
    #[cold]
    #[inline(never)]
    pub(crate) const fn fail(&mut self, fault: DecodeError) {
        if self.fault.is_none() {
            self.fault = Some(fault);
        }
        self.rest = &[];
    }

    /// As [`fail`](Self::fail), for what then has nothing to return.
    pub(crate) const fn refuse<T>(&mut self, fault: DecodeError) -> Option<T> {
        self.fail(fault);
        None
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                byte
            }
            None => {
                self.fail(DecodeError::Truncated);
                0
            }
        }
    }

    /// A number in LEB128: seven bits a byte, lowest first, the high bit says *more follow*.
    pub(crate) fn number(&mut self) -> u64 {
        let mut number = 0u64;
        let mut shift = 0;
        loop {
            let byte = self.byte();
            // More than 64 bits, or a trailing zero byte: one number has one spelling.
            if (shift == 63 && byte > 1) || (byte == 0 && shift > 0) {
                self.fail(DecodeError::Number);
                return 0;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    pub(crate) fn number_u32(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or_else(|_| {
            self.fail(DecodeError::BadField);
            0
        })
    }

    pub(crate) fn number_u16(&mut self) -> u16 {
        u16::try_from(self.number()).unwrap_or_else(|_| {
            self.fail(DecodeError::BadField);
            0
        })
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.byte())
    }

    pub(crate) fn epoch(&mut self) -> Epoch {
        // By the byte: in wasm, which cannot swap bytes, this is the shortest.
        Epoch((0..8).fold(0, |epoch, _| epoch << 8 | u64::from(self.byte())))
    }

    /// The epoch of what is there, which is not [`Epoch::NONE`].
    pub(crate) fn known_epoch(&mut self) -> Epoch {
        let epoch = self.epoch();
        if epoch == Epoch::NONE {
            self.fail(DecodeError::BadField);
        }
        epoch
    }

    /// A length, then as many bytes, at most `max`.
    pub(crate) fn sized(&mut self, max: usize) -> &'a [u8] {
        self.body(false, max)
    }

    /// As [`sized`](Self::sized), or all the rest of the packet if the frame is its `last`.
    pub(crate) fn body(&mut self, last: bool, max: usize) -> &'a [u8] {
        let length = if last { self.rest.len() as u64 } else { self.number() };
        if length > max as u64 {
            self.fail(DecodeError::TooLong);
            return &[];
        }
        let Some((taken, rest)) = self.rest.split_at_checked(length as usize) else {
            self.fail(DecodeError::Truncated);
            return &[];
        };
        self.rest = rest;
        taken
    }
}

/// As a slice of one: so a page has one way to grow a packet, not a second one for single bytes.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn put_byte(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[byte]);
}

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        put_byte(out, number as u8 | 0x80);
        number >>= 7;
    }
    put_byte(out, number as u8);
}

pub(crate) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_epoch(out: &mut Vec<u8>, epoch: Epoch) {
    for place in (0..8).rev() {
        put_byte(out, (epoch.0 >> (8 * place)) as u8);
    }
}

/// How many bytes [`put_number`] writes.
pub(crate) const fn number_length(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// The longest prefix of `text` that is at most `max` bytes and ends between characters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
