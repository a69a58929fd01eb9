//! Thousands of seeds at every test run, and every one that ever failed.

use std::thread::available_parallelism;
use tautline_sim::check::determinism::run_twice;
use tautline_sim::hunt::hunt;
use tautline_sim::seeded::run;

const FAILED: &str = include_str!("failed_seeds.txt");

#[test]
fn thousands_of_seeds_keep_the_promise_and_their_course() {
    let threads = available_parallelism().map_or(1, usize::from);
    let findings = hunt(0..10_000, threads, |_| {});
    let commands: Vec<_> = findings
        .failures
        .iter()
        .map(|failure| {
            let first = failure.wrong.first().map(String::as_str).unwrap_or_default();
            format!("cargo run -p tautline-sim --release -- --seed {}: {first}", failure.seed)
        })
        .collect();
    assert!(commands.is_empty(), "{commands:#?}");
    let counts = findings.counts;
    assert!(counts.losses > 0 && counts.gaps > 0 && counts.received > 0, "{counts:?}");
}

#[test]
fn seeds_that_ever_failed_fail_no_more() {
    let lines = FAILED.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut count = 0;
    for line in lines {
        let (seed, story) = line.split_once("  ").expect("a seed, two blanks, its story");
        let seed = seed.trim().parse().expect("a seed is a number");
        assert_eq!(run_twice(seed).wrong, [""; 0], "seed {seed}: {story}");
        count += 1;
    }
    assert!(count > 0, "the file is there to be read");
}

#[test]
fn seeds_differ() {
    assert_ne!(run(1, false).hash, run(2, false).hash);
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    assert_eq!(hunt(0..100, 1, |_| {}), hunt(0..100, 3, |_| {}));
}

#[test]
fn keeping_the_rows_of_a_chart_changes_nothing() {
    for seed in 0..50 {
        assert_eq!(run(seed, false).hash, run(seed, true).hash, "seed {seed}");
    }
}
