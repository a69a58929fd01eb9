//! How long to wait before the next attempt: full jitter under a doubling bound.
//!
//! "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) compares the variants; full
//! jitter spreads a crowd best.

use crate::limits::{BACKOFF_BASE_MS, BACKOFF_CAP_MS, BACKOFF_FIRST_MS, STABLE_MS};

/// The bounds of the delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bound of the second retry in milliseconds; the first has a small one of its own.
    pub base_ms: u64,
    /// The bound stops doubling here, in milliseconds.
    pub cap_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { base_ms: BACKOFF_BASE_MS, cap_ms: BACKOFF_CAP_MS }
    }
}

/// Doubles the bound with every failed attempt, and draws the delays.
#[derive(Clone, Debug)]
pub struct Backoff {
    config: Config,
    /// The bound of the next delay, unless it is the first one.
    bound_ms: Option<u64>,
    random: u64,
}

impl Backoff {
    /// A backoff without a failure so far, its jitter drawn from `seed`.
    #[must_use]
    pub const fn new(config: Config, seed: u64) -> Self {
        Self { config, bound_ms: None, random: seed }
    }

    /// A connection ended that was live for `live_ms`. One that was stable forgives the past. Any
    /// other has shown that the server is there, so that the bound starts again; but not with the
    /// small one of the first retry, lest clients that are thrown out at once come back at once.
    /// PROTOCOL.md C-19.
    pub fn ended(&mut self, live_ms: u64) {
        if live_ms >= STABLE_MS {
            self.bound_ms = None;
        } else if let Some(bound) = &mut self.bound_ms {
            *bound = self.config.base_ms;
        }
    }

    /// Milliseconds to wait before the next attempt. PROTOCOL.md C-19.
    pub fn next_delay_ms(&mut self) -> u64 {
        let bound_ms = self.double();
        self.up_to(bound_ms)
    }

    /// As [`next_delay_ms`](Self::next_delay_ms), for a server that is short of something: in the
    /// upper half below the cap, however few the attempts. PROTOCOL.md C-20.
    pub fn next_delay_later_ms(&mut self) -> u64 {
        self.double();
        let half = self.config.cap_ms / 2;
        half + self.up_to(half)
    }

    /// A random number from 0 to `bound`.
    pub fn up_to(&mut self, bound: u64) -> u64 {
        // The high half of a product maps 32 random bits onto the range almost evenly (Lemire).
        let range = bound.min(u64::from(u32::MAX)) + 1;
        ((self.random() >> 32) * range) >> 32
    }

    /// Returns the bound of this delay, and doubles it for the next one.
    fn double(&mut self) -> u64 {
        let Config { base_ms, cap_ms } = self.config;
        let bound = self.bound_ms.unwrap_or(BACKOFF_FIRST_MS);
        // Compared before it is doubled, which then cannot overflow.
        self.bound_ms = Some(match self.bound_ms {
            None => base_ms,
            Some(bound) if bound > cap_ms / 2 => cap_ms,
            Some(bound) => bound * 2,
        });
        bound.min(cap_ms)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
