//! What has really happened on the server, whatever anybody was told.

use std::collections::BTreeMap;
use tautline_protocol::client::MessageId;
use tautline_protocol::{Epoch, Offset, Seq};

/// A message that was handled.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Handled {
    /// In which incarnation of the session.
    pub epoch: Epoch,
    /// By which number.
    pub seq: Seq,
    /// Which message.
    pub message: MessageId,
}

/// An entry that a log has held at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A message to whoever reads.
    Message(u8),
    /// The answer to a message of the client.
    Answer(MessageId),
}

/// The course of things on the server.
#[derive(Clone, Debug, Default, Hash)]
pub struct Truth {
    /// Every message handled, in order.
    pub journal: Vec<Handled>,
    /// Everything that logs have held, by their incarnation.
    logs: BTreeMap<Epoch, Vec<Item>>,
    /// The server has lost sessions: all that it knew, or all but tombstones.
    pub lost_sessions: bool,
    /// It has lost tombstones, too.
    pub lost_all: bool,
}

impl Truth {
    /// A log got an entry.
    pub fn append(&mut self, epoch: Epoch, item: Item) {
        self.logs.entry(epoch).or_default().push(item);
    }

    /// What stands at an offset of a log, or stood there.
    #[must_use]
    pub fn item(&self, epoch: Epoch, offset: Offset) -> Option<Item> {
        let index = usize::try_from(offset.checked_sub(1)?).ok()?;
        self.logs.get(&epoch)?.get(index).copied()
    }

    /// Whether a log has held messages behind `after` and before `before`.
    #[must_use]
    pub fn has_messages(&self, epoch: Epoch, after: Offset, before: Offset) -> bool {
        let log = self.logs.get(&epoch).map(Vec::as_slice).unwrap_or_default();
        let within = |offset: &Offset| *offset > after && *offset < before;
        (1..).zip(log).any(|(offset, item)| within(&offset) && matches!(item, Item::Message(_)))
    }

    /// Whether a message has been handled.
    #[must_use]
    pub fn is_handled(&self, message: MessageId) -> bool {
        self.journal.iter().any(|handled| handled.message == message)
    }

    /// Whether a message has been handled again.
    #[must_use]
    pub fn has_repetition(&self) -> bool {
        self.journal.windows(2).any(|pair| matches!(pair, [a, b] if b.message <= a.message))
    }

    /// Notes that a message is handled; false if this breaks the order or is once too often.
    /// `skipped` says whether the application was told that a message may never be handled.
    #[must_use]
    pub fn handle(
        &mut self,
        handled: Handled,
        possible_duplicate: bool,
        skipped: impl Fn(MessageId) -> bool,
    ) -> bool {
        let Handled { epoch, seq, message } = handled;
        let again = self.is_handled(message);
        let last = self.journal.iter().rev().find(|before| before.epoch == epoch);
        let follows = last.is_none_or(|last| seq == last.seq + 1 && message > last.message);
        let before = (1..message).all(|earlier| self.is_handled(earlier) || skipped(earlier));
        let newest = self.journal.iter().all(|handled| handled.message < message);
        self.journal.push(handled);
        // Only what a lost incarnation may have handled may be handled again, and says so.
        let once = if again { possible_duplicate } else { newest };
        follows && before && once && (self.lost_all || !possible_duplicate)
    }
}
