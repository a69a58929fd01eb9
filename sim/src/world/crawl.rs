//! Behind the calm: lines that are slow, and not dead, and then lines that are dead again.

use super::{Pages, World};
use crate::network::Line;
use crate::page::Page;
use crate::random::Random;
use crate::trace::Place;
use std::collections::BTreeMap;
use tautline_protocol::client::{Hint, State};
use tautline_protocol::limits::{ANSWER_MS_MIN, FRAGMENT_BYTES, SLOWEST_BYTES_PER_MS};
use tautline_protocol::{CloseCode, Kind};

/// Size of the message that a page sends to the server over the slow line, in bytes: it needs seven fragments.
const UP_BYTES: usize = 100_000;
/// Size of the message that the server sends to a page, in bytes: less than a node may hold for one page.
const DOWN_BYTES: usize = 60_000;
/// A line of one byte in a millisecond takes 100 s for that, and a minute before its client is patient enough.
const ARRIVES_MS: u64 = 300_000;
/// After so long on a fast line patience is what it was.
const RECOVERY_MS: u64 = 60_000;

impl<P: Pages> World<P> {
    /// Sends something large over slow lines, one way or both, and then has all lines die once; what is wrong
    /// then.
    pub fn crawl(&mut self, random: &mut Random) -> Vec<String> {
        // A connection that has died of the trouble before is noticed first.
        self.run(RECOVERY_MS);
        let open: Vec<_> = self.open_pages().collect();
        let mut patience = BTreeMap::new();
        for page in &open {
            let (latency_ms, rate) = (random.below(500), 1 + random.below(SLOWEST_BYTES_PER_MS));
            let round_trip_ms = 2 * (self.network.latency_ms + latency_ms);
            patience.insert(*page, false_alarms(FRAGMENT_BYTES as u64 / rate + round_trip_ms));
            let line = Line { latency_ms, bytes_per_ms: Some(rate) };
            self.trace.note(self.now, Place::Page(*page), format_args!("{line:?}"));
            self.network.lines.insert(*page, line);
        }
        let before = self.alarms();
        let way = random.below(3);
        for page in &open {
            if way != 0 {
                self.send_large(*page);
            }
            if way != 1 {
                self.with(*page, |page, around| page.push_in(around, DOWN_BYTES));
            }
        }
        let mut wrong = Vec::new();
        let end = self.now.after(ARRIVES_MS);
        while self.now < end && (!is_settled(self, &open) || self.is_unread()) {
            self.run(1_000);
        }
        if self.now >= end {
            wrong.push("a slow line has not carried what was sent over it".into());
        }
        for (page, after) in self.alarms() {
            let alarms = after - before.get(&page).copied().unwrap_or(0);
            if patience.get(&page).is_some_and(|most| alarms > *most) {
                wrong.push(format!("a line that is slow was taken for dead {alarms} times"));
            }
        }
        self.network.lines.clear();
        self.run(RECOVERY_MS);
        wrong.extend(self.die_once(&open));
        wrong.extend(self.wrong());
        wrong
    }

    /// Makes every connection go dead, and gives each page the hint that its network has changed. A page has
    /// to find its dead connection as fast as on a line that was never slow.
    fn die_once(&mut self, open: &[usize]) -> Vec<String> {
        let before = self.alarms();
        for page in open {
            self.stall_page(*page);
            self.with(*page, |page, around| page.hint_in(around, Hint::Online));
        }
        let answers = self.pages().iter().map(|page| 4 * page.client.stats().round_trip_ms);
        self.run(answers.max().unwrap_or(0).max(ANSWER_MS_MIN));
        let after = self.alarms();
        let late: Vec<_> = open.iter().filter(|page| after.get(page) == before.get(page)).collect();
        let mut wrong = Vec::new();
        if !late.is_empty() {
            wrong.push(format!("behind a slow line a dead one is noticed late by {late:?}"));
        }
        self.network.heal();
        if !self.run_until(ARRIVES_MS, |world| is_settled(world, open)) {
            wrong.push("a line does not come back behind a dead one".into());
        }
        wrong
    }

    fn open_pages(&self) -> impl Iterator<Item = usize> {
        let pages = self.pages().iter().enumerate();
        pages.filter(|(_, page)| page.client.state() == State::Open).map(|(number, _)| number)
    }

    /// Sends as much as its page and the server allow.
    fn send_large(&mut self, number: usize) {
        let most = self.pages().get(number).map_or(0, |page| page.config.outbox_bytes);
        let size = UP_BYTES.min(most).min(self.server.behaviour.config.message_bytes);
        self.with(number, |page, around| {
            drop(page.send_together_in(around, &[(Kind::Send, "m", size)], None));
        });
    }

    /// How often each page has taken its line for dead.
    fn alarms(&self) -> BTreeMap<usize, usize> {
        let count =
            |page: &Page| page.hang_ups.iter().filter(|it| **it == CloseCode::SILENT).count();
        self.pages().iter().map(count).enumerate().collect()
    }
}

/// How often patience may be too short, until it is long enough for a fragment that takes so long.
fn false_alarms(fragment_ms: u64) -> usize {
    let is_enough = |level: &usize| ANSWER_MS_MIN << level >= fragment_ms;
    (0..).find(is_enough).unwrap_or(0)
}

/// Whether these pages wait for nothing.
fn is_settled<P: Pages>(world: &World<P>, open: &[usize]) -> bool {
    let is_settled = |page: &Page| page.client.state() == State::Open && page.ledger.is_settled();
    open.iter().filter_map(|page| world.pages().get(*page)).all(is_settled)
}
