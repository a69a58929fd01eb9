//! A PONG that answers no PING. An end that receives a large message sends it, so that the sender knows on a
//! slow line that the other end is still there.

use crate::limits::{LIFE_SIGN_BYTES, LIFE_SIGN_MS};
use crate::mutation::Mutation;
use crate::uplink::Uplink;
use alloc::vec::Vec;

/// Appends such a PONG, with nonce 0. PINGs have nonces from 1 on.
pub(crate) fn put(out: &mut Vec<u8>) {
    Uplink::Pong { nonce: 0 }.encode(out);
}

/// Whether an end that has received a WebSocket message of so many bytes, and has sent nothing for so
/// long, is to send one. PROTOCOL.md R-13.
pub(crate) fn is_due(bytes: usize, unsent_ms: u64) -> bool {
    bytes >= LIFE_SIGN_BYTES && unsent_ms >= LIFE_SIGN_MS && !Mutation::ReceiveInSilence.is_on()
}
