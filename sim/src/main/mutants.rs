//! Breaks each rule on purpose, and tells how many seeds it takes until a check notices.

use std::ops::Range;
use std::process::ExitCode;
use tautline_protocol::mutation::Mutation;
use tautline_sim::seeded::run;

/// What the README promises: the first of these that leaves room for twice the seeds it took.
const LIMITS: [(u64, &str); 3] = [(100, "100"), (1_000, "1,000"), (10_000, "10,000")];

/// Prints the table, as it stands in the README.
pub(crate) fn print_table(seeds: &Range<u64>) -> ExitCode {
    let mut missed = 0;
    println!("| mutation | what is broken | noticed after | at most |\n|---|---|---|---|");
    for (mutation, words) in Mutation::ALL {
        Mutation::switch(Some(*mutation));
        let noticed = seeds.clone().find(|seed| !run(*seed, false).wrong.is_empty());
        Mutation::switch(None);
        let count = noticed.map(|seed| seed - seeds.start + 1);
        let limit = count.and_then(|count| LIMITS.iter().find(|(limit, _)| 2 * count <= *limit));
        missed += u32::from(count.is_none());
        let count = count.map_or("never".into(), |count| count.to_string());
        let limit = limit.map_or("", |(_, limit)| limit);
        println!("| `{mutation:?}` | {} | {count} | {limit} |", words.trim());
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
