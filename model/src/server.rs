//! The server's shell: one machine for each connection, takeover, handlers and reading.

use crate::bounds::{Ask, Bounds};
use crate::engine::{Engine, Keep};
use crate::fingerprint::ORIGIN;
use crate::ledger::{Broken, Ledger};
use crate::link::{LinkId, Links};
use crate::story::Story;
use crate::truth::{Handled, Item, Truth};
use bytes::Bytes;
use std::collections::BTreeMap;
use tautline_protocol::client::MessageId;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::{Config, Hello, Incoming, Input, Output};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Format, Session, Start, StreamId};

/// The server's end of one connection.
#[derive(Clone, Hash)]
struct Connection {
    machine: Session,
    /// Waits for the handler that an older connection has started.
    waiting: Option<Hello>,
    /// SUBSCRIBEs that wait with it.
    requests: Vec<(StreamId, Start)>,
    /// The subscriptions, with the incarnation of the log each reads.
    streams: BTreeMap<StreamId, Epoch>,
    joined: bool,
}

/// A handler that runs, for a message of a connection.
#[derive(Clone, Hash)]
struct Work {
    link: LinkId,
    message: Incoming,
}

/// The server.
#[derive(Clone, Default, Hash)]
pub struct Server {
    /// What it keeps.
    pub engine: Engine,
    /// What it has done.
    pub truth: Truth,
    connections: BTreeMap<LinkId, Connection>,
    /// The connection that holds the session or waits for it.
    owner: Option<LinkId>,
    /// Its number in HELLO; stays until its handler is done, as the claim to the session does.
    claimed: u64,
    work: Option<Work>,
}

/// What the server acts on beyond itself.
pub struct Surroundings<'a> {
    /// The network.
    pub links: &'a mut Links,
    /// What the client's application was told.
    pub ledger: &'a Ledger,
    /// What the messages ask for.
    pub bounds: &'a Bounds,
    /// What is told of it.
    pub story: &'a mut Story,
}

