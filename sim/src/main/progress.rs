//! How far a hunt is: one line that changes on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};
use tautline_sim::hunt::Findings;

const TERMINAL_EVERY: Duration = Duration::from_millis(200);
const PLAIN_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Progress {
    total: u64,
    began: Instant,
    shown: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(total: u64) -> Self {
        let now = Instant::now();
        Self { total, began: now, shown: now, is_terminal: stderr().is_terminal() }
    }

    /// Shows how far it is, if there has been nothing to see for a while.
    pub(crate) fn show(&mut self, findings: &Findings) {
        let every = if self.is_terminal { TERMINAL_EVERY } else { PLAIN_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let (done, failed) = (findings.seeds, findings.failures.len());
        let total = self.total;
        let line =
            format!("{done} of {total} seeds, {:.0} a second, {failed} failed", self.rate(done));
        let shown = if self.is_terminal {
            write!(stderr(), "\r{line}\x1b[K")
        } else {
            writeln!(stderr(), "{line}")
        };
        // Whoever does not read the progress misses nothing.
        let _ = shown.and_then(|()| stderr().flush());
    }

    /// Says what has happened in all.
    pub(crate) fn finish(&self, findings: &Findings) {
        if self.is_terminal {
            let _ = write!(stderr(), "\r\x1b[K");
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let (seeds, counts) = (findings.seeds, &findings.counts);
        println!(
            "{seeds} seeds in {seconds:.1} s: {:.0} a second, each run twice",
            self.rate(seeds)
        );
        println!(
            "{} messages sent, {} handled, {} entries received, {} connections, {} losses and {} \
             gaps told, {:.1} hours of virtual time",
            counts.sent,
            counts.handled,
            counts.received,
            counts.dials,
            counts.losses,
            counts.gaps,
            counts.millis as f64 / 3_600_000.0
        );
    }

    fn rate(&self, done: u64) -> f64 {
        done as f64 / self.began.elapsed().as_secs_f64().max(0.001)
    }
}
