//! One bound on the memory of all logs together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What an entry costs beside its own bytes: its place in the log, and what counts its readers.
const ENTRY_OVERHEAD_BYTES: usize = 96;

/// What all logs have to share. While it is used up, no log may grow beyond an equal part of it,
/// so that all together keep less than twice as much.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    used: AtomicUsize,
    logs: AtomicUsize,
}

impl Budget {
    pub(super) const fn new(bytes: usize) -> Self {
        Self { bytes, used: AtomicUsize::new(0), logs: AtomicUsize::new(0) }
    }

    pub(super) fn log_added(&self) {
        self.logs.fetch_add(1, Ordering::Relaxed);
    }

    /// A log is gone, and with it so many entries of so many bytes.
    pub(super) fn log_removed(&self, entries: usize, bytes: usize) {
        self.logs.fetch_sub(1, Ordering::Relaxed);
        self.used.fetch_sub(cost(entries, bytes), Ordering::Relaxed);
    }

    pub(super) fn grown(&self, entries: usize, bytes: usize) {
        self.used.fetch_add(cost(entries, bytes), Ordering::Relaxed);
    }

    pub(super) fn shrunk(&self, entries: usize, bytes: usize) {
        self.used.fetch_sub(cost(entries, bytes), Ordering::Relaxed);
    }

    /// Whether a log with so many entries of so many bytes keeps more than there is room for.
    pub(super) fn is_exceeded(&self, entries: usize, bytes: usize) -> bool {
        let logs = self.logs.load(Ordering::Relaxed).max(1);
        self.used.load(Ordering::Relaxed) > self.bytes && cost(entries, bytes) > self.bytes / logs
    }
}

pub(super) const fn cost(entries: usize, bytes: usize) -> usize {
    entries * ENTRY_OVERHEAD_BYTES + bytes
}
