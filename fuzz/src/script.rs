//! A script: what a fuzzer's bytes say that happens, read from front to back.
//!
//! Nothing is read from the end, as `arbitrary` does for lengths: so a seed can be written by hand,
//! and a byte that changes changes one step.

use arbitrary::{Result, Unstructured};

/// Longest packet that a script can make.
const PACKET_BYTES_MAX: usize = 256 * 1024;
/// Where bounds are in 64-bit arithmetic, and in the numbers of JavaScript.
const EDGES: [u64; 8] = [
    u64::MAX,
    u64::MAX - 1,
    1 << 63,
    (1 << 53) + 1,
    1 << 32,
    u32::MAX as u64,
    (1 << 24) + 1,
    65_536,
];

pub(crate) struct Script<'a>(Unstructured<'a>);

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// The number of the next step, below `kinds`; an error at the end of the script.
    pub(crate) fn step(&mut self, kinds: u8) -> Result<u8> {
        Ok(self.byte()? % kinds)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        // What is missing at the end would else be made up, without end.
        if self.0.is_empty() {
            return Err(arbitrary::Error::NotEnoughData);
        }
        self.0.arbitrary()
    }

    /// A few above or below.
    pub(crate) fn delta(&mut self) -> Result<i64> {
        Ok(i64::from(self.byte()? as i8))
    }

    /// Mostly small, else of any size, else one of those that are just too large.
    pub(crate) fn number(&mut self) -> Result<u64> {
        Ok(match self.byte()? {
            small @ 0..=239 => small.into(),
            240..=243 => self.0.arbitrary::<u16>()?.into(),
            244..=246 => self.0.arbitrary::<u32>()?.into(),
            247 => self.0.arbitrary()?,
            edge => EDGES.get(usize::from(edge - 248)).copied().unwrap_or_default(),
        })
    }

    /// `near` and a delta, or any number.
    pub(crate) fn number_near(&mut self, near: u64) -> Result<u64> {
        let delta = self.delta()?;
        if delta == i64::from(i8::MIN) {
            self.number()
        } else {
            Ok(near.saturating_add_signed(delta))
        }
    }

    /// As many bytes as two bytes say, or as there are.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::from(self.0.arbitrary::<u16>()?).min(self.0.len());
        self.0.bytes(length)
    }

    /// A short piece, over and over.
    pub(crate) fn repeated(&mut self) -> Result<Vec<u8>> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let piece = self.0.bytes(length)?;
        let count = usize::from(self.0.arbitrary::<u16>()?);
        Ok(piece.repeat(count.min(PACKET_BYTES_MAX / piece.len().max(1))))
    }
}
