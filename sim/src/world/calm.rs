//! The end of all trouble: from here on everything has to come out right.

use super::{Pages, World};
use crate::check;
use crate::page::Page;
use crate::trace::Place;
use tautline_protocol::client::{Hint, State};

/// After so long in calm nothing may be open: the longest that a server may have sent a client away
/// for, and what it then takes to come back.
const CALM_MS: u64 = 700_000;
/// And after so many seconds more every entry has been read.
const READING_SECONDS: u64 = 120;

impl<P: Pages> World<P> {
    /// Ends all trouble and waits until nothing is open any more; what is wrong then.
    pub fn converge(&mut self) -> Vec<String> {
        self.server.disk.crash_one_in = 0;
        self.trace.note(self.now, Place::World, format_args!("all trouble ends"));
        self.network.heal();
        self.network.reachable = true;
        self.network.budgets.clear();
        self.network.lines.clear();
        self.network.partitions.clear();
        self.server.behaviour.refuse = None;
        for node in 0..self.server.nodes() {
            self.server.pause(node, false, self.now);
            self.server.detach(node, false, self.now);
        }
        for page in 0..self.pages().len() {
            self.with(page, |page, around| {
                page.handles = true;
                page.frozen = false;
                page.clock.throttle(0);
                page.hint_in(around, Hint::Awake);
            });
        }
        let is_settled = |page: &Page| {
            let is_open = page.client.state() == State::Open && page.ledger.is_settled();
            page.ledger.closed.is_some() || is_open
        };
        let settled = self.run_until(CALM_MS, |world| world.pages().iter().all(is_settled));
        let mut seconds = 0;
        while seconds < READING_SECONDS && self.is_to_wait_for() {
            self.run(1_000);
            seconds += 1;
        }
        self.run(1_000);
        let mut wrong = self.wrong();
        let Self { server, pages, .. } = self;
        for page in pages.all() {
            wrong.extend(check::liveness::wrong(page, server, settled));
        }
        wrong
    }

    /// Whether a line is to come back yet, because a cut is noticed only while waiting, or entries
    /// are still to come.
    fn is_to_wait_for(&mut self) -> bool {
        let is_down =
            |page: &Page| page.ledger.closed.is_none() && page.client.state() != State::Open;
        self.pages().iter().any(is_down) || self.is_unread()
    }

    /// Whether an open line should have entries that it has not.
    pub(super) fn is_unread(&mut self) -> bool {
        let Self { server, pages, .. } = self;
        pages.all().iter().any(|page| !check::liveness::unread(page, server).is_empty())
    }
}
