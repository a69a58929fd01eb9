//! Entries that wait to be sent, of all streams, in the order in which they leave.

use crate::downlink::EncodedEntry;
use crate::message::{Offset, StreamId};
use alloc::collections::VecDeque;
use core::mem::size_of;

#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Backlog {
    entries: VecDeque<(StreamId, Offset, EncodedEntry)>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn push(&mut self, stream: StreamId, offset: Offset, entry: EncodedEntry) {
        self.bytes += entry.size();
        self.entries.push_back((stream, offset, entry));
    }

    pub(super) fn pop(&mut self) -> Option<(StreamId, Offset, EncodedEntry)> {
        let next = self.entries.pop_front()?;
        self.bytes -= next.2.size();
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        Some(next)
    }

    /// Removes all entries of one stream, and calls `removed` with each, in order.
    pub(super) fn remove(
        &mut self,
        stream: StreamId,
        mut removed: impl FnMut(Offset, &EncodedEntry),
    ) {
        let bytes = &mut self.bytes;
        self.entries.retain(|(of, offset, entry)| {
            if *of == stream {
                *bytes -= entry.size();
                removed(*offset, entry);
            }
            *of != stream
        });
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|(_, _, entry)| entry.size())
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Memory that they take, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<(StreamId, Offset, EncodedEntry)>() + self.bytes
    }
}
