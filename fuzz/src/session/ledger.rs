//! What the machine has done, held against what it may do.

use std::collections::BTreeMap;

use arbitrary::Result;
use tautline_protocol::downlink::{Downlink, Entry, Frames};
use tautline_protocol::fragment::{Arriving, Part};
use tautline_protocol::limits::{FRAGMENT_BYTES, PACKET_OVERHEAD_BYTES};
use tautline_protocol::resume::Resolution;
use tautline_protocol::session::{Config, Hello, Incoming};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Offset, Seq, StreamId, uplink};

use crate::script::Script;

/// A stream as the shell knows it.
struct Stream {
    epoch: Epoch,
    /// `None` until the subscription is confirmed.
    sent: Option<Offset>,
}

pub(super) struct Ledger {
    config: Config,
    pub(super) sent_bytes: usize,
    pub(super) is_over: bool,
    is_joined: bool,
    welcomed: bool,
    refused: Option<CloseCode>,
    /// Messages taken by the shell, in order, and handled.
    taken: Seq,
    handled: Seq,
    acknowledged: Seq,
    /// Handled messages and where the direct stream stood with their answers.
    answers: Vec<(Seq, Offset)>,
    streams: BTreeMap<StreamId, Stream>,
    /// What the last packet is to be closed with, unless something else comes first.
    fault: Option<CloseCode>,
    arriving: Arriving,
    leaving: Arriving,
}

