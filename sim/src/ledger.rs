//! What the application asked for and what it was told, checked as it comes in.

mod lives;

use crate::check::streams::Reading;
use std::collections::{BTreeMap, BTreeSet};
use tautline_protocol::client::{End, Event, Failure, MessageId, Missing, State};
use tautline_protocol::message::Cursor;
use tautline_protocol::{DIRECT, Epoch, Kind, Offset, SessionId, StreamId};

pub(crate) use self::lives::Kept;

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
    /// A newer one has taken its place.
    Superseded,
    /// The page has ended before it was stored, and so before it could be transmitted.
    Forgotten,
    /// The page has ended, and there was no room to store it.
    Abandoned,
}

/// A message that the application has sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was asked.
    pub kind: Kind,
    /// Whether it may expire.
    pub expires: bool,
    /// Different for every message of a run.
    pub payload: Vec<u8>,
    /// What became of it.
    pub fate: Fate,
    /// How much the server had handled by then.
    pub settled_at: usize,
    /// What an earlier life of the page was told, which its store did not learn.
    pub told: Option<Fate>,
}

/// An entry that the application has received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From which stream.
    pub stream: StreamId,
    /// In which incarnation of its log, if the application was told.
    pub epoch: Option<Epoch>,
    /// Its position.
    pub offset: Offset,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// The books of one client.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The session that the client has made.
    pub session: SessionId,
    /// Every message sent, by its name.
    pub sent: BTreeMap<MessageId, Sent>,
    /// Those whose place, and name, a newer one has taken.
    pub superseded: Vec<(MessageId, Sent)>,
    /// The payloads of volatile messages.
    pub volatile: BTreeSet<Vec<u8>>,
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
    /// Whether it had ended in an earlier life of its page.
    pub(crate) ended_before: bool,
    /// Whatever must not be.
    pub violations: Vec<String>,
    /// How much the server has handled so far.
    pub handled: usize,
    /// The topics subscribed to, by their streams.
    pub topics: BTreeMap<StreamId, String>,
    pub(crate) streams: BTreeMap<StreamId, Reading>,
    pub(crate) names: lives::Names,
    /// Every message before this one is settled.
    pub(crate) first_open: MessageId,
    /// How many are not.
    pub(crate) open: usize,
}

impl Ledger {
    /// The application has subscribed, and reads on behind `cursor` if it has one.
    pub fn subscribe(&mut self, stream: StreamId, topic: &str, cursor: Option<Cursor>) {
        self.topics.insert(stream, topic.into());
        self.streams.insert(stream, Reading::from(cursor));
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
        let open = self.sent.range(self.first_open..);
        open.filter(|(_, sent)| sent.fate == Fate::Pending).map(|(id, _)| *id)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.open == 0
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

    /// Where an application that keeps its cursors would go on in a stream, if it knows.
    #[must_use]
    pub fn cursor(&self, stream: StreamId) -> Option<Cursor> {
        let reading = self.streams.get(&stream).filter(|reading| reading.gap_to.is_none())?;
        let (epoch, at) = (reading.epoch?, reading.at?);
        Some(Cursor { epoch, received: at, handled: at })
    }

    /// Whether a stream has been subscribed to and has not ended.
    #[must_use]
    pub fn reads(&self, stream: StreamId) -> bool {
        self.streams.get(&stream).is_some_and(|reading| !reading.ended)
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    /// The application was told something.
    pub fn note(&mut self, event: &Event<'_>) {
        if self.closed.is_some() {
            self.violate(format!("after the end came {event:?}"));
        }
        match self.renamed(event) {
            Event::State { state, reason, retry_at, .. } => {
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
            Event::Message { stream, offset, payload, .. } => {
                let reading = self.streams.entry(stream).or_default();
                let epoch = reading.epoch;
                let checked = reading.message(stream, offset);
                self.received.push(Received { stream, epoch, offset, payload: payload.to_vec() });
                self.violations.extend(checked.err());
            }
            Event::Subscribed { stream, epoch, offset } => {
                let reading = self.streams.entry(stream).or_default();
                self.violations.extend(reading.subscribed(stream, epoch, offset).err());
            }
            Event::SubscribeRefused { stream, code, .. } => {
                self.refused_streams.push((stream, code.to_vec()));
                self.unsubscribe(stream);
            }
            Event::Gap { stream, missing } => {
                self.gaps.push((stream, missing));
                let reading = self.streams.entry(stream).or_default();
                self.violations.extend(reading.gap(stream, missing).err());
            }
            Event::Closed { end, reason } => self.close(end, reason),
        }
    }
}
