//! The reader's side of one stream: its cursor, and when to report it.

use crate::limits::{RECEIVED_BYTES, RECEIVED_DELAY_MS, RECEIVED_ENTRIES};
use crate::message::{Cursor, Epoch, Offset, Start, StreamId};
use crate::mutation::Mutation;
use crate::time::Instant;
use alloc::vec::Vec;

/// What an arriving entry is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next one.
    Fresh,
    /// One it has seen.
    Duplicate,
    /// One behind a hole: it must not be accepted.
    Hole,
}

/// Entries that can no longer be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first missing offset.
    pub from: Offset,
    /// The last missing offset; below `from` if nothing of the present epoch is missing.
    pub to: Offset,
    /// The log began anew: what followed in the old one is unknown.
    pub reset: bool,
}

/// Nothing is known and nothing received.
const BEGINNING: Cursor = Cursor { epoch: Epoch::NONE, received: 0, handled: 0 };

#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) topic: Vec<u8>,
    /// With how many of the newest entries the application asked to start, if it did, and the server
    /// has not answered yet. Until then there is no cursor.
    last: Option<u64>,
    cursor: Cursor,
    /// The server has been told of the stream on this connection.
    pub(super) announced: bool,
    /// The server has taken up reading on this connection. Before that it could not tell which
    /// incarnation of the log a report is about.
    confirmed: bool,
    /// The last entry that is the application's to handle; answers are the machine's.
    last_message: Offset,
    reported: Offset,
    /// Of the direct stream of a line with a store: up to where that knows what is handled. The server
    /// forgets what is reported, and after a crash it would be missing.
    stored: Offset,
    unreported_bytes: usize,
    /// How often something of it was a violation since the last entry.
    pub(super) violations: u32,
    /// When the oldest handled and unreported entry was handled.
    report_by: Option<Instant>,
}

impl Stream {
    pub(super) const fn new(id: StreamId, topic: Vec<u8>, start: Start) -> Self {
        let (last, cursor) = match start {
            Start::After(cursor) => (None, cursor),
            Start::Last(count) => (Some(count), BEGINNING),
        };
        Self {
            id,
            topic,
            last,
            cursor,
            announced: false,
            confirmed: id == crate::DIRECT,
            last_message: cursor.received,
            reported: 0,
            stored: Offset::MAX,
            unreported_bytes: 0,
            violations: 0,
            report_by: None,
        }
    }

    pub(super) const fn direct() -> Self {
        Self::new(crate::DIRECT, Vec::new(), Start::After(BEGINNING))
    }

    /// Where the server is to go on, for SUBSCRIBE.
    pub(super) fn start(&self) -> Start {
        match self.last {
            _ if Mutation::ForgetCursor.is_on() => Start::Last(0),
            Some(count) => Start::Last(count),
            None => Start::After(self.cursor),
        }
    }

    pub(super) const fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// A new connection, which does not know the stream yet.
    pub(super) const fn unannounce(&mut self) {
        self.announced = false;
        self.confirmed = false;
    }

    /// A new connection: HELLO or SUBSCRIBE has just told the server the cursor.
    pub(super) fn announce(&mut self) {
        self.announced = true;
        self.confirmed = self.id == crate::DIRECT;
        self.reported = self.reportable();
        self.unreported_bytes = 0;
        self.report_by = None;
    }

    /// SUBSCRIBE has left on this connection, and is not answered. PROTOCOL.md C-41.
    pub(super) const fn is_asked(&self) -> bool {
        self.announced && !self.confirmed
    }

    /// The server has taken up reading on this connection.
    pub(super) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// The server reads on behind `offset` of `epoch`; returns what this leaves out.
    ///
    /// A log that goes backward does not have what was received: it began anew, whatever it calls
    /// itself. PROTOCOL.md C-11.
    pub(super) fn reposition(&mut self, epoch: Epoch, offset: Offset) -> Option<Missing> {
        self.confirmed = true;
        let before = self.cursor;
        let is_placed = self.last.take().is_none();
        if is_placed && before.epoch == epoch && offset >= before.received {
            if offset == before.received {
                return None;
            }
            self.cursor.received = offset;
            if before.handled >= self.last_message {
                self.cursor.handled = offset;
            }
            return Some(Missing { from: before.received + 1, to: offset, reset: false });
        }
        self.cursor = Cursor { epoch, received: offset, handled: offset };
        self.last_message = 0;
        self.reported = offset;
        is_placed.then_some(Missing { from: 1, to: offset, reset: true })
    }

