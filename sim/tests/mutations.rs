//! Every rule that is broken on purpose is noticed, within the seeds that the README states.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use tautline_protocol::mutation::Mutation;
use tautline_sim::seeded::run;

const README: &str = include_str!("../README.md");

/// The README's table: the name of each mutation, and how many seeds it may take.
fn stated() -> Vec<(String, u64)> {
    let rows = README.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let limit = cells[4].replace(',', "").parse().unwrap();
        (cells[1].trim_matches('`').to_owned(), limit)
    })
    .collect()
}

/// One test, because a mutation is in force in the whole process.
#[test]
fn every_mutation_is_noticed_within_the_stated_seeds() {
    let names: Vec<String> = Mutation::ALL.iter().map(|(it, _)| format!("{it:?}")).collect();
    let in_table: Vec<String> = stated().into_iter().map(|(name, _)| name).collect();
    assert_eq!(in_table, names, "README.md has a row for each mutation, in their order");
    for ((mutation, _), (name, limit)) in Mutation::ALL.iter().zip(stated()) {
        Mutation::switch(Some(*mutation));
        let noticed = (0..limit).find(|seed| !run(*seed, false).wrong.is_empty());
        Mutation::switch(None);
        assert!(noticed.is_some(), "{name} was not noticed in {limit} seeds");
        let seed = noticed.unwrap();
        assert_eq!(run(seed, false).wrong, [""; 0], "seed {seed} fails without {name}, too");
    }
}
