//! A small but honest server: nodes with real sessions around one engine in memory, with handlers
//! that take their time.

mod command;
mod deliver;
mod disk;
mod join;
mod node;
mod poison;
mod work;

use self::node::{Connection, Node, Task};
use crate::check;
use crate::engine::{Engine, Keep};
use crate::network::{Cargo, ConnectionId, Route};
use std::collections::BTreeMap;
use tautline_protocol::session::{self, Input, Output};
use tautline_protocol::{CloseCode, Instant, Offset, Session, SessionId};

pub use self::disk::Disk;
pub(crate) use self::poison::POISON;
pub use self::work::{Handled, Outcome};

/// How the server behaves; tests change it as they go.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Settings of connections from now on.
    pub config: session::Config,
    /// How long it takes to check credentials, in milliseconds.
    pub join_ms: u64,
    /// How long it takes to allow a subscription.
    pub subscribe_ms: u64,
    /// How long a handler runs.
    pub handler_ms: u64,
    /// Credentials other than these are refused; `None` accepts all.
    pub credentials: Option<Vec<u8>>,
    /// Credentials that end in a lower number are expired.
    pub oldest_token: u64,
    /// Every HELLO is refused with this code, after so many milliseconds.
    pub refuse: Option<(CloseCode, u64)>,
    /// Most entries read from a log at a time.
    pub read_entries: u64,
    /// How long it takes until a node learns that another one has taken a session over; `None`: it
    /// learns it only when the engine refuses what it does.
    pub fence_ms: Option<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            config: session::Config::default(),
            join_ms: 0,
            subscribe_ms: 0,
            handler_ms: 0,
            credentials: None,
            oldest_token: 0,
            refuse: None,
            read_entries: 64,
            fence_ms: Some(0),
        }
    }
}

/// Something for a connection to carry, or that it is to be waited with.
pub(crate) type Outgoing = (ConnectionId, Cargo);

/// The server: one node or several, and what they share.
pub struct Server {
    /// How it behaves.
    pub behaviour: Behaviour,
    /// What its nodes share.
    pub engine: Engine,
    /// How the engine commits.
    pub disk: Disk,
    /// Nodes that died of themselves, for the world to break their connections.
    pub died: Vec<usize>,
    /// Every message handled, in order.
    pub journal: Vec<Handled>,
    /// Hang-ups decided by the server, with their connection.
    pub hang_ups: Vec<(ConnectionId, CloseCode)>,
    /// What one of its parts should not have come to.
    pub violations: Vec<String>,
    /// How often the credentials of a session were refused.
    pub unauthorized: BTreeMap<SessionId, u32>,
    now: Instant,
    nodes: Vec<Node>,
    /// In boxes, because they are taken out to be drained.
    connections: BTreeMap<ConnectionId, Box<Connection>>,
    tasks: BTreeMap<(Instant, u64), Task>,
    tasks_begun: u64,
    outgoing: Vec<Outgoing>,
}

impl Server {
    /// A server of one node, whose epochs come from `seed`.
    #[must_use]
    pub fn new(behaviour: Behaviour, seed: u64) -> Self {
        Self::with_nodes(1, behaviour, seed)
    }

    /// A server of several nodes.
    #[must_use]
    pub fn with_nodes(nodes: usize, behaviour: Behaviour, seed: u64) -> Self {
        Self {
            behaviour,
            engine: Engine::new(seed),
            disk: Disk::default(),
            died: Vec::new(),
            journal: Vec::new(),
            hang_ups: Vec::new(),
            violations: Vec::new(),
            unauthorized: BTreeMap::new(),
            now: Instant::default(),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            connections: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tasks_begun: 0,
            outgoing: Vec::new(),
        }
    }

    /// The connection that has a session now, or waits for it.
    #[must_use]
    pub fn owner(&self, session: &SessionId) -> Option<ConnectionId> {
        let seats = self.nodes.iter().filter_map(|node| node.seats.get(session));
        seats.max_by_key(|seat| seat.connection).map(|seat| seat.claimant)
    }

    /// The machine of a connection.
    pub fn session(&mut self, id: ConnectionId) -> Option<&mut Session> {
        self.connections.get_mut(&id).map(|connection| &mut connection.session)
    }

