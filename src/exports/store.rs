//! Lines with a store: in the wasm of durable lines alone. `pkg-template/keeper.js` has these numbers
//! too.

use tautline_protocol::Epoch;
use tautline_protocol::client::{Client, Saved};
use wasm_bindgen::prelude::*;

/// The line has a store: a session's name, what the last note of idleness came with in an earlier
/// life, and how many of the messages to come are from there.
pub(super) const RESTORE: u8 = 21;
/// The store has everything up to a message, as it was when idleness was noted with this.
pub(super) const RELEASE: u8 = 22;

/// That this is here says that lines may have a store.
#[wasm_bindgen]
pub fn stores() {}

pub(super) fn restore(
    client: &mut Client,
    session: &[u8],
    connection: f64,
    saved: &[u8],
    count: f64,
) {
    let session = session.try_into().unwrap_or_default();
    client.restore(session, connection as u64, &saved_from(saved), count as usize);
}

pub(super) fn release(client: &mut Client, through: f64, saved: &[u8]) {
    client.release(through as u64, &saved_from(saved));
}

/// What a store has to keep.
pub(super) fn saved(client: &Client) -> [u64; 7] {
    let Saved { epoch, acknowledged, transmitted, uncertain, doubtful, direct, holds } =
        client.saved();
    [epoch.0, acknowledged, transmitted, uncertain, doubtful, direct, holds]
}

fn saved_from(bytes: &[u8]) -> Saved {
    let mut numbers = [0; 7];
    for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    let [epoch, acknowledged, transmitted, uncertain, doubtful, direct, holds] = numbers;
    let epoch = Epoch(epoch);
    Saved { epoch, acknowledged, transmitted, uncertain, doubtful, direct, holds }
}
