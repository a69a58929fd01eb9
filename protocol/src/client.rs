//! The client's machine: dials, resumes, sends, receives, and never gives a message up silently.
//!
//! ```text
//!             Waiting <------------------------------+----------+
//!                | due, or kicked by a hint          |          |
//!                v                                   |          |
//!           Authorizing --failed--> ... --retry----->+          |
//!                | credentials                       |          |
//!                v                                   |          |
//!             Dialing --closed, timeout------------->+          |
//!                | opened: HELLO                     |          |
//!                v                                   |          |
//!             Joining --closed, timeout, REFUSE----->+          |
//!                | WELCOME                                      |
//!                v                                              |
//!              Live --closed, dead, GOAWAY, violation-----------+
//!
//!     any of them --stopped by the server, or closed by the application--> Closed
//! ```

mod commands;
mod core;
mod event;
mod liveness;
mod outbox;
mod patience;
#[cfg(feature = "store")]
mod store;
mod stream;

use self::core::Core;
use crate::close::CloseCode;
use crate::downlink::{Progress, next_frame};
use crate::message::{Format, Kind, Offset, Start, StreamId};
use crate::time::Instant;
use crate::{Seed, backoff, limits};
use ::core::mem;
use alloc::vec::Vec;

pub use self::event::{End, Event, Failure, SendError, State, Stats, SubscribeError};
pub use self::outbox::MessageId;
#[cfg(feature = "store")]
pub use self::store::Saved;
pub use self::stream::Missing;

/// Settings of a client.
#[derive(Clone, Debug)]
pub struct Config {
    /// What proves who the client is.
    pub credentials: Credentials,
    /// What happens to messages whose fate is unknown after a loss.
    pub when_uncertain: WhenUncertain,
    /// Most messages in the outbox.
    pub outbox_messages: usize,
    /// Most bytes of payload in the outbox.
    pub outbox_bytes: usize,
    /// The delay between attempts.
    pub backoff: backoff::Config,
    /// How long one attempt may take, in milliseconds, from its first step to WELCOME.
    pub connect_timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            credentials: Credentials::Fixed(Vec::new()),
            when_uncertain: WhenUncertain::Resend,
            outbox_messages: limits::OUTBOX_MESSAGES,
            outbox_bytes: limits::OUTBOX_BYTES,
            backoff: backoff::Config::default(),
            connect_timeout_ms: limits::CONNECT_TIMEOUT_MS,
        }
    }
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Always the same.
    Fixed(Vec<u8>),
    /// Asked for anew at every attempt, with [`Output::Authorize`].
    Ask,
}

/// What happens to messages that a lost incarnation of the session may have handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUncertain {
    /// They are sent again, marked as possible duplicates.
    Resend,
    /// They fail with [`Failure::OutcomeUnknown`].
    Fail,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the others in the outbox.
    Last,
    /// In the place of one that was not yet transmitted.
    Of(MessageId),
    /// Past the outbox: it is volatile.
    Past,
}

/// What the world tells the client.
#[derive(Debug)]
// Its tag has a place of its own: in the niche of a packet it takes more code to read.
#[repr(u8)]
pub enum Input {
    /// The WebSocket is open.
    Opened,
    /// A binary message arrived on it.
    Packet(Vec<u8>),
    /// A text message arrived on it, which has no place in this protocol.
    Text,
    /// It is closed, by anyone but this machine; 1006 if it broke.
    Closed(CloseCode),
    /// Time has passed. Also the way to tell the time before a command.
    Woke,
    /// The page learned something.
    Hint(Hint),
}

/// What a page can know about its network and its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The browser says that the network is back.
    Online,
    /// The browser says that the network is gone.
    Offline,
    /// The page is visible, shown or resumed again.
    Awake,
    /// The page is about to stop running; what is due leaves now.
    Asleep,
    /// The page is put aside and must not hold a connection until it is awake.
    Suspended,
}

