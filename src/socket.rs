//! One browser WebSocket: owned closures, `ArrayBuffer`s only, silent from the moment it is dropped.

use js_sys::{ArrayBuffer, Uint8Array};
use tautline_protocol::client::Input;
use tautline_protocol::{CloseCode, SUBPROTOCOL};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

/// A WebSocket and the closures that listen to it.
pub(crate) struct Socket {
    web_socket: WebSocket,
    _listener: Closure<dyn Fn(Event)>,
}

impl Socket {
    /// Opens a connection to `url`; what happens to it goes to `on_input`.
    ///
    /// # Errors
    /// The browser does not even try, for instance because the page's security policy forbids it.
    pub(crate) fn open(url: &str, on_input: impl Fn(Input) + 'static) -> Result<Self, JsValue> {
        let web_socket = WebSocket::new_with_str(url, SUBPROTOCOL)?;
        // Blobs are read asynchronously, which would break the order of messages.
        web_socket.set_binary_type(BinaryType::Arraybuffer);
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| on_input(input(event)));
        let function = Some(listener.as_ref().unchecked_ref());
        web_socket.set_onopen(function);
        web_socket.set_onmessage(function);
        web_socket.set_onclose(function);
        Ok(Self { web_socket, _listener: listener })
    }

    /// Sends one binary message. An error means that it is closing: its close event will tell.
    pub(crate) fn send(&self, packet: &[u8]) {
        let _ = self.web_socket.send_with_u8_array(packet);
    }

    /// Starts the closing handshake; the browser finishes it on its own.
    pub(crate) fn close(self, code: CloseCode) {
        let _ = self.web_socket.close_with_code(code.0);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.web_socket.set_onopen(None);
        self.web_socket.set_onmessage(None);
        self.web_socket.set_onclose(None);
        // On one that is closing or closed this does nothing.
        let _ = self.web_socket.close();
    }
}

fn input(event: Event) -> Input {
    let event = match event.dyn_into::<MessageEvent>() {
        Ok(message) => {
            return match message.data().dyn_into::<ArrayBuffer>() {
                Ok(buffer) => Input::Packet(Uint8Array::new(&buffer).to_vec()),
                Err(_) => Input::Text,
            };
        }
        Err(event) => event,
    };
    match event.dyn_into::<CloseEvent>() {
        Ok(close) => Input::Closed(CloseCode(close.code())),
        Err(_) => Input::Opened,
    }
}
