//! Tells states apart: by all that can matter, and with times as distances from the present.

use std::hash::{DefaultHasher, Hash, Hasher};
use tautline_protocol::Instant;

/// Where the machines' clocks begin. No other number in a state is anywhere near, so that a moment
/// is known when it is hashed.
pub const ORIGIN: Instant = Instant::from_millis(1 << 62);
/// Below this a number is no moment.
const MOMENTS_FROM: u64 = 1 << 61;

/// The fingerprint of a part of the state whose clock shows `now`.
///
/// A machine compares moments only with each other and with the present, which it is told with
/// every input. So two states that differ by a shift of all moments behave alike.
pub fn fingerprint(part: &impl Hash, now: Instant) -> u64 {
    let mut hasher = Relative { hasher: DefaultHasher::new(), now: now.as_millis() };
    part.hash(&mut hasher);
    hasher.finish()
}

struct Relative {
    hasher: DefaultHasher,
    now: u64,
}

impl Hasher for Relative {
    fn finish(&self) -> u64 {
        self.hasher.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        let is_moment = number >= MOMENTS_FROM;
        self.hasher.write_u64(if is_moment { number.wrapping_sub(self.now) } else { number });
    }
}
