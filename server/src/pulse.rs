//! Notices that the process did not run: it was stopped, or slept with its machine.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tautline_protocol::limits::LATE_MS;
use tokio::time::Instant;

/// How often somebody looks at least.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// Later than this is not the fault of a busy machine.
const LATE: Duration = Duration::from_millis(LATE_MS);
/// What an operator wants to know of.
const NOTABLE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Pulse {
    seen_at: Mutex<Instant>,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self { seen_at: Mutex::new(Instant::now()) }
    }

    /// From now on somebody looks.
    pub(crate) fn start(&self) {
        *self.seen_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Looks at the clock. If the process did not run, `slept` is told for how long before anybody else
    /// gets past here.
    pub(crate) fn beat(&self, slept: impl FnOnce(Duration)) {
        let mut seen_at = self.seen_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = now.saturating_duration_since(*seen_at);
        *seen_at = now;
        if since > EVERY + LATE {
            let away = since - EVERY;
            if away >= NOTABLE {
                let seconds = away.as_secs();
                tracing::warn!("the server did not run for {seconds} s, by which nothing has aged");
            }
            slept(away);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_slept_through_is_told_once() {
        let pulse = Pulse::new();
        let look = || {
            let mut slept = None;
            pulse.beat(|away| slept = Some(away));
            slept
        };
        for _ in 0..100 {
            tokio::time::advance(EVERY).await;
            assert_eq!(look(), None);
        }
        tokio::time::advance(EVERY + LATE).await;
        assert_eq!(look(), None, "it is only busy");
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(look(), Some(Duration::from_secs(3_599)));
        assert_eq!(look(), None);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        pulse.start();
        assert_eq!(look(), None, "nobody has looked before");
    }
}
