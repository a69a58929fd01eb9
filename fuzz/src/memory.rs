//! How much memory a script takes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;
/// The allocator counts for all threads together.
static ALONE: Mutex<()> = Mutex::new(());

/// Measures from its beginning; while there is one, other threads wait for theirs.
pub(crate) struct Peak {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Peak {
    pub(crate) fn begin() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        ALLOCATOR.reset_peak_usage();
        Self { before: ALLOCATOR.current_usage(), _alone: alone }
    }

    /// Panics if more than `limit` bytes were in use at any time.
    pub(crate) fn must_be_below(&self, limit: usize) {
        let peak = ALLOCATOR.peak_usage().saturating_sub(self.before);
        assert!(peak < limit, "{peak} bytes were in use, at most {limit} may be");
    }
}
