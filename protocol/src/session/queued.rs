//! How much waits at the server's end of a connection.

use super::Session;

/// How much a [`Session`] holds, for those who watch over memory. Everything has a bound that
/// follows from the [`Config`](super::Config).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Messages that wait to be handled.
    pub messages: usize,
    /// Their bytes.
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
            entry_bytes: self.readers.values().map(super::Reader::outstanding_bytes).sum(),
            streams: self.readers.len(),
            control_bytes: self.control.len(),
        }
    }
}
