//! One client and the server, joined by the network, under virtual time.

mod command;

use crate::ledger::Ledger;
use crate::network::{Cargo, ConnectionId, Network, Way};
use crate::server::{Behaviour, Server};
use crate::trace::Trace;
use crate::verify::verify;
use std::collections::BTreeSet;
use tautline_protocol::client::{Client, Config, Event, Hint, Input, Output, State};
use tautline_protocol::limits::PACKET_OVERHEAD_BYTES;
use tautline_protocol::{
    CloseCode, DIRECT, Epoch, Instant, Offset, Seed, SessionId, Start, StreamId,
};

/// Codes that have no place between two honest ends.
const ACCUSATIONS: [CloseCode; 3] =
    [CloseCode::MALFORMED, CloseCode::VIOLATION, CloseCode::TOO_LARGE];
/// No honest drain is longer than this.
const DRAIN_MAX: usize = 200_000;
/// No honest machine asks more often in a row to be woken at the present moment.
const WAKES_AT_ONCE_MAX: u32 = 1_000;

/// A client, a server, and what lies between them.
pub struct Pair {
    /// The time, the same for all.
    pub now: Instant,
    /// The client's machine. Commands go through [`command`](Self::command).
    pub client: Client,
    /// The server.
    pub server: Server,
    /// What lies between.
    pub network: Network,
    /// What the application asked for and was told.
    pub ledger: Ledger,
    /// What happened.
    pub trace: Trace,
    /// The session's name.
    pub session: SessionId,
    /// What the application answers when it is asked for credentials; `None`: nothing, ever.
    pub credentials: Option<Vec<u8>>,
    /// Whether the application handles entries as they come.
    pub handles: bool,
    /// The page stands still: its timers do not fire, and what arrives waits.
    pub frozen: bool,
    /// Whether the line may end, because the test does something that ends it.
    pub may_end: bool,
    /// When the client dialed.
    pub dials: Vec<Instant>,
    /// Codes the client hung up with.
    pub hang_ups: Vec<CloseCode>,
    connection: Option<ConnectionId>,
    wake_at: Option<Instant>,
    unhandled: Vec<(StreamId, Offset)>,
    wakes_at_once: u32,
    sends: u64,
    publishes: u64,
    topics: Vec<(StreamId, String)>,
    /// What the server has sent directly: in which incarnation, at which offset.
    pushed: Vec<(Epoch, Offset, String)>,
}

impl Pair {
    /// A pair at time 0; the client dials with the first step.
    #[must_use]
    pub fn new(config: Config, behaviour: Behaviour, seed: u64) -> Self {
        let now = Instant::from_millis(0);
        let session = [7; 16];
        Self {
            now,
            client: Client::new(config, Seed { session, random: seed }, now),
            server: Server::new(behaviour, seed ^ 0x5eed),
            network: Network::default(),
            ledger: Ledger::default(),
            trace: Trace::new(false),
            session,
            credentials: Some(b"ann:1".to_vec()),
            handles: true,
            frozen: false,
            may_end: false,
            dials: Vec::new(),
            hang_ups: Vec::new(),
            connection: None,
            wake_at: Some(now),
            unhandled: Vec::new(),
            wakes_at_once: 0,
            sends: 0,
            publishes: 0,
            topics: Vec::new(),
            pushed: Vec::new(),
        }
    }

    /// The client's present connection.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    /// Gives the client an input, and drains it.
    pub fn input(&mut self, input: Input) {
        self.client.handle_input(input, self.now);
        self.drain();
    }

    /// Gives the client a hint from its page.
    pub fn hint(&mut self, hint: Hint) {
        self.trace.note(self.now, format_args!("hint {hint:?}"));
        self.input(Input::Hint(hint));
    }

    /// Runs a command of the application at the present time, and drains.
    pub fn command<T>(&mut self, command: impl FnOnce(&mut Client) -> T) -> T {
        self.input(Input::Woke);
        let result = command(&mut self.client);
        self.drain();
        result
    }

