//! Wakes a connection when its machine asks for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tautline_protocol::Instant;
use tokio::time::Sleep;

use crate::clock::Clock;

/// Armed again only for an earlier moment: deadlines move away with every packet, and to wake up
/// once too early is cheaper than to follow them.
pub(super) struct Timer {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
    armed_for: Option<Instant>,
}

impl Timer {
    pub(super) fn new(clock: Clock) -> Self {
        let sleep = Box::pin(tokio::time::sleep_until(clock.to_tokio(clock.now())));
        Self { clock, sleep, armed_for: None }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wake_at: Option<Instant>) -> Poll<()> {
        let Some(wake_at) = wake_at else { return Poll::Pending };
        if self.armed_for.is_none_or(|armed_for| wake_at < armed_for) {
            self.sleep.as_mut().reset(self.clock.to_tokio(wake_at));
            self.armed_for = Some(wake_at);
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.armed_for = None;
        Poll::Ready(())
    }
}
