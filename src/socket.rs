//! One browser WebSocket: `ArrayBuffer`s only, silent from the moment it is dropped.

use js_sys::Function;
use tautline_protocol::{CloseCode, SUBPROTOCOL};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, WebSocket};

#[wasm_bindgen(module = "/src/socket.js")]
extern "C" {
    fn listen(socket: &WebSocket, listener: Option<&Function>);
    fn transmit(socket: &WebSocket, bytes: &[u8]) -> usize;
}

/// A WebSocket that somebody listens to.
pub(crate) struct Socket(WebSocket);

impl Socket {
    /// Opens a connection to `url`; what happens to it goes to `listener`.
    ///
    /// # Errors
    /// The browser does not even try, for instance because the page's security policy forbids it.
    pub(crate) fn open(url: &str, listener: &Function) -> Result<Self, JsValue> {
        let socket = WebSocket::new_with_str(url, SUBPROTOCOL)?;
        // Blobs are read asynchronously, which would break the order of messages.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let socket = Self(socket);
        listen(&socket.0, Some(listener));
        Ok(socket)
    }

    /// Sends one binary message, unless it is empty; returns how many bytes wait to be sent.
    pub(crate) fn transmit(&self, packet: &[u8]) -> usize {
        transmit(&self.0, packet)
    }

    /// Starts the closing handshake; the browser finishes it on its own.
    pub(crate) fn close(self, code: CloseCode) {
        let _ = self.0.close_with_code(code.0);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        listen(&self.0, None);
        // On one that is closing or closed this does nothing.
        let _ = self.0.close_with_code(CloseCode::REPLACED.0);
    }
}
