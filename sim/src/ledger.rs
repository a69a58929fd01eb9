//! What the application asked for and what it was told, checked as it comes in.

use std::collections::BTreeMap;
use tautline_protocol::client::{End, Event, Failure, MessageId, Missing, State};
use tautline_protocol::{DIRECT, Epoch, Kind, Offset, StreamId};

/// What became of a message, as the application was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing so far.
    Pending,
    /// Processed.
    Acknowledged,
    /// Processed, with this reply.
    Replied(Vec<u8>),
    /// Refused, with this code.
    Refused(Vec<u8>),
    /// Not confirmed, for this reason.
    Failed(Failure),
    /// Taken back.
    Cancelled,
}

/// A message that the application has sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was asked.
    pub kind: Kind,
    /// Different for every message of a run.
    pub payload: Vec<u8>,
    /// What became of it.
    pub fate: Fate,
    /// How much the server had handled by then.
    pub settled_at: usize,
}

/// An entry that the application has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From which stream.
    pub stream: StreamId,
    /// Its position.
    pub offset: Offset,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What is known of a stream.
#[derive(Clone, Debug, Default)]
struct Reading {
    epoch: Option<Epoch>,
    /// The last entry received or reported missing; `None` before SUBSCRIBED.
    at: Option<Offset>,
    /// SUBSCRIBED went beyond that: a gap has to be told before anything else.
    gap_to: Option<Offset>,
    ended: bool,
}

/// The books of one client.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Every message sent, by its name.
    pub sent: BTreeMap<MessageId, Sent>,
    /// Every entry received.
    pub received: Vec<Received>,
    /// Every state, with its reason.
    pub states: Vec<(State, &'static str)>,
    /// Every loss: whether the accepted number was known, whether direct messages may be missing.
    pub losses: Vec<(bool, bool)>,
    /// Every gap.
    pub gaps: Vec<(StreamId, Missing)>,
    /// Every subscription that was refused, with its code.
    pub refused_streams: Vec<(StreamId, Vec<u8>)>,
    /// How the line ended, and the server's words.
    pub closed: Option<(End, Vec<u8>)>,
    /// Whatever must not be.
    pub violations: Vec<String>,
    /// How much the server has handled so far.
    pub handled: usize,
    streams: BTreeMap<StreamId, Reading>,
}

impl Ledger {
    /// The application has sent a message.
    pub fn send(&mut self, id: MessageId, kind: Kind, payload: Vec<u8>) {
        let before =
            self.sent.insert(id, Sent { kind, payload, fate: Fate::Pending, settled_at: 0 });
        if before.is_some() {
            self.violate(format!("message id {id} was given twice"));
        }
    }

    /// The application has taken a message back.
    pub fn cancel(&mut self, id: MessageId) {
        self.settle(id, Fate::Cancelled);
    }

    /// The application has subscribed.
    pub fn subscribe(&mut self, stream: StreamId) {
        self.streams.insert(stream, Reading::default());
    }

    /// The application has ended a subscription.
    pub fn unsubscribe(&mut self, stream: StreamId) {
        if let Some(reading) = self.streams.get_mut(&stream) {
            reading.ended = true;
        }
    }

    /// The fate of a message.
    #[must_use]
    pub fn fate(&self, id: MessageId) -> Fate {
        self.sent.get(&id).map_or(Fate::Pending, |sent| sent.fate.clone())
    }

    /// Messages whose fate is open.
    pub fn pending(&self) -> impl Iterator<Item = MessageId> {
        self.sent.iter().filter(|(_, sent)| sent.fate == Fate::Pending).map(|(id, _)| *id)
    }

    /// The payloads received from a stream.
    #[must_use]
    pub fn payloads(&self, stream: StreamId) -> Vec<&[u8]> {
        let of = self.received.iter().filter(|received| received.stream == stream);
        of.map(|received| &*received.payload).collect()
    }

    /// The last entry of a stream that was received or reported missing.
    #[must_use]
    pub fn position(&self, stream: StreamId) -> Option<Offset> {
        self.streams.get(&stream).and_then(|reading| reading.at)
    }

