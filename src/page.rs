//! What the page learns about its network and its life, as hints to the protocol.
//!
//! In a worker there is no document; the network's events come there too.

use js_sys::Function;
use tautline_protocol::client::Hint;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget, PageTransitionEvent};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: EventTarget;

    #[wasm_bindgen(extends = EventTarget)]
    type Document;

    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;

    #[wasm_bindgen(method, getter)]
    fn hidden(this: &Document) -> bool;
}

const GLOBAL_EVENTS: [&str; 4] = ["online", "offline", "pageshow", "pagehide"];
const DOCUMENT_EVENTS: [&str; 3] = ["visibilitychange", "freeze", "resume"];

/// Listens until it is dropped.
pub(crate) struct Page {
    listener: Closure<dyn Fn(Event)>,
}

impl Page {
    pub(crate) fn watch(on_hint: impl Fn(Hint) + 'static) -> Self {
        let page = Self {
            listener: Closure::new(move |event: Event| {
                if let Some(hint) = hint(&event) {
                    on_hint(hint);
                }
            }),
        };
        page.each(|target, event, listener| {
            let _ = target.add_event_listener_with_callback(event, listener);
        });
        page
    }

    fn each(&self, act: impl Fn(&EventTarget, &str, &Function)) {
        let listener = self.listener.as_ref().unchecked_ref();
        GLOBAL.with(|global| {
            // Node has no events of its global object.
            if global.has_type::<EventTarget>() {
                GLOBAL_EVENTS.iter().for_each(|event| act(global, event, listener));
            }
        });
        DOCUMENT.with(|document| {
            if let Some(document) = document {
                DOCUMENT_EVENTS.iter().for_each(|event| act(document, event, listener));
            }
        });
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.each(|target, event, listener| {
            let _ = target.remove_event_listener_with_callback(event, listener);
        });
    }
}

fn hint(event: &Event) -> Option<Hint> {
    Some(match event.type_().as_str() {
        "online" => Hint::Online,
        "offline" => Hint::Offline,
        "freeze" => Hint::Asleep,
        // A page that goes into the back-forward cache must not hold a connection.
        "pagehide" => {
            event.dyn_ref::<PageTransitionEvent>()?.persisted().then_some(Hint::Suspended)?
        }
        "visibilitychange" if is_hidden() => Hint::Asleep,
        _ => Hint::Awake,
    })
}

fn is_hidden() -> bool {
    DOCUMENT.with(|document| document.as_ref().is_some_and(Document::hidden))
}
