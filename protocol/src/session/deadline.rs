//! A deadline whose timer may fire late, because the process or the whole machine has slept.

use crate::limits::LATE_MS;
use crate::time::Instant;

/// What a look at the clock has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Pending,
    /// It has passed, but the timer fired late. What it waits for may have arrived meanwhile and not be
    /// read yet, so there is some more time.
    PutOff,
    Passed,
}

/// A deadline that is moved back once if it is noticed late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Deadline {
    at: Instant,
    is_put_off: bool,
}

impl Deadline {
    pub(super) const fn new(at: Instant) -> Self {
        Self { at, is_put_off: false }
    }

    pub(super) const fn at(self) -> Instant {
        self.at
    }

    /// PROTOCOL.md S-29.
    pub(super) fn look(&mut self, now: Instant, put_off_ms: u64) -> Look {
        if now < self.at {
            Look::Pending
        } else if !self.is_put_off && now.since(self.at) > LATE_MS {
            *self = Self { at: now.after(put_off_ms), is_put_off: true };
            Look::PutOff
        } else {
            Look::Passed
        }
    }
}
