//! The one closure of a line: its sockets, the page and its microtasks all call it.

use crate::page;
use js_sys::Uint8Array;
use tautline_protocol::CloseCode;
use tautline_protocol::client::Input;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An event of a WebSocket, a hint of the page, or undefined from a microtask.
    pub(crate) type Call;

    /// A message's `ArrayBuffer` or string; undefined with anything else.
    #[wasm_bindgen(method, getter)]
    fn data(this: &Call) -> JsValue;
    /// The code of a close event or a hint.
    #[wasm_bindgen(method, getter)]
    fn code(this: &Call) -> Option<u16>;
}

/// Every kind of closure costs wasm and JavaScript, and so does every single one.
pub(crate) type Listener = Closure<dyn Fn(Call)>;

/// What a call means.
pub(crate) fn input(call: &Call) -> Input {
    if call.is_undefined() {
        return Input::Woke;
    }
    let data = call.data();
    if data.is_string() {
        return Input::Text;
    }
    if !data.is_undefined() {
        return Input::Packet(Uint8Array::new(&data).to_vec());
    }
    match call.code() {
        None => Input::Opened,
        Some(code) => match page::hint(code) {
            Some(hint) => Input::Hint(hint),
            None => Input::Closed(CloseCode(code)),
        },
    }
}