    /// Whether a stream has been subscribed to and has not ended.
    #[must_use]
    pub fn reads(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|reading| !reading.ended)
    }

    fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    fn settle(&mut self, id: MessageId, fate: Fate) {
        match self.sent.get_mut(&id) {
            Some(sent) if sent.fate == Fate::Pending => {
                sent.fate = fate;
                sent.settled_at = self.handled;
            }
            Some(sent) => {
                let before = sent.fate.clone();
                self.violate(format!("message {id} settled as {before:?}, then as {fate:?}"));
            }
            None => self.violate(format!("{fate:?} of message {id}, which was never sent")),
        }
    }

    /// The application was told something.
    pub fn note(&mut self, event: &Event<'_>) {
        if self.closed.is_some() {
            self.violate(format!("after the end came {event:?}"));
        }
        match *event {
            Event::State { state, reason, retry_at } => {
                if retry_at.is_some() && state != State::Waiting {
                    self.violate(format!("{state:?} with a time to retry at"));
                }
                self.states.push((state, reason));
            }
            Event::Lost { accepted_known, direct_missing } => {
                self.losses.push((accepted_known, direct_missing));
                self.streams.insert(DIRECT, Reading::default());
            }
            Event::Acknowledged { through } => self.acknowledged(through),
            Event::Reply { id, payload, .. } => self.settle(id, Fate::Replied(payload.to_vec())),
            Event::Refused { id, code, .. } => self.settle(id, Fate::Refused(code.to_vec())),
            Event::Failed { first, last, failure } => self.failed(first, last, failure),
            Event::Message { stream, offset, payload, .. } => self.message(stream, offset, payload),
            Event::Subscribed { stream, epoch, offset } => self.subscribed(stream, epoch, offset),
            Event::SubscribeRefused { stream, code, .. } => {
                self.refused_streams.push((stream, code.to_vec()));
                self.unsubscribe(stream);
            }
            Event::Gap { stream, missing } => self.gap(stream, missing),
            Event::Closed { end, reason } => self.close(end, reason),
        }
    }

    fn acknowledged(&mut self, through: MessageId) {
        let mut overtaken = Vec::new();
        for (id, sent) in self.sent.range_mut(..=through) {
            if sent.fate == Fate::Pending {
                sent.fate = Fate::Acknowledged;
                sent.settled_at = self.handled;
                if sent.kind == Kind::Request {
                    overtaken.push(*id);
                }
            }
        }
        for id in overtaken {
            self.violate(format!("request {id} acknowledged before its reply came"));
        }
    }

    fn failed(&mut self, first: MessageId, last: MessageId, failure: Failure) {
        if first > last || !self.sent.contains_key(&first) || !self.sent.contains_key(&last) {
            self.violate(format!("{failure:?} of messages {first} to {last}"));
        }
        let mut twice = Vec::new();
        for (id, sent) in self.sent.range_mut(first..=last.max(first)) {
            match sent.fate {
                Fate::Pending => {
                    sent.fate = Fate::Failed(failure);
                    sent.settled_at = self.handled;
                }
                Fate::Acknowledged => twice.push(*id),
                // Settled in another way within the range.
                _ => {}
            }
        }
        for id in twice {
            self.violate(format!("message {id} settled, then failed as {failure:?}"));
        }
    }

    fn message(&mut self, stream: StreamId, offset: Offset, payload: &[u8]) {
        let reading = self.streams.entry(stream).or_default();
        let expected = match (stream, reading.at) {
            // Between direct messages there are answers, which only the machine counts.
            (DIRECT, at) => offset > at.unwrap_or(0),
            (_, Some(at)) => offset == at + 1 && reading.gap_to.is_none(),
            (_, None) => false,
        };
        let described = format!("{reading:?}");
        let ended = reading.ended;
        reading.at = Some(offset);
        if !expected || ended {
            self.violate(format!("entry {offset} of stream {stream} at {described}"));
        }
        self.received.push(Received { stream, offset, payload: payload.to_vec() });
    }

    fn subscribed(&mut self, stream: StreamId, epoch: Epoch, offset: Offset) {
        let reading = self.streams.entry(stream).or_default();
        let (before, ended) = (reading.clone(), reading.ended);
        match (reading.epoch, reading.at) {
            (Some(old), Some(at)) if old == epoch && offset > at => reading.gap_to = Some(offset),
            (Some(old), Some(_)) if old != epoch => reading.gap_to = Some(offset),
            // Which incarnation it was reading is not known here: a gap follows, or none is due.
            (None, Some(_)) => {}
            _ => reading.at = Some(offset),
        }
        reading.epoch = Some(epoch);
        let backwards = before.epoch == Some(epoch) && before.at.is_some_and(|at| offset < at);
        if ended || backwards {
            self.violate(format!("stream {stream} subscribed at {offset}, was {before:?}"));
        }
    }

    fn gap(&mut self, stream: StreamId, missing: Missing) {
        self.gaps.push((stream, missing));
        let reading = self.streams.entry(stream).or_default();
        let before = reading.clone();
        let at = reading.at.unwrap_or(0);
        let promised = reading.gap_to.take();
        if promised.is_none() && missing.reset {
            // The log was begun anew while it was being read: its new name is told on resuming.
            reading.epoch = None;
        }
        let announced = promised.is_none_or(|to| to == missing.to);
        // Answers are not seen here, so a gap of the direct stream may begin behind the last entry.
        let begins = missing.from == at + 1 || (stream == DIRECT && missing.from > at);
        let fits = if missing.reset { missing.from == 1 } else { begins && missing.to > at };
        reading.at = Some(missing.to);
        if before.ended || !announced || !fits {
            self.violate(format!("gap {missing:?} of stream {stream} at {before:?}"));
        }
    }

    fn close(&mut self, end: End, reason: &[u8]) {
        let pending: Vec<_> = self.pending().collect();
        if !pending.is_empty() {
            self.violate(format!("the line ended, and {pending:?} are not settled"));
        }
        self.closed = Some((end, reason.to_vec()));
    }
}
