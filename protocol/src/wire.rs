//! Reading and writing the fields that frames are made of.

use crate::error::DecodeError;
use crate::message::Epoch;
use alloc::vec::Vec;

/// Takes fields off the front of a packet. Lengths are checked before anything is taken.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    /// A number in LEB128: seven bits a byte, lowest first, the high bit says *more follow*.
    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        let mut shift = 0u32;
        loop {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(DecodeError::Number);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                // One number, one spelling: a trailing zero byte would be a second one.
                return if bits == 0 && shift > 0 { Err(DecodeError::Number) } else { Ok(number) };
            }
            shift += 7;
            if shift > 63 {
                return Err(DecodeError::Number);
            }
        }
    }

    pub(crate) fn number_u32(&mut self) -> Result<u32, DecodeError> {
        u32::try_from(self.number()?).map_err(|_| DecodeError::BadField)
    }

    pub(crate) fn number_u16(&mut self) -> Result<u16, DecodeError> {
        u16::try_from(self.number()?).map_err(|_| DecodeError::BadField)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn epoch(&mut self) -> Result<Epoch, DecodeError> {
        Ok(Epoch(u64::from_be_bytes(self.array()?)))
    }

    /// A length, then as many bytes, at most `max`.
    pub(crate) fn sized(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| DecodeError::TooLong)?;
        if length > max {
            return Err(DecodeError::TooLong);
        }
        self.take(length)
    }

    /// As [`sized`](Self::sized), or all the rest of the packet if the frame is its `last`.
    pub(crate) fn body(&mut self, last: bool, max: usize) -> Result<&'a [u8], DecodeError> {
        if !last {
            return self.sized(max);
        }
        if self.rest.len() > max {
            return Err(DecodeError::TooLong);
        }
        self.take(self.rest.len())
    }
}

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_epoch(out: &mut Vec<u8>, epoch: Epoch) {
    out.extend_from_slice(&epoch.0.to_be_bytes());
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
