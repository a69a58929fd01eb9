//! Connections that delay, cut, stall, lose and repeat; in order while they last, as TCP is.

mod pipe;

use self::pipe::{Fault, Pipe};
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tautline_protocol::{CloseCode, Instant};

/// Names a connection; dials count up.
pub type ConnectionId = u64;

/// A connection that ended without a Close frame (RFC 6455, 7.1.5).
pub const BROKEN: CloseCode = CloseCode(1006);

/// Once this much waits in one way of a connection, its sender is to wait, as a full socket makes it.
pub const SOCKET_BYTES: usize = 64 * 1024;

/// Which page a connection comes from, and which node it goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The page's place in the world.
    pub page: usize,
    /// The node's place in the world.
    pub node: usize,
}

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cargo {
    /// The connection is open.
    Opened,
    /// A binary WebSocket message.
    Packet(Vec<u8>),
    /// It is closed.
    Closed(CloseCode),
}

/// One of the two ways of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// How much a connection carries one way before it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many bytes; the message which goes beyond is lost whole, as WebSocket delivers it.
    Bytes(Way, usize),
    /// So many messages.
    Packets(Way, usize),
}

/// The line of one page to the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    /// What it takes beside what everything takes, in milliseconds.
    pub latency_ms: u64,
    /// Bytes in a millisecond, each way; `None` without a limit.
    pub bytes_per_ms: Option<u64>,
}

/// What has arrived where.
#[derive(Debug, PartialEq, Eq)]
pub struct Arrival {
    /// On which connection.
    pub id: ConnectionId,
    /// From which page, to which node.
    pub route: Route,
    /// Which way.
    pub way: Way,
    /// What.
    pub cargo: Cargo,
}

/// All connections there are.
#[derive(Debug)]
pub struct Network {
    /// How long anything takes one way, in milliseconds.
    pub latency_ms: u64,
    /// Whether dialing succeeds.
    pub reachable: bool,
    /// The lines of pages that are not like all others.
    pub lines: BTreeMap<usize, Line>,
    /// Between these nothing moves.
    pub partitions: BTreeSet<Route>,
    /// How many nodes there are to dial.
    pub nodes: usize,
    /// The next dials get these, first come first served; without one nothing is cut by itself.
    pub budgets: VecDeque<Option<Budget>>,
    /// Messages delivered, with their way, if `capture` is on.
    pub captured: Vec<(Way, Vec<u8>)>,
    /// Keep what is delivered.
    pub capture: bool,
    /// A connection has lost or repeated something that was under way: whatever the ends think of
    /// each other from now on, they are not to blame.
    pub was_unfaithful: bool,
    pipes: BTreeMap<ConnectionId, Pipe>,
    next: ConnectionId,
    balancer: Random,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency_ms: 10,
            reachable: true,
            lines: BTreeMap::new(),
            partitions: BTreeSet::new(),
            nodes: 1,
            budgets: VecDeque::new(),
            captured: Vec::new(),
            capture: false,
            was_unfaithful: false,
            pipes: BTreeMap::new(),
            next: 1,
            balancer: Random::new(0),
        }
    }
}

impl Network {
    /// Opens a connection of the first page to the first node; the far ends learn it by and by.
    pub fn dial(&mut self, now: Instant) -> ConnectionId {
        self.dial_on(Route::default(), now)
    }

    /// Opens a connection of a page to a node that the balancer picks.
    pub fn dial_from(&mut self, page: usize, now: Instant) -> (ConnectionId, Route) {
        let node = self.balancer.below(self.nodes as u64) as usize;
        let route = Route { page, node };
        (self.dial_on(route, now), route)
    }

    fn dial_on(&mut self, route: Route, now: Instant) -> ConnectionId {
        let id = self.next;
        self.next += 1;
        let mut pipe = Pipe::new(route, self.budgets.pop_front().flatten());
        let at = now.after(self.latency_of(route.page));
        if self.reachable {
            pipe.put(Way::Up, at, Cargo::Opened);
        } else {
            pipe.cut(None, None, now);
            pipe.put(Way::Down, at, Cargo::Closed(BROKEN));
        }
        self.pipes.insert(id, pipe);
        id
    }

    fn latency_of(&self, page: usize) -> u64 {
        self.latency_ms + self.lines.get(&page).map_or(0, |line| line.latency_ms)
    }

    /// Sends something on its way.
    pub fn send(&mut self, id: ConnectionId, way: Way, cargo: Cargo, now: Instant) {
        let Some(pipe) = self.pipes.get(&id) else { return };
        let page = pipe.route.page;
        let latency_ms = self.latency_of(page);
        let rate = self.lines.get(&page).and_then(|line| line.bytes_per_ms);
        if let Some(pipe) = self.pipes.get_mut(&id) {
            let detached = way == Way::Up && matches!(cargo, Cargo::Closed(_));
            pipe.send(way, cargo, now, rate, latency_ms);
            pipe.detached |= detached;
        }
        self.sweep(id);
    }

