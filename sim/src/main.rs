//! The simulator's program: hunts through seeds, replays one, or proves that the checks can fail.

#[cfg(feature = "mutations")]
#[path = "main/mutants.rs"]
mod mutants;
#[path = "main/progress.rs"]
mod progress;

use crate::progress::Progress;
use clap::Parser;
use std::ops::Range;
use std::process::ExitCode;
use std::thread::available_parallelism;
use tautline_sim::chart;
use tautline_sim::hunt::{Failure, hunt};
use tautline_sim::seeded::run;

/// So many failures are told in full; of the others there are the seeds.
const FAILURES_SHOWN: usize = 5;

/// Runs pages and a server on a faulty network, in virtual time, from seeds.
///
/// Every seed is run twice. It is checked that messages are handled once and in order, that
/// whatever an application is told is true, that streams have no hole that is not reported, that
/// memory stays bounded, that everything recovers once the trouble ends, and that both runs are the
/// same.
#[derive(Parser)]
#[command(name = "tautline-sim", max_term_width = 100)]
struct Options {
    /// The seeds to run
    #[arg(long, value_name = "FROM..TO", default_value = "0..1000", value_parser = range)]
    seeds: Range<u64>,
    /// Print everything that happens with one seed, as a chart
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Rows of the chart to print before a failure; with --seed the last rows of all
    #[arg(long, value_name = "ROWS")]
    last: Option<usize>,
    /// How many threads to use; as many as there are cores, if not given
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Break each rule on purpose and print how many seeds it takes to notice
    #[cfg(feature = "mutations")]
    #[arg(long, conflicts_with_all = ["seed"])]
    mutations: bool,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(from, to)| {
        let range: Range<u64> = from.parse().ok()?..to.parse().ok()?;
        Some(range).filter(|range| !range.is_empty())
    });
    parsed.ok_or_else(|| "expected a range such as 0..1000".into())
}

fn main() -> ExitCode {
    let options = Options::parse();
    #[cfg(feature = "mutations")]
    if options.mutations {
        return mutants::print_table(&options.seeds);
    }
    match options.seed {
        Some(seed) => show(seed, options.last),
        None => search(&options),
    }
}

/// Runs many seeds.
fn search(options: &Options) -> ExitCode {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut progress = Progress::new(options.seeds.end - options.seeds.start);
    let threads = options.threads.unwrap_or(cores);
    let findings = hunt(options.seeds.clone(), threads, |so_far| progress.show(so_far));
    progress.finish(&findings);
    for failure in findings.failures.iter().take(FAILURES_SHOWN) {
        tell(failure);
    }
    if let Some(first) = findings.failures.first() {
        let rows = options.last.unwrap_or(60);
        println!("\nHow seed {} came to that:\n", first.seed);
        print!("{}", chart::draw(&run(first.seed, true), Some(rows)));
    }
    if findings.failures.len() > FAILURES_SHOWN {
        let others = findings.failures.iter().skip(FAILURES_SHOWN);
        let others: Vec<_> = others.map(|failure| failure.seed.to_string()).collect();
        println!("\nThe other seeds that failed: {}", others.join(" "));
    }
    println!("{} of {} seeds broke the promise", findings.failures.len(), findings.seeds);
    if findings.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(failure: &Failure) {
    println!("\nSeed {} failed:", failure.seed);
    failure.wrong.iter().take(10).for_each(|what| println!("    {what}"));
    println!("    Replay: cargo run -p tautline-sim --release -- --seed {}", failure.seed);
}

/// Runs one seed and prints its course.
fn show(seed: u64, last: Option<usize>) -> ExitCode {
    let report = run(seed, true);
    print!("{}", chart::draw(&report, last));
    println!();
    report.wrong.iter().for_each(|what| println!("WRONG: {what}"));
    if report.wrong.is_empty() {
        println!("Seed {seed} keeps the promise.");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
