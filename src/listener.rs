//! The one kind of closure that the browser calls, and what it hands over.

use js_sys::Object;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An event of any kind; nothing at all from a timer or a microtask, which have none.
    pub(crate) type Happening;

    /// What has arrived; with messages only.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Happening) -> Option<Object>;

    /// How a socket was closed; then only.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn code(this: &Happening) -> Option<u16>;

    /// Whether the page goes into the back-forward cache; false with all but its events.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn persisted(this: &Happening) -> bool;
}

/// Every kind of closure costs wasm and JavaScript, so there is only one.
pub(crate) type Listener = Closure<dyn Fn(Happening)>;
