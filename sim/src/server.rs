//! A small but honest server: real sessions around an engine in memory, with handlers that take
//! their time.

mod join;
mod work;

use crate::engine::{Engine, Keep};
use crate::network::{Cargo, ConnectionId};
use bytes::Bytes;
use std::collections::BTreeMap;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::{self, Hello, Incoming, Input, Output};
use tautline_protocol::{
    CloseCode, DIRECT, Epoch, Format, Instant, Offset, Seq, Session, SessionId, Start, StreamId,
};

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
    /// Every HELLO is refused with this code, after so many milliseconds.
    pub refuse: Option<(CloseCode, u64)>,
    /// Most entries read from a log at a time.
    pub read_entries: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            config: session::Config::default(),
            join_ms: 0,
            subscribe_ms: 0,
            handler_ms: 0,
            credentials: None,
            refuse: None,
            read_entries: 64,
        }
    }
}

struct Connection {
    session: Session,
    /// Set by HELLO; whose connection it is, once it has joined.
    of: Option<SessionId>,
    /// Waits for the handler that an older connection has started.
    waiting: Option<Hello>,
    streams: BTreeMap<StreamId, (String, Epoch)>,
    wake_at: Option<Instant>,
}

enum Task {
    Join(ConnectionId, Hello),
    Authenticate(ConnectionId, Bytes),
    Subscribe(ConnectionId, StreamId, String, Start),
    Finish(SessionId),
}

/// The server.
pub struct Server {
    /// How it behaves.
    pub behaviour: Behaviour,
    /// What it keeps.
    pub engine: Engine,
    /// Every message handled, in order.
    pub journal: Vec<Handled>,
    /// Hang-ups decided by the server, with their connection.
    pub hang_ups: Vec<(ConnectionId, CloseCode)>,
    now: Instant,
    connections: BTreeMap<ConnectionId, Connection>,
    owners: BTreeMap<SessionId, ConnectionId>,
    /// The highest connection of each client that has joined, as HELLO counts them.
    latest: BTreeMap<SessionId, u64>,
    workers: BTreeMap<SessionId, Incoming>,
    tasks: BTreeMap<(Instant, u64), Task>,
    tasks_begun: u64,
    outgoing: Vec<(ConnectionId, Cargo)>,
}

impl Server {
    /// A server whose epochs come from `seed`.
    #[must_use]
    pub fn new(behaviour: Behaviour, seed: u64) -> Self {
        Self {
            behaviour,
            engine: Engine::new(seed),
            journal: Vec::new(),
            hang_ups: Vec::new(),
            now: Instant::default(),
            connections: BTreeMap::new(),
            owners: BTreeMap::new(),
            latest: BTreeMap::new(),
            workers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tasks_begun: 0,
            outgoing: Vec::new(),
        }
    }

    /// The connection that has a session now.
    #[must_use]
    pub fn owner(&self, session: &SessionId) -> Option<ConnectionId> {
        self.owners.get(session).copied()
    }

    /// The machine of a connection.
    pub fn session(&mut self, id: ConnectionId) -> Option<&mut Session> {
        self.connections.get_mut(&id).map(|connection| &mut connection.session)
    }

