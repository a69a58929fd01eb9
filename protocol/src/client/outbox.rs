//! Messages that the server has not acknowledged: bounded, ordered, ready to be sent again.

mod store;
mod withdrawal;

use super::SendError;
use crate::limits::{PACKET_BYTES, WINDOW_BYTES, WINDOW_MESSAGES};
use crate::message::Seq;
use crate::mutation::Mutation;
use crate::time::Instant;
use crate::uplink::{POSSIBLE_DUPLICATE, put_message};
use alloc::vec::Vec;
use core::mem;

/// What precedes the body of a message that shares a packet.
const HEAD_BYTES_MAX: usize = 5;

/// Names a message towards the application; counts from 1 and, unlike its [`Seq`], is given at
/// once, while the number is given at the first transmission.
pub type MessageId = u64;

/// One message as it goes on the wire, apart from its number.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
struct Stored {
    id: MessageId,
    /// 0: it is withdrawn, and holds no body any more.
    head: u8,
    /// How much of the body is the topic of a publish; the rest is the payload.
    topic: u16,
    body: Vec<u8>,
    /// If it has not been transmitted by then, it never is.
    expires_at: Option<Instant>,
}

impl Stored {
    const fn payload_length(&self) -> usize {
        self.body.len() - self.topic as usize
    }
}

/// The first `numbered` messages have been transmitted at some time and have the numbers
/// `acknowledged + 1 ..`; the first `in_flight` of them are on their way on this connection.
///
/// ```text
///     stored: | settled: gone | numbered | withdrawn | waiting, some of them withdrawn |
///                                                    ^ reach
/// ```
///
/// Nothing is moved up one by one, which would take time by the square: what is over stays, without its
/// body, and is swept out by the half, with the next input. The first that waits is not withdrawn.
#[cfg_attr(feature = "model", derive(Clone))]
pub(super) struct Outbox {
    stored: Vec<Stored>,
    gone: usize,
    reach: usize,
    /// How many are withdrawn.
    withdrawn: usize,
    bytes: usize,
    /// What it may hold; for a single message there is always room.
    messages_max: usize,
    bytes_max: usize,
    next_id: MessageId,
    acknowledged: Seq,
    numbered: usize,
    in_flight: usize,
    in_flight_bytes: usize,
    /// How many of the first were transmitted to an incarnation of the session that is lost.
    uncertain: usize,
    retransmitted: u64,
    /// When to look next for what has expired, and when that was done last.
    expires_next: Option<Instant>,
    looked_at: Instant,
    /// What may be in flight.
    pub(super) window: Window,
    /// A message is only transmitted when those before it are settled.
    pub(super) one_by_one: bool,
    /// It is not to be transmitted again; 0: there is none.
    condemned: MessageId,
    gate: store::Gate,
}

impl Outbox {
    pub(super) const fn new(messages_max: usize, bytes_max: usize) -> Self {
        Self {
            stored: Vec::new(),
            gone: 0,
            reach: 0,
            withdrawn: 0,
            bytes: 0,
            messages_max,
            bytes_max,
            next_id: 1,
            acknowledged: 0,
            numbered: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            uncertain: 0,
            retransmitted: 0,
            expires_next: None,
            looked_at: Instant::from_millis(0),
            window: Window { messages: WINDOW_MESSAGES as u64, bytes: WINDOW_BYTES as u64 },
            one_by_one: false,
            condemned: 0,
            gate: store::Gate::OPEN,
        }
    }

    fn messages(&self) -> impl Iterator<Item = &Stored> {
        self.stored.iter().skip(self.gone).filter(|message| message.head > 0)
    }

    /// One of those that have a number, or the first that waits.
    fn message(&self, index: usize) -> Option<&Stored> {
        let place = if index < self.numbered { self.gone + index } else { self.reach };
        self.stored.get(place)
    }

    pub(super) const fn len(&self) -> usize {
        self.stored.len() - self.gone - self.withdrawn
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn numbered(&self) -> usize {
        self.numbered
    }

    pub(super) const fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) const fn acknowledged(&self) -> Seq {
        self.acknowledged
    }

    /// The last number that a message in flight has.
    pub(super) const fn last_in_flight(&self) -> Seq {
        self.acknowledged + self.in_flight as u64
    }

    pub(super) const fn retransmitted(&self) -> u64 {
        self.retransmitted
    }

    pub(super) const fn settled(&self) -> u64 {
        self.acknowledged - self.skipped()
    }

