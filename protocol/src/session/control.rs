//! Control frames that wait to be sent, in packets of a bounded size.

use crate::downlink::Downlink;
use crate::limits::{FRAGMENT_BYTES, PACKET_BYTES};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

/// The longest PING or PONG: a packet of them is never larger than a fragment.
const PONG_BYTES_MAX: usize = 11;

/// Frames in the order in which they leave. PROTOCOL.md F-10.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Control {
    full: VecDeque<Vec<u8>>,
    /// Behind those that are full, the packet that more is put into.
    last: Vec<u8>,
}

impl Control {
    /// Adds a frame behind the others.
    pub(super) fn put(&mut self, frame: &Downlink<'_>) {
        frame.encode(self.packet());
    }

    /// Adds a frame, WELCOME, in front of all others that wait. If the first packet has no room for it, the frame
    /// becomes a packet of its own: WELCOME must not travel in fragments. PROTOCOL.md F-14.
    pub(super) fn put_first(&mut self, frame: &Downlink<'_>) {
        let mut packet = Vec::new();
        frame.encode(&mut packet);
        let first = self.full.front_mut().unwrap_or(&mut self.last);
        if packet.len() + first.len() > FRAGMENT_BYTES {
            self.full.push_front(packet);
        } else {
            packet.append(first);
            *first = packet;
        }
    }

    /// The packet that the next frame goes into.
    pub(super) fn packet(&mut self) -> &mut Vec<u8> {
        if self.last.len() + PONG_BYTES_MAX > PACKET_BYTES {
            self.full.push_back(mem::take(&mut self.last));
        }
        &mut self.last
    }

    /// Takes the next packet, in exchange for one that is empty.
    pub(super) fn take_into(&mut self, empty: &mut Vec<u8>) {
        match self.full.pop_front() {
            Some(packet) => *empty = packet,
            None => mem::swap(empty, &mut self.last),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// Whether the next frame would begin another packet.
    pub(super) fn is_congested(&self) -> bool {
        self.last.len() + PONG_BYTES_MAX > PACKET_BYTES || !self.full.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.packets().map(Vec::len).sum()
    }

    /// Memory that they take.
    pub(super) fn held_bytes(&self) -> usize {
        self.packets().map(Vec::capacity).sum()
    }

    pub(super) fn give_back(&mut self) {
        self.full.shrink_to_fit();
        self.last.shrink_to_fit();
    }

    fn packets(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.full.iter().chain([&self.last])
    }
}
