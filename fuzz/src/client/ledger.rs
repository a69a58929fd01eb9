//! What the machine has done, held against what it may do.

use std::collections::{BTreeMap, BTreeSet};

use tautline_protocol::client::{Event, MessageId, State, Stats};
use tautline_protocol::fragment::{Arriving, Part};
use tautline_protocol::limits::{
    MESSAGE_BYTES_MAX, PACKET_OVERHEAD_BYTES, TOPIC_BYTES_MAX, UPLINK_BYTES_MAX,
};
use tautline_protocol::uplink::{Frames, Uplink};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Offset, StreamId};

use super::{OUTBOX_BYTES, OUTBOX_MESSAGES};

const PACKET_BYTES_MAX: usize = MESSAGE_BYTES_MAX + PACKET_OVERHEAD_BYTES;

#[derive(Default)]
pub(super) struct Ledger {
    unsettled: BTreeSet<MessageId>,
    last_id: MessageId,
    /// How far the application has read each stream, and of which incarnation.
    read: BTreeMap<StreamId, (Option<Epoch>, Offset)>,
    sent_bytes: usize,
    /// There is a socket.
    is_dialed: bool,
    said_hello: bool,
    arriving: Arriving,
    connection: u64,
    has_ended: bool,
}

impl Ledger {
    pub(super) fn taken(&mut self, id: MessageId) {
        assert!(id > self.last_id, "ids rise");
        self.last_id = id;
        self.unsettled.insert(id);
    }

    pub(super) fn replaced(&self, id: MessageId) {
        assert!(self.unsettled.contains(&id), "message {id} is replaced, and was settled");
    }

    pub(super) const fn last_id(&self) -> MessageId {
        self.last_id
    }

    pub(super) fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    pub(super) const fn sent_bytes(&self) -> usize {
        self.sent_bytes
    }

    pub(super) fn unsubscribed(&mut self, stream: StreamId) {
        if stream != DIRECT {
            self.read.remove(&stream);
        }
    }

    pub(super) fn dialed(&mut self) {
        assert!(!self.has_ended, "it dials after the end");
        self.is_dialed = true;
        self.arriving.clear();
        self.said_hello = false;
    }

    pub(super) fn hung_up(&mut self, code: CloseCode) {
        // Browsers take no other codes from scripts.
        assert!(code == CloseCode::NORMAL || (3_000..5_000).contains(&code.0), "{code}");
        self.is_dialed = false;
    }

    pub(super) fn transmitted(&mut self, message: &[u8]) {
        assert!(self.is_dialed && !self.has_ended, "there is no socket");
        assert!(message.len() <= UPLINK_BYTES_MAX);
        self.sent_bytes += message.len();
        let packet = match self.arriving.take(message.to_vec(), PACKET_BYTES_MAX) {
            Part::Whole(packet) => packet,
            Part::Some => return,
            Part::TooLarge => panic!("the server takes no packet of more than {PACKET_BYTES_MAX}"),
        };
        for frame in Frames::new(&packet, MESSAGE_BYTES_MAX) {
            match frame {
                Ok(Uplink::Hello(hello)) => {
                    assert!(!self.said_hello, "HELLO once");
                    assert!(hello.connection > self.connection, "connections are counted");
                    self.connection = hello.connection;
                    self.said_hello = true;
                }
                Ok(_) => assert!(self.said_hello, "HELLO first"),
                Err(error) => panic!("the server cannot read this: {error}"),
            }
        }
    }

    /// Once.
    pub(super) fn settled(&mut self, id: MessageId) {
        assert!(self.unsettled.remove(&id), "message {id} is settled twice, or was never taken");
    }

    fn settled_through(&mut self, first: MessageId, last: MessageId) {
        assert!(first <= last && last <= self.last_id);
        self.unsettled.retain(|id| !(first..=last).contains(id));
    }

    pub(super) fn told(&mut self, event: Event<'_>) {
        assert!(!self.has_ended, "told after the end: {event:?}");
        match event {
            Event::Acknowledged { through } => self.settled_through(0, through),
            Event::Failed { first, last, .. } => self.settled_through(first, last),
            Event::Reply { id, .. } | Event::Refused { id, .. } => self.settled(id),
            Event::Message { stream, offset, .. } => self.read(stream, offset),
            Event::Subscribed { stream, epoch, offset } => self.subscribed(stream, epoch, offset),
            Event::Gap { stream, missing } => {
                let (known, read) = self.read.entry(stream).or_default();
                // A server may say GAP before SUBSCRIBED, which then is told first.
                let early = stream != DIRECT && known.is_none();
                let follows = missing.from - 1 <= *read && missing.to >= *read;
                let behind = follows || stream == DIRECT && missing.from > *read;
                assert!(missing.reset || early || behind, "{missing:?} behind {read}");
                *read = missing.to;
            }
            Event::Lost { .. } => drop(self.read.remove(&DIRECT)),
            Event::SubscribeRefused { stream, .. } => drop(self.read.remove(&stream)),
            Event::Closed { .. } => self.has_ended = true,
            Event::State { .. } => {}
        }
    }

    fn read(&mut self, stream: StreamId, offset: Offset) {
        let (known, read) = self.read.entry(stream).or_default();
        // Answers stand between the direct messages; and where a GAP came before SUBSCRIBED, it has
        // set the cursor (C-11).
        let may_skip = stream == DIRECT || known.is_none();
        let follows = offset - 1 == *read || may_skip && offset > *read;
        assert!(follows, "entry {offset} of stream {stream} behind {read}");
        *read = offset;
    }

    fn subscribed(&mut self, stream: StreamId, epoch: Epoch, offset: Offset) {
        let (known, read) = self.read.entry(stream).or_default();
        let goes_on = known.replace(epoch) == Some(epoch) && offset >= *read;
        // What lies between is told as a gap.
        if !goes_on {
            *read = offset;
        }
    }

    /// What holds whenever the machine rests.
    pub(super) fn check(&self, state: State, stats: Stats) {
        let held = (stats.queued + stats.unacknowledged) as usize;
        assert_eq!(held, self.unsettled.len(), "what is unsettled is in the outbox");
        assert!(held <= OUTBOX_MESSAGES);
        assert!(stats.outbox_bytes as usize <= OUTBOX_BYTES + TOPIC_BYTES_MAX + 2 || held == 1);
        assert_eq!(self.has_ended, state == State::Closed);
        assert!(!self.has_ended || self.unsettled.is_empty(), "every promise settles");
    }
}
