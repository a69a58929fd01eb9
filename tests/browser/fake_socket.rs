//! The scripted WebSocket, as the tests see it: sockets are numbered in the order they opened.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/tests/browser/fake_socket.js")]
extern "C" {
    /// Puts the scripted class in the place of the browser's, with no socket yet.
    pub fn install();
    /// Whether the constructor throws, as under a security policy.
    pub fn refuse(value: bool);
    pub fn count() -> usize;
    /// The URL that it was opened with.
    pub fn url(index: usize) -> String;
    /// Host and port of the page.
    pub fn host() -> String;
    /// The errors since the last call that nothing in the page has caught.
    pub fn errors() -> String;
    /// Remembers what is drawn from the page's secure random from now on.
    #[wasm_bindgen(js_name = watchRandom)]
    pub fn watch_random();
    /// Whether exactly these bytes were drawn from it.
    #[wasm_bindgen(js_name = hasDrawn)]
    pub fn has_drawn(bytes: &[u8]) -> bool;
    pub fn protocol(index: usize) -> String;
    #[wasm_bindgen(js_name = binaryType)]
    pub fn binary_type(index: usize) -> String;
    /// The code the client closed it with; 0 if it did not.
    #[wasm_bindgen(js_name = closedWith)]
    pub fn closed_with(index: usize) -> u16;
    /// The oldest packet the client sent and nobody took.
    pub fn take(index: usize) -> Option<Vec<u8>>;
    /// Whether any of its events still reaches the client.
    pub fn listens(index: usize) -> bool;
    pub fn open(index: usize);
    pub fn deliver(index: usize, bytes: &[u8]);
    #[wasm_bindgen(js_name = deliverText)]
    pub fn deliver_text(index: usize, text: &str);
    pub fn close(index: usize, code: u16);
    /// Fires a plain event at the page.
    pub fn dispatch(kind: &str);
    #[wasm_bindgen(js_name = pageTransition)]
    pub fn page_transition(kind: &str, persisted: bool);
    #[wasm_bindgen(js_name = sleep)]
    async fn sleep_promise(millis: u32);
}

/// Lets the page run for a while: timers, microtasks, everything.
pub(crate) async fn sleep(millis: u32) {
    sleep_promise(millis).await;
}

/// Waits until `condition` holds; panics with `what` after ten seconds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        sleep(5).await;
    }
    panic!("waited in vain until {what}");
}
