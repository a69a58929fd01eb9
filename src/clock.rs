//! The page's clock and its secure random: the only time and entropy of the client.

use tautline_protocol::{Instant, Seed};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// Milliseconds since the page began, on its monotonic clock.
pub(crate) fn now() -> Instant {
    Instant::from_millis(performance_now() as u64)
}

/// What a new client is born with.
pub(crate) fn seed() -> Seed {
    let mut session = [0; 16];
    let mut random = [0; 8];
    get_random_values(&mut session);
    get_random_values(&mut random);
    Seed { session, random: u64::from_le_bytes(random) }
}
