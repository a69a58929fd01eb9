//! The one kind of closure that events call.

use wasm_bindgen::prelude::*;

pub(crate) use web_sys::Event;

/// Every kind of closure costs wasm and JavaScript, so there is only one. A microtask calls it too,
/// with no event at all.
pub(crate) type Listener = Closure<dyn Fn(Event)>;
