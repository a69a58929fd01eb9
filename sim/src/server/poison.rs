//! Something in front of the server takes some messages for faults, and ends each connection that
//! carries one.

use tautline_protocol::limits::MESSAGE_BYTES_MAX;
use tautline_protocol::uplink::{Frames, Uplink};

/// What the payload of such a message begins with.
pub(crate) const POISON: &[u8] = b"poison";

/// What stands before the first such message of a packet, if it has one.
pub(super) fn before_poison(packet: &[u8]) -> Option<Vec<u8>> {
    let mut before = Vec::new();
    for frame in Frames::new(packet, MESSAGE_BYTES_MAX).flatten() {
        if matches!(frame, Uplink::Message(message) if message.payload.starts_with(POISON)) {
            return Some(before);
        }
        frame.encode(&mut before);
    }
    None
}