    /// Whether so much waits to leave on one way of a connection that its sender is to wait.
    #[must_use]
    pub fn is_congested(&self, id: ConnectionId, way: Way) -> bool {
        self.pipes.get(&id).is_some_and(|pipe| pipe.bytes(way) > SOCKET_BYTES)
    }

    /// Breaks a connection; what is under way is lost. Each end notices after so many
    /// milliseconds, or never.
    pub fn cut(
        &mut self,
        id: ConnectionId,
        client_after: Option<u64>,
        server_after: Option<u64>,
        now: Instant,
    ) {
        if let Some(pipe) = self.pipes.get_mut(&id).filter(|pipe| !pipe.is_cut) {
            pipe.cut(client_after, server_after, now);
        }
        self.sweep(id);
    }

    /// Breaks a connection for the client alone, at once: what it has sent arrives after so many
    /// milliseconds more, when it may have another connection, and the server is never told.
    pub fn sever(&mut self, id: ConnectionId, late_ms: u64, now: Instant) {
        if let Some(pipe) = self.pipes.get_mut(&id).filter(|pipe| !pipe.is_cut) {
            pipe.sever(late_ms, now);
        }
    }

    /// The next packet on one way of a connection vanishes; the connection breaks a little later.
    pub fn lose_next(&mut self, id: ConnectionId, way: Way) {
        self.spoil(id, way, Fault::Lose);
    }

    /// The next packet on one way of a connection arrives twice; the connection breaks a little
    /// later.
    pub fn repeat_next(&mut self, id: ConnectionId, way: Way) {
        self.spoil(id, way, Fault::Repeat);
    }

    fn spoil(&mut self, id: ConnectionId, way: Way, fault: Fault) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.spoil(way, fault);
            self.was_unfaithful = true;
        }
    }

    /// Nothing moves on this connection any more, and neither end is told.
    pub fn stall(&mut self, id: ConnectionId) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.stalled = [true; 2];
        }
    }

    /// As [`stall`](Self::stall), one way only: a half-open connection.
    pub fn stall_way(&mut self, id: ConnectionId, way: Way) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.stalled[way as usize] = true;
        }
    }

    /// Ends every stall; what was held arrives late.
    pub fn heal(&mut self) {
        for pipe in self.pipes.values_mut() {
            pipe.stalled = [false; 2];
        }
    }

    /// Every connection there is, in order.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.pipes.keys().copied()
    }

    /// Every connection to a node, in order.
    pub fn ids_of(&self, node: usize) -> impl Iterator<Item = ConnectionId> {
        self.pipes.iter().filter(move |(_, pipe)| pipe.route.node == node).map(|(id, _)| *id)
    }

    /// From where to where a connection goes.
    #[must_use]
    pub fn route(&self, id: ConnectionId) -> Option<Route> {
        self.pipes.get(&id).map(|pipe| pipe.route)
    }

    fn due(&self, takes: impl Fn(Route, Way) -> bool) -> Option<(Instant, ConnectionId, Way)> {
        let mut first = None;
        for (id, pipe) in &self.pipes {
            if self.partitions.contains(&pipe.route) {
                continue;
            }
            for way in [Way::Up, Way::Down] {
                if let Some(at) = pipe.due(way)
                    && first.is_none_or(|(before, _, _)| at < before)
                    && takes(pipe.route, way)
                {
                    first = Some((at, *id, way));
                }
            }
        }
        first
    }

    /// When the next thing arrives at an end that takes it.
    #[must_use]
    pub fn next_at(&self, takes: impl Fn(Route, Way) -> bool) -> Option<Instant> {
        self.due(takes).map(|(at, _, _)| at)
    }

    /// Takes the next thing that has arrived by `now` at an end that takes it.
    pub fn arrive(
        &mut self,
        now: Instant,
        takes: impl Fn(Route, Way) -> bool + Copy,
    ) -> Option<Arrival> {
        loop {
            let (_, id, way) = self.due(takes).filter(|(at, _, _)| *at <= now)?;
            let pipe = self.pipes.get_mut(&id)?;
            if pipe.breaks(now) {
                self.cut(id, Some(0), Some(0), now);
                continue;
            }
            let cargo = pipe.take(way)?;
            let route = pipe.route;
            match &cargo {
                Cargo::Packet(packet) => {
                    if !pipe.carry(way, packet.len()) {
                        self.cut(id, Some(0), Some(0), now);
                        continue;
                    }
                    if self.capture {
                        self.captured.push((way, packet.clone()));
                    }
                }
                Cargo::Closed(_) => pipe.detached |= way == Way::Down,
                Cargo::Opened => {}
            }
            self.sweep(id);
            return Some(Arrival { id, route, way, cargo });
        }
    }

    /// Forgets a connection on which nothing can happen any more.
    fn sweep(&mut self, id: ConnectionId) {
        if self.pipes.get(&id).is_some_and(Pipe::is_over) {
            self.pipes.remove(&id);
        }
    }

    /// Puts the balancer's choices under a seed.
    pub const fn balance(&mut self, nodes: usize, seed: u64) {
        self.nodes = nodes;
        self.balancer = Random::new(seed);
    }
}