    /// Whether a handler runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.workers.is_empty()
    }

    /// Something arrived on a connection.
    pub fn arrive(&mut self, id: ConnectionId, cargo: Cargo, now: Instant) {
        self.now = now;
        let input = match cargo {
            Cargo::Opened => {
                let session = Session::new(self.behaviour.config, now);
                let streams = BTreeMap::new();
                let connection =
                    Connection { session, of: None, waiting: None, streams, wake_at: Some(now) };
                self.connections.insert(id, connection);
                self.outgoing.push((id, Cargo::Opened));
                Input::Woke
            }
            Cargo::Packet(packet) => Input::Packet(packet.into()),
            Cargo::Closed(_) => Input::Closed,
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.session.handle_input(input, now);
        }
        self.run(now);
    }

    /// Appends to the direct stream of a session; false if there is no such session.
    pub fn push(&mut self, session: &SessionId, payload: &[u8], now: Instant) -> bool {
        let entry = EncodedEntry::new(Format::Text, Entry::Message(payload));
        let taken = self.engine.direct(session).map(|log| log.append(entry)).is_some();
        self.run(now);
        taken
    }

    /// Appends to a topic.
    pub fn publish(&mut self, topic: &str, payload: &[u8], now: Instant) {
        let entry = EncodedEntry::new(Format::Text, Entry::Message(payload));
        self.engine.topic(topic).append(entry);
        self.run(now);
    }

    /// Dies and comes back. Handlers that were running have had no effect.
    pub fn crash(&mut self, keep: Keep) {
        self.connections.clear();
        self.owners.clear();
        self.latest.clear();
        self.workers.clear();
        self.tasks.clear();
        self.outgoing.clear();
        self.engine.lose(keep);
    }

    /// Does what is due, until nothing is left to do now.
    pub fn run(&mut self, now: Instant) {
        self.now = now;
        while let Some(entry) = self.tasks.first_entry().filter(|entry| entry.key().0 <= now) {
            let task = entry.remove();
            self.perform(task);
            self.turn();
        }
        let due = |connection: &Connection| connection.wake_at.is_some_and(|at| at <= now);
        for connection in self.connections.values_mut().filter(|connection| due(connection)) {
            connection.session.handle_input(Input::Woke, now);
        }
        self.turn();
    }

    /// When [`run`](Self::run) has something to do.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let task = self.tasks.first_key_value().map(|((at, _), _)| *at);
        let wake = self.connections.values().filter_map(|connection| connection.wake_at).min();
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

    fn perform(&mut self, task: Task) {
        match task {
            Task::Join(id, hello) => self.join(id, hello),
            Task::Authenticate(id, credentials) => self.authenticate(id, &credentials),
            Task::Subscribe(id, stream, topic, start) => self.subscribe(id, stream, &topic, start),
            Task::Finish(session) => self.finish(&session),
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
            let due = self.tasks.first_key_value().is_some_and(|((at, _), _)| *at <= self.now);
            if due && let Some((_, task)) = self.tasks.pop_first() {
                self.perform(task);
            } else if !moved {
                return;
            }
        }
    }

    fn drain(&mut self, id: ConnectionId) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        loop {
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
                Output::Trim { offset } => self.trim(id, &connection, offset),
                Output::Bye => self.bye(id, &connection),
                Output::Transmit(packet) => {
                    self.outgoing.push((id, Cargo::Packet(packet.to_vec())));
                }
                Output::HangUp(code) => {
                    self.hang_ups.push((id, code));
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

    fn trim(&mut self, id: ConnectionId, connection: &Connection, offset: Offset) {
        if let Some(session) = connection.of.filter(|session| self.owner(session) == Some(id)) {
            self.engine.trim(&session, offset);
        }
    }

    fn bye(&mut self, id: ConnectionId, connection: &Connection) {
        if let Some(session) = connection.of.filter(|session| self.owner(session) == Some(id)) {
            self.engine.forget(&session);
            self.owners.remove(&session);
        }
    }

    /// Delivers what fits of every stream of a connection; true if anything moved.
    fn deliver(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(of) = connection.of.filter(|session| self.owners.get(session) == Some(&id)) else {
            return false;
        };
        let mut moved = false;
        let session = &mut connection.session;
        for stream in std::iter::once(DIRECT).chain(connection.streams.keys().copied()) {
            let room = session.room(stream);
            if room.entries == 0 {
                continue;
            }
            let log = match connection.streams.get(&stream) {
                Some((topic, epoch)) => {
                    let log = self.engine.topic(topic);
                    if log.epoch != *epoch {
                        session.gap(stream, log.epoch, log.position(Start::Last(u64::MAX)));
                        let (topic, epoch) = (topic.clone(), log.epoch);
                        connection.streams.insert(stream, (topic, epoch));
                        return true;
                    }
                    log
                }
                None => match self.engine.direct(&of) {
                    Some(log) => log,
                    None => continue,
                },
            };
            match log.read(room.after, room.entries.min(self.behaviour.read_entries)) {
                Ok(entries) => session.deliver(stream, room.after + 1, &entries),
                Err(offset) => session.gap(stream, log.epoch, offset),
            }
            moved |= session.room(stream) != room;
        }
        moved
    }

    /// Asks for fresh credentials on the connection of a session.
    pub fn request_credentials(&mut self, session: &SessionId, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.request_credentials();
        }
        self.run(now);
    }

    /// Sends GOAWAY on the connection of a session.
    pub fn go_away(&mut self, session: &SessionId, after_ms: u64, spread_ms: u64, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.go_away(after_ms, spread_ms, "maintenance");
        }
        self.run(now);
    }

    /// Ends the connection of a session with REFUSE.
    pub fn refuse(&mut self, session: &SessionId, code: CloseCode, after_ms: u64, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.refuse(code, after_ms, "the test says so");
        }
        self.run(now);
    }

    /// Lets a session expire, as if its time had come: with or without a tombstone.
    pub fn expire(&mut self, session: &SessionId, tombstone: bool, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.hang_up(CloseCode::INTERNAL);
        }
        self.owners.remove(session);
        self.workers.remove(session);
        if tombstone {
            self.engine.entomb(session);
        } else {
            self.engine.forget(session);
        }
        self.run(now);
    }

    /// The number up to which a session's messages are processed.
    #[must_use]
    pub fn processed(&self, session: &SessionId) -> Seq {
        let of = |handled: &&Handled| handled.session == *session;
        self.journal.iter().filter(of).filter_map(|handled| handled.seq).max().unwrap_or(0)
    }
}
