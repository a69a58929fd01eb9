//! How long to wait for an answer. It is kept over connections.

use crate::limits::{ANSWER_MS_MIN, CONNECT_TIMEOUT_MS, PATIENCE_LEVEL_MAX};
use crate::mutation::Mutation;

/// The smoothed round trip (RFC 6298, 2), and whether that has been too short for a slow line.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone))]
pub(super) struct Patience {
    /// 0 before the first sample.
    smoothed_ms: u64,
    is_known: bool,
    /// How often what is usual is doubled. PROTOCOL.md C-35.
    pub(super) level: u32,
}

impl Patience {
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn sample(&mut self, millis: u64) {
        // What takes longer was slept through.
        let millis = millis.min(CONNECT_TIMEOUT_MS);
        let before = if self.is_known { self.smoothed_ms } else { millis };
        self.smoothed_ms = (before * 7 + millis) / 8;
        self.is_known = true;
    }

    /// A PING was answered after `millis`. Only a fast answer to a PING shows that the line is not slow. Other
    /// frames do not: a small one can arrive soon on a slow line as well.
    pub(super) fn answered(&mut self, millis: u64) {
        if millis <= ANSWER_MS_MIN && !Mutation::StayPatient.is_on() {
            self.level = 0;
        }
        self.sample(millis);
    }

    /// Nothing came in time: the connection was dead, or the line is slow.
    pub(super) fn grow(&mut self) {
        if self.level < PATIENCE_LEVEL_MAX && !Mutation::StayImpatient.is_on() {
            self.level += 1;
        }
    }

    pub(super) const fn is_raised(&self) -> bool {
        self.level > 0
    }

    /// `usual_ms`, doubled `level` times.
    pub(super) const fn raise(&self, usual_ms: u64) -> u64 {
        usual_ms << self.level
    }

    pub(super) const fn smoothed_ms(&self) -> u64 {
        self.smoothed_ms
    }

    /// Four round trips, but not less than `least`.
    pub(super) fn at_least(&self, least: u64) -> u64 {
        least.max(self.smoothed_ms * 4)
    }
}
