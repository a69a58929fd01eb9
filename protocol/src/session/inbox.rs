//! Messages that have arrived and wait to be handled: exactly the next one is accepted.

use super::{Format, Kind, Seq};
use crate::uplink::Message;
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::Bytes;

/// A message to handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its number; `None` if it is volatile: handled at most once, and not acknowledged.
    pub seq: Option<Seq>,
    /// What to do with it.
    pub kind: Kind,
    /// What the payload is.
    pub format: Format,
    /// A lost incarnation of the session may have handled it before.
    pub possible_duplicate: bool,
    /// The topic of a publish; empty else.
    pub topic: String,
    /// The application's bytes; they share the packet's memory.
    pub payload: Bytes,
}

/// What an arriving message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Duplicate,
    /// It is volatile, and too much waits before it.
    Dropped,
    /// It leaves a hole, or is over the window: the client broke the rules.
    Violation,
}

#[derive(Default)]
pub(super) struct Inbox {
    /// The highest number accepted.
    accepted: Seq,
    waiting: VecDeque<Incoming>,
    waiting_bytes: usize,
}

impl Inbox {
    pub(super) const fn start_after(&mut self, accepted: Seq) {
        self.accepted = accepted;
    }

    /// Takes a message if it is the next. `payload` is its payload as part of the packet.
    pub(super) fn accept(
        &mut self,
        message: &Message<'_>,
        payload: Bytes,
        config: &super::Config,
    ) -> Verdict {
        let crowded = self.waiting.len() >= config.window_messages
            || (self.waiting_bytes > 0 && self.waiting_bytes + payload.len() > config.window_bytes);
        let seq = match message.seq_low {
            // Volatile messages give way: they are outside the window that the client keeps to.
            None if crowded => return Verdict::Dropped,
            None => None,
            Some(low) => match nearest(self.accepted + 1, low) {
                Some(seq) if seq == self.accepted + 1 => Some(seq),
                Some(seq) if seq <= self.accepted => return Verdict::Duplicate,
                _ => return Verdict::Violation,
            },
        };
        if let Some(seq) = seq {
            if crowded {
                return Verdict::Violation;
            }
            self.accepted = seq;
        }
        self.waiting_bytes += payload.len();
        self.waiting.push_back(Incoming {
            seq,
            kind: message.kind,
            format: message.format,
            possible_duplicate: message.possible_duplicate,
            topic: message.topic.into(),
            payload,
        });
        Verdict::Accepted
    }

    pub(super) fn take(&mut self) -> Option<Incoming> {
        let message = self.waiting.pop_front()?;
        self.waiting_bytes -= message.payload.len();
        Some(message)
    }
}

/// The number whose low byte is `low` and which is nearest to `expected` (as QUIC decodes packet
/// numbers, RFC 9000, A.3); `None` below the first number.
fn nearest(expected: Seq, low: u8) -> Option<Seq> {
    let distance = low.wrapping_sub(expected as u8) as i8;
    expected.checked_add_signed(distance.into()).filter(|seq| *seq > 0)
}
