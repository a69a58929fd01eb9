//! What the page learns about its network and its life, as hints to the protocol.
//!
//! In a worker there is no document; the network's events come there too.

use crate::listener::Listener;
use tautline_protocol::client::Hint;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Event, EventTarget, PageTransitionEvent};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: EventTarget;

    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;
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
        for (at, (name, hint)) in EVENTS.into_iter().enumerate() {
            let Some(target) = target(at < GLOBAL_EVENTS) else { continue };
            let on_hint = on_hint.clone();
            let listener = Listener::new(move |event: Event| {
                on_hint(match hint {
                    // A page that goes into the back-forward cache must not hold a connection.
                    Hint::Suspended if !is_persisted(event) => return,
                    Hint::Awake if name == VISIBILITY && is_hidden() => Hint::Asleep,
                    _ => hint,
                });
            });
            let function = listener.as_ref().unchecked_ref();
            // Node's global object takes no listeners.
            if target.add_event_listener_with_callback(name, function).is_ok() {
                listeners.push((target, name, listener));
            }
        }
        Self { listeners }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (target, name, listener) in &self.listeners {
            let function = listener.as_ref().unchecked_ref();
            let _ = target.remove_event_listener_with_callback(name, function);
        }
    }
}

fn target(is_global: bool) -> Option<EventTarget> {
    if is_global {
        Some(GLOBAL.with(EventTarget::clone))
    } else {
        DOCUMENT.with(|document| document.clone().map(Into::into))
    }
}

fn is_hidden() -> bool {
    DOCUMENT.with(|document| document.as_ref().is_some_and(Document::hidden))
}

/// Only page transitions are asked.
fn is_persisted(event: Event) -> bool {
    event.unchecked_into::<PageTransitionEvent>().persisted()
}
