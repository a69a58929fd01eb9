//! The server's machine: its end of one connection of one session.
//!
//! What outlives the connection, the accepted number and the logs, is the engine's; the shell reads
//! and writes it as this machine asks. The machine sees to it that every message is taken exactly
//! once and in order, that nothing is acknowledged before it is handled or before its answer is
//! under way, and that a reader gets no more than its window.
//!
//! ```text
//!     Opening --HELLO--> Joining --join()--> Live
//!        |                  |                  |
//!        +--- timeout, malformed, refuse(), hang_up(), BYE, closed ---> Closed
//! ```

mod acknowledgement;
mod backlog;
mod config;
mod control;
mod deadline;
mod doors;
mod inbox;
mod queued;
mod reader;
mod readers;
mod receive;
mod transmit;
mod watch;

use self::acknowledgement::Acknowledgement;
use self::backlog::Backlog;
use self::control::Control;
use self::deadline::Deadline;
use self::inbox::Inbox;
use self::reader::Reader;
use self::readers::Readers;
use crate::close::CloseCode;
use crate::downlink::{Downlink, EncodedEntry, Welcome};
use crate::fragment::{Arriving, Leaving};
use crate::message::{Epoch, Format, Kind, Offset, Seq, Start, StreamId};
use crate::resume::Resolution;
use crate::time::Instant;
use crate::{DIRECT, limits};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

pub use self::config::Config;
pub use self::doors::{Hello, Input, Output};
pub use self::inbox::Incoming;
pub use self::queued::Queued;
pub use self::reader::Room;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum State {
    Opening {
        give_up: Deadline,
    },
    Joining,
    Live,
    /// What is in `control` leaves, then the connection ends.
    Ending(CloseCode),
    Closed,
}

/// Something to hand out, in order, before the next packet.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
enum Notice {
    Join(Hello),
    Subscribe { stream: StreamId, topic: String, start: Start },
    Unsubscribe { stream: StreamId },
    Bye,
    HangUp(CloseCode),
}

/// The server's end of one connection.
///
/// *Getters*: [`is_live`](Self::is_live), [`is_closed`](Self::is_closed),
/// [`is_congested`](Self::is_congested), [`queued`](Self::queued),
/// [`held_bytes`](Self::held_bytes), [`room`](Self::room). *Commands* of the shell: all that answer an output, and
/// [`take_message`](Self::take_message), [`handled`](Self::handled), [`deliver`](Self::deliver),
/// [`gap`](Self::gap), [`request_credentials`](Self::request_credentials),
/// [`go_away`](Self::go_away), [`refuse`](Self::refuse), [`hang_up`](Self::hang_up). *The world*:
/// [`handle_input`](Self::handle_input). *Out*: [`poll_output`](Self::poll_output), until it says
/// [`Output::Idle`].
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub struct Session {
    now: Instant,
    config: Config,
    state: State,
    notices: VecDeque<Notice>,
    /// `fresh_credentials` is handed out before the notices, `trim` after them. A newer value replaces
    /// one that was not handed out yet.
    fresh_credentials: Option<Bytes>,
    trim: Option<Offset>,
    /// Frames that ask for something in the packet that is being read.
    requests: usize,
    /// The highest name that a stream of this connection has had: those that follow are above it.
    last_stream: StreamId,
    inbox: Inbox,
    acknowledgement: Acknowledgement,
    readers: Readers,
    entries: Backlog,
    control: Control,
    /// PINGs and PONGs, which may leave between the parts of a packet.
    urgent: Control,
    outbound: Vec<u8>,
    leaving: Leaving,
    arriving: Arriving,
    heard_at: Instant,
    sent_at: Instant,
    /// When a client that says nothing is given up.
    silent: Deadline,
    pinged: bool,
    nonce: u64,
    /// Fresh credentials were asked for.
    credentials_by: Option<Deadline>,
    /// Some have come and are being checked.
    verdict_by: Option<Deadline>,
}

