//! A PONG that nobody has asked for: whoever sends something large hears that the other end is there,
//! however slowly the line carries it.

use crate::limits::{LIFE_SIGN_BYTES, LIFE_SIGN_MS};
use crate::mutation::Mutation;
use crate::uplink::Uplink;
use alloc::vec::Vec;

/// Appends one. PINGs count from 1, so that it answers none of them.
pub(crate) fn put(out: &mut Vec<u8>) {
    Uplink::Pong { nonce: 0 }.encode(out);
}

/// Whether an end that has received a WebSocket message of so many bytes, and has sent nothing for so
/// long, is to send one. PROTOCOL.md R-13.
pub(crate) fn is_due(bytes: usize, unsent_ms: u64) -> bool {
    bytes >= LIFE_SIGN_BYTES && unsent_ms >= LIFE_SIGN_MS && !Mutation::ReceiveInSilence.is_on()
}
