//! The one timer of a client: at most one `setTimeout` at a time.

use gloo_timers::callback::Timeout;
use tautline_protocol::Instant;

/// A slot for one wake-up.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Instant, Timeout)>,
}

impl Timer {
    /// Sees to it that `wake` runs at `at`, or before: deadlines mostly move away, and waking once
    /// for nothing is cheaper than a new timeout with every packet.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant, wake: impl FnOnce() + 'static) {
        if matches!(self.armed, Some((armed, _)) if armed <= at) {
            return;
        }
        // One more millisecond: timeouts count whole ones and may fire a little early.
        let delay = at.since(now).saturating_add(1).min(i32::MAX as u64);
        self.armed = Some((at, Timeout::new(delay as u32, wake)));
    }

    /// No wake-up is wanted any more, or it has just come.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }
}
