//! A page: the application, its client's machine, its clock, and what it can be kept from.

mod clock;
mod command;
mod store;

use crate::check;
use crate::ledger::Ledger;
use crate::network::{Arrival, Cargo, ConnectionId, Network, Route, Way};
use crate::server::Server;
use crate::trace::{Place, Trace};
use crate::words;
use std::collections::BTreeMap;
use tautline_protocol::client::{Client, Config, Event, Hint, Input, Output};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Instant, Offset, Seed, SessionId, StreamId};

pub use self::clock::Clock;

/// No honest drain is longer than this.
const DRAIN_MAX: usize = 200_000;
/// No honest machine asks more often in a row to be woken at the present moment.
const WAKES_AT_ONCE_MAX: u32 = 1_000;

/// What a page lives in.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Instant,
    pub(crate) server: &'a mut Server,
    pub(crate) network: &'a mut Network,
    pub(crate) trace: &'a mut Trace,
}

/// A message that the server has sent to a page directly.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) session: SessionId,
    pub(crate) epoch: Epoch,
    pub(crate) offset: Offset,
    pub(crate) payload: String,
}

/// One page with one line.
pub struct Page {
    /// The client's machine. Commands go through [`command`](crate::pair::Pair::command).
    pub client: Client,
    /// What the application asked for and was told.
    pub ledger: Ledger,
    /// The books of the clients before, whose pages were reloaded.
    pub past: Vec<Ledger>,
    /// The session's name.
    pub session: SessionId,
    /// What the application answers when it is asked for credentials; `None`: nothing, ever.
    pub credentials: Option<Vec<u8>>,
    /// Whether the application handles entries as they come.
    pub handles: bool,
    /// What its socket holds and has not sent; it gets less whenever it is looked at.
    pub buffered: usize,
    /// The page stands still: its timers do not fire, and what arrives waits.
    pub frozen: bool,
    /// Whether the line may end, because the test does something that ends it.
    pub may_end: bool,
    /// When the client dialed.
    pub dials: Vec<Instant>,
    /// Codes the client hung up with.
    pub hang_ups: Vec<CloseCode>,
    /// Its clock and its timers.
    pub clock: Clock,
    number: usize,
    pub(crate) config: Config,
    connection: Option<(ConnectionId, Route)>,
    wake_at: Option<Instant>,
    /// What is stored of a durable line.
    store: Option<store::Store>,
    unhandled: Vec<(StreamId, Offset)>,
    /// How many of them there are of each stream.
    unhandled_of: BTreeMap<StreamId, usize>,
    wakes_at_once: u32,
    sends: u64,
    /// What the server has sent directly.
    pub(crate) pushed: Vec<Pushed>,
}

impl Page {
    /// The page with this number; its client dials with the first step.
    #[must_use]
    pub fn new(number: usize, config: Config, seed: u64, now: Instant) -> Self {
        let session = name_of_session(number, 0);
        let ledger = Ledger { session, ..Ledger::default() };
        Self {
            client: Client::new(config.clone(), Seed { session, random: seed }, now),
            ledger,
            past: Vec::new(),
            session,
            credentials: Some(b"ann:1".to_vec()),
            handles: true,
            buffered: 0,
            frozen: false,
            may_end: false,
            dials: Vec::new(),
            hang_ups: Vec::new(),
            clock: Clock::default(),
            number,
            config,
            connection: None,
            wake_at: Some(now),
            store: None,
            unhandled: Vec::new(),
            unhandled_of: BTreeMap::new(),
            wakes_at_once: 0,
            sends: 0,
            pushed: Vec::new(),
        }
    }

    /// Gives the page's line a store, before anything else; `seed` says how long that takes.
    pub fn make_durable(&mut self, seed: u64) {
        let store = store::Store::new(seed);
        store.restore(&mut self.client, self.session);
        self.store = Some(store);
    }

    pub(crate) const fn is_durable(&self) -> bool {
        self.store.is_some()
    }

