//! Time as a value: the shell reads a clock, the machines only compare.

use core::num::NonZeroU64;

/// A moment in milliseconds on the shell's monotonic clock.
///
/// Compare only moments from the same clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The moment `millis` milliseconds after the clock's origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Milliseconds since the clock's origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// The moment `millis` milliseconds later.
    #[must_use]
    // Asked everywhere: in a page a call costs less than the comparison that it takes.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub const fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; 0 if the clock went backwards.
    #[must_use]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

/// The clock's origin.
impl Default for Instant {
    fn default() -> Self {
        Self::from_millis(0)
    }
}

/// The earlier of two optional deadlines.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