    /// Whether a handler runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.nodes.iter().any(|node| !node.workers.is_empty())
    }

    /// Whether a node takes what arrives: it does not while it stands still.
    #[must_use]
    pub fn takes(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| !node.paused)
    }

    /// Something arrived on a connection.
    pub fn arrive(&mut self, id: ConnectionId, route: Route, cargo: Cargo, now: Instant) {
        self.now = now;
        let input = match cargo {
            Cargo::Opened => {
                let session = Session::new(self.behaviour.config, now);
                let connection = Connection::new(route.node, session, now);
                self.connections.insert(id, Box::new(connection));
                self.outgoing.push((id, Cargo::Opened));
                Input::Woke
            }
            Cargo::Packet(packet) => match poison::before_poison(&packet) {
                None => Input::Packet(packet.into()),
                Some(before) => return self.poisoned(id, before, now),
            },
            Cargo::Closed(_) => Input::Closed,
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.session.handle_input(input, now);
        }
        self.run(now);
    }

    /// A packet has come whose next message is taken for a fault.
    fn poisoned(&mut self, id: ConnectionId, before: Vec<u8>, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.poisoned = true;
            if !before.is_empty() {
                connection.session.handle_input(Input::Packet(before.into()), now);
            }
            connection.session.hang_up(CloseCode::MALFORMED);
        }
        self.run(now);
    }

    /// A connection can take more to send, or it cannot.
    pub fn congested(&mut self, id: ConnectionId, is_congested: bool) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let was = std::mem::replace(&mut connection.congested, is_congested);
        was && !is_congested
    }

    /// Does what is due, until nothing is left to do now.
    pub fn run(&mut self, now: Instant) {
        self.now = now;
        while let Some(task) = self.next_task() {
            self.perform(task);
            self.turn();
        }
        for connection in self.connections.values_mut() {
            let is_due = connection.wake_at.is_some_and(|at| at <= now);
            if is_due && self.nodes.get(connection.node).is_some_and(|node| !node.paused) {
                connection.session.handle_input(Input::Woke, now);
                // A socket that is full keeps it from being drained.
                connection.wake_at = connection.session.wake_at();
            }
        }
        self.turn();
    }

    /// When [`run`](Self::run) has something to do.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let task = self.tasks.first_key_value().map(|((at, _), _)| *at);
        let wake = self.connections.values().filter(|connection| self.takes(connection.node));
        let wake = wake.filter_map(|connection| connection.wake_at).min();
        [task, wake].into_iter().flatten().min()
    }

    /// What is to be sent.
    pub fn take_outgoing(&mut self) -> Vec<(ConnectionId, Cargo)> {
        std::mem::take(&mut self.outgoing)
    }

    fn begin(&mut self, after_ms: u64, task: Task) {
        self.tasks_begun += 1;
        self.tasks.insert((self.now.after(after_ms), self.tasks_begun), task);
    }

    fn next_task(&mut self) -> Option<Task> {
        let first = self.tasks.first_entry().filter(|entry| entry.key().0 <= self.now)?;
        Some(first.remove())
    }

    fn perform(&mut self, task: Task) {
        let node = match &task {
            Task::Finish(node, _) | Task::Commit { node, .. } => Some(*node),
            Task::Join(id, _)
            | Task::Authenticate(id, _)
            | Task::Subscribe(id, ..)
            | Task::Fence(id) => self.connections.get(id).map(|connection| connection.node),
        };
        let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) else { return };
        if node.paused || node.detached {
            node.held.push(task);
            return;
        }
        match task {
            Task::Join(id, hello) => self.join(id, hello),
            Task::Authenticate(id, credentials) => self.authenticate(id, &credentials),
            Task::Subscribe(id, stream, topic, start) => self.subscribe(id, stream, &topic, start),
            Task::Finish(node, session) => self.finish(node, &session),
            Task::Commit { node, session, dies } => self.commit_written(node, &session, dies),
            Task::Fence(id) => self.fence(id),
        }
    }

    /// Drains every machine, starts handlers and delivers entries, until all is quiet.
    fn turn(&mut self) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        loop {
            let mut moved = false;
            for id in &ids {
                self.drain(*id);
                while self.start_handler(*id) {
                    moved = true;
                }
                moved |= self.deliver(*id);
            }
            if let Some(task) = self.next_task() {
                self.perform(task);
            } else if !moved {
                break;
            }
        }
        self.sweep();
    }

    fn drain(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        let held = connection.session.queued();
        check::memory::session(&held, &self.behaviour.config, &mut self.violations);
        while !connection.congested && self.takes(connection.node) {
            match connection.session.poll_output() {
                Output::Join(hello) => {
                    connection.of = Some(hello.session);
                    self.begin(self.behaviour.join_ms, Task::Join(id, hello));
                }
                Output::Authenticate(credentials) => {
                    self.begin(self.behaviour.join_ms, Task::Authenticate(id, credentials));
                }
                Output::Subscribe { stream, topic, start } => {
                    let after = self.behaviour.subscribe_ms.max(self.behaviour.join_ms);
                    self.begin(after, Task::Subscribe(id, stream, topic, start));
                }
                Output::Unsubscribe { stream } => {
                    connection.streams.remove(&stream);
                }
                Output::Trim { offset } => self.trim(&connection, offset),
                Output::Bye => self.bye(&connection),
                Output::Transmit(packet) => {
                    self.outgoing.push((id, Cargo::Packet(packet.to_vec())));
                }
                Output::HangUp(code) => {
                    if !connection.poisoned {
                        self.hang_ups.push((id, code));
                    }
                    self.outgoing.push((id, Cargo::Closed(code)));
                }
                Output::Idle { wake_at } => {
                    connection.wake_at = wake_at;
                    break;
                }
            }
        }
        self.connections.insert(id, connection);
    }

    /// Forgets connections that are over, and gives up their seats once no handler runs in them.
    fn sweep(&mut self) {
        let nodes = &self.nodes;
        self.connections.retain(|_, connection| {
            !connection.session.is_closed()
                || nodes.get(connection.node).is_some_and(|it| it.paused)
        });
        let connections = &self.connections;
        for node in &mut self.nodes {
            let workers = &node.workers;
            node.seats.retain(|session, seat| {
                connections.contains_key(&seat.claimant) || workers.contains_key(session)
            });
        }
    }

    fn trim(&mut self, connection: &Connection, offset: Offset) {
        if let Some(session) = self.held_by(connection) {
            self.engine.trim(&session, offset);
        }
    }

    fn bye(&mut self, connection: &Connection) {
        if let Some(session) = self.held_by(connection) {
            self.engine.forget(&session);
        }
    }

    /// The session that a connection holds, if the engine still says so.
    fn held_by(&self, connection: &Connection) -> Option<SessionId> {
        let (session, generation) = (connection.of?, connection.generation?);
        let detached = self.nodes.get(connection.node).is_none_or(|node| node.detached);
        (!detached && self.engine.is_current(&session, generation)).then_some(session)
    }

    /// Loses what it keeps, as far as `keep` does not say otherwise; all connections end.
    pub fn crash(&mut self, keep: Keep) {
        (0..self.nodes.len()).for_each(|node| self.crash_node(node));
        self.engine.lose(keep);
    }
}