    /// The server has begun the log anew, from its first entry.
    pub(super) fn restart(&mut self, epoch: Epoch) {
        self.cursor = Cursor { epoch, received: 0, handled: 0 };
        self.last_message = 0;
        if self.stored() < Offset::MAX {
            self.stored = 0;
        }
        self.announce();
    }

    pub(super) const fn adopt(&mut self, epoch: Epoch) {
        self.cursor.epoch = epoch;
    }

    /// PROTOCOL.md C-10.
    pub(super) fn arrive(&mut self, offset: Offset, bytes: usize, is_answer: bool) -> Arrival {
        let cursor = &mut self.cursor;
        let is_hole = offset > cursor.received.saturating_add(1);
        if !self.confirmed || is_hole && !Mutation::AcceptEntryHole.is_on() {
            return Arrival::Hole;
        }
        if offset <= cursor.received {
            let again = Mutation::DeliverTwice.is_on();
            return if again { Arrival::Fresh } else { Arrival::Duplicate };
        }
        self.violations = 0;
        cursor.received = offset;
        if !is_answer {
            self.last_message = offset;
        }
        self.unreported_bytes += bytes;
        Arrival::Fresh
    }

    /// The application has handled everything up to `offset`.
    pub(super) fn handled(&mut self, offset: Offset, now: Instant) {
        let cursor = &mut self.cursor;
        // What follows the application's last message is answers, which need no handling.
        let all = offset.max(cursor.handled) >= self.last_message;
        let offset = if all { cursor.received } else { offset };
        if offset > cursor.handled {
            cursor.handled = offset;
            self.report_soon(now);
        }
    }

    /// Nothing is held back where no line has a store.
    const fn stored(&self) -> Offset {
        if cfg!(feature = "store") { self.stored } else { Offset::MAX }
    }

    fn report_soon(&mut self, now: Instant) {
        if self.reportable() > self.reported {
            self.report_by.get_or_insert(now.after(RECEIVED_DELAY_MS));
        }
    }

    /// What the server may be told of what is handled.
    pub(super) fn reportable(&self) -> Offset {
        let handled = self.cursor.handled;
        if Mutation::ReportBeforeStored.is_on() { handled } else { handled.min(self.stored()) }
    }

    /// When the cursor is to be reported; `now` if enough has gathered. PROTOCOL.md C-13.
    pub(super) fn report_by(&self, now: Instant) -> Option<Instant> {
        let by = self.report_by.filter(|_| self.confirmed)?;
        let much = self.reportable().saturating_sub(self.reported) >= RECEIVED_ENTRIES
            || self.unreported_bytes >= RECEIVED_BYTES;
        Some(if much { now } else { by })
    }

    /// The cursor to report, if the server does not know it; counts as reported from now on.
    pub(super) fn take_report(&mut self) -> Option<Offset> {
        self.report_by.take_if(|_| self.confirmed)?;
        self.unreported_bytes = 0;
        self.reported = self.reportable();
        Some(self.reported)
    }
}

/// What only a line with a store needs.
#[cfg(feature = "store")]
impl Stream {
    /// The direct stream of a line that has its state from a store.
    pub(super) fn restored(epoch: Epoch, offset: Offset) -> Self {
        let cursor = Cursor { epoch, received: offset, handled: offset };
        let direct = Self::new(crate::DIRECT, Vec::new(), Start::After(cursor));
        Self { stored: offset, ..direct }
    }

    /// The store of the line has what was handled up to `offset`.
    pub(super) fn stored_up_to(&mut self, offset: Offset, now: Instant) {
        self.stored = offset;
        self.report_soon(now);
    }
}
