//! Finds and gives up the one message or subscription that makes the server end every connection.
//!
//! After three connections in a row that ended with a fault, subscriptions and messages are sent one at a
//! time. What is under way alone when the next fault comes has caused it. PROTOCOL.md C-36 to C-38.

use super::{Core, Event, Live, State, Stream};
use crate::DIRECT;
use crate::close::CloseCode;
use crate::limits::{FAULTS_MAX, STABLE_MS};
use crate::message::{Seq, StreamId};
use crate::mutation::Mutation;

/// Why a message or a subscription is given up, for people.
pub(super) const REASON: &[u8] = b"every connection that it was sent on ended so";

/// The faults so far.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(in super::super) struct Faults {
    in_a_row: u32,
    /// The highest acknowledged number when the last fault came: if it has grown since, there is progress.
    settled: Seq,
    /// The code of the last one for which something was given up, as text.
    pub(in super::super) code: [u8; 4],
}

impl Core {
    /// Whether subscriptions and messages are sent one at a time.
    pub(super) fn is_isolating(&self) -> bool {
        self.faults.in_a_row >= FAULTS_MAX && !Mutation::NeverIsolate.is_on()
    }

    /// How long the connection is live.
    pub(super) fn live_ms(&self) -> u64 {
        match &self.state {
            State::Live(Live { since, .. }) => self.now.since(*since),
            _ => 0,
        }
    }

    /// The server ends the connection with a fault.
    pub(super) fn count_fault(&mut self, code: CloseCode) {
        if self.is_isolating() {
            return self.give_up_suspect(code);
        }
        let settled = self.outbox.acknowledged();
        if self.live_ms() >= STABLE_MS && settled > self.faults.settled {
            self.faults.in_a_row = 0;
        }
        self.faults.settled = settled;
        self.faults.in_a_row += 1;
    }

    /// Something of one stream is a violation; at the fourth in a row without an entry the stream ends.
    pub(super) fn violated_in(&mut self, id: StreamId) {
        let Some(stream) = self.stream_mut(id) else { return };
        stream.violations += 1;
        let is_hopeless = id != DIRECT && stream.violations > FAULTS_MAX;
        self.violated(CloseCode::VIOLATION);
        if is_hopeless {
            self.give_up_stream(id, CloseCode::VIOLATION);
        }
    }

    /// Before WELCOME nothing is under way alone.
    fn give_up_suspect(&mut self, code: CloseCode) {
        if !matches!(self.state, State::Live(_)) {
            return;
        }
        if let Some(stream) = self.streams.iter().find(|stream| stream.is_asked()) {
            let id = stream.id;
            self.give_up_stream(id, code);
        } else if self.outbox.in_flight() > 0 {
            self.outbox.condemn_first();
            self.give_up(code);
        }
    }

    fn give_up_stream(&mut self, stream: StreamId, code: CloseCode) {
        self.end_stream(stream);
        self.tell(Event::SubscribeRefused { stream, code: &[], reason: REASON });
        self.give_up(code);
    }

    fn give_up(&mut self, code: CloseCode) {
        self.faults.in_a_row = 0;
        let mut rest = code.0;
        for digit in self.faults.code.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// Whether messages may go: one by one, once every subscription has had its turn.
    pub(super) fn may_send(&mut self) -> bool {
        if !self.is_isolating() {
            return true;
        }
        if self.outbox.in_flight() > 0 || !self.streams.iter().all(Stream::is_confirmed) {
            return false;
        }
        // What no connection has carried has ended none.
        if self.outbox.numbered() == 0 {
            self.faults.in_a_row = 0;
            self.outbox.one_by_one = false;
        }
        true
    }
}
