//! One connection: a task between its socket, its machine, the handler and the engine.

mod answers;
mod authentication;
mod ending;
mod intake;
mod requests;
mod streams;
mod timer;
mod transport;

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use tautline_protocol::session::{Input, Output};
use tautline_protocol::{CloseCode, Instant, Offset, Session, SessionId, StreamId};

use self::intake::Intake;
use self::requests::{Answer, Request, Requests};
use self::streams::Streams;
use self::timer::Timer;
use self::transport::Arrival;
use crate::engine::{Engine, EngineError};
use crate::escaped::Escaped;
use crate::handler::{Caller, Handler};
use crate::lease::Lease;
use crate::mailbox::Signals;
use crate::server::{Enrolled, Shared};

pub(crate) use self::ending::turn_away;
pub(crate) use self::transport::Transport;

/// Packets read in a row before what they brought is handled.
const READS_IN_A_ROW: usize = 8;

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) origin: Option<String>,
}

impl Peer {
    pub(crate) fn name(address: Option<SocketAddr>) -> String {
        address.map_or_else(|| "an unknown address".into(), |address| address.to_string())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Self::name(self.address))
    }
}

/// The start of a session's id: enough to recognise it in a log, too little to take it over.
pub(crate) fn short(session: SessionId) -> String {
    let [a, b, c, d, ..] = session;
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

pub(crate) struct Connection<H: Handler, E: Engine> {
    shared: Arc<Shared<H, E>>,
    enrolled: Enrolled<H, E>,
    peer: Arc<Peer>,
    machine: Session,
    transport: Transport,
    timer: Timer,
    requests: Requests<H, E>,
    intake: Intake<H, E>,
    streams: Streams<E>,
    held: Option<Held<E>>,
    /// The machine has nothing to hand out: everything is with the transport.
    is_drained: bool,
    wake_at: Option<Instant>,
    reads_in_a_row: usize,
    /// Streams whose bells have rung.
    rung: Vec<StreamId>,
    said_bye: bool,
    ended_with: Option<CloseCode>,
}

/// The session, once it is joined.
struct Held<E: Engine> {
    session: E::Session,
    caller: Arc<Caller>,
    /// When to ask for fresh credentials.
    refresh_at: Option<Instant>,
    lease: Lease,
}

/// What the task has to do next.
enum Event<E: Engine> {
    Mail(Signals),
    Arrival(Arrival),
    Answer(Answer<E>),
    /// Messages are handled.
    Commit,
    /// Streams have something to read.
    Deliver,
    Trim(Offset),
    Woke,
    /// The connection has ended.
    Over,
}

impl<H: Handler, E: Engine> Connection<H, E> {
    pub(crate) fn new(
        shared: Arc<Shared<H, E>>,
        transport: Transport,
        enrolled: Enrolled<H, E>,
        peer: Peer,
    ) -> Self {
        let (peer, mailbox) = (Arc::new(peer), enrolled.mailbox.clone());
        Self {
            peer: peer.clone(),
            machine: Session::new(shared.config.session(), shared.clock.now()),
            transport,
            timer: Timer::new(shared.clock),
            requests: Requests::new(shared.clone(), peer, mailbox.clone()),
            intake: Intake::new(shared.clone()),
            streams: Streams::new(mailbox),
            held: None,
            is_drained: false,
            wake_at: None,
            reads_in_a_row: 0,
            rung: Vec::new(),
            said_bye: false,
            ended_with: None,
            shared,
            enrolled,
        }
    }

    /// Runs until the connection has ended and all that was begun is committed.
    pub(crate) async fn run(mut self) {
        tracing::debug!("{}: opened by {}", self.label(), self.peer);
        loop {
            let event = poll_fn(|cx| self.poll_event(cx)).await;
            self.enrolled.mailbox.stop_watching();
            match event {
                Event::Over => break,
                event => self.apply(event).await,
            }
            self.account();
        }
        // Apart from this future, which would have room for all of it twice.
        Box::pin(self.finish()).await;
    }

    /// Tells what this connection holds.
    fn account(&self) {
        let held = self.machine.held_bytes()
            + self.transport.held_bytes()
            + self.requests.held_bytes()
            + self.intake.held_bytes()
            + self.streams.held_bytes();
        self.enrolled.holding.set(held);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event<E>> {
        if let Some(event) = self.drain(cx) {
            return Poll::Ready(event);
        }
        if let Poll::Ready(signals) = self.enrolled.mailbox.poll(cx, &mut self.rung) {
            return Poll::Ready(Event::Mail(signals));
        }
        if self.is_drained && self.streams.has_ready() && self.may_deliver() {
            return Poll::Ready(Event::Deliver);
        }
        let caller = self.held.as_ref().map(|held| &held.caller);
        if let Poll::Ready(answer) = self.requests.poll(cx, caller) {
            return Poll::Ready(Event::Answer(answer));
        }
        if self.reads_in_a_row < READS_IN_A_ROW
            && let Poll::Ready(arrival) = self.poll_read(cx)
        {
            return Poll::Ready(Event::Arrival(arrival));
        }
        if let Some(Held { caller, .. }) = &self.held {
            let (machine, mailbox) = (&mut self.machine, &self.enrolled.mailbox);
            if self.intake.poll(cx, machine, caller, mailbox).is_ready() {
                return Poll::Ready(Event::Commit);
            }
        }
        if self.reads_in_a_row >= READS_IN_A_ROW {
            self.reads_in_a_row = 0;
            if let Poll::Ready(arrival) = self.poll_read(cx) {
                return Poll::Ready(Event::Arrival(arrival));
            }
        }
        let refresh_at = self.held.as_ref().and_then(|held| held.refresh_at);
        let wake_at = [self.wake_at, refresh_at].into_iter().flatten().min();
        self.timer.poll(cx, wake_at).map(|()| Event::Woke)
    }

    /// Carries out what the machine wants, as long as the transport takes packets.
    fn drain(&mut self, cx: &mut Context<'_>) -> Option<Event<E>> {
        self.is_drained = false;
        while self.transport.poll_ready(cx).is_ready() {
            match self.machine.poll_output() {
                Output::Transmit(packet) => self.transport.send(packet),
                Output::Join(hello) => self.requests.push(Request::Join(hello)),
                Output::Authenticate(bytes) => self.requests.authenticate(bytes),
                Output::Subscribe { stream, topic, start } => {
                    self.requests.push(Request::Subscribe { stream, topic, start });
                }
                Output::Unsubscribe { stream } => {
                    self.requests.unsubscribe(stream);
                    self.streams.remove(stream);
                }
                Output::Trim { offset } => return Some(Event::Trim(offset)),
                Output::Bye => self.said_bye = true,
                Output::HangUp(code) => {
                    self.ended_with = Some(code);
                    return Some(Event::Over);
                }
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    self.is_drained = true;
                    break;
                }
            }
        }
        // Also while the transport is blocked: what the machine would still say has to be said
        // while finishing, which does not take for ever.
        let is_ending = self.held.is_some() && !self.machine.is_live();
        (is_ending || self.machine.is_closed()).then_some(Event::Over)
    }

    /// Where memory is short, entries wait for those before them to be handled.
    fn may_deliver(&self) -> bool {
        !self.enrolled.holding.is_greedy() || self.machine.queued().entry_bytes == 0
    }

    /// Whether another packet may be read. Whatever keeps it from that ends by itself, and wakes the
    /// connection: the peer reads, or messages are handled.
    fn may_read(&self) -> bool {
        let is_waiting = || !self.is_drained || self.machine.queued().messages > 0;
        let is_short = self.enrolled.holding.is_greedy() && is_waiting();
        !self.machine.is_congested() && !is_short
    }

    /// Reads the next packet.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        if !self.may_read() {
            return Poll::Pending;
        }
        let arrival = self.transport.poll_read(cx);
        if arrival.is_ready() {
            self.reads_in_a_row += 1;
        } else if self.transport.unfinished_bytes() > 0 {
            // No event tells of bytes that are not a whole message.
            self.account();
        }
        arrival
    }

    async fn apply(&mut self, event: Event<E>) {
        let now = self.shared.clock.now();
        if let Some(at) = self.transport.moved_at() {
            self.machine.moved(at);
        }
        if !matches!(event, Event::Arrival(_)) {
            self.machine.handle_input(Input::Woke, now);
        }
        match event {
            Event::Mail(signals) => self.take_mail(signals),
            Event::Arrival(Arrival::Input(input)) => {
                self.machine.handle_input(input, now);
                self.streams.room_may_have_grown();
            }
            Event::Arrival(Arrival::Unreadable(code)) => self.machine.hang_up(code),
            Event::Answer(answer) => self.take_answer(answer),
            Event::Commit => self.commit().await,
            Event::Deliver => self.deliver().await,
            Event::Trim(offset) => {
                if let Some(held) = &self.held {
                    let trimmed = self.shared.engine.trim_direct(&held.session, offset).await;
                    self.check(trimmed);
                }
            }
            Event::Woke => {
                // While the transport takes nothing, nobody else asks: the timer would fire without end.
                self.wake_at = self.machine.wake_at();
                self.streams.give_back();
                self.refresh_credentials(now);
            }
            Event::Over => {}
        }
    }

    async fn commit(&mut self) {
        self.reads_in_a_row = 0;
        let Some(held) = &self.held else { return };
        match self.intake.commit(&held.session).await {
            Ok(Some((through, answered))) => self.machine.handled(through, answered),
            Ok(None) => {}
            Err(error) => self.check(Err(error)),
        }
    }

    async fn deliver(&mut self) {
        let Some(held) = &self.held else { return };
        let (machine, engine) = (&mut self.machine, &self.shared.engine);
        let delivered = self.streams.deliver_next(machine, engine, &held.session).await;
        self.check(delivered);
    }

    /// Ends the connection if the engine has failed: the client resumes, and nothing is lost.
    fn check(&mut self, result: Result<(), EngineError>) {
        match result {
            Ok(()) => {}
            Err(EngineError::Fenced) => self.machine.hang_up(CloseCode::SUPERSEDED),
            Err(error) => {
                tracing::error!("{}: {error}", self.label());
                self.machine.refuse(CloseCode::INTERNAL, 0, "the server's storage failed");
            }
        }
    }

    /// How the log calls this connection.
    fn label(&self) -> String {
        let number = self.enrolled.number;
        let Some(Held { caller, .. }) = &self.held else { return format!("connection {number}") };
        let session = short(caller.session);
        let name = match caller.identity.name() {
            "" => "anonymous",
            name => name,
        };
        format!("connection {number}, session {session} of {}", Escaped(name))
    }
}