    /// The client's present connection.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        self.connection.map(|(id, _)| id)
    }

    pub(crate) const fn place(&self) -> Place {
        Place::Page(self.number)
    }

    /// Gives the client an input, and drains it.
    pub(crate) fn input_in(&mut self, around: &mut Surroundings<'_>, input: Input) {
        self.buffered /= 2;
        self.client.buffers(self.buffered);
        self.client.handle_input(input, self.clock.reads(around.now));
        self.drain_in(around);
    }

    /// Gives the client a hint from its page.
    pub(crate) fn hint_in(&mut self, around: &mut Surroundings<'_>, hint: Hint) {
        around.trace.note(around.now, self.place(), format_args!("hint {hint:?}"));
        self.input_in(around, Input::Hint(hint));
    }

    /// Runs a command of the application at the present time, and drains.
    pub(crate) fn command_in<T>(
        &mut self,
        around: &mut Surroundings<'_>,
        command: impl FnOnce(&mut Client) -> T,
    ) -> T {
        self.input_in(around, Input::Woke);
        let result = command(&mut self.client);
        self.drain_in(around);
        result
    }

    /// Carries out everything the client wants, until it is idle.
    pub(crate) fn drain_in(&mut self, around: &mut Surroundings<'_>) {
        let mut asked = Vec::new();
        for _ in 0..DRAIN_MAX {
            match self.client.poll_output() {
                Output::Authorize { attempt } => asked.push(attempt),
                Output::Dial => {
                    let dialed = around.network.dial_from(self.number, around.now);
                    self.detach(around, CloseCode::REPLACED);
                    self.dialed(around, dialed);
                }
                Output::Transmit(packet) => {
                    let cargo = Cargo::Packet(packet.to_vec());
                    self.transmit(around, cargo);
                    self.client.buffers(self.buffered);
                }
                Output::HangUp(code) => {
                    self.hang_ups.push(code);
                    self.detach(around, code);
                }
                Output::Event(event) => {
                    let words = format_args!("{}", words::event(&event));
                    around.trace.note(around.now, Place::Page(self.number), words);
                    self.ledger.handled = around.server.journal.len();
                    note(&mut self.ledger, &event, around.server);
                    count(&mut self.unhandled, &mut self.unhandled_of, &event);
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at.map(|at| self.clock.fires_at(at));
                    if asked.is_empty() && (self.unhandled.is_empty() || !self.handles) {
                        self.check_memory(around);
                        self.keep(around.now);
                        return self.check_wake(around.now);
                    }
                    self.answer(&mut asked);
                }
            }
        }
        self.ledger.violations.push("the client never comes to rest".into());
    }

    fn dialed(&mut self, around: &mut Surroundings<'_>, (id, route): (ConnectionId, Route)) {
        around.trace.sent(around.now, id, route, Way::Up, &Cargo::Opened);
        self.connection = Some((id, route));
        self.buffered = 0;
        self.dials.push(around.now);
    }

    fn transmit(&mut self, around: &mut Surroundings<'_>, cargo: Cargo) {
        if let Cargo::Packet(packet) = &cargo {
            check::memory::message(packet, self.buffered, &mut self.ledger.violations);
        }
        let Some((id, route)) = self.connection else {
            self.ledger.violations.push("sent without connection".into());
            return;
        };
        around.trace.sent(around.now, id, route, Way::Up, &cargo);
        around.network.send(id, Way::Up, cargo, around.now);
    }

    fn answer(&mut self, asked: &mut Vec<u32>) {
        for attempt in asked.drain(..) {
            if self.credentials.is_some() {
                self.client.authorize(attempt, self.credentials.as_deref());
            }
        }
        if self.handles {
            for (stream, offset) in self.unhandled.drain(..) {
                self.client.handled(stream, offset);
            }
            self.unhandled_of.clear();
        }
    }

    fn check_memory(&mut self, around: &Surroundings<'_>) {
        let (settings, violations) = (&around.server.behaviour.config, &mut self.ledger.violations);
        // A store that lags behind has messages that were accepted long ago: they fill the window.
        let is_bounded = self.store.is_none();
        let window = if is_bounded { settings.window_messages } else { usize::MAX };
        check::memory::client(&self.client.stats(), &self.config, window, violations);
        for count in self.unhandled_of.values() {
            check::memory::unhandled(*count, settings, violations);
        }
    }

    /// A wait may be drawn to be 0, but a machine that is woken again and again spins.
    fn check_wake(&mut self, now: Instant) {
        if self.wake_at.is_none_or(|at| at > now) {
            self.wakes_at_once = 0;
            return;
        }
        self.wakes_at_once += 1;
        if self.wakes_at_once > WAKES_AT_ONCE_MAX {
            self.wake_at = None;
            self.ledger.violations.push(format!("at {} the client spins", now.as_millis()));
        }
    }

    fn detach(&mut self, around: &mut Surroundings<'_>, code: CloseCode) {
        if let Some((id, route)) = self.connection.take() {
            let cargo = Cargo::Closed(code);
            around.trace.sent(around.now, id, route, Way::Up, &cargo);
            around.network.send(id, Way::Up, cargo, around.now);
        }
    }

    /// When its timer fires, if it does.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let commits_at = self.store.as_ref().and_then(store::Store::commits_at);
        let first = [self.wake_at, commits_at].into_iter().flatten().min();
        first.filter(|_| !self.frozen)
    }

    /// A timer fires, or the store has committed.
    pub(crate) fn wake_in(&mut self, around: &mut Surroundings<'_>) {
        if self.commit(around.now) {
            around.trace.note(around.now, self.place(), format_args!("has stored"));
        }
        self.input_in(around, Input::Woke);
    }

    pub(crate) fn arrive(&mut self, around: &mut Surroundings<'_>, arrival: Arrival) {
        // A detached connection reaches nobody.
        if self.connection() != Some(arrival.id) {
            return;
        }
        match arrival.cargo {
            Cargo::Opened => self.input_in(around, Input::Opened),
            Cargo::Packet(packet) => self.input_in(around, Input::Packet(packet)),
            Cargo::Closed(code) => {
                self.connection = None;
                self.input_in(around, Input::Closed(code));
            }
        }
    }

    /// Every direct message the server has sent, whatever became of it.
    #[must_use]
    pub fn pushed(&self) -> Vec<&[u8]> {
        self.pushed.iter().map(|pushed| pushed.payload.as_bytes()).collect()
    }

    /// Sets credentials whose token has this number; a reload goes on with the same.
    pub(crate) fn set_token(&mut self, token: u64) {
        self.credentials = Some(format!("page{}:{token}", self.number).into_bytes());
    }
}

