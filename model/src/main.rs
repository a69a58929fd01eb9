//! Takes every course within bounds: `cargo run -p tautline-model --release -- --help`.

use clap::Parser;
use std::process::ExitCode;
use tautline_model::bounds::Bounds;
use tautline_model::check::{check, tell};

/// Takes every course that a session of the protocol's own machines can take within these bounds,
/// and holds what the application is told against what has happened.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    bounds: Bounds,
    /// How many threads to use
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
}

fn main() -> ExitCode {
    let Options { bounds, threads } = Options::parse();
    let report = check(&bounds, threads);
    let seconds = report.took.as_secs_f64();
    println!(
        "{} states, {} of them unique, depth {}, in {seconds:.1} s",
        report.states, report.unique, report.depth,
    );
    if !report.sights.is_empty() {
        println!("Seen on the way: {}.", report.sights.join(", "));
    }
    let Some((promise, course)) = report.counterexample else {
        println!("Every promise holds on every course within these bounds.");
        return ExitCode::SUCCESS;
    };
    println!("\nThis promise is broken: {promise}.\nA course of {} steps:\n", course.len());
    tell(&bounds, &course).iter().for_each(|line| println!("{line}"));
    ExitCode::FAILURE
}
