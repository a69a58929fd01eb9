//! Takes every course within bounds that fit into the tests; larger ones are a command.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use clap::Parser;
use tautline_model::bounds::Bounds;
use tautline_model::check::{check, tell};

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    bounds: Bounds,
}

/// Checks within bounds written as for the command, and that the sights were seen on the way.
#[track_caller]
fn holds(bounds: &str, sights: &[&str]) {
    let words = std::iter::once("model").chain(bounds.split_whitespace());
    let Options { bounds } = Options::parse_from(words);
    let report = check(&bounds, 1);
    println!("{} states, {} unique, {:?}", report.states, report.unique, report.took);
    if let Some((promise, course)) = report.counterexample {
        panic!("broken: {promise}\n{}", tell(&bounds, &course).join("\n"));
    }
    for sight in sights {
        assert!(report.sights.contains(sight), "never seen: {sight}");
    }
}

#[test]
fn a_server_that_keeps_its_state_breaks_no_promise() {
    holds("--cuts 1 --crashes 1 --takeovers 1", &["a connection beside an older one"]);
}

#[test]
fn cuts_alone_break_no_promise() {
    holds("--cuts 2 --crashes 0 --takeovers 0", &["a connection beside an older one"]);
}

#[test]
fn messages_are_sent_again_and_marked_when_the_session_is_lost() {
    let sights =
        ["a server that has lost its sessions", "a message handled again", "a lost answer"];
    holds("--cuts 1 --crashes 0 --losses 1 --takeovers 0", &sights);
}

#[test]
fn messages_fail_as_unknown_when_the_session_is_lost_and_the_policy_says_so() {
    let sights = ["a server that has lost its sessions", "an unknown outcome", "a lost answer"];
    holds("--cuts 1 --crashes 0 --losses 1 --takeovers 0 --fail-uncertain", &sights);
}

#[test]
fn answers_that_are_trimmed_are_told_to_be_lost() {
    let sights = ["a gap in the direct stream", "a lost answer"];
    holds("--pushes 1 --trims 2 --cuts 1 --crashes 0 --takeovers 0", &sights);
}

#[test]
fn readers_of_a_topic_are_told_exactly_what_is_missing() {
    let sights = ["a gap in the topic", "a server that has lost its sessions"];
    let bounds = "--messages 0 --pushes 0 --news 2 --trims 1 --cuts 1 --crashes 0 --losses 1";
    holds(bounds, &sights);
}

#[test]
fn what_was_taken_back_is_never_handled_and_leaves_no_hole() {
    let bounds = "--messages 3 --pushes 0 --cancels 2 --cuts 1 --crashes 0 --takeovers 0";
    holds(bounds, &["a message taken back"]);
}

#[test]
fn an_application_that_handles_late_loses_nothing() {
    let bounds = "--messages 1 --pushes 2 --cuts 1 --crashes 0 --takeovers 0 --handle-later";
    holds(bounds, &["a connection beside an older one"]);
}
