//! Runs seeds through the simulation: `cargo run -p tautline-sim --release -- --seeds 0..1000`.

use std::ops::Range;
use std::process::ExitCode;
use tautline_sim::seeded::run;

const USAGE: &str = "Usage: tautline-sim [--seeds FROM..TO | --seed N]

Runs every seed twice and checks that messages arrive once and in order, that every outcome told is
the true one, that the line recovers once the trouble ends, and that both runs are the same.
--seed N prints everything that happens in one run.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => check(0..1000),
        ["--seeds", range] => match parse(range) {
            Some(seeds) => check(seeds),
            None => usage(&format!("Expected seeds such as 0..1000, got `{range}`.")),
        },
        ["--seed", seed] => match seed.parse() {
            Ok(seed) => show(seed),
            Err(_) => usage(&format!("Expected a seed such as 7, got `{seed}`.")),
        },
        ["--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => usage("These arguments are not understood."),
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\n\n{USAGE}");
    ExitCode::from(2)
}

fn parse(range: &str) -> Option<Range<u64>> {
    let (from, to) = range.split_once("..")?;
    Some(from.parse().ok()?..to.parse().ok()?)
}

fn check(seeds: Range<u64>) -> ExitCode {
    let total = seeds.end.saturating_sub(seeds.start);
    let mut failed = 0u64;
    let mut counts = [0; 3];
    for seed in seeds {
        let report = run(seed, false);
        let mut wrong = report.wrong;
        if run(seed, false).hash != report.hash {
            wrong.push("two runs took different courses".into());
        }
        for (sum, count) in counts.iter_mut().zip(report.counts) {
            *sum += count;
        }
        if !wrong.is_empty() {
            failed += 1;
            println!("seed {seed} (replay with --seed {seed}):");
            wrong.iter().for_each(|what| println!("    {what}"));
        }
    }
    let [sent, handled, dials] = counts;
    println!("{total} seeds: {sent} messages sent, {handled} handled, {dials} connections dialed");
    println!("{failed} seeds broke the promise");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(seed: u64) -> ExitCode {
    let report = run(seed, true);
    report.lines.iter().for_each(|line| println!("{line}"));
    report.wrong.iter().for_each(|what| println!("WRONG: {what}"));
    if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