/// What the client wants done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output<'a> {
    /// Fetch credentials and bring them with [`Client::authorize`].
    Authorize {
        /// Goes back with the credentials, so that late ones are told apart.
        attempt: u32,
    },
    /// Open a WebSocket with [`SUBPROTOCOL`](crate::SUBPROTOCOL). One that is still there is
    /// detached first: nothing it does later may reach this machine.
    Dial,
    /// Send this as one binary message.
    Transmit(&'a [u8]),
    /// Close the WebSocket and detach from it.
    HangUp(CloseCode),
    /// Nothing to do before this moment, or before an input or command.
    Idle {
        /// When to bring [`Input::Woke`].
        wake_at: Option<Instant>,
    },
    /// Tell the application.
    Event(Event<'a>),
}

/// The client's end of a line.
///
/// Methods are of four kinds. *Getters*: [`state`](Self::state), [`stats`](Self::stats),
/// [`saved`](Self::saved).
/// *Commands* of the application: [`send`](Self::send), [`send_with_ttl`](Self::send_with_ttl),
/// [`replace`](Self::replace), [`put`](Self::put), [`cancel`](Self::cancel),
/// [`send_volatile`](Self::send_volatile), [`subscribe`](Self::subscribe),
/// [`unsubscribe`](Self::unsubscribe), [`handled`](Self::handled),
/// [`authorize`](Self::authorize), [`close`](Self::close), [`restore`](Self::restore). *The world*:
/// [`handle_input`](Self::handle_input), [`buffers`](Self::buffers),
/// [`release`](Self::release). *Out*: [`poll_output`](Self::poll_output), until it says
/// [`Output::Idle`]. Every command and every input is followed by such a drain.
#[cfg_attr(feature = "model", derive(Clone))]
pub struct Client {
    core: Core,
    /// The packet being read, and how far.
    inbound: Vec<u8>,
    progress: Option<Progress>,
    /// What is being transmitted, or the words of the state change being told.
    outbound: Vec<u8>,
}

impl Client {
    /// A client that dials at its first drain.
    #[must_use]
    pub fn new(config: Config, seed: Seed, now: Instant) -> Self {
        Self {
            core: Core::new(config, seed, now),
            inbound: Vec::new(),
            progress: None,
            outbound: Vec::new(),
        }
    }

    /// What the application sees of the line's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.public_state()
    }

    /// Counters since the client began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// As [`send_with_ttl`](Self::send_with_ttl), [`replace`](Self::replace) or
    /// [`send_volatile`](Self::send_volatile), for whoever knows that the topic and whatever is text are
    /// UTF-8, such as JavaScript: that is not looked at, and a server refuses what is not. 0: it is too
    /// late to replace that one, or volatile.
    ///
    /// # Errors
    /// As theirs.
    pub fn put(
        &mut self,
        place: Place,
        kind: Kind,
        format: Format,
        topic: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        ttl_ms: Option<u64>,
    ) -> Result<MessageId, SendError> {
        self.core.put(place, kind, format, topic.as_ref(), payload.as_ref(), ttl_ms)
    }

    /// Takes a message back that was not yet transmitted; false if it is too late for that.
    pub fn cancel(&mut self, id: MessageId) -> bool {
        self.core.outbox.cancel(id)
    }

    /// As [`subscribe`](Self::subscribe), for whoever knows that the topic is UTF-8, and that nothing is
    /// handled that was not received.
    ///
    /// # Errors
    /// As its.
    pub fn subscribe_unchecked(
        &mut self,
        topic: &[u8],
        start: Start,
    ) -> Result<StreamId, SubscribeError> {
        self.core.subscribe(topic, start)
    }

    /// Ends a subscription. Nothing of it comes after this.
    pub fn unsubscribe(&mut self, stream: StreamId) {
        self.core.unsubscribe(stream);
    }

    /// The application has handled every entry of `stream` up to `offset`: the server may send
    /// more, and forget what it keeps for this client alone.
    pub fn handled(&mut self, stream: StreamId, offset: Offset) {
        self.core.handled(stream, offset);
    }

    /// Brings what [`Output::Authorize`] asked for; `None` if it could not be had.
    pub fn authorize(&mut self, attempt: u32, credentials: Option<&[u8]>) {
        self.core.authorize(attempt, credentials);
    }

    /// Ends the line: nothing new is taken, what is in the outbox is delivered first, for at most
    /// `timeout_ms`; then the rest fails.
    pub fn close(&mut self, timeout_ms: u64) {
        self.core.close(timeout_ms);
    }

    /// Takes what has happened, and the time.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.core.now = now;
        match input {
            Input::Opened => self.core.opened(),
            Input::Packet(message) => {
                if let Some(packet) = self.core.heard(message) {
                    self.inbound = packet;
                    self.progress = Some(Progress::default());
                }
            }
            Input::Text => self.core.violated(CloseCode::MALFORMED),
            Input::Closed(code) => {
                self.progress = None;
                self.core.closed_by_peer(code);
            }
            Input::Woke => {}
            Input::Hint(hint) => self.core.hint(hint),
        }
        self.core.check_deadlines();
    }

    /// How many bytes the transport holds that it has not sent yet. To be told before an input and
    /// after every [`Output::Transmit`], by whoever knows.
    pub const fn buffers(&mut self, bytes: usize) {
        self.core.buffered = bytes;
    }

    /// What to do next. Call it until it says [`Output::Idle`].
    #[must_use]
    pub fn poll_output(&mut self) -> Output<'_> {
        let Self { core, inbound, progress, outbound } = self;
        loop {
            if let Some(mut output) = core.next_notice() {
                if matches!(output, Output::HangUp(_)) {
                    *progress = None;
                }
                match &mut output {
                    Output::Event(Event::State { words, .. }) => {
                        outbound.clear();
                        mem::swap(outbound, &mut core.words);
                        *words = outbound;
                    }
                    Output::Event(Event::Closed { reason, .. }) => *reason = &core.words,
                    // Those with words of the server are no notices.
                    Output::Event(
                        Event::Refused { code, .. } | Event::SubscribeRefused { code, .. },
                    ) => *code = &core.faults.code,
                    _ => {}
                }
                return output;
            }
            if let Some(read) = progress {
                match next_frame(inbound, read) {
                    None => *progress = None,
                    Some(Err(error)) => {
                        *progress = None;
                        core.violated(error.close_code());
                    }
                    Some(Ok(frame)) => {
                        if let Some(event) = core.frame(frame) {
                            return Output::Event(event);
                        }
                    }
                }
                continue;
            }
            outbound.clear();
            if core.fill_message(outbound) {
                return Output::Transmit(outbound);
            }
            if !core.finish() {
                return Output::Idle { wake_at: core.wake_at() };
            }
        }
    }
}
