//! The time by which sessions, topics and entries age: time in which the process did not run is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A clock that is behind the monotonic one by as long as the process did not run. Clones are the same
/// clock.
#[derive(Clone, Debug, Default)]
pub(super) struct AgingClock {
    slept_ms: Arc<AtomicU64>,
}

impl AgingClock {
    pub(super) fn now(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(self.slept()).unwrap_or(now)
    }

    /// The process did not run for so long.
    pub(super) fn put_back(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.slept_ms.fetch_add(by, Ordering::Relaxed);
    }

    /// How long the process did not run, in all.
    pub(super) fn slept(&self) -> Duration {
        Duration::from_millis(self.slept_ms.load(Ordering::Relaxed))
    }
}