impl Session {
    /// The end of a connection that has just opened.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let give_up = Deadline::new(now.after(config.hello_timeout_ms));
        Self {
            now,
            config,
            state: State::Opening { give_up },
            notices: VecDeque::new(),
            fresh_credentials: None,
            trim: None,
            requests: 0,
            last_stream: DIRECT,
            inbox: Inbox::default(),
            acknowledgement: Acknowledgement::default(),
            readers: Readers::default(),
            entries: Backlog::default(),
            control: Control::default(),
            urgent: Control::default(),
            outbound: Vec::new(),
            leaving: Leaving::default(),
            arriving: Arriving::default(),
            heard_at: now,
            sent_at: now,
            silent: silent_after(now, &config),
            pinged: false,
            nonce: 0,
            credentials_by: None,
            verdict_by: None,
        }
    }

    /// Whether WELCOME has been said, and nothing has ended the connection since.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Whether the connection is over: nothing more comes out.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a full packet of answers waits to be sent. Until it has left the shell must not read more:
    /// the answer to a frame of a few bytes may be many times as long as the frame.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.control.is_congested() || self.urgent.is_congested()
    }

    /// How much of a stream may be delivered now.
    #[must_use]
    pub fn room(&self, stream: StreamId) -> Room {
        match self.readers.get(stream) {
            Some(reader) if self.is_live() => reader.room(&self.config),
            _ => Room { after: 0, entries: 0, bytes: 0 },
        }
    }

    /// The session stands as `resolution` says; `hello` is what [`Output::Join`] brought.
    pub fn join(&mut self, hello: &Hello, resolution: &Resolution) {
        if self.state != State::Joining {
            return;
        }
        self.state = State::Live;
        self.inbox.start_after(resolution.accepted);
        self.acknowledgement.start_after(resolution.accepted);
        let resumed = resolution.epoch == hello.epoch;
        let (received, handled) = if resumed { (hello.received, hello.handled) } else { (0, 0) };
        self.readers.insert(DIRECT, Reader::confirmed(resolution.epoch, received, handled));
        let welcome = Welcome {
            resumption: resolution.resumption,
            epoch: resolution.epoch,
            accepted: resolution.accepted,
            head: resolution.head,
            heartbeat_ms: self.config.heartbeat_ms,
            message_bytes: self.config.message_bytes as u64,
            window_messages: self.config.window_messages as u64,
            window_bytes: self.config.window_bytes as u64,
        };
        // Before whatever has been said to the SUBSCRIBEs that came with HELLO.
        self.control.put_first(&Downlink::Welcome(welcome));
    }

    /// Whether the connection stands, or will when HELLO is answered.
    const fn is_open(&self) -> bool {
        matches!(self.state, State::Joining | State::Live)
    }

    /// The next message to handle. Those before it are either handled or being handled; on a
    /// connection that has ended there is none, whatever has arrived.
    pub fn take_message(&mut self) -> Option<Incoming> {
        if self.is_live() { self.inbox.take() } else { None }
    }

    /// Every message up to `through` is handled and, with a durable engine, committed. Its ACK
    /// leaves once the direct stream is delivered up to `head`: its last entry at this time, or 0 if
    /// none of these messages has an answer in it. So an answer overtakes the acknowledgement, and
    /// what has none does not wait for a reader that is full.
    pub fn handled(&mut self, through: Seq, head: Offset) {
        self.acknowledgement.handled(through, head);
    }

    /// The subscription stands; entries behind `offset` will be delivered.
    pub fn subscribed(&mut self, stream: StreamId, epoch: Epoch, offset: Offset) {
        let confirm = |reader: &mut Reader| reader.confirm(epoch, offset);
        if self.is_open() && self.readers.change(stream, confirm).is_some() {
            self.control.put(&Downlink::Subscribed { stream, epoch, offset });
        }
    }

    /// The subscription is refused.
    pub fn refuse_subscription(&mut self, stream: StreamId, code: &str, reason: &str) {
        if self.is_open() && self.readers.remove(stream) {
            self.put_subscribe_refused(stream, code, reason);
        }
    }

    /// Entries of a stream, the first at `offset`: that behind [`Room::after`]. What does not fit
    /// the room, or does not follow, is not taken; the shell reads it again later.
    pub fn deliver(&mut self, stream: StreamId, offset: Offset, entries: &[EncodedEntry]) {
        if !self.is_live() {
            return;
        }
        let (config, backlog) = (&self.config, &mut self.entries);
        self.readers.change(stream, |reader| {
            let mut next = Some(offset);
            for entry in entries {
                let Some(offset) = next else { break };
                if !reader.push(offset, entry.size(), config) {
                    break;
                }
                backlog.push(stream, offset, entry.clone());
                next = offset.checked_add(1);
            }
        });
    }

    /// Entries of a stream are gone before they could be delivered: it goes on behind `offset` of
    /// `epoch`, which is another one if the log was begun anew. PROTOCOL.md S-11.
    pub fn gap(&mut self, stream: StreamId, epoch: Epoch, offset: Offset) {
        let skip = |reader: &mut Reader| reader.skip_to(epoch, offset);
        if self.is_open() && self.readers.change(stream, skip).is_some() {
            self.flush_entries_of(stream);
            self.control.put(&Downlink::Gap { stream, epoch, offset });
        }
    }

    /// Asks the client for fresh credentials; it has [`limits::AUTH_TIMEOUT_MS`] to answer.
    pub fn request_credentials(&mut self) {
        if self.is_live() && self.credentials_by.is_none() {
            self.credentials_by = Some(self.auth_deadline());
            self.control.put(&Downlink::Auth);
        }
    }

    /// The credentials of the newest [`Output::Authenticate`] are good. The shell has
    /// [`limits::AUTH_TIMEOUT_MS`] to say so, from the first that it has not decided on.
    pub const fn authorized(&mut self) {
        self.credentials_by = None;
        self.verdict_by = None;
    }

    fn auth_deadline(&self) -> Deadline {
        Deadline::new(self.now.after(limits::AUTH_TIMEOUT_MS))
    }

    /// Asks the client to connect anew, after `after_ms` and a random time up to `spread_ms`.
    pub fn go_away(&mut self, after_ms: u64, spread_ms: u64, reason: &str) {
        if self.is_live() {
            let reason = crate::wire::clip(reason, limits::REASON_BYTES_MAX).as_bytes();
            self.control.put(&Downlink::GoAway { after_ms, spread_ms, reason });
        }
    }

    /// Ends the connection with REFUSE: what the client is to do, when, and why.
    pub fn refuse(&mut self, code: CloseCode, after_ms: u64, reason: &str) {
        if matches!(self.state, State::Ending(_) | State::Closed) {
            return;
        }
        let reason = crate::wire::clip(reason, limits::REASON_BYTES_MAX).as_bytes();
        self.control.clear();
        self.control.put(&Downlink::Refuse { code, after_ms, reason });
        self.end(code);
    }

    /// Ends the connection: another one has taken the session over, or the server ends.
    pub fn hang_up(&mut self, code: CloseCode) {
        if !matches!(self.state, State::Ending(_) | State::Closed) {
            self.control.clear();
            self.end(code);
        }
    }

    /// Takes what has happened, and the time.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.now = now;
        match input {
            Input::Packet(message) => self.websocket_message(message),
            Input::Text => self.hang_up(CloseCode::MALFORMED),
            Input::Closed => {
                self.state = State::Closed;
                self.drop_what_waits();
            }
            Input::Woke => {}
        }
        self.check_deadlines();
    }

    /// What to do next. Call it until it says [`Output::Idle`].
    #[must_use]
    pub fn poll_output(&mut self) -> Output<'_> {
        // Before the rest: what is asked for beside them may be what they allow.
        if let Some(credentials) = self.fresh_credentials.take() {
            return Output::Authenticate(credentials);
        }
        if let Some(notice) = self.notices.pop_front() {
            return match notice {
                Notice::Join(hello) => Output::Join(hello),
                Notice::Subscribe { stream, topic, start } => {
                    Output::Subscribe { stream, topic, start }
                }
                Notice::Unsubscribe { stream } => Output::Unsubscribe { stream },
                Notice::Bye => Output::Bye,
                Notice::HangUp(code) => Output::HangUp(code),
            };
        }
        if let Some(offset) = self.trim.take() {
            return Output::Trim { offset };
        }
        self.outbound.clear();
        self.fill_message();
        if !self.outbound.is_empty() {
            self.sent_at = self.now;
            return Output::Transmit(&self.outbound);
        }
        if let State::Ending(code) = self.state {
            self.state = State::Closed;
            return Output::HangUp(code);
        }
        self.give_back();
        Output::Idle { wake_at: self.wake_at() }
    }

    fn end(&mut self, code: CloseCode) {
        self.state = State::Ending(code);
        self.drop_what_waits();
    }

    /// Drops everything that waits to be handled or sent: the connection has ended.
    fn drop_what_waits(&mut self) {
        self.entries = Backlog::default();
        self.inbox.clear();
        (self.fresh_credentials, self.trim) = (None, None);
        self.leaving.clear();
        self.arriving.clear();
    }
}

/// When a client that says nothing from `heard_at` on is given up. PROTOCOL.md S-15.
fn silent_after(heard_at: Instant, config: &Config) -> Deadline {
    Deadline::new(heard_at.after(config.heartbeat_ms.saturating_mul(2)).after(limits::PROBE_MS_MIN))
}
