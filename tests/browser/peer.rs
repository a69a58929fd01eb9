//! The server's side of the scripted sockets: the real session machine, and a record as the memory
//! engine keeps it.

use super::fake_socket;
use tautline::protocol::downlink::{EncodedEntry, Entry};
use tautline::protocol::message::Offset;
use tautline::protocol::resume::{Record, resolve};
use tautline::protocol::session::{Config, Incoming, Input, Output};
use tautline::protocol::{DIRECT, Epoch, Format, Instant, Kind, Session, StreamId};

/// A server with one session.
pub(crate) struct Peer {
    config: Config,
    record: Option<Record>,
    direct: Vec<EncodedEntry>,
    /// The one topic there is, if this peer has topics, and who reads it.
    topic: Option<Vec<EncodedEntry>>,
    readers: Vec<StreamId>,
    epochs: u64,
    connection: Option<(usize, Session)>,
    /// What was handled, in order.
    pub(crate) handled: Vec<Incoming>,
}

impl Peer {
    /// Installs the scripted WebSocket with this server behind it.
    pub(crate) fn install() -> Self {
        fake_socket::install();
        let config = Config { heartbeat_ms: 1_000, ..Config::default() };
        Self {
            config,
            record: None,
            direct: Vec::new(),
            topic: None,
            readers: Vec::new(),
            epochs: 0,
            connection: None,
            handled: Vec::new(),
        }
    }

    /// Forgets the session, as a restart without a durable engine does.
    pub(crate) fn forget(&mut self) {
        self.record = None;
        self.direct.clear();
    }

    /// Waits for socket `index`, opens it and runs until the client is welcome.
    pub(crate) async fn accept(&mut self, index: usize) {
        fake_socket::until("the client dials", || fake_socket::count() > index).await;
        fake_socket::open(index);
        self.connection = Some((index, Session::new(self.config, now())));
        for _ in 0..200 {
            self.turn();
            if self.connection.as_ref().is_some_and(|(_, session)| session.is_live()) {
                return;
            }
            fake_socket::sleep(5).await;
        }
        panic!("no HELLO came on socket {index}");
    }

    /// The network breaks.
    pub(crate) fn cut(&mut self) {
        if let Some((index, _)) = self.connection.take() {
            fake_socket::close(index, 1006);
        }
    }

    /// Appends a message to the direct stream.
    pub(crate) fn push(&mut self, text: &str) {
        self.append(Entry::Message(text.as_bytes()));
    }

    /// From now on every subscription reads the one topic there is, from its first entry.
    pub(crate) fn has_topic(&mut self) {
        self.topic = Some(Vec::new());
    }

    /// Appends a message to the topic.
    pub(crate) fn publish(&mut self, text: &str) {
        let entry = EncodedEntry::new(Format::Text, Entry::Message(text.as_bytes()));
        self.topic.as_mut().expect("it has a topic").push(entry);
    }

    fn append(&mut self, entry: Entry<'_>) {
        self.direct.push(EncodedEntry::new(Format::Text, entry));
        if let Some(record) = &mut self.record {
            record.head = self.direct.len() as Offset;
        }
    }

    /// Handles all that has arrived, echoes requests, and answers.
    pub(crate) fn turn(&mut self) {
        let Some((index, mut session)) = self.connection.take() else { return };
        session.handle_input(Input::Woke, now());
        while let Some(packet) = fake_socket::take(index) {
            session.handle_input(Input::Packet(packet.into()), now());
        }
        self.drain(index, &mut session);
        while let Some(message) = session.take_message() {
            if let (Kind::Request, Some(seq)) = (message.kind, message.seq) {
                let payload = message.payload.clone();
                self.append(Entry::Reply { seq, payload: &payload });
            }
            if let (Some(record), Some(seq)) = (&mut self.record, message.seq) {
                record.accepted = seq;
                session.handled(seq, record.head);
            }
            self.handled.push(message);
        }
        deliver(&mut session, DIRECT, &self.direct);
        for stream in &self.readers {
            deliver(&mut session, *stream, self.topic.as_deref().unwrap_or_default());
        }
        self.drain(index, &mut session);
        if !session.is_closed() {
            self.connection = Some((index, session));
        }
    }

    /// Runs for a while.
    pub(crate) async fn run(&mut self, millis: u32) {
        for _ in 0..millis.div_ceil(5) {
            self.turn();
            fake_socket::sleep(5).await;
        }
    }

    fn drain(&mut self, index: usize, session: &mut Session) {
        loop {
            match session.poll_output() {
                Output::Join(hello) => {
                    self.epochs += 1;
                    let resolution =
                        resolve(&hello.as_frame(), self.record, None, Epoch(self.epochs));
                    let head = self.direct.len() as Offset;
                    let (epoch, accepted) = (resolution.epoch, resolution.accepted);
                    self.record = Some(Record { epoch, accepted, head });
                    session.join(&hello, &resolution);
                }
                Output::Transmit(packet) => fake_socket::deliver(index, packet),
                Output::HangUp(code) => fake_socket::close(index, code.0),
                Output::Bye => self.forget(),
                Output::Subscribe { stream, .. } if self.topic.is_some() => {
                    session.subscribed(stream, Epoch(1), 0);
                    self.readers.push(stream);
                }
                Output::Subscribe { stream, .. } => {
                    session.refuse_subscription(stream, "no-topics", "this peer has no topics");
                }
                Output::Authenticate(_) => session.authorized(),
                Output::Unsubscribe { .. } | Output::Trim { .. } => {}
                Output::Idle { .. } => return,
            }
        }
    }

    /// The texts that were handled.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |message: &Incoming| String::from_utf8(message.payload.to_vec()).unwrap();
        self.handled.iter().map(text).collect()
    }
}

fn deliver(session: &mut Session, stream: StreamId, log: &[EncodedEntry]) {
    let room = session.room(stream);
    let next = usize::try_from(room.after).unwrap();
    session.deliver(stream, room.after + 1, &log[next.min(log.len())..]);
}

fn now() -> Instant {
    Instant::from_millis(js_sys::Date::now() as u64)
}
