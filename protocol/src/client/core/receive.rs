//! What arrives: every frame of the server, and what it changes.

use super::super::stream::Arrival;
use super::super::{MessageId, WhenUncertain};
use super::{Core, Event, Failure, Live, Liveness, NO_CODE, State, Window};
use crate::DIRECT;
use crate::close::CloseCode;
use crate::downlink::{Downlink, Entry, Welcome};
use crate::fragment::Part;
use crate::life_sign;
use crate::limits::{
    DELAY_MS_MAX, DOWNLINK_PACKET_BYTES_MAX, HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN, MESSAGE_BYTES_MAX,
    REASON_BYTES_MAX,
};
use crate::message::{Epoch, Format, Offset, Seq, StreamId};
use crate::mutation::Mutation;
use crate::resume::Resumption;
use crate::time::Instant;
use crate::uplink::Uplink;
use alloc::vec::Vec;
use core::mem;

impl Core {
    /// A WebSocket message arrived: life, whatever is in it. Returns the packet, if it is one or ends
    /// one. PROTOCOL.md F-15.
    pub(in super::super) fn heard(&mut self, message: Vec<u8>) -> Option<Vec<u8>> {
        self.stats.bytes_received += message.len() as u64;
        self.credentials_wanted = false;
        let now = self.now;
        let State::Live(live) = &mut self.state else { return Some(message) };
        live.liveness.heard(now);
        if life_sign::is_due(message.len(), live.liveness.unsent_ms(now)) {
            life_sign::put(&mut self.control);
        }
        match self.arriving.take(message, DOWNLINK_PACKET_BYTES_MAX) {
            Part::Whole(packet) => return Some(packet),
            Part::Some => {}
            Part::TooLarge => self.violated(CloseCode::TOO_LARGE),
        }
        None
    }

