//! Fresh credentials on a live line: checked beside everything else, and only the newest count.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::handler::{Denied, Identity};

/// How long requests that came after fresh credentials wait for the verdict on these, and how long newer
/// credentials wait before they replace older ones that are still being checked. So a handler that hangs
/// does not block its line for long, and one that answers in time gets one question at a time.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Verdict = Result<Identity, Denied>;
pub(super) type Check = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// The machine sees to it that a verdict comes at all (PROTOCOL.md S-16).
#[derive(Default)]
pub(super) struct Authentication {
    running: Option<Running>,
    /// Credentials that came while others are being checked; only the newest are kept.
    newest: Option<Bytes>,
}

struct Running {
    check: Check,
    patience: Pin<Box<Sleep>>,
}

impl Authentication {
    pub(super) fn put(&mut self, credentials: Bytes) {
        self.newest = Some(credentials);
    }

    /// Memory that credentials take while they wait, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.newest.as_ref().map_or(0, Bytes::len)
    }

    /// The verdict on the newest credentials. Those before are dropped half-way if they take long.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        check: impl Fn(Bytes) -> Check,
    ) -> Poll<Verdict> {
        loop {
            if let Some(running) = &mut self.running {
                match running.check.as_mut().poll(cx) {
                    Poll::Ready(verdict) => {
                        self.running = None;
                        if self.newest.is_none() {
                            return Poll::Ready(verdict);
                        }
                    }
                    Poll::Pending if self.newest.is_none() => return Poll::Pending,
                    Poll::Pending => ready!(running.patience.as_mut().poll(cx)),
                }
            }
            let Some(credentials) = self.newest.take() else { return Poll::Pending };
            let patience = Box::pin(tokio::time::sleep(PATIENCE));
            self.running = Some(Running { check: check(credentials), patience });
        }
    }

    /// Whether requests that came after the credentials have to wait for the verdict.
    pub(super) fn holds_up(&mut self, cx: &mut Context<'_>) -> bool {
        let running = self.running.as_mut();
        running.is_some_and(|running| running.patience.as_mut().poll(cx).is_pending())
    }
}
