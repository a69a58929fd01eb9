//! Many seeds, on all cores; what is found does not depend on how many there are.

use crate::check::determinism::run_twice;
use crate::seeded::Counts;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// Seeds that a thread takes at a time.
const CHUNK: u64 = 32;

/// A seed that broke the promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How it did.
    pub wrong: Vec<String>,
}

/// What came of a number of seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many were run.
    pub seeds: u64,
    /// What happened in them.
    pub counts: Counts,
    /// Those that failed, in order.
    pub failures: Vec<Failure>,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.counts.add(&other.counts);
        self.failures.extend(other.failures);
    }
}

/// Runs every seed twice, on so many threads; tells `progress` after each few what has come of all
/// so far.
pub fn hunt(seeds: Range<u64>, threads: usize, mut progress: impl FnMut(&Findings)) -> Findings {
    let next = AtomicU64::new(seeds.start);
    let (sender, receiver) = mpsc::channel();
    let mut findings = Findings::default();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if from >= seeds.end {
                        return;
                    }
                    let found = run_chunk(from..seeds.end.min(from + CHUNK));
                    if sender.send(found).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for found in receiver {
            findings.add(found);
            progress(&findings);
        }
    });
    findings.failures.sort_by_key(|failure| failure.seed);
    findings
}

fn run_chunk(seeds: Range<u64>) -> Findings {
    let mut findings = Findings::default();
    for seed in seeds {
        let report = run_twice(seed);
        findings.seeds += 1;
        findings.counts.add(&report.counts);
        if !report.wrong.is_empty() {
            findings.failures.push(Failure { seed, wrong: report.wrong });
        }
    }
    findings
}
