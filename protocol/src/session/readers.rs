//! All streams of a connection, with running sums: they are asked for after every event, and a client may
//! have a thousand streams.

use super::reader::Reader;
use crate::DIRECT;
use crate::message::StreamId;
use alloc::collections::BTreeMap;
#[cfg(feature = "model")]
use core::hash::{Hash, Hasher};

#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone))]
pub(super) struct Readers {
    readers: BTreeMap<StreamId, Reader>,
    held_bytes: usize,
    outstanding_bytes: usize,
}

impl Readers {
    pub(super) fn get(&self, stream: StreamId) -> Option<&Reader> {
        self.readers.get(&stream)
    }

    pub(super) fn len(&self) -> usize {
        self.readers.len()
    }

    /// How many there are beside the direct stream.
    pub(super) fn subscriptions(&self) -> usize {
        self.len() - usize::from(self.readers.contains_key(&DIRECT))
    }

    pub(super) fn insert(&mut self, stream: StreamId, reader: Reader) {
        self.remove(stream);
        self.held_bytes += reader.held_bytes();
        self.readers.insert(stream, reader);
    }

    /// Whether there was one.
    pub(super) fn remove(&mut self, stream: StreamId) -> bool {
        let removed = self.readers.remove(&stream);
        if let Some(reader) = &removed {
            self.held_bytes -= reader.held_bytes();
            self.outstanding_bytes -= reader.outstanding_bytes();
        }
        removed.is_some()
    }

    /// Changes a reader, and the sums with it; `None` if there is no such stream.
    pub(super) fn change<T>(
        &mut self,
        stream: StreamId,
        change: impl FnOnce(&mut Reader) -> T,
    ) -> Option<T> {
        let reader = self.readers.get_mut(&stream)?;
        let (held, outstanding) = (reader.held_bytes(), reader.outstanding_bytes());
        let changed = change(reader);
        self.held_bytes = self.held_bytes - held + reader.held_bytes();
        self.outstanding_bytes = self.outstanding_bytes - outstanding + reader.outstanding_bytes();
        Some(changed)
    }

    /// Memory that all of them take, in bytes.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Bytes of entries that are sent and not handled, of all streams.
    pub(super) const fn outstanding_bytes(&self) -> usize {
        self.outstanding_bytes
    }
}

/// Two states that differ in spare capacity alone are one.
#[cfg(feature = "model")]
impl Hash for Readers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.readers.hash(state);
    }
}
