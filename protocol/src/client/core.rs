//! The client's state and every transition of it; [`Client`](super::Client) puts the doors on.

mod attempt;
mod ending;
mod faults;
#[cfg(feature = "model")]
mod fingerprint;
mod receive;
#[cfg(feature = "store")]
mod store;
mod transmit;

use self::faults::{Faults, REASON};
use super::event::{End, Event, Failure, SendError, State as PublicState, Stats, SubscribeError};
use super::liveness::Liveness;
use super::outbox::{MessageId, Outbox, Window};
use super::patience::Patience;
use super::stream::Stream;
use super::{Config, Credentials, Output, Place, WhenUncertain};
use crate::backoff::Backoff;
use crate::close::CloseCode;
use crate::fragment::{Arriving, Leaving};
use crate::limits::{
    BUFFERED_BYTES, BUFFERED_LOOK_MS, MESSAGE_BYTES_MAX, STREAMS_MAX, TOPIC_BYTES_MAX,
    VOLATILE_BYTES,
};
use crate::message::{Epoch, Format, Kind, Offset, Seq, SessionId, Start, StreamId};
use crate::mutation::Mutation;
use crate::time::{Instant, earliest};
use crate::uplink::{Uplink, message_head, put_body, put_message};
use crate::{DIRECT, Seed};
use alloc::vec::Vec;

/// Where the client stands between no connection and a live one.
///
/// Its tag has a place of its own: packed into a niche of [`Live`] it would take more code to read.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
#[repr(u8)]
enum State {
    /// The application has been asked for credentials.
    Authorizing,
    /// A WebSocket is opening.
    Dialing,
    /// It is open, HELLO leaves or has left.
    Joining { hello_sent_at: Option<Instant> },
    /// WELCOME has come.
    Live(Live),
    /// No connection. `firm`: hints do not shorten it.
    Waiting { firm: bool },
    /// Ended.
    Closed,
}

/// No code has ended a connection.
const NO_CODE: CloseCode = CloseCode(0);

/// What lives as long as a live connection.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
struct Live {
    since: Instant,
    liveness: Liveness,
}

#[cfg_attr(feature = "model", derive(Clone))]
pub(super) struct Core {
    pub(super) now: Instant,
    /// To hand out before anything else, and how many of them have been. Those that carry the
    /// server's words get them then.
    notices: Vec<Output<'static>>,
    handed_out: usize,
    pub(super) outbox: Outbox,
    /// What the server has said and the application was not told.
    pub(super) words: Vec<u8>,
    when_uncertain: WhenUncertain,
    connect_timeout_ms: u64,
    /// Credentials are fetched anew for every attempt.
    asks: bool,
    credentials: Vec<u8>,
    credentials_refused: u32,
    /// The packet being read has asked for fresh ones.
    credentials_wanted: bool,
    state: State,
    /// When to leave the state: to try, to give the attempt up or, after GOAWAY, to connect anew.
    /// `None`: not before something happens.
    leave_at: Option<Instant>,
    attempt: u32,
    backoff: Backoff,
    patience: Patience,
    session: SessionId,
    epoch: Epoch,
    /// How often it has dialed.
    connection: u64,
    /// The direct stream first, then the subscriptions in their order.
    streams: Vec<Stream>,
    next_stream: StreamId,
    /// What is processed according to the server. It settles once the direct stream has been replayed
    /// up to `replay_to`, where WELCOME has found it, so that a reply or refusal in there comes first.
    processed: Seq,
    replay_to: Offset,
    /// Up to this message answers may be gone: an acknowledgement does not say how they ended.
    doubtful: Seq,
    /// Bytes that the transport still held when it was last looked at.
    pub(super) buffered: usize,
    /// Control frames to transmit on this connection, encoded.
    control: Vec<u8>,
    /// A packet that leaves in parts.
    leaving: Leaving,
    /// One that comes in parts.
    arriving: Arriving,
    /// REFUSE or GOAWAY: not before this the next attempt.
    not_before: Option<Instant>,
    message_bytes_max: usize,
    /// The application has closed the line, or it has ended: when to stop waiting for the outbox.
    close_by: Option<Instant>,
    said_bye: bool,
    pub(super) faults: Faults,
    stats: Stats,
}

