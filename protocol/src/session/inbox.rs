//! Messages that have arrived and wait to be handled: exactly the next one is accepted.

use super::{Format, Kind, Seq};
use crate::mutation::Mutation;
use crate::uplink::Message;
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::Bytes;
use core::mem::size_of;

/// What an allocator takes for a message beside its bytes: a topic and a payload of their own.
const ALLOCATIONS_BYTES: usize = 32;

/// A message to handle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The application's bytes. Large ones share their packet's memory.
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
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Inbox {
    /// The highest number accepted.
    pub(super) accepted: Seq,
    waiting: VecDeque<Incoming>,
    numbered: Load,
    volatile: Load,
}

/// How much waits.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
struct Load {
    messages: usize,
    bytes: usize,
}

impl Load {
    /// Whether another message of `size` bytes is over the window.
    fn is_full(&self, size: usize, config: &super::Config) -> bool {
        self.messages >= config.window_messages
            || (self.bytes > 0 && self.bytes + size > config.window_bytes)
    }
}

impl Inbox {
    pub(super) const fn start_after(&mut self, accepted: Seq) {
        self.accepted = accepted;
    }

    /// Takes a message if it is the next. `payload` is its payload as part of the packet.
    /// PROTOCOL.md S-6, S-18, S-19.
    pub(super) fn accept(
        &mut self,
        message: &Message<'_>,
        payload: Bytes,
        config: &super::Config,
    ) -> Verdict {
        let size = message.topic.len() + payload.len();
        let seq = match message.seq_low {
            // Volatile messages are outside the window that the client keeps to.
            None if self.volatile.is_full(size, config) => return Verdict::Dropped,
            None => None,
            Some(low) => match nearest(self.accepted, low) {
                Some(seq) if seq <= self.accepted && !Mutation::ForgetDuplicate.is_on() => {
                    return Verdict::Duplicate;
                }
                Some(seq)
                    if seq.saturating_sub(self.accepted) > 1 && !Mutation::AcceptHole.is_on() =>
                {
                    return Verdict::Violation;
                }
                Some(_) if self.numbered.is_full(size, config) => return Verdict::Violation,
                Some(seq) => Some(seq),
                None => return Verdict::Violation,
            },
        };
        if let Some(seq) = seq {
            self.accepted = seq;
        }
        let load = self.load(seq);
        load.messages += 1;
        load.bytes += size;
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
        if Mutation::HandleOutOfOrder.is_on() {
            self.waiting.make_contiguous().reverse();
        }
        let message = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        let load = self.load(message.seq);
        load.messages -= 1;
        load.bytes -= message.topic.len() + message.payload.len();
        Some(message)
    }

    /// Drops the messages that wait: none of them will be handled.
    pub(super) fn clear(&mut self) {
        *self = Self { accepted: self.accepted, ..Self::default() };
    }

    /// How many messages wait, of how many bytes.
    pub(super) const fn waiting(&self) -> (usize, usize) {
        let (numbered, volatile) = (&self.numbered, &self.volatile);
        (numbered.messages + volatile.messages, numbered.bytes + volatile.bytes)
    }

    /// Memory that they take, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let (messages, bytes) = self.waiting();
        self.waiting.capacity() * size_of::<Incoming>() + messages * ALLOCATIONS_BYTES + bytes
    }

    const fn load(&mut self, seq: Option<Seq>) -> &mut Load {
        if seq.is_some() { &mut self.numbered } else { &mut self.volatile }
    }
}

/// The number whose low byte is `low` and which is nearest to the one behind `accepted` (as QUIC
/// decodes packet numbers, RFC 9000, A.3); `None` outside of what numbers there are.
/// PROTOCOL.md F-8.
fn nearest(accepted: Seq, low: u8) -> Option<Seq> {
    let expected = accepted.checked_add(1)?;
    let distance = low.wrapping_sub(expected as u8) as i8;
    expected.checked_add_signed(distance.into()).filter(|seq| *seq > 0)
}
