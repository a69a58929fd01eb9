//! Fresh credentials on a live line: checked beside everything else, and only the newest count.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::handler::{Denied, Identity};

/// So long what was asked for behind credentials waits for the verdict on them, and newer ones for that
/// on those before: a handler that hangs holds up nothing, and one that answers has to answer one
/// question at a time.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Verdict = Result<Identity, Denied>;
pub(super) type Check = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// The machine sees to it that a verdict comes at all (PROTOCOL.md S-16).
#[derive(Default)]
pub(super) struct Authentication {
    running: Option<Running>,
    /// Came meanwhile.
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

    /// What they take while others are being checked, in bytes.
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

    /// Whether what comes behind has to wait.
    pub(super) fn holds_up(&mut self, cx: &mut Context<'_>) -> bool {
        let running = self.running.as_mut();
        running.is_some_and(|running| running.patience.as_mut().poll(cx).is_pending())
    }
}
