//! Breaks each rule on purpose, and tells how many seeds it takes until a check notices.

use std::ops::Range;
use std::process::ExitCode;
use tautline_protocol::mutation::Mutation;
use tautline_sim::seeded::run;

/// Prints the table, as it stands in the README.
pub(crate) fn print_table(seeds: Range<u64>) -> ExitCode {
    let mut missed = 0;
    println!("| mutation | what is broken | seeds | noticed as |");
    println!("|---|---|---|---|");
    for (mutation, words) in Mutation::ALL {
        Mutation::switch(Some(*mutation));
        let first = seeds.start;
        let noticed =
            seeds.clone().find_map(|seed| Some((seed, run(seed, false).wrong.into_iter().next()?)));
        Mutation::switch(None);
        let (count, what) = match noticed {
            Some((seed, what)) => ((seed - first + 1).to_string(), shortened(&what)),
            None => {
                missed += 1;
                ("never".into(), String::new())
            }
        };
        println!("| {mutation:?} | {} | {count} | {what} |", words.trim());
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shortened(what: &str) -> String {
    let mut text: String = what.chars().take(60).collect();
    if text.len() < what.len() {
        text.push_str("...");
    }
    text
}
