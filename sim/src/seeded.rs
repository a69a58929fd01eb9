//! One run from one seed: everything that happens, and the settings it happens under.

use crate::action::Action;
use crate::pair::Pair;
use crate::random::Random;
use crate::server::Behaviour;
use crate::trace::Trace;
use tautline_protocol::client::{Config, Credentials, WhenUncertain};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Two runs of one seed have the same.
    pub hash: u64,
    /// What broke the promise; empty if nothing did.
    pub wrong: Vec<String>,
    /// Messages sent, messages handled by the server, connections.
    pub counts: [usize; 3],
    /// The course of the run, if wanted.
    pub lines: Vec<String>,
}

/// Runs a seed; `lines` keeps the course for people.
#[must_use]
pub fn run(seed: u64, lines: bool) -> Report {
    let mut random = Random::new(seed);
    let mut config = Config::default();
    if random.one_in(2) {
        config.credentials = Credentials::Ask;
    }
    if random.one_in(3) {
        config.when_uncertain = WhenUncertain::Fail;
    }
    let mut behaviour = Behaviour::default();
    if random.one_in(3) {
        behaviour.config.window_messages = 1 + random.below(8) as usize;
        behaviour.config.window_bytes = 1 + random.below(2_000) as usize;
    }
    if random.one_in(3) {
        behaviour.config.stream_window_entries = 1 + random.below(5);
        behaviour.config.stream_window_bytes = 1 + random.below(100) as usize;
    }
    if random.one_in(3) {
        behaviour.join_ms = random.below(300);
        behaviour.subscribe_ms = random.below(600);
    }
    if random.one_in(6) {
        behaviour.config.streams = random.below(4) as usize;
    }
    if random.one_in(6) {
        behaviour.config.message_bytes = random.below(1_000) as usize;
    }
    let losses = random.one_in(2);
    let mut pair = Pair::new(config, behaviour, seed);
    pair.trace = Trace::new(lines);
    for _ in 0..20 + random.below(200) {
        pair.apply(Action::draw(&mut random, losses));
    }
    let wrong = pair.converge();
    Report {
        hash: pair.trace.sum(),
        wrong,
        counts: [pair.ledger.sent.len(), pair.server.journal.len(), pair.dials.len()],
        lines: pair.trace.lines().to_vec(),
    }
}