    /// Puts a message behind the others, or in the place of one that was not yet transmitted: then
    /// it takes over its name, and 0 says that it is too late. Returns its name.
    ///
    /// # Errors
    /// There is no room, though for a single message and what becomes no larger there always is.
    pub(super) fn put(
        &mut self,
        place: Option<MessageId>,
        head: u8,
        body: Vec<u8>,
        topic: u16,
        expires_at: Option<Instant>,
    ) -> Result<MessageId, SendError> {
        let place = match place.map(|id| self.waiting(id)) {
            Some(None) => return Ok(0),
            place => place.flatten(),
        };
        let replaced = place.and_then(|place| self.stored.get(place));
        let before = replaced.map(|message| message.body.len());
        let after = body.len();
        let bytes = self.bytes - before.unwrap_or(0) + after;
        let others = self.len() - usize::from(before.is_some());
        let full = match before {
            Some(before) => bytes > self.bytes_max && after > before,
            None => bytes > self.bytes_max || others >= self.messages_max,
        };
        let counts = others > 0 && !self.is_restoring() && !Mutation::IgnoreOutboxLimit.is_on();
        if full && counts {
            return Err(SendError::OutboxFull);
        }
        self.bytes = bytes;
        self.expires(expires_at);
        if let Some(message) = place.and_then(|place| self.stored.get_mut(place)) {
            let id = message.id;
            *message = Stored { id, head, topic, body, expires_at };
            self.hold();
            if Mutation::ReplaceTransmitted.is_on() {
                self.recount();
            }
            return Ok(id);
        }
        let id = self.next_id;
        self.next_id += 1;
        self.stored.push(Stored { id, head, topic, body, expires_at });
        Ok(id)
    }

    /// The first message that waits gets a number.
    fn number_next(&mut self) {
        self.stored.swap(self.gone + self.numbered, self.reach);
        self.numbered += 1;
        self.reach += 1;
        self.skip_withdrawn();
    }

    fn skip_withdrawn(&mut self) {
        while self.stored.get(self.reach).is_some_and(|message| message.head == 0) {
            self.reach += 1;
        }
    }

    /// A new connection: the server has accepted everything up to `accepted`, and the rest is to be
    /// sent.
    pub(super) fn resume(&mut self, accepted: Seq) {
        if Mutation::RenumberOnResend.is_on() {
            self.acknowledged = accepted;
        }
        let count = accepted.saturating_sub(self.acknowledged);
        self.in_flight = count.min(self.numbered as u64) as usize;
        let accepted = (0..self.in_flight).filter_map(|index| self.message(index));
        self.in_flight_bytes = accepted.map(|message| message.body.len()).sum();
    }

    /// Everything transmitted and unsettled may have been handled by the lost incarnation.
    /// PROTOCOL.md R-7.
    pub(super) const fn mark_uncertain(&mut self) {
        self.uncertain = self.numbered;
    }

    /// Removes the messages up to number `seq`; returns the first and last name.
    pub(super) fn remove_through(&mut self, seq: Seq) -> Option<(MessageId, MessageId)> {
        let mut names = None;
        while self.acknowledged < seq && self.len() > 0 {
            if self.numbered == 0 {
                self.number_next();
            }
            let Some(message) = self.stored.get_mut(self.gone) else { break };
            let (first, _) = names.unwrap_or((message.id, 0));
            names = Some((first, message.id));
            let size = mem::take(&mut message.body).len();
            self.gone += 1;
            self.bytes -= size;
            self.acknowledged += 1;
            self.numbered -= 1;
            self.uncertain = self.uncertain.saturating_sub(1);
            if self.in_flight > 0 {
                self.in_flight -= 1;
                self.in_flight_bytes -= size;
            }
        }
        self.catch_up_once_settled();
        names
    }

    /// The first message is not to be transmitted again, unless the server turns out to have it.
    pub(super) fn condemn_first(&mut self) {
        self.condemned = self.message(0).map_or(0, |message| message.id);
    }

    /// Whether [`fill`](Self::fill) adds a message to a packet of so many bytes. PROTOCOL.md C-5.
    pub(super) fn has_next(&self, packet_bytes: usize) -> bool {
        let window = self.window;
        self.message(self.in_flight).is_some_and(|next| {
            let size = next.body.len();
            let expired = next.expires_at.is_some_and(|at| self.looked_at >= at);
            self.is_released(next.id)
                && (self.in_flight < self.numbered || !expired)
                && (self.in_flight as u64) < window.messages
                && (self.in_flight == 0
                    || !self.one_by_one && (self.in_flight_bytes + size) as u64 <= window.bytes)
                && (packet_bytes == 0 || packet_bytes + size + HEAD_BYTES_MAX <= PACKET_BYTES)
        })
    }

    /// Appends the next messages to a packet, up to its size and the window.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) {
        let mut packet_bytes = out.len();
        let mut goes_on = self.has_next(packet_bytes);
        while goes_on {
            let duplicate = if self.in_flight < self.uncertain { POSSIBLE_DUPLICATE } else { 0 };
            if self.in_flight < self.numbered {
                self.retransmitted += 1;
            } else {
                self.number_next();
            }
            let Some(message) = self.stored.get(self.gone + self.in_flight) else { break };
            self.in_flight += 1;
            self.in_flight_bytes += message.body.len();
            packet_bytes += message.body.len() + HEAD_BYTES_MAX;
            goes_on = self.has_next(packet_bytes);
            let low = self.last_in_flight() as u8;
            put_message(out, message.head | duplicate, Some(low), &message.body, !goes_on);
        }
    }
}

/// What may be in flight at a time.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Window {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// For the model checker: whatever does not follow from this is only shown, or how far bodies that
/// are settled have been swept out.
#[cfg(feature = "model")]
impl core::hash::Hash for Outbox {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.messages().for_each(|message| message.hash(state));
        (self.len(), self.next_id, self.acknowledged).hash(state);
        (self.numbered, self.in_flight, self.uncertain, self.window, &self.gate).hash(state);
        (self.one_by_one, self.condemned).hash(state);
    }
}
