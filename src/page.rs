//! What the page learns about its network and its life, as hints to the protocol.
//!
//! In a worker there is no document; the network's events come there too.

use crate::listener::{Happening, Listener};
use js_sys::Function;
use tautline_protocol::client::Hint;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type EventTarget;

    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: EventTarget;

    #[wasm_bindgen(method, getter)]
    fn document(this: &EventTarget) -> Option<EventTarget>;

    /// Of a document.
    #[wasm_bindgen(method, getter)]
    fn hidden(this: &EventTarget) -> bool;

    /// Nothing in Node, whose global object has no events.
    #[wasm_bindgen(method, getter, js_name = addEventListener)]
    fn can_listen(this: &EventTarget) -> Option<Function>;

    #[wasm_bindgen(method, js_name = addEventListener)]
    fn add(this: &EventTarget, event: &str, listener: &Function);

    #[wasm_bindgen(method, js_name = removeEventListener)]
    fn remove(this: &EventTarget, event: &str, listener: &Function);
}

const VISIBILITY: &str = "visibilitychange";
/// Events that mean something, and what.
const EVENTS: [(&str, Hint); 7] = [
    ("online", Hint::Online),
    ("offline", Hint::Offline),
    ("pageshow", Hint::Awake),
    ("pagehide", Hint::Suspended),
    (VISIBILITY, Hint::Awake),
    ("freeze", Hint::Asleep),
    ("resume", Hint::Awake),
];
/// How many of them come to the global object; the others come to the document.
const GLOBAL_EVENTS: usize = 4;

/// Listens until it is dropped.
pub(crate) struct Page {
    listeners: Vec<(EventTarget, &'static str, Listener)>,
}

impl Page {
    pub(crate) fn watch(on_hint: impl Fn(Hint) + Clone + 'static) -> Self {
        let mut listeners = Vec::new();
        for (at, (event, hint)) in EVENTS.into_iter().enumerate() {
            let Some(target) = target(at < GLOBAL_EVENTS) else { continue };
            let on_hint = on_hint.clone();
            let listener = Listener::new(move |happening: Happening| {
                on_hint(match hint {
                    // A page that goes into the back-forward cache must not hold a connection.
                    Hint::Suspended if !happening.persisted() => return,
                    Hint::Awake if event == VISIBILITY && is_hidden() => Hint::Asleep,
                    _ => hint,
                });
            });
            target.add(event, listener.as_ref().unchecked_ref());
            listeners.push((target, event, listener));
        }
        Self { listeners }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (target, event, listener) in &self.listeners {
            target.remove(event, listener.as_ref().unchecked_ref());
        }
    }
}

fn target(is_global: bool) -> Option<EventTarget> {
    GLOBAL.with(|global| {
        if is_global { global.can_listen().map(|_| global.clone()) } else { global.document() }
    })
}

fn is_hidden() -> bool {
    target(false).is_some_and(|document| document.hidden())
}
