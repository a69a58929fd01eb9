//! What leaves for the client: control frames, entries, then the acknowledgement.

use super::{Session, State};
use crate::DIRECT;
use crate::downlink::Downlink;
use crate::limits::{FRAGMENT_BYTES, PACKET_BYTES};
use crate::message::{Offset, StreamId};
use crate::mutation::Mutation;

/// The longest ACK.
const ACK_BYTES_MAX: usize = 11;
/// The longest stream and offset of an ENTRY.
const POSITION_BYTES_MAX: usize = 15;

impl Session {
    /// Writes the next WebSocket message: a packet or a part of one, with PINGs and PONGs between.
    /// Nothing else overtakes a packet: neither GAP nor ACK may. PROTOCOL.md F-14, F-15.
    pub(super) fn fill_message(&mut self) {
        match self.state {
            State::Live => self.urgent.take_into(&mut self.outbound),
            State::Ending(_) => {
                self.control.take_into(&mut self.outbound);
                return;
            }
            _ => return,
        }
        if !self.outbound.is_empty() {
            return;
        }
        if self.leaving.is_empty() {
            self.fill_packet();
            if self.outbound.len() > FRAGMENT_BYTES {
                self.leaving.split(&mut self.outbound);
            }
        } else {
            self.leaving.put_next(&mut self.outbound);
        }
    }

    fn fill_packet(&mut self) {
        self.control.take_into(&mut self.outbound);
        if !self.control.is_empty() {
            return;
        }
        let (count, bytes) = self.entries_that_fit();
        if count > 0 {
            self.outbound.reserve(bytes);
        }
        let complete = count == self.entries.len();
        // An acknowledgement must not overtake the answers before it.
        let delivered = match self.readers.get(DIRECT) {
            _ if Mutation::AcknowledgeBeforeAnswer.is_on() => Offset::MAX,
            Some(direct) if complete => direct.sent(),
            _ => 0,
        };
        let acknowledged = if complete { self.acknowledgement.take(delivered) } else { None };
        let mut previous = None;
        for left in (0..count).rev() {
            let Some((stream, offset, entry)) = self.entries.pop() else { break };
            let continues = previous == Some((stream, offset - 1));
            let position = if continues { None } else { Some((stream, offset)) };
            let last = left == 0 && acknowledged.is_none();
            entry.put(&mut self.outbound, position, last);
            previous = Some((stream, offset));
        }
        if let Some(seq) = acknowledged {
            Downlink::Ack { seq }.encode(&mut self.outbound);
        }
    }

    /// How many entries fit into the packet, and the most bytes that they and an ACK add to it. An entry
    /// that is too large for any packet goes alone, so that nothing has to wait for its parts.
    fn entries_that_fit(&self) -> (usize, usize) {
        let (mut count, mut bytes) = (0, ACK_BYTES_MAX);
        for size in self.entries.sizes() {
            let more = bytes + size + POSITION_BYTES_MAX;
            let is_alone = count == 0 && self.outbound.is_empty();
            if self.outbound.len() + more > PACKET_BYTES && !is_alone {
                break;
            }
            (count, bytes) = (count + 1, more);
        }
        (count, bytes)
    }

    /// Writes what waits of a stream ahead of a control frame that must not overtake it.
    pub(super) fn flush_entries_of(&mut self, stream: StreamId) {
        let control = &mut self.control;
        self.entries.remove(stream, |offset, entry| {
            entry.put(control.packet(), Some((stream, offset)), false);
        });
    }
}