    /// Carries out everything the client wants, until it is idle.
    pub fn drain(&mut self) {
        let mut asked = Vec::new();
        for _ in 0..DRAIN_MAX {
            match self.client.poll_output() {
                Output::Authorize { attempt } => asked.push(attempt),
                Output::Dial => {
                    let id = self.network.dial(self.now);
                    self.trace.note(self.now, format_args!("dial {id}"));
                    self.detach(CloseCode::REPLACED);
                    self.connection = Some(id);
                    self.dials.push(self.now);
                }
                Output::Transmit(packet) => {
                    self.trace.packet(self.now, "client sends", packet);
                    let max = self.server.behaviour.config.message_bytes + PACKET_OVERHEAD_BYTES;
                    if packet.len() > max {
                        let what = format!("a packet of {} bytes, over {max}", packet.len());
                        self.ledger.violations.push(what);
                    }
                    let cargo = Cargo::Packet(packet.to_vec());
                    match self.connection {
                        Some(id) => self.network.send(id, Way::Up, cargo, self.now),
                        None => self.ledger.violations.push("sent without connection".into()),
                    }
                }
                Output::HangUp(code) => {
                    self.trace.note(self.now, format_args!("client hangs up: {code}"));
                    self.hang_ups.push(code);
                    self.detach(code);
                }
                Output::Event(event) => {
                    self.trace.note(self.now, format_args!("event {event:?}"));
                    if let Event::Message { stream, offset, .. } = event {
                        self.unhandled.push((stream, offset));
                    }
                    self.ledger.handled = self.server.journal.len();
                    self.ledger.note(&event);
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    if asked.is_empty() && (self.unhandled.is_empty() || !self.handles) {
                        return self.check_wake();
                    }
                    self.answer(&mut asked);
                }
            }
        }
        self.ledger.violations.push("the client never comes to rest".into());
    }

    fn answer(&mut self, asked: &mut Vec<u32>) {
        for attempt in asked.drain(..) {
            if self.credentials.is_some() {
                self.client.authorize(attempt, self.credentials.clone());
            }
        }
        if self.handles {
            for (stream, offset) in self.unhandled.drain(..) {
                self.client.handled(stream, offset);
            }
        }
    }

    /// A wait may be drawn to be 0, but a machine that is woken again and again spins.
    fn check_wake(&mut self) {
        if self.wake_at.is_none_or(|at| at > self.now) {
            self.wakes_at_once = 0;
            return;
        }
        self.wakes_at_once += 1;
        if self.wakes_at_once > WAKES_AT_ONCE_MAX {
            self.wake_at = None;
            let now = self.now.as_millis();
            self.ledger.violations.push(format!("at {now} the client spins"));
        }
    }

    fn detach(&mut self, code: CloseCode) {
        if let Some(id) = self.connection.take() {
            self.network.send(id, Way::Up, Cargo::Closed(code), self.now);
        }
    }

