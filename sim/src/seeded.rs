//! One run from one seed: the settings it happens under, and everything that happens.

use crate::action::Mix;
use crate::page::Page;
use crate::random::Random;
use crate::server::{Behaviour, Disk};
use crate::trace::{Row, Trace};
use crate::world::World;
use tautline_protocol::Instant;
use tautline_protocol::client::{Config, Credentials, WhenUncertain};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Two runs of one seed have the same.
    pub hash: u64,
    /// What broke the promise; empty if nothing did.
    pub wrong: Vec<String>,
    /// How much happened.
    pub counts: Counts,
    /// How many pages and nodes there were.
    pub pages: usize,
    /// How many nodes there were.
    pub nodes: usize,
    /// The course of the run, if wanted.
    pub rows: Vec<Row>,
    /// How many rows there were when something first went wrong, if that was noticed at once.
    pub failed_at: Option<usize>,
}

/// How much happened in a run, or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that applications have sent.
    pub sent: u64,
    /// Messages that the server has handled.
    pub handled: u64,
    /// Entries that applications have received.
    pub received: u64,
    /// Connections dialed.
    pub dials: u64,
    /// Losses told.
    pub losses: u64,
    /// Gaps told.
    pub gaps: u64,
    /// Milliseconds that have passed in the world.
    pub millis: u64,
}

impl Counts {
    /// Adds those of another run.
    pub const fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.handled += other.handled;
        self.received += other.received;
        self.dials += other.dials;
        self.losses += other.losses;
        self.gaps += other.gaps;
        self.millis += other.millis;
    }
}

/// Runs a seed; `rows` keeps the course for people.
#[must_use]
pub fn run(seed: u64, rows: bool) -> Report {
    let mut random = Random::new(seed);
    let behaviour = behaviour(&mut random);
    let nodes = 1 + random.below(3) as usize;
    let mut pages = Vec::new();
    for number in 0..1 + random.below(4) as usize {
        pages.push(page(number, &mut random));
    }
    let losses = random.one_in(2);
    let mix = Mix::of_world(&mut random, losses);
    let count = pages.len();
    // From random numbers of their own, so that seeds that failed once stay what they were.
    let mut durable = Random::new(seed ^ 0xd00d);
    for page in &mut pages {
        if durable.one_in(2) {
            page.make_durable(durable.bits());
        }
    }
    let mut world = World::of(pages, nodes, behaviour, seed);
    world.trace = Trace::new(rows);
    world.server.behaviour.fence_ms = if random.one_in(3) { None } else { Some(random.below(500)) };
    world.server.disk = Disk::of_seed(seed);
    for _ in 0..20 + random.below(150) {
        let (page, node) = (random.below(count as u64), random.below(nodes as u64));
        let action = mix.draw(&mut random);
        world.apply_to(page as usize, node as usize, action);
    }
    world.refresh_tokens();
    let mut wrong = world.converge();
    let mut slow = Random::new(seed ^ 0x510e);
    if wrong.is_empty() && slow.one_in(8) {
        wrong = world.crawl(&mut slow);
    }
    Report {
        hash: world.trace.sum(),
        wrong,
        counts: counts(&world),
        pages: count,
        nodes,
        rows: world.trace.rows().to_vec(),
        failed_at: world.trace.failed_at(),
    }
}

fn page(number: usize, random: &mut Random) -> Page {
    let mut config = Config::default();
    if random.one_in(2) {
        config.credentials = Credentials::Ask;
    }
    if random.one_in(3) {
        config.when_uncertain = WhenUncertain::Fail;
    }
    if random.one_in(4) {
        config.outbox_messages = 1 + random.below(40) as usize;
        config.outbox_bytes = 1 + random.below(20_000) as usize;
    }
    let mut page = Page::new(number, config, random.bits(), Instant::from_millis(0));
    page.set_token(0);
    page
}

fn behaviour(random: &mut Random) -> Behaviour {
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
    if random.one_in(4) {
        behaviour.read_entries = 1 + random.below(4);
    }
    behaviour
}

fn counts(world: &World<Vec<Page>>) -> Counts {
    let mut counts = Counts {
        handled: world.server.journal.len() as u64,
        millis: world.now.as_millis(),
        ..Counts::default()
    };
    for page in world.pages() {
        counts.dials += page.dials.len() as u64;
        for ledger in page.past.iter().chain([&page.ledger]) {
            counts.sent += ledger.sent.len() as u64;
            counts.received += ledger.received.len() as u64;
            counts.losses += ledger.losses.len() as u64;
            counts.gaps += ledger.gaps.len() as u64;
        }
    }
    counts
}