/// The `life`th session of a page.
fn name_of_session(number: usize, life: usize) -> SessionId {
    let mut session = [7; 16];
    session[0] += number as u8;
    session[1] += life as u8;
    session
}

fn note(ledger: &mut Ledger, event: &Event<'_>, server: &mut Server) {
    if let Event::Gap { stream, missing } = *event
        && stream != DIRECT
        && let (Some(topic), Some(reading)) =
            (ledger.topics.get(&stream), ledger.streams.get(&stream))
    {
        let wrong = check::streams::readable_gap(&mut server.engine, topic, reading, missing);
        ledger.violations.extend(wrong);
    }
    ledger.note(event);
}

/// Counts what the application has received and not handled. Of an incarnation that is gone
/// nothing is left to wait for.
fn count(
    unhandled: &mut Vec<(StreamId, Offset)>,
    of: &mut BTreeMap<StreamId, usize>,
    event: &Event<'_>,
) {
    match *event {
        Event::Message { stream, offset, .. } => {
            unhandled.push((stream, offset));
            *of.entry(stream).or_default() += 1;
        }
        Event::Gap { stream, missing } if missing.reset => {
            of.remove(&stream);
        }
        Event::Lost { .. } => {
            of.remove(&DIRECT);
        }
        _ => {}
    }
}
