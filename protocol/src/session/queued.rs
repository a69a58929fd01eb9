//! How much waits at the server's end of a connection, and what it takes.

use super::{Notice, Session};
use core::mem::size_of;

/// How much a [`Session`] holds, for those who watch over memory. Everything has a bound that
/// follows from the [`Config`](super::Config).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Messages that wait to be handled.
    pub messages: usize,
    /// Bytes of their topics and payloads.
    pub message_bytes: usize,
    /// Entries that wait to be sent.
    pub entries: usize,
    /// Bytes of entries that wait, or are sent and not yet handled.
    pub entry_bytes: usize,
    /// Streams read, the direct one among them.
    pub streams: usize,
    /// Bytes of control frames that wait to be sent.
    pub control_bytes: usize,
}

impl Session {
    /// How much waits here.
    #[must_use]
    pub fn queued(&self) -> Queued {
        let (messages, message_bytes) = self.inbox.waiting();
        Queued {
            messages,
            message_bytes,
            entries: self.entries.len(),
            entry_bytes: self.readers.outstanding_bytes(),
            streams: self.readers.len(),
            control_bytes: self.control.bytes() + self.urgent.bytes(),
        }
    }

    /// Memory that everything in here takes, in bytes, with the capacity that is kept for more.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let topics = self.notices.iter().map(|notice| match notice {
            Notice::Subscribe { topic, .. } => topic.capacity(),
            Notice::Join(hello) => hello.credentials.len(),
            _ => 0,
        });
        let notices = self.notices.capacity() * size_of::<Notice>() + topics.sum::<usize>();
        let credentials = self.fresh_credentials.as_ref().map_or(0, bytes::Bytes::len);
        let entries = self.readers.held_bytes() + self.entries.held_bytes();
        let control = self.control.held_bytes() + self.urgent.held_bytes();
        let parts = self.leaving.held_bytes() + self.arriving.held_bytes();
        let packets = control + self.outbound.capacity() + parts;
        notices + credentials + self.inbox.held_bytes() + entries + packets
    }

    /// Releases the memory of packets that have left. The queues release theirs when they are empty.
    pub(super) fn give_back(&mut self) {
        self.notices.shrink_to_fit();
        self.outbound = alloc::vec::Vec::new();
        self.control.give_back();
        self.urgent.give_back();
    }
}
