//! What the page learns about its network and its life, as hints to the protocol.
//!
//! Most of it is JavaScript, which is a third of the size of the same in WebAssembly.

use js_sys::Function;
use tautline_protocol::client::Hint;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/page.js")]
extern "C" {
    fn watch(listener: &Function) -> Function;

    /// Calls a listener in a microtask.
    pub(crate) fn soon(listener: &Function);
}

/// Calls a listener with hints until it is dropped.
pub(crate) struct Page {
    stop: Function,
}

impl Page {
    pub(crate) fn watch(listener: &Function) -> Self {
        Self { stop: watch(listener) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.stop.call0(&JsValue::UNDEFINED);
    }
}

/// The hint of a code; those of closing begin at 1000.
pub(crate) const fn hint(code: u16) -> Option<Hint> {
    match code {
        1 => Some(Hint::Online),
        2 => Some(Hint::Offline),
        3 => Some(Hint::Awake),
        4 => Some(Hint::Asleep),
        5 => Some(Hint::Suspended),
        _ => None,
    }
}