impl Ledger {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            sent_bytes: 0,
            is_over: false,
            is_joined: false,
            welcomed: false,
            refused: None,
            taken: 0,
            handled: 0,
            acknowledged: 0,
            answers: Vec::new(),
            streams: BTreeMap::new(),
            fault: None,
            arriving: Arriving::default(),
            leaving: Arriving::default(),
        }
    }

    /// A WebSocket message is about to come.
    pub(super) fn hears(&mut self, message: &[u8], message_bytes: usize) {
        self.fault = None;
        let max = message_bytes.saturating_add(PACKET_OVERHEAD_BYTES);
        let part = if self.is_joined {
            self.arriving.take(message.to_vec(), max)
        } else {
            Part::Whole(message.to_vec())
        };
        match part {
            Part::Whole(packet) => {
                let mut frames = uplink::Frames::new(&packet, message_bytes);
                let fault = frames.find_map(std::result::Result::err);
                self.fault = fault.map(tautline_protocol::DecodeError::close_code);
            }
            Part::Some => {}
            Part::TooLarge => self.fault = Some(CloseCode::TOO_LARGE),
        }
    }

    pub(super) fn closed(&mut self) {
        self.is_over = true;
    }

    pub(super) fn joined(&mut self, hello: &Hello, resolution: &Resolution) {
        if self.is_over {
            return;
        }
        self.is_joined = true;
        (self.taken, self.handled) = (resolution.accepted, resolution.accepted);
        self.acknowledged = resolution.accepted;
        let sent = if resolution.epoch == hello.epoch { hello.received } else { 0 };
        let direct = Stream { epoch: resolution.epoch, sent: Some(sent) };
        self.streams.insert(DIRECT, direct);
    }

    pub(super) fn taken(&mut self, incoming: &Incoming) {
        assert!(self.is_joined && !self.is_over, "a message for nobody");
        assert!(incoming.payload.len() <= self.config.message_bytes);
        if let Some(seq) = incoming.seq {
            assert_eq!(Some(seq), self.taken.checked_add(1), "the next, and nothing else");
            self.taken = seq;
        }
    }

    /// The shell has handled all that it has taken, if there is anything.
    pub(super) fn handle_all(&mut self, has_answer: bool) -> Option<(Seq, Offset)> {
        if self.taken == self.handled {
            return None;
        }
        let direct = self.streams.get(&DIRECT).and_then(|direct| direct.sent).unwrap_or_default();
        let head = if has_answer { direct.saturating_add(1) } else { 0 };
        self.handled = self.taken;
        self.answers.push((self.handled, head));
        Some((self.handled, head))
    }

    pub(super) fn requested(&mut self, stream: StreamId) {
        assert!(stream != DIRECT && !self.is_over);
        self.streams.insert(stream, Stream { epoch: Epoch::NONE, sent: None });
        assert!(self.streams.len() <= self.config.streams + 1, "subscriptions are bounded");
    }

    pub(super) fn unsubscribed(&mut self, stream: StreamId) {
        assert!(stream != DIRECT && !self.is_over);
        self.streams.remove(&stream);
    }

    /// Whether the shell may confirm this subscription now.
    pub(super) fn confirms(&mut self, id: StreamId, epoch: Epoch, offset: Offset) -> bool {
        match self.streams.get_mut(&id) {
            Some(stream) if stream.sent.is_none() && offset < u64::MAX => {
                *stream = Stream { epoch, sent: Some(offset) };
                true
            }
            _ => false,
        }
    }

    pub(super) fn refuses(&mut self, id: StreamId) -> bool {
        let is_asked = self.streams.get(&id).is_some_and(|stream| stream.sent.is_none());
        if is_asked {
            self.streams.remove(&id);
        }
        is_asked
    }

    /// Where a gap of a stream may lead, if the shell reads it.
    pub(super) fn gap(
        &self,
        id: StreamId,
        script: &mut Script<'_>,
    ) -> Result<Option<(Epoch, Offset)>> {
        let (delta, changes) = (script.byte()?, script.byte()? & 1 == 1);
        let Some(Stream { epoch, sent: Some(sent) }) = self.streams.get(&id) else {
            return Ok(None);
        };
        Ok(Some(if changes && id != DIRECT {
            (Epoch(epoch.0.wrapping_add(1).max(1)), delta.into())
        } else {
            (*epoch, sent.saturating_add(delta.into()))
        }))
    }

    pub(super) fn transmitted(&mut self, message: &[u8], is_careless: bool) {
        assert!(!self.is_over, "something leaves after the end");
        assert!(message.len() <= FRAGMENT_BYTES + 1);
        self.sent_bytes += message.len();
        let Part::Whole(packet) = self.leaving.take(message.to_vec(), usize::MAX) else { return };
        for frame in Frames::new(&packet) {
            match frame {
                Ok(frame) if !is_careless => self.said(frame),
                Ok(_) => {}
                Err(error) => panic!("the client cannot read this: {error}"),
            }
        }
    }

    fn said(&mut self, frame: Downlink<'_>) {
        assert_eq!(self.refused, None, "REFUSE is the last");
        match frame {
            Downlink::Refuse { code, .. } => return self.refused = Some(code),
            Downlink::Welcome(_) => {
                assert!(self.is_joined && !self.welcomed, "WELCOME once");
                return self.welcomed = true;
            }
            _ => assert!(self.welcomed, "nothing before WELCOME: {frame:?}"),
        }
        match frame {
            Downlink::Ack { seq } => self.acknowledged(seq),
            Downlink::Entry { stream, offset, entry, .. } => {
                assert!(matches!(entry, Entry::Message(_)));
                self.entry(stream, offset);
            }
            Downlink::Gap { stream, epoch, offset } => {
                if let Some(known) = self.streams.get_mut(&stream) {
                    let before = known.sent.unwrap_or_default();
                    let sent = if known.epoch == epoch { before.max(offset) } else { offset };
                    *known = Stream { epoch, sent: Some(sent) };
                }
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, seq: Seq) {
        assert!(seq <= self.handled, "ACK {seq} before it is handled");
        assert!(seq >= self.acknowledged, "ACK {seq} behind {}", self.acknowledged);
        self.acknowledged = seq;
        let direct = self.streams.get(&DIRECT).and_then(|direct| direct.sent).unwrap_or_default();
        let overtaken = self.answers.iter().find(|(of, head)| *of <= seq && *head > direct);
        assert_eq!(overtaken, None, "ACK {seq} overtakes an answer, at {direct}");
    }

    fn entry(&mut self, id: StreamId, offset: Offset) {
        // Of one that was unsubscribed nothing comes.
        let stream = self.streams.get_mut(&id).expect("the stream is there");
        assert_eq!(stream.sent.and_then(|sent| sent.checked_add(1)), Some(offset), "in order");
        stream.sent = Some(offset);
    }

    pub(super) fn hung_up(&mut self, code: CloseCode) {
        assert!(!self.is_over, "one connection ends once");
        assert!(
            CloseCode::TABLE.iter().any(|(known, _)| *known == code),
            "{code} is not in the table"
        );
        assert!(self.refused.is_none_or(|refused| refused == code), "the code is that of REFUSE");
        self.is_over = true;
    }

    /// A packet with a fault has ended the connection.
    pub(super) fn must_have_ended(&mut self) {
        if self.fault.take().is_some() {
            assert!(self.is_over, "a fault was passed over");
        }
    }
}
