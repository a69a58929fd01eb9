//! Bytes on their way in one direction: held back by the latency, let out at the throttle's pace.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::Plan;

/// Most bytes held per direction; beyond it the sender is left to wait, as by a full network.
const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// The same for single arrivals, which cost memory beyond their bytes.
const QUEUE_CHUNKS_MAX: usize = 4_096;
/// A throttled connection writes this many times a second at least, so that it trickles.
const PORTIONS_PER_SECOND: u64 = 20;
/// Time a throttled direction may catch up after it was idle or late.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);

/// How a sender ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It sends no more; the other direction goes on.
    Finished,
    /// Its connection broke.
    Broken,
}

/// What is next to leave the queue.
#[derive(Debug)]
pub(crate) enum Next<'a> {
    Bytes(&'a [u8]),
    End(End),
}

/// One direction's bytes, oldest first, and its end.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    /// How much of the first chunk has left.
    taken: usize,
    /// Bytes that have not left.
    bytes: usize,
    end: Option<(Instant, End)>,
    /// The throttle's: the next byte leaves no earlier.
    free_at: Option<Instant>,
}

impl Queue {
    /// How many bytes may come in now.
    pub(crate) fn room(&self) -> usize {
        if self.end.is_some() || self.chunks.len() >= QUEUE_CHUNKS_MAX {
            return 0;
        }
        QUEUE_BYTES_MAX.saturating_sub(self.bytes)
    }

    pub(crate) fn push(&mut self, bytes: Vec<u8>, now: Instant, plan: &Plan) {
        self.bytes += bytes.len();
        self.chunks.push_back((self.due(now, plan), bytes));
    }

    pub(crate) fn push_end(&mut self, end: End, now: Instant, plan: &Plan) {
        self.end = Some((self.due(now, plan), end));
    }

    /// Never before what was queued earlier, so that less latency than before keeps the order.
    fn due(&self, now: Instant, plan: &Plan) -> Instant {
        let due = now + Duration::from_millis(plan.latency_ms);
        self.chunks.back().map_or(due, |(last, _)| due.max(*last))
    }

    /// When the next thing may leave, if there is one.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let Some((due, _)) = self.chunks.front() else { return self.end.map(|(due, _)| due) };
        Some(self.free_at.map_or(*due, |free| free.max(*due)))
    }

    /// What may leave at `next_at`.
    pub(crate) fn next(&self, plan: &Plan) -> Option<Next<'_>> {
        let Some((_, chunk)) = self.chunks.front() else {
            return self.end.map(|(_, end)| Next::End(end));
        };
        let rest = &chunk[self.taken..];
        let portion = plan.bytes_per_second.map_or(rest.len(), |rate| {
            usize::try_from(rate / PORTIONS_PER_SECOND).unwrap_or(usize::MAX).max(1)
        });
        Some(Next::Bytes(&rest[..portion.min(rest.len())]))
    }

    /// Takes away the first `count` bytes, which have left at `now`.
    pub(crate) fn take(&mut self, count: usize, now: Instant, plan: &Plan) {
        self.bytes -= count;
        self.taken += count;
        if self.chunks.front().is_some_and(|(_, chunk)| chunk.len() <= self.taken) {
            self.chunks.pop_front();
            self.taken = 0;
        }
        self.free_at = plan.bytes_per_second.map(|rate| {
            let earliest = now.checked_sub(CATCH_UP_MAX).unwrap_or(now);
            let start = self.free_at.map_or(now, |free| free.max(earliest));
            start + Duration::from_secs_f64(count as f64 / rate as f64)
        });
    }
}