impl Core {
    pub(super) fn new(config: Config, seed: Seed, now: Instant) -> Self {
        let (asks, credentials) = match config.credentials {
            Credentials::Fixed(credentials) => (false, credentials),
            Credentials::Ask => (true, Vec::new()),
        };
        Self {
            now,
            notices: Vec::new(),
            handed_out: 0,
            outbox: Outbox::new(config.outbox_messages, config.outbox_bytes),
            words: Vec::new(),
            when_uncertain: config.when_uncertain,
            connect_timeout_ms: config.connect_timeout_ms,
            asks,
            credentials,
            credentials_refused: 0,
            credentials_wanted: false,
            state: State::Waiting { firm: false },
            leave_at: Some(now),
            attempt: 0,
            backoff: Backoff::new(config.backoff, seed.random),
            patience: Patience::default(),
            session: seed.session,
            epoch: Epoch::NONE,
            connection: 0,
            streams: [Stream::direct()].into(),
            next_stream: DIRECT + 1,
            processed: 0,
            replay_to: 0,
            doubtful: 0,
            buffered: 0,
            control: Vec::new(),
            leaving: Leaving::default(),
            arriving: Arriving::default(),
            not_before: None,
            // Until the first WELCOME the server's limit is not known.
            message_bytes_max: MESSAGE_BYTES_MAX,
            close_by: None,
            said_bye: false,
            faults: Faults::default(),
            stats: Stats::default(),
        }
    }

