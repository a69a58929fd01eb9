//! One browser WebSocket: `ArrayBuffer`s only, silent from the moment it is dropped.

use crate::listener::Happening;
use js_sys::{ArrayBuffer, Function, Uint8Array};
use tautline_protocol::client::Input;
use tautline_protocol::{CloseCode, SUBPROTOCOL};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type WebSocket;

    #[wasm_bindgen(constructor, catch)]
    fn new(url: &str, protocol: &str) -> Result<WebSocket, JsValue>;

    #[wasm_bindgen(method, setter, js_name = binaryType)]
    fn set_binary_type(this: &WebSocket, kind: &str);

    #[wasm_bindgen(method, setter)]
    fn set_onopen(this: &WebSocket, listener: Option<&Function>);

    #[wasm_bindgen(method, setter)]
    fn set_onmessage(this: &WebSocket, listener: Option<&Function>);

    #[wasm_bindgen(method, setter)]
    fn set_onclose(this: &WebSocket, listener: Option<&Function>);

    #[wasm_bindgen(method, catch)]
    fn send(this: &WebSocket, packet: &[u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &WebSocket, code: Option<u16>) -> Result<(), JsValue>;
}

/// A WebSocket that somebody listens to.
pub(crate) struct Socket(WebSocket);

impl Socket {
    /// Opens a connection to `url`; what happens to it goes to `listener`, see [`input`].
    ///
    /// # Errors
    /// The browser does not even try, for instance because the page's security policy forbids it.
    pub(crate) fn open(url: &str, listener: &Function) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url, SUBPROTOCOL)?;
        // Blobs are read asynchronously, which would break the order of messages.
        socket.set_binary_type("arraybuffer");
        let socket = Self(socket);
        socket.listen(Some(listener));
        Ok(socket)
    }

    /// Sends one binary message. An error means that it is closing: its close event will tell.
    pub(crate) fn send(&self, packet: &[u8]) {
        let _ = self.0.send(packet);
    }

    /// Starts the closing handshake; the browser finishes it on its own.
    pub(crate) fn close(self, code: CloseCode) {
        let _ = self.0.close(Some(code.0));
    }

    fn listen(&self, listener: Option<&Function>) {
        self.0.set_onopen(listener);
        self.0.set_onmessage(listener);
        self.0.set_onclose(listener);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.listen(None);
        // On one that is closing or closed this does nothing.
        let _ = self.0.close(None);
    }
}

/// What an event of a socket means.
pub(crate) fn input(event: &Happening) -> Input {
    if let Some(code) = event.code() {
        return Input::Closed(CloseCode(code));
    }
    match event.data().map(JsCast::dyn_into::<ArrayBuffer>) {
        Some(Ok(buffer)) => Input::Packet(Uint8Array::new(&buffer).to_vec()),
        Some(Err(_)) => Input::Text,
        None => Input::Opened,
    }
}
