//! Finds and gives up the one message or subscription that makes the server end every connection.
//!
//! After three connections in a row that ended with a fault, subscriptions and messages are sent one at a
//! time. What is under way alone when the next fault comes has caused it. PROTOCOL.md C-36 to C-38.

use super::{Core, Event, Live, Output, State};
use crate::DIRECT;
use crate::close::CloseCode;
use crate::limits::{FAULTS_MAX, STABLE_MS};
use crate::message::{Seq, StreamId};
use crate::mutation::Mutation;

/// No suspect. The direct stream's number serves for that: it is no subscription.
pub(super) const NOBODY: StreamId = DIRECT;
/// The suspect is the first message of the outbox. No stream has this number: there are at most 1,024.
const MESSAGE: StreamId = StreamId::MAX;
/// Why a message or a subscription is given up, for people.
pub(super) const REASON: &[u8] = b"every connection that it was sent on ended so";

/// The faults so far, and what may cause them.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(in super::super) struct Faults {
    in_a_row: u32,
    /// The highest acknowledged number when the last fault came: if it has grown since, there is progress.
    settled: Seq,
    /// What is under way alone: a subscription, [`MESSAGE`] or [`NOBODY`].
    suspect: StreamId,
    /// The code of the last one, as text.
    pub(in super::super) code: [u8; 4],
}

impl Core {
    /// Whether subscriptions and messages are sent one at a time.
    pub(super) fn is_isolating(&self) -> bool {
        self.faults.in_a_row >= FAULTS_MAX && !Mutation::NeverIsolate.is_on()
    }

    /// A connection ends with `code`. Returns whether that counts as a failure for the backoff, although
    /// the connection was live.
    pub(super) fn count_fault(&mut self, code: CloseCode) -> bool {
        let live_ms = match &self.state {
            State::Live(Live { since, .. }) => self.now.since(*since),
            _ => 0,
        };
        let is_stable = live_ms >= STABLE_MS;
        let settled = self.outbox.acknowledged();
        if is_stable && settled > self.faults.settled {
            self.faults.in_a_row = 0;
        }
        let suspect = core::mem::take(&mut self.faults.suspect);
        if code.is_fault() {
            self.faults.settled = settled;
            self.faults.in_a_row = self.faults.in_a_row.saturating_add(1);
            if self.faults.in_a_row > FAULTS_MAX && suspect != NOBODY {
                self.give_up(suspect, code);
            }
        }
        !is_stable && (code.is_fault() || code == CloseCode::INTERNAL)
    }

    /// Something of one stream is a violation; at the fourth in a row without an entry the stream ends.
    pub(super) fn violated_in(&mut self, id: StreamId) {
        let Some(stream) = self.stream_mut(id) else { return };
        stream.violations += 1;
        let is_hopeless = id != DIRECT && stream.violations > FAULTS_MAX;
        self.violated(CloseCode::VIOLATION);
        if is_hopeless {
            self.give_up(id, CloseCode::VIOLATION);
        }
    }

    fn give_up(&mut self, suspect: StreamId, code: CloseCode) {
        self.faults.in_a_row = 0;
        let mut rest = code.0;
        for digit in self.faults.code.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        if suspect == MESSAGE {
            self.outbox.condemn_first();
        } else if self.end_stream(suspect).is_some() {
            self.tell(Event::SubscribeRefused { stream: suspect, code: &[], reason: REASON });
        }
    }

    /// A fault that comes from now on is caused by `stream`.
    pub(super) const fn accuse(&mut self, stream: StreamId) {
        self.faults.suspect = stream;
    }

    /// Whether messages may go: one by one, once every subscription has had its turn.
    pub(super) fn may_send(&mut self) -> bool {
        if !self.is_isolating() {
            return true;
        }
        let asks = self.is_asking_alone() || self.streams.iter().any(|stream| !stream.announced);
        if asks || self.outbox.in_flight() > 0 {
            return false;
        }
        // What no connection has carried has ended none.
        if self.outbox.numbered() == 0 {
            self.faults.in_a_row = 0;
            self.faults.suspect = NOBODY;
            self.outbox.batch = usize::MAX;
        }
        true
    }

    /// Whether the answer to a SUBSCRIBE that went alone is still to come.
    pub(super) const fn is_asking_alone(&self) -> bool {
        !matches!(self.faults.suspect, NOBODY | MESSAGE)
    }

    /// The server has taken a SUBSCRIBE; `NOBODY`: whichever went alone.
    pub(super) fn cleared(&mut self, stream: StreamId) {
        if self.is_asking_alone() && (stream == NOBODY || stream == self.faults.suspect) {
            self.faults.suspect = NOBODY;
        }
    }

    /// Messages leave: the first one alone, then twice as many each time. If those end the connection,
    /// the next one begins with one again, and has come closer.
    pub(super) const fn count_batch(&mut self) {
        if self.outbox.batch < usize::MAX {
            self.outbox.batch = self.outbox.batch.saturating_mul(2);
            self.faults.suspect = NOBODY;
            if self.outbox.batch == 0 {
                self.outbox.batch = 1;
                self.faults.suspect = MESSAGE;
            }
        }
    }

    /// The notice of a message that is given up.
    pub(super) const fn refused_notice(id: u64) -> Output<'static> {
        Output::Event(Event::Refused { id, code: &[], reason: REASON })
    }
}
