//! Pages and a server joined by a network, under virtual time, in one thread.

mod calm;
mod crawl;
mod pages;
mod trouble;

use crate::check;
use crate::engine::Keep;
use crate::network::{Network, Route, Way};
use crate::page::{Page, Surroundings};
use crate::server::{Behaviour, Server};
use crate::trace::{Place, Trace};
use tautline_protocol::Instant;

pub use self::pages::Pages;

/// A server, some pages, and what lies between them.
pub struct World<P> {
    /// The time, the same for all.
    pub now: Instant,
    /// The server.
    pub server: Server,
    /// What lies between.
    pub network: Network,
    /// What happened.
    pub trace: Trace,
    pub(crate) pages: P,
    pub(crate) publishes: u64,
}

impl<P: Pages> World<P> {
    /// A world at time 0; its clients dial with the first step.
    #[must_use]
    pub fn of(pages: P, nodes: usize, behaviour: Behaviour, seed: u64) -> Self {
        let mut network = Network::default();
        network.balance(nodes, seed);
        Self {
            now: Instant::from_millis(0),
            server: Server::with_nodes(nodes, behaviour, seed ^ 0x5eed),
            network,
            trace: Trace::new(false),
            pages,
            publishes: 0,
        }
    }

    /// The pages.
    #[must_use]
    pub fn pages(&self) -> &[Page] {
        self.pages.all()
    }

    /// Does something with a page in its surroundings, and sends what the server has to send.
    pub(crate) fn with<T>(
        &mut self,
        page: usize,
        act: impl FnOnce(&mut Page, &mut Surroundings<'_>) -> T,
    ) -> Option<T> {
        let Self { now, server, network, trace, pages, .. } = self;
        let page = pages.all_mut().get_mut(page)?;
        let before = page.ledger.violations.len();
        let result = act(page, &mut Surroundings { now: *now, server, network, trace });
        if let Some(what) = page.ledger.violations.get(before) {
            trace.fail(*now, page.place(), what);
        }
        self.flush();
        Some(result)
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let wake = self.pages().iter().filter_map(Page::wakes_at).min();
        let arrival =
            self.network.next_at(|route, way| takes(&self.server, self.pages(), route, way));
        [arrival, self.server.next_at(), wake].into_iter().flatten().min()
    }

    /// Lets the next thing happen, not after `limit`; false if there is none.
    pub fn step(&mut self, limit: Instant) -> bool {
        let Some(at) = self.next_at().filter(|at| *at <= limit) else { return false };
        self.now = self.now.max(at);
        // Timers first: a late one has to cope with what waits behind it.
        let is_due = |page: &Page| page.wakes_at().is_some_and(|wake| wake <= self.now);
        if let Some(page) = self.pages().iter().position(is_due) {
            self.with(page, Page::wake_in);
            return true;
        }
        let Self { now, server, network, pages, .. } = self;
        match network.arrive(*now, |route, way| takes(server, pages.all(), route, way)) {
            None => self.server.run(self.now),
            Some(arrival) => {
                let (id, route, way) = (arrival.id, arrival.route, arrival.way);
                self.trace.arrived(self.now, id, route, way, &arrival.cargo);
                match way {
                    Way::Up => self.server.arrive(id, route, arrival.cargo, self.now),
                    Way::Down => {
                        let is_congested = self.network.is_congested(id, Way::Down);
                        if self.server.congested(id, is_congested) {
                            self.server.run(self.now);
                        }
                        self.with(route.page, |page, around| page.arrive(around, arrival));
                    }
                }
            }
        }
        self.flush();
        true
    }

    /// Puts what the server has to send on its way.
    pub fn flush(&mut self) {
        loop {
            for node in std::mem::take(&mut self.server.died) {
                self.crash_node(node);
            }
            let outgoing = self.server.take_outgoing();
            if outgoing.is_empty() {
                return;
            }
            let mut freed = false;
            for (id, cargo) in outgoing {
                if let Some(route) = self.network.route(id) {
                    self.trace.sent(self.now, id, route, Way::Down, &cargo);
                }
                self.network.send(id, Way::Down, cargo, self.now);
                let is_congested = self.network.is_congested(id, Way::Down);
                freed |= self.server.congested(id, is_congested);
            }
            if !freed {
                return;
            }
            self.server.run(self.now);
        }
    }

    /// Lets everything happen that happens within `millis`.
    pub fn run(&mut self, millis: u64) {
        let end = self.now.after(millis);
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`, or for `millis` at most; whether it came to that.
    pub fn run_until(&mut self, millis: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now.after(millis);
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return done(self);
            }
        }
        true
    }

    /// The server publishes to a topic.
    pub fn publish(&mut self, topic: &str) {
        self.publishes += 1;
        let payload = format!("news {}", self.publishes);
        self.trace.note(self.now, Place::World, format_args!("{topic}: {payload}"));
        self.server.publish(topic, payload.as_bytes(), self.now);
        self.flush();
    }

    /// Every node dies and comes back at once; the engine keeps what `keep` says.
    pub fn crash(&mut self, keep: Keep) {
        for node in 0..self.server.nodes() {
            self.crash_node(node);
        }
        self.trace.note(self.now, Place::World, format_args!("the engine keeps {keep:?}"));
        self.server.engine.lose(keep);
    }

    /// A node dies and comes back at once; its clients notice in a moment.
    pub(crate) fn crash_node(&mut self, node: usize) {
        self.trace.note(self.now, Place::Node(node), format_args!("crashes"));
        let ids: Vec<_> = self.network.ids_of(node).collect();
        for id in ids {
            self.network.cut(id, Some(5), None, self.now);
        }
        self.server.crash_node(node);
    }

    /// What must be true at any moment; empty if it is.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let journal = check::by_session(&self.server.journal);
        let mut wrong = self.server.violations.clone();
        for page in self.pages() {
            for ledger in page.past.iter().chain([&page.ledger]) {
                wrong.extend(check::verify(ledger, &journal, &self.server.engine));
            }
        }
        let by_server = self.server.hang_ups.iter().map(|(_, code)| code);
        let by_clients = self.pages().iter().flat_map(|page| &page.hang_ups);
        if !self.network.was_unfaithful {
            for page in self.pages() {
                for ledger in page.past.iter().chain([&page.ledger]) {
                    let handled = journal.get(&ledger.session).map(Vec::as_slice);
                    wrong.extend(check::order::repeated_volatile(
                        ledger,
                        handled.unwrap_or_default(),
                    ));
                }
            }
            wrong.extend(check::blame::accusation(by_clients.chain(by_server)));
        }
        wrong
    }
}

/// Whether anybody is there to take what arrives.
fn takes(server: &Server, pages: &[Page], route: Route, way: Way) -> bool {
    match way {
        Way::Up => server.takes(route.node),
        Way::Down => pages.get(route.page).is_none_or(|page| !page.frozen),
    }
}
