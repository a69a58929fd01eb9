//! Where events wait until the application asks for them.

use super::compaction::compact;
use super::event::Event;
use crate::driver::Application;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use tautline_protocol::client::Event as ProtocolEvent;
use tautline_protocol::{Instant, StreamId};

/// So many events may wait before those that a newer one makes pointless are dropped.
const COMPACTED_FROM: usize = 1024;

/// The queue of one line's events.
///
/// Entries wait within the windows of their streams, answers and failures are as many as the
/// application has given commands. All other events only say how things stand: when many wait, those
/// that a newer one makes pointless are dropped, so that a line which connects and breaks for days
/// takes no more memory than one that does not.
#[derive(Default)]
pub(super) struct Inbox {
    queue: RefCell<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Compact when so many wait; 0 means [`COMPACTED_FROM`].
    compact_at: usize,
    waker: Option<Waker>,
    has_ended: bool,
    /// Nobody will ask for events any more.
    is_abandoned: bool,
}

impl Inbox {
    /// The next event; `None` after the last one of the line.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.queue.borrow_mut();
        if let Some(event) = queue.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if queue.has_ended {
            return Poll::Ready(None);
        }
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Drops what waits of a stream that the application has ended. PROTOCOL.md C-29.
    pub(super) fn forget(&self, stream: StreamId) {
        self.queue.borrow_mut().events.retain(|event| event.stream() != Some(stream));
    }

    /// Nobody will ask for events any more: those that wait are dropped, and so are all to come.
    pub(super) fn abandon(&self) {
        let queue = &mut *self.queue.borrow_mut();
        queue.is_abandoned = true;
        queue.events = VecDeque::new();
        queue.waker = None;
    }
}

impl Queue {
    fn push(&mut self, event: Event) {
        if self.is_abandoned {
            return;
        }
        self.events.push_back(event);
        if self.events.len() >= self.compact_at.max(COMPACTED_FROM) {
            compact(&mut self.events);
            // Twice as many as are left, so that this takes the same for each event on average.
            self.compact_at = self.events.len() * 2;
        }
    }
}

impl Application for Inbox {
    fn event(&self, event: ProtocolEvent<'_>, _now: Instant) {
        let queue = &mut *self.queue.borrow_mut();
        queue.has_ended |= matches!(event, ProtocolEvent::Closed { .. });
        queue.push(event.into());
    }

    fn authorize(&self, attempt: u32) {
        self.queue.borrow_mut().push(Event::Authorize { attempt });
    }

    fn flush(&self) {
        let mut queue = self.queue.borrow_mut();
        let waker = if queue.events.is_empty() { None } else { queue.waker.take() };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tautline_protocol::client::State;

    const fn state(state: State) -> ProtocolEvent<'static> {
        ProtocolEvent::State { state, reason: "", code: None, words: &[], retry_at: None }
    }

    fn waiting(inbox: &Inbox) -> usize {
        inbox.queue.borrow().events.len()
    }

    #[test]
    fn a_line_that_breaks_for_days_gathers_no_events_for_a_reader_that_does_not_come() {
        let inbox = Inbox::default();
        for round in 0..100_000 {
            inbox.event(state(State::Connecting), Instant::from_millis(0));
            inbox.event(ProtocolEvent::Acknowledged { through: round }, Instant::from_millis(0));
            inbox.authorize(1);
            assert!(waiting(&inbox) <= COMPACTED_FROM);
        }
    }

    #[test]
    fn a_reader_that_comes_in_time_misses_no_state() {
        let inbox = Inbox::default();
        for _ in 0..COMPACTED_FROM - 1 {
            inbox.event(state(State::Waiting), Instant::from_millis(0));
        }
        assert_eq!(waiting(&inbox), COMPACTED_FROM - 1);
    }

    #[test]
    fn nothing_is_kept_for_a_reader_that_is_gone() {
        let inbox = Inbox::default();
        inbox.event(state(State::Connecting), Instant::from_millis(0));
        inbox.abandon();
        inbox.event(state(State::Open), Instant::from_millis(0));
        assert_eq!(waiting(&inbox), 0);
    }
}