    pub(super) const fn public_state(&self) -> PublicState {
        match self.state {
            State::Authorizing | State::Dialing | State::Joining { .. } => PublicState::Connecting,
            State::Live(_) => PublicState::Open,
            State::Waiting { .. } => PublicState::Waiting,
            State::Closed => PublicState::Closed,
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let in_flight =
            if matches!(self.state, State::Live(_)) { self.outbox.in_flight() } else { 0 };
        Stats {
            round_trip_ms: self.patience.smoothed_ms(),
            queued: (self.outbox.len() - in_flight) as u64,
            unacknowledged: in_flight as u64,
            outbox_bytes: self.outbox.bytes() as u64,
            buffered: self.buffered as u64,
            settled: self.outbox.settled(),
            retransmitted: self.outbox.retransmitted(),
            ..self.stats
        }
    }

    /// Returns the message's name; 0 if it has none, or is too late to replace another.
    pub(super) fn put(
        &mut self,
        place: Place,
        kind: Kind,
        format: Format,
        topic: &[u8],
        payload: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<MessageId, SendError> {
        let size = payload.len();
        if self.is_ending() {
            return Err(SendError::Closed);
        }
        if kind == Kind::Publish && (topic.is_empty() || topic.len() > TOPIC_BYTES_MAX) {
            return Err(SendError::BadTopic);
        }
        if size > self.message_bytes_max && !self.outbox.is_restoring() {
            return Err(SendError::TooLarge { size, max: self.message_bytes_max });
        }
        if place == Place::Past && !self.sends_at_once(size) {
            return Err(SendError::NotLive);
        }
        let mut body = Vec::new();
        put_body(&mut body, kind, topic, payload);
        let head = message_head(kind, format, false);
        if place == Place::Past {
            put_message(&mut self.control, head, None, &body, false);
            return Ok(0);
        }
        let other = if let Place::Of(id) = place { Some(id) } else { None };
        let expires_at = ttl_ms.map(|ttl| self.now.after(ttl));
        let topic = (body.len() - size) as u16;
        let id = self.outbox.put(other, head, body, topic, expires_at)?;
        self.stats.superseded += u64::from(other.is_some() && id > 0);
        Ok(id)
    }

    /// Whether a volatile message of this size has room beside what is about to leave.
    fn sends_at_once(&self, size: usize) -> bool {
        let before = self.control.len() + self.buffered;
        let crowded = before + size > VOLATILE_BYTES && before > 0;
        matches!(self.state, State::Live(_)) && !crowded && !self.is_isolating()
    }

    const fn is_ending(&self) -> bool {
        self.close_by.is_some()
    }

    pub(super) fn subscribe(
        &mut self,
        topic: &[u8],
        start: Start,
    ) -> Result<StreamId, SubscribeError> {
        if self.is_ending() {
            return Err(SubscribeError::Closed);
        }
        if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX {
            return Err(SubscribeError::BadTopic);
        }
        if self.streams.len() > STREAMS_MAX {
            return Err(SubscribeError::TooMany);
        }
        let id = self.next_stream;
        self.next_stream += 1;
        // Grown as everything else that holds bytes: a page then loads no other way to get memory.
        let mut name = Vec::new();
        name.extend_from_slice(topic);
        self.streams.push(Stream::new(id, name, start));
        Ok(id)
    }

    pub(super) fn unsubscribe(&mut self, stream: StreamId) {
        if stream != DIRECT && self.end_stream(stream) == Some(true) && self.has_said_hello() {
            Uplink::Unsubscribe { stream }.encode(&mut self.control);
        }
    }

    /// Whether the server has been told of the stream, if it was there.
    fn end_stream(&mut self, id: StreamId) -> Option<bool> {
        let index = self.streams.iter().position(|stream| stream.id == id)?;
        Some(self.streams.remove(index).announced)
    }

    /// Whether this connection has been used to tell the server of streams; what has ended since
    /// goes as a frame of its own, behind WELCOME.
    const fn has_said_hello(&self) -> bool {
        matches!(self.state, State::Live(_) | State::Joining { hello_sent_at: Some(_) })
    }

    pub(super) fn handled(&mut self, stream: StreamId, offset: Offset) {
        let now = self.now;
        if let Some(stream) = self.stream_mut(stream) {
            stream.handled(offset, now);
        }
    }

    pub(super) fn next_notice(&mut self) -> Option<Output<'static>> {
        let notice = self.notices.get(self.handed_out).copied();
        if notice.is_some() {
            self.handed_out += 1;
        } else {
            self.notices.clear();
            self.handed_out = 0;
        }
        notice
    }

    fn tell(&mut self, event: Event<'static>) {
        self.notices.push(Output::Event(event));
    }

    fn tell_state(&mut self, reason: &'static str, code: CloseCode) {
        let retry_at = match self.state {
            State::Waiting { .. } => self.leave_at,
            _ => None,
        };
        let state = self.public_state();
        let code = (code != NO_CODE).then_some(code);
        self.tell(Event::State { state, reason, code, words: &[], retry_at });
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    fn stream_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        // There are few, and the way through them is the shortest code.
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    /// Takes messages out of the outbox that must not be transmitted any more, and tells it. PROTOCOL.md
    /// R-8, C-31, C-38.
    fn sweep(&mut self, is_joining: bool) {
        let Self { outbox, notices, stats, message_bytes_max, .. } = self;
        outbox.sweep(self.now, is_joining.then_some(*message_bytes_max), |id, why| {
            stats.expired += u64::from(why == Some(Failure::Expired));
            notices.push(Output::Event(match why {
                Some(failure) => Event::Failed { first: id, last: id, failure },
                None => Event::Refused { id, code: &[], reason: REASON },
            }));
        });
    }

    /// What every deadline that has passed calls for.
    pub(super) fn check_deadlines(&mut self) {
        let now = self.now;
        self.sweep(false);
        if self.close_by.is_some_and(|by| now >= by) {
            self.fail_outbox();
            // A HELLO would not know any more what this client has numbered, nor would its WELCOME fit.
            if !matches!(self.state, State::Live(_) | State::Closed) {
                self.stop();
            }
        }
        if self.leave_at.is_none_or(|at| now < at) {
            self.check_live();
            return;
        }
        match self.state {
            State::Authorizing => self.retry("no credentials in time", NO_CODE),
            State::Dialing | State::Joining { .. } => {
                if matches!(self.state, State::Joining { .. }) {
                    self.patience.grow();
                }
                self.retry("no answer in time", CloseCode::SILENT);
            }
            State::Waiting { .. } => self.begin_attempt("connecting", NO_CODE),
            State::Live(_) => {
                self.redial("the server asked to connect anew", CloseCode::REPLACED);
            }
            State::Closed => {}
        }
    }

    /// When [`check_deadlines`](Self::check_deadlines) or a report of cursors is due next.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        // Once it has passed, it is the outbox that matters, and that is empty.
        let close = self.close_by.filter(|by| *by > self.now);
        let due = earliest(close, self.outbox.expires_next());
        let due = earliest(due, self.leave_at);
        let State::Live(live) = &self.state else { return due };
        let due = earliest(due, Some(live.liveness.deadline(&self.patience)));
        let waits = self.is_crowded() && (self.outbox.has_next(0) || !self.leaving.is_empty());
        let look = waits.then(|| self.now.after(BUFFERED_LOOK_MS));
        let due = earliest(due, look);
        self.streams.iter().fold(due, |due, stream| earliest(due, stream.report_by(self.now)))
    }

    /// Whether the transport still holds so much that no message leaves. PROTOCOL.md C-32.
    pub(super) fn is_crowded(&self) -> bool {
        self.buffered >= BUFFERED_BYTES && !Mutation::IgnoreBuffered.is_on()
    }

    /// PROTOCOL.md R-12.
    const fn restart(&self) -> Seq {
        let skipped = match self.when_uncertain {
            WhenUncertain::Resend => 0,
            WhenUncertain::Fail => self.outbox.numbered() as u64,
        };
        self.outbox.acknowledged() + skipped + 1
    }
}
