//! One seed is one run: the second time it takes the same course.

use crate::seeded::{Report, run};

/// Runs a seed twice; what is wrong includes that the two runs differ.
#[must_use]
pub fn run_twice(seed: u64) -> Report {
    let mut report = run(seed, false);
    if run(seed, false).hash != report.hash {
        report.wrong.push("two runs of this seed took different courses".into());
    }
    report
}
