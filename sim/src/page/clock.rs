//! A page's clock and timers, as browsers have them: one may jump, the others may be throttled.

use tautline_protocol::Instant;

/// What a page knows of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// How much more it shows than the world's; negative if it stood still for a while.
    ahead_ms: i64,
    /// Timers fire only at multiples of so many milliseconds of the world's time; 0: on time.
    throttle_ms: u64,
}

impl Clock {
    /// What it shows.
    #[must_use]
    pub const fn reads(&self, now: Instant) -> Instant {
        Instant::from_millis(now.as_millis().saturating_add_signed(self.ahead_ms))
    }

    /// When a timer set to what it shows then fires.
    #[must_use]
    pub fn fires_at(&self, at: Instant) -> Instant {
        let at = at.as_millis().saturating_add_signed(-self.ahead_ms);
        match self.throttle_ms {
            0 => Instant::from_millis(at),
            step => Instant::from_millis(at.div_ceil(step).saturating_mul(step)),
        }
    }

    /// It shows so much more from now on: the machine slept, and its clock went on.
    pub const fn jump(&mut self, millis: u64) {
        self.ahead_ms = self.ahead_ms.saturating_add_unsigned(millis);
    }

    /// It has stood still for so long.
    pub const fn stood_still(&mut self, millis: u64) {
        self.ahead_ms = self.ahead_ms.saturating_sub_unsigned(millis);
    }

    /// Timers fire at such steps from now on.
    pub const fn throttle(&mut self, millis: u64) {
        self.throttle_ms = millis;
    }
}