    /// Takes one frame; what it means for the application either comes back at once, because it
    /// borrows the frame's bytes, or waits among the notices.
    pub(in super::super) fn frame<'a>(&mut self, frame: Downlink<'a>) -> Option<Event<'a>> {
        match (&self.state, &frame) {
            (State::Joining { hello_sent_at: Some(sent_at) }, Downlink::Welcome(welcome)) => {
                self.welcome(welcome, *sent_at);
                return None;
            }
            (State::Live(_), _) | (State::Joining { .. }, Downlink::Refuse { .. }) => {}
            (State::Joining { .. }, _) => return self.violation(),
            // A late packet of a connection that is given up already.
            _ => return None,
        }
        match frame {
            Downlink::Entry { stream, offset, format, entry } => {
                return self.entry(stream, offset, format, entry);
            }
            Downlink::Ack { seq } => self.acknowledged(seq),
            Downlink::Subscribed { stream, epoch, offset } => {
                self.repositioned(stream, epoch, offset, true);
            }
            Downlink::SubscribeRefused { stream, code, reason } => {
                if self.stream_mut(stream).is_some_and(|stream| !stream.is_asked()) {
                    return self.violation();
                }
                self.end_stream(stream)?;
                return Some(Event::SubscribeRefused { stream, code, reason });
            }
            Downlink::Gap { stream, epoch, offset } => {
                self.repositioned(stream, epoch, offset, false);
            }
            Downlink::Ping { nonce } => Uplink::Pong { nonce }.encode(&mut self.control),
            Downlink::Pong { nonce } => self.pong(nonce),
            Downlink::Auth => self.fresh_credentials_wanted(),
            Downlink::GoAway { after_ms, spread_ms, reason } => {
                self.go_away(after_ms, spread_ms);
                self.quote(reason);
            }
            Downlink::Refuse { code, after_ms, reason } => self.refused(code, after_ms, reason),
            Downlink::Welcome(_) => return self.violation(),
        }
        None
    }

    fn violation<'a>(&mut self) -> Option<Event<'a>> {
        self.violated(CloseCode::VIOLATION);
        None
    }

    fn welcome(&mut self, welcome: &Welcome, hello_sent_at: Instant) {
        if !self.is_consistent(welcome) {
            self.violated(CloseCode::VIOLATION);
            return;
        }
        self.outbox.joined();
        self.outbox.hold();
        self.patience.sample(self.now.since(hello_sent_at));
        self.credentials_refused = 0;
        self.stats.connections += 1;
        self.doubtful = self.doubtful.min(welcome.accepted);
        self.outbox.window =
            Window { messages: welcome.window_messages, bytes: welcome.window_bytes };
        let heartbeat_ms = welcome.heartbeat_ms.clamp(HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX);
        self.state =
            State::Live(Live { since: self.now, liveness: Liveness::new(heartbeat_ms, self.now) });
        self.leave_at = None;
        self.resume(welcome);
        self.message_bytes_max = welcome.message_bytes.min(MESSAGE_BYTES_MAX as u64) as usize;
        self.sweep(true);
        self.outbox.one_by_one = self.is_isolating();
        self.words.clear();
        let reason = match welcome.resumption {
            Resumption::New => "connected",
            Resumption::Resumed => "resumed",
            Resumption::LostAcceptedKnown | Resumption::Lost => {
                "connected anew: the server had lost the session"
            }
        };
        self.tell_state(reason, NO_CODE);
    }

    /// Whether WELCOME fits what this client has said and knows. PROTOCOL.md C-3.
    fn is_consistent(&mut self, welcome: &Welcome) -> bool {
        let accepted = welcome.accepted;
        let first = self.outbox.acknowledged();
        let possible = accepted >= first && accepted <= self.outbox.possibly_accepted(accepted);
        let as_restarted = accepted == self.restart() - 1;
        let first = self.epoch == Epoch::NONE;
        let same = welcome.epoch == self.epoch;
        let resumed = welcome.resumption == Resumption::Resumed;
        let accepted_fits = match welcome.resumption {
            Resumption::Resumed | Resumption::LostAcceptedKnown => possible,
            Resumption::New | Resumption::Lost => as_restarted,
        };
        let epoch_fits = match welcome.resumption {
            Resumption::New => first,
            Resumption::Resumed => first || same,
            Resumption::LostAcceptedKnown | Resumption::Lost => !first && !same,
        };
        accepted_fits && epoch_fits && (!resumed || self.direct_received() <= welcome.head)
    }

    /// Goes on behind what the server has accepted. PROTOCOL.md.
    fn resume(&mut self, welcome: &Welcome) {
        let accepted_known = welcome.resumption != Resumption::Lost;
        let all_received = accepted_known && self.direct_received() >= welcome.head;
        let is_lost =
            matches!(welcome.resumption, Resumption::LostAcceptedKnown | Resumption::Lost);
        if is_lost {
            self.tell(Event::Lost { accepted_known, direct_missing: !all_received });
        } else if !Mutation::SettleOnWelcome.is_on() {
            self.replay_to = welcome.head;
        }
        if !accepted_known {
            self.doubt(welcome.accepted);
        }
        self.outbox.resume(welcome.accepted);
        self.processed = self.outbox.last_in_flight();
        if is_lost && accepted_known && !all_received {
            self.settle_through(self.processed, Some(Failure::AnswerLost));
        }
        self.epoch = welcome.epoch;
        if let Some(direct) = self.streams.first_mut() {
            if is_lost {
                direct.restart(welcome.epoch);
            } else {
                direct.adopt(welcome.epoch);
            }
        }
        self.settle_replayed();
    }

    /// Whether the server has handled the messages up to `seq` cannot be known.
    fn doubt(&mut self, seq: Seq) {
        match self.when_uncertain {
            WhenUncertain::Resend if Mutation::ForgetPossibleDuplicate.is_on() => {}
            WhenUncertain::Resend => self.outbox.mark_uncertain(),
            WhenUncertain::Fail => self.settle_through(seq, Some(Failure::OutcomeUnknown)),
        }
    }

    /// PROTOCOL.md C-6.
    fn acknowledged(&mut self, seq: Seq) {
        if seq > self.outbox.last_in_flight() {
            self.violated(CloseCode::VIOLATION);
            return;
        }
        self.processed = self.processed.max(seq);
        self.settle_replayed();
    }

    fn settle(&mut self, seq: Seq) {
        self.settle_through(self.doubtful.min(seq), Some(Failure::AnswerLost));
        self.settle_through(seq, None);
    }

    fn settle_replayed(&mut self) {
        if !self.is_replaying() {
            self.settle(self.processed);
        }
    }

    /// Whether answers that WELCOME has found are still to come.
    pub(super) fn is_replaying(&self) -> bool {
        self.direct_received() < self.replay_to
    }

    fn entry<'a>(
        &mut self,
        id: StreamId,
        offset: Offset,
        format: Format,
        entry: Entry<'a>,
    ) -> Option<Event<'a>> {
        // Unsubscribed: what was under way is dropped.
        let now = self.now;
        let Some(stream) = self.stream_mut(id) else {
            self.late_or_violating(id);
            return None;
        };
        let size = match entry {
            Entry::Message(payload) | Entry::Reply { payload, .. } => payload.len(),
            Entry::Refusal { .. } => REASON_BYTES_MAX,
        };
        let is_answer = !matches!(entry, Entry::Message(_));
        match stream.arrive(offset, size, is_answer) {
            // An answer is handled by arriving, once all before it is.
            Arrival::Fresh if is_answer => stream.handled(0, now),
            Arrival::Fresh => {}
            Arrival::Duplicate => {
                self.stats.duplicates += 1;
                return None;
            }
            Arrival::Hole => {
                self.violated_in(id);
                return None;
            }
        }
        self.stats.received += 1;
        let answered = match entry {
            Entry::Message(_) => None,
            Entry::Reply { seq, .. } | Entry::Refusal { seq, .. } => self.answered(seq),
        };
        if id == DIRECT {
            self.settle_replayed();
        }
        if let Entry::Message(payload) = entry {
            return Some(Event::Message { stream: id, offset, format, payload });
        }
        let id = answered?;
        match entry {
            Entry::Reply { payload, .. } => Some(Event::Reply { id, format, payload }),
            Entry::Refusal { code, reason, .. } if !Mutation::LoseRefusal.is_on() => {
                Some(Event::Refused { id, code, reason })
            }
            _ => None,
        }
    }

    /// An answer to message `seq` has come, which settles it; and, because messages are handled in
    /// order and answers come in order, every message before it. PROTOCOL.md C-6.
    fn answered(&mut self, seq: Seq) -> Option<MessageId> {
        if seq > self.outbox.last_in_flight() {
            return None;
        }
        self.settle(seq.saturating_sub(1));
        let (_, id) = self.outbox.remove_through(seq)?;
        Some(id)
    }

    /// A frame of a stream that is not there: late, if it has been, and a violation if it has not.
    /// PROTOCOL.md C-12.
    fn late_or_violating(&mut self, id: StreamId) {
        if id >= self.next_stream {
            self.violated(CloseCode::VIOLATION);
        }
    }

    /// SUBSCRIBED or GAP says at which position a stream goes on.
    fn repositioned(&mut self, id: StreamId, epoch: Epoch, offset: Offset, subscribed: bool) {
        let foreign = id == DIRECT && (epoch != self.epoch || offset < self.direct_received());
        let Some(stream) = self.stream_mut(id) else { return self.late_or_violating(id) };
        let has_place = if subscribed { stream.is_asked() } else { stream.is_confirmed() };
        if foreign || !has_place {
            return self.violated_in(id);
        }
        let missing = stream.reposition(epoch, offset);
        // If the log began anew the application has to learn its epoch.
        if subscribed || missing.is_some_and(|missing| missing.reset) {
            self.tell(Event::Subscribed { stream: id, epoch, offset });
        }
        let Some(missing) = missing.filter(|_| !Mutation::SkipGap.is_on()) else { return };
        self.tell(Event::Gap { stream: id, missing });
        if id == DIRECT {
            self.answers_missing();
        }
    }

    /// Entries of the direct stream are gone, and answers to whatever is in flight may have been
    /// among them. PROTOCOL.md C-7.
    fn answers_missing(&mut self) {
        if !Mutation::IgnoreLostAnswers.is_on() {
            self.doubtful = self.outbox.last_in_flight();
        }
        self.settle_replayed();
    }

    fn pong(&mut self, nonce: u64) {
        let now = self.now;
        let State::Live(live) = &mut self.state else { return };
        if let Some(millis) = live.liveness.answered(nonce, now) {
            self.patience.answered(millis);
        }
    }

    /// However often a packet asks, it gets credentials once: they are far larger than the question.
    fn fresh_credentials_wanted(&mut self) {
        if mem::replace(&mut self.credentials_wanted, true) {
            return;
        }
        if self.asks {
            self.ask_for_credentials();
        } else {
            self.put_auth();
        }
    }

    /// PROTOCOL.md C-23.
    fn go_away(&mut self, after_ms: u64, spread_ms: u64) {
        let spread = self.backoff.up_to(spread_ms.min(DELAY_MS_MAX));
        let leave_at = self.now.after(after_ms.min(DELAY_MS_MAX) + spread);
        self.not_before = Some(leave_at);
        self.leave_at = Some(leave_at);
    }

    /// PROTOCOL.md C-28.
    fn refused(&mut self, code: CloseCode, after_ms: u64, reason: &[u8]) {
        if after_ms > 0 {
            self.not_before = Some(self.now.after(after_ms.min(DELAY_MS_MAX)));
        }
        self.quote(reason);
        self.hang_up(CloseCode::NORMAL);
        self.lost_connection("refused by the server", code);
    }

    /// Keeps what the server has said, for the next change of the state or the end.
    fn quote(&mut self, words: &[u8]) {
        self.words.clear();
        self.words.extend_from_slice(words);
    }
}
