//! The one timer of a client: at most one `setTimeout` at a time.

use js_sys::Function;
use tautline_protocol::Instant;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(wake: &Function, delay: i32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timeout: &JsValue);
}

/// A slot for one wake-up.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Instant, JsValue)>,
}

impl Timer {
    /// Sees to it that `wake` is called at `at`, or before: deadlines mostly move away, and waking
    /// once for nothing is cheaper than a new timeout with every packet.
    pub(crate) fn arm(&mut self, at: Instant, now: Instant, wake: &Function) {
        if matches!(self.armed, Some((armed, _)) if armed <= at) {
            return;
        }
        self.disarm();
        // One more millisecond: timeouts count whole ones and may fire a little early.
        let delay = i32::try_from(at.since(now).saturating_add(1)).unwrap_or(i32::MAX);
        self.armed = Some((at, set_timeout(wake, delay)));
    }

    /// The timeout has fired: there is nothing left to cancel.
    pub(crate) fn fired(&mut self) {
        self.armed = None;
    }

    /// No wake-up is wanted any more.
    pub(crate) fn disarm(&mut self) {
        if let Some((_, timeout)) = self.armed.take() {
            clear_timeout(&timeout);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.disarm();
    }
}