impl Server {
    /// Whether a handler runs.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.work.is_some()
    }

    /// Whether the session has a connection that is live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let owner = self.owner.and_then(|link| self.connections.get(&link));
        owner.is_some_and(|connection| connection.machine.is_live())
    }

    /// A packet arrived on a link.
    pub fn arrive(&mut self, link: LinkId, packet: Bytes, around: &mut Surroundings<'_>) {
        let connection = self.connections.entry(link).or_insert_with(|| Connection {
            machine: Session::new(Config::default(), ORIGIN),
            waiting: None,
            requests: Vec::new(),
            streams: BTreeMap::new(),
            joined: false,
        });
        connection.machine.handle_input(Input::Packet(packet), ORIGIN);
        self.turn(around);
    }

    /// A link is closed at the server's end, or the server has noticed that it is.
    pub fn closed(&mut self, link: LinkId, around: &mut Surroundings<'_>) {
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.machine.handle_input(Input::Closed, ORIGIN);
        }
        self.forget(link);
        self.turn(around);
    }

    /// The server's application sends a direct message, if there is a session to send it to.
    pub fn push(&mut self, number: u8, around: &mut Surroundings<'_>) {
        if let Some(kept) = &mut self.engine.session {
            kept.direct.append(EncodedEntry::new(Format::Binary, Entry::Message(&[number])));
            self.truth.append(kept.direct.epoch, Item::Message(number));
        }
        self.turn(around);
    }

    /// Somebody publishes to the topic.
    pub fn publish(&mut self, number: u8, around: &mut Surroundings<'_>) {
        let entry = EncodedEntry::new(Format::Binary, Entry::Message(&[number]));
        self.engine.topic.append(entry);
        self.truth.append(self.engine.topic.epoch, Item::Message(number));
        self.turn(around);
    }

    /// The oldest entry of a log is trimmed.
    pub fn trim_oldest(&mut self, stream: StreamId, around: &mut Surroundings<'_>) {
        let direct = self.engine.session.as_mut().map(|kept| &mut kept.direct);
        let log = if stream == DIRECT { direct } else { Some(&mut self.engine.topic) };
        if let Some(log) = log {
            log.trim_through(log.trimmed + 1);
        }
        self.turn(around);
    }

    /// Dies and comes back. The handler that was running has had no effect.
    pub fn crash(&mut self, keep: Keep) {
        self.connections.clear();
        self.owner = None;
        self.claimed = 0;
        self.work = None;
        self.truth.lost_sessions |= keep != Keep::Everything;
        self.truth.lost_all |= keep == Keep::Nothing;
        self.engine.lose(keep);
    }

    /// The handler that runs is done: its effect and the number of its message are one commit.
    ///
    /// # Errors
    /// This message must not have been handled, or not now.
    pub fn finish(&mut self, around: &mut Surroundings<'_>) -> Result<(), Broken> {
        let Some(Work { link, message }) = self.work.take() else { return Ok(()) };
        let id = message.payload.first().copied().map_or(0, MessageId::from);
        let (Some(kept), Some(seq)) = (&mut self.engine.session, message.seq) else {
            return Err(Broken::Handling);
        };
        let epoch = kept.direct.epoch;
        let ledger = around.ledger;
        let handled = Handled { epoch, seq, message: id };
        let again = message.possible_duplicate;
        let follows = self.truth.handle(handled, again, |id| ledger.may_be_left_out(id));
        let right = follows && seq == kept.accepted + 1 && ledger.is_open(id);
        kept.accepted = seq;
        let head = match answer(around.bounds.ask(id), seq, id) {
            Some(entry) => {
                self.truth.append(epoch, Item::Answer(id));
                kept.direct.append(entry)
            }
            None => 0,
        };
        around.story.tell(format_args!("message {id} is handled as number {seq}"));
        let owner = self.connections.get_mut(&link).filter(|_| self.owner == Some(link));
        if let Some(connection) = owner {
            connection.machine.handled(seq, head);
        }
        self.admit_waiting(around.links);
        self.turn(around);
        if right { Ok(()) } else { Err(Broken::Handling) }
    }

    /// Drains every machine, starts handlers and delivers entries, until all is quiet.
    fn turn(&mut self, around: &mut Surroundings<'_>) {
        loop {
            let ids: Vec<_> = self.connections.keys().copied().collect();
            for link in ids {
                self.drain(link, around);
            }
            let started = self.start_handler();
            if !self.deliver() && !started {
                break;
            }
        }
        if self.owner.is_none() && self.work.is_none() {
            self.claimed = 0;
        }
    }

    fn drain(&mut self, link: LinkId, around: &mut Surroundings<'_>) {
        while let Some(connection) = self.connections.get_mut(&link) {
            match connection.machine.poll_output() {
                Output::Join(hello) => self.join(link, hello, around.links),
                Output::Subscribe { stream, start, .. } => {
                    connection.requests.push((stream, start));
                    self.subscribe(link);
                }
                Output::Unsubscribe { stream } => {
                    connection.streams.remove(&stream);
                }
                Output::Trim { offset } if self.owner == Some(link) => {
                    if let Some(kept) = &mut self.engine.session {
                        kept.direct.trim_through(offset);
                    }
                }
                // The model's credentials are always good, and its client never says BYE.
                Output::Trim { .. } | Output::Authenticate(_) | Output::Bye => {}
                Output::Transmit(packet) => {
                    around.story.packet_down("the server sends", packet);
                    if let Some(link) = around.links.get_mut(&link) {
                        link.send_down(packet);
                    }
                }
                Output::HangUp(code) => {
                    around.story.tell(format_args!("the server hangs up link {link}: {code}"));
                    if let Some(link) = around.links.get_mut(&link) {
                        link.close_server(code);
                    }
                    self.forget(link);
                }
                Output::Idle { .. } => break,
            }
        }
    }

    fn forget(&mut self, link: LinkId) {
        self.connections.remove(&link);
        self.owner.take_if(|owner| *owner == link);
    }

    fn join(&mut self, link: LinkId, hello: Hello, links: &mut Links) {
        let stale = hello.connection <= self.claimed || self.engine.refuses(&hello);
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if stale {
            connection.machine.refuse(CloseCode::REPLACED, 0, "a newer connection came first");
            return;
        }
        self.claimed = hello.connection;
        connection.waiting = Some(hello);
        let older = self.owner.replace(link).filter(|older| *older != link);
        if let Some(older) = older.and_then(|older| self.connections.get_mut(&older)) {
            older.machine.hang_up(CloseCode::SUPERSEDED);
            older.waiting = None;
        }
        // A handler that the older connection has started may still succeed: until it is known
        // whether it did, nobody can say what is accepted.
        if self.work.is_none() {
            self.admit_waiting(links);
        }
    }

    fn admit_waiting(&mut self, links: &mut Links) {
        let Some(link) = self.owner else { return };
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let Some(hello) = connection.waiting.take() else { return };
        let resolution = self.engine.join(&hello);
        connection.machine.join(&hello, &resolution);
        connection.joined = true;
        if let Some(link) = links.get_mut(&link) {
            link.epoch = resolution.epoch;
        }
        self.subscribe(link);
    }

    fn subscribe(&mut self, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link).filter(|c| c.joined) else { return };
        for (stream, start) in std::mem::take(&mut connection.requests) {
            let topic = &self.engine.topic;
            connection.machine.subscribed(stream, topic.epoch, topic.position(start));
            connection.streams.insert(stream, topic.epoch);
        }
    }

    /// Starts the next handler; true if there was a message for it.
    fn start_handler(&mut self) -> bool {
        let Some(link) = self.owner.filter(|_| self.work.is_none()) else { return false };
        let Some(connection) = self.connections.get_mut(&link) else { return false };
        let Some(message) = connection.machine.take_message() else { return false };
        self.work = Some(Work { link, message });
        true
    }

    /// Delivers what fits of every stream; true if anything moved.
    fn deliver(&mut self) -> bool {
        let Some(link) = self.owner else { return false };
        let Some(connection) = self.connections.get_mut(&link) else { return false };
        let (machine, mut moved) = (&mut connection.machine, false);
        for stream in std::iter::once(DIRECT).chain(connection.streams.keys().copied()) {
            let direct = self.engine.session.as_ref().map(|kept| &kept.direct);
            let log = if stream == DIRECT { direct } else { Some(&self.engine.topic) };
            let room = machine.room(stream);
            let Some(log) = log.filter(|_| room.entries > 0) else { continue };
            match log.read(room.after) {
                Ok(entries) => machine.deliver(stream, room.after + 1, &entries),
                Err(offset) => machine.gap(stream, log.epoch, offset),
            }
            moved |= machine.room(stream) != room;
        }
        moved
    }
}

fn answer(ask: Ask, seq: u64, id: MessageId) -> Option<EncodedEntry> {
    let words = &[id as u8];
    let entry = match ask {
        Ask::Send => return None,
        Ask::Request => Entry::Reply { seq, payload: words },
        Ask::Refuse => Entry::Refusal { seq, code: words, reason: b"" },
    };
    Some(EncodedEntry::new(Format::Binary, entry))
}
