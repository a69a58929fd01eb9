//! The server's clock, as the protocol's machines want it.

use tautline_protocol::Instant;

/// Counts milliseconds from its making. Follows tokio's clock, which tests can pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: tokio::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        let elapsed = self.origin.elapsed().as_millis();
        Instant::from_millis(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }

    /// The same moment on tokio's clock.
    pub(crate) fn to_tokio(self, instant: Instant) -> tokio::time::Instant {
        self.origin + std::time::Duration::from_millis(instant.as_millis())
    }
}
