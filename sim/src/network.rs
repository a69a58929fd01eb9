//! Connections that delay, cut and stall; in order while they last, as TCP is.

use std::collections::{BTreeMap, VecDeque};
use tautline_protocol::{CloseCode, Instant};

/// Names a connection; the client's dials count up.
pub type ConnectionId = u64;

/// A connection that ended without a Close frame (RFC 6455, 7.1.5).
pub const BROKEN: CloseCode = CloseCode(1006);

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

#[derive(Debug, Default)]
struct Pipe {
    up: VecDeque<(Instant, Cargo)>,
    down: VecDeque<(Instant, Cargo)>,
    stalled: bool,
    /// Cut: what is sent from now on vanishes.
    cut: bool,
    budget: Option<Budget>,
    carried: [(usize, usize); 2],
}

impl Pipe {
    const fn queue(&mut self, way: Way) -> &mut VecDeque<(Instant, Cargo)> {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn due(&self, way: Way) -> Option<Instant> {
        let queue = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        if self.stalled { None } else { queue.front().map(|(at, _)| *at) }
    }

    /// Counts a message; false if it is beyond the budget.
    fn carry(&mut self, way: Way, size: usize) -> bool {
        let (bytes, packets) = &mut self.carried[way as usize];
        *bytes += size;
        *packets += 1;
        match self.budget {
            Some(Budget::Bytes(of, max)) if of == way => *bytes <= max,
            Some(Budget::Packets(of, max)) if of == way => *packets <= max,
            _ => true,
        }
    }
}

/// All connections there are.
#[derive(Debug)]
pub struct Network {
    /// How long anything takes one way, in milliseconds.
    pub latency_ms: u64,
    /// Whether dialing succeeds.
    pub reachable: bool,
    /// The next dials get these, first come first served; without one nothing is cut by itself.
    pub budgets: VecDeque<Option<Budget>>,
    /// Messages delivered, with their way, if `capture` is on.
    pub captured: Vec<(Way, Vec<u8>)>,
    /// Keep what is delivered.
    pub capture: bool,
    pipes: BTreeMap<ConnectionId, Pipe>,
    next: ConnectionId,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency_ms: 10,
            reachable: true,
            budgets: VecDeque::new(),
            captured: Vec::new(),
            capture: false,
            pipes: BTreeMap::new(),
            next: 1,
        }
    }
}

impl Network {
    /// Opens a connection; the far ends learn it by and by.
    pub fn dial(&mut self, now: Instant) -> ConnectionId {
        let id = self.next;
        self.next += 1;
        let mut pipe = Pipe { budget: self.budgets.pop_front().flatten(), ..Pipe::default() };
        if self.reachable {
            pipe.up.push_back((now.after(self.latency_ms), Cargo::Opened));
        } else {
            pipe.cut = true;
            pipe.down.push_back((now.after(self.latency_ms), Cargo::Closed(BROKEN)));
        }
        self.pipes.insert(id, pipe);
        id
    }

    /// Sends something on its way.
    pub fn send(&mut self, id: ConnectionId, way: Way, cargo: Cargo, now: Instant) {
        let at = now.after(self.latency_ms);
        if let Some(pipe) = self.pipes.get_mut(&id).filter(|pipe| !pipe.cut) {
            let queue = pipe.queue(way);
            let at = queue.back().map_or(at, |(before, _)| at.max(*before));
            queue.push_back((at, cargo));
        }
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
        let Some(pipe) = self.pipes.get_mut(&id).filter(|pipe| !pipe.cut) else { return };
        pipe.cut = true;
        pipe.stalled = false;
        pipe.up.clear();
        pipe.down.clear();
        if let Some(after) = client_after {
            pipe.down.push_back((now.after(after), Cargo::Closed(BROKEN)));
        }
        if let Some(after) = server_after {
            pipe.up.push_back((now.after(after), Cargo::Closed(BROKEN)));
        }
    }

    /// Nothing moves on this connection any more, and neither end is told.
    pub fn stall(&mut self, id: ConnectionId) {
        if let Some(pipe) = self.pipes.get_mut(&id) {
            pipe.stalled = true;
        }
    }

    /// Ends every stall; what was held arrives late.
    pub fn heal(&mut self) {
        for pipe in self.pipes.values_mut() {
            pipe.stalled = false;
        }
    }

    /// Every connection there ever was, in order.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.pipes.keys().copied()
    }

    /// When the next thing arrives. A frozen client takes nothing.
    #[must_use]
    pub fn next_at(&self, frozen: bool) -> Option<Instant> {
        let ways: &[Way] = if frozen { &[Way::Up] } else { &[Way::Up, Way::Down] };
        let due = |pipe: &Pipe| ways.iter().filter_map(|way| pipe.due(*way)).min();
        self.pipes.values().filter_map(due).min()
    }

    /// Takes the next thing that has arrived by `now`.
    pub fn arrive(&mut self, now: Instant, frozen: bool) -> Option<(ConnectionId, Way, Cargo)> {
        let ways: &[Way] = if frozen { &[Way::Up] } else { &[Way::Up, Way::Down] };
        let (_, id, way) = self
            .pipes
            .iter()
            .flat_map(|(id, pipe)| ways.iter().filter_map(|way| Some((pipe.due(*way)?, *id, *way))))
            .filter(|(at, _, _)| *at <= now)
            .min_by_key(|(at, id, _)| (*at, *id))?;
        let pipe = self.pipes.get_mut(&id)?;
        let (_, cargo) = pipe.queue(way).pop_front()?;
        if let Cargo::Packet(packet) = &cargo {
            if !pipe.carry(way, packet.len()) {
                self.cut(id, Some(0), Some(0), now);
                return self.arrive(now, frozen);
            }
            if self.capture {
                self.captured.push((way, packet.clone()));
            }
        }
        Some((id, way, cargo))
    }
}