    /// When something happens next.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let wake = self.wake_at.filter(|_| !self.frozen);
        [self.network.next_at(self.frozen), self.server.next_at(), wake].into_iter().flatten().min()
    }

    /// Lets the next thing happen, not after `limit`; false if there is none.
    pub fn step(&mut self, limit: Instant) -> bool {
        let Some(at) = self.next_at().filter(|at| *at <= limit) else { return false };
        self.now = self.now.max(at);
        // Timers first: a late one has to cope with what waits behind it.
        if !self.frozen && self.wake_at.is_some_and(|wake| wake <= self.now) {
            self.input(Input::Woke);
        } else if let Some((id, way, cargo)) = self.network.arrive(self.now, self.frozen) {
            self.arrive(id, way, cargo);
        } else {
            self.server.run(self.now);
        }
        self.flush();
        true
    }

    fn arrive(&mut self, id: ConnectionId, way: Way, cargo: Cargo) {
        match &cargo {
            Cargo::Packet(packet) if way == Way::Up => {
                self.trace.packet(self.now, "server gets", packet);
            }
            Cargo::Packet(packet) => self.trace.packet(self.now, "client gets", packet),
            _ => self.trace.note(self.now, format_args!("{way:?} on {id} arrives {cargo:?}")),
        }
        match way {
            Way::Up => self.server.arrive(id, cargo, self.now),
            // A detached connection reaches nobody.
            Way::Down if self.connection != Some(id) => {}
            Way::Down => match cargo {
                Cargo::Opened => self.input(Input::Opened),
                Cargo::Packet(packet) => self.input(Input::Packet(packet)),
                Cargo::Closed(code) => {
                    self.connection = None;
                    self.input(Input::Closed(code));
                }
            },
        }
    }

    /// Puts what the server has to send on its way.
    pub fn flush(&mut self) {
        for (id, cargo) in self.server.take_outgoing() {
            self.network.send(id, Way::Down, cargo, self.now);
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

    /// Runs until the line is live; whether it came to that within a minute.
    pub fn connect(&mut self) -> bool {
        self.run_until(60_000, |pair| pair.client.state() == State::Open)
    }

    /// What must be true at any moment; empty if it is.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = verify(&self.ledger, &self.server.journal);
        let by_server = self.server.hang_ups.iter().map(|(_, code)| code);
        let mut codes = self.hang_ups.iter().chain(by_server);
        if let Some(code) = codes.find(|code| ACCUSATIONS.contains(code)) {
            wrong.push(format!("one honest end accused the other: {code}"));
        }
        wrong
    }

    /// Ends all trouble and waits until nothing is open any more; what is wrong then.
    pub fn converge(&mut self) -> Vec<String> {
        self.network.heal();
        self.network.reachable = true;
        self.network.budgets.clear();
        self.handles = true;
        self.server.behaviour.refuse = None;
        if self.frozen {
            self.frozen = false;
        }
        self.hint(Hint::Awake);
        self.flush();
        let settled = self.run_until(700_000, |pair| {
            pair.ledger.closed.is_some()
                || (pair.client.state() == State::Open && pair.ledger.pending().next().is_none())
        });
        // Time for the last reports and entries.
        let mut seconds = 0;
        while (self.is_down() || !self.unread().is_empty()) && seconds < 120 {
            self.run(1_000);
            seconds += 1;
        }
        self.run(1_000);
        let mut wrong = self.wrong();
        if !settled {
            let pending: Vec<_> = self.ledger.pending().collect();
            wrong.push(format!("{:?} and not settled: {pending:?}", self.client.state()));
        }
        wrong.extend(self.unread());
        if let Some((end, _)) = self.ledger.closed.as_ref().filter(|_| !self.may_end) {
            wrong.push(format!("the line ended: {end:?}"));
        }
        wrong
    }

    /// Whether the line is to come back yet: a cut may be noticed only while waiting.
    fn is_down(&self) -> bool {
        self.ledger.closed.is_none() && self.client.state() != State::Open
    }

    /// Entries that the client should have by now and has not.
    fn unread(&mut self) -> Vec<String> {
        if self.ledger.closed.is_some() || self.client.state() != State::Open {
            return Vec::new();
        }
        let mut unread: Vec<_> = self.unread_direct().into_iter().collect();
        for (stream, topic) in &self.topics {
            let head = self.server.engine.topic(topic).head();
            let position = self.ledger.position(*stream);
            if self.ledger.reads(*stream) && position != Some(head) {
                unread.push(format!("stream {stream} is at {position:?}, {topic} at {head}"));
            }
        }
        unread
    }

    fn unread_direct(&mut self) -> Option<String> {
        let direct = self.server.engine.direct(&self.session)?;
        let (epoch, oldest) = (direct.epoch, direct.position(Start::Last(u64::MAX)));
        let of = |(of, offset, _): &&(Epoch, Offset, String)| *of == epoch && *offset > oldest;
        let received: BTreeSet<_> = self.ledger.payloads(DIRECT).into_iter().collect();
        let missing = self.pushed.iter().filter(of);
        let missing: Vec<_> =
            missing.filter(|(_, _, payload)| !received.contains(payload.as_bytes())).collect();
        (!missing.is_empty()).then(|| format!("direct messages did not come: {missing:?}"))
    }

    /// Every direct message the server has sent, whatever became of it.
    #[must_use]
    pub fn pushed(&self) -> Vec<&[u8]> {
        self.pushed.iter().map(|(_, _, payload)| payload.as_bytes()).collect()
    }
}
