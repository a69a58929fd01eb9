//! Where a line goes: the URL that an application gives, as the browser's WebSocket needs it.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use web_sys::Url;

/// Whether there is a WebSocket to open. Outside of WebAssembly there is no JavaScript to ask.
pub(crate) fn has_web_socket() -> bool {
    cfg!(target_arch = "wasm32") && global("WebSocket").is_function()
}

/// The absolute `ws:` or `wss:` URL that `given` means on this page; `http:` and `https:` are taken
/// for them, and what is relative goes to the page's own server.
///
/// # Errors
/// A sentence that says why no WebSocket can be opened there.
pub(crate) fn resolve(given: &str) -> Result<String, String> {
    let url = match page() {
        Some(page) => Url::new_with_base(given, &page),
        None => Url::new(given),
    };
    let Ok(url) = url else { return Err("this is not a URL".into()) };
    match url.protocol().as_str() {
        "ws:" | "wss:" => {}
        "http:" => url.set_protocol("ws:"),
        "https:" => url.set_protocol("wss:"),
        other => {
            return Err(format!(
                "it begins with {other}, and a line needs ws://, wss://, http:// or https://"
            ));
        }
    }
    if given.contains('#') {
        return Err("it has a fragment (#), which no server gets to see: leave that away".into());
    }
    let page_is_secure = text(&property(&global("location"), "protocol")) == "https:";
    if page_is_secure && url.protocol() == "ws:" && !is_loopback(&url.hostname()) {
        return Err("a page that came over https:// can connect to wss:// only".into());
    }
    Ok(url.href())
}

/// What relative URLs are relative to; a worker has no document.
fn page() -> Option<String> {
    let document = property(&global("document"), "baseURI");
    document.as_string().or_else(|| property(&global("location"), "href").as_string())
}

/// Browsers trust what stays on the machine (W3C Secure Contexts, 3.1).
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn global(name: &str) -> JsValue {
    property(&js_sys::global(), name)
}

/// Undefined if there is no such property, or no object.
fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

fn text(value: &JsValue) -> String {
    value.as_string().unwrap_or_default()
}
