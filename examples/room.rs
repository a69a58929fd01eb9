//! A chat room: a page in Rust without a framework. What is said in the room stands in the page once
//! and in order, whatever the network does.
//!
//! `cargo build --example room --target wasm32-unknown-unknown`, then wasm-bindgen with `--target web`,
//! and a page with `<script type="module">import start from "./room.js"; start();</script>`.

use tautline::protocol::Kind;
use tautline::{Client, Config, Event, Format, Start};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

const ROOM: &str = "room:42";

/// Runs when the page has loaded the module, for as long as the line lives.
///
/// # Errors
/// There is no page, or the line does not take what is given to it.
#[wasm_bindgen(start)]
pub async fn run() -> Result<(), JsValue> {
    let window = web_sys::window().ok_or("this is not a page")?;
    let page = window.document().ok_or("this is not a page")?;
    let list = page.create_element("ul")?;
    page.body().ok_or("the page has no body")?.append_child(&list)?;

    let address = format!("ws://{}/line", window.location().host()?);
    let (client, mut events) =
        Client::connect(&address, Config::default()).map_err(|error| error.to_string())?;
    let room = client.subscribe(ROOM, Start::Last(50)).map_err(|error| error.to_string())?;
    // Both wait in the outbox until the line is open.
    let greeting = client
        .send(Kind::Publish, Format::Text, ROOM, b"hello from Rust".to_vec())
        .map_err(|error| error.to_string())?;

    while let Some(event) = events.next().await {
        match event {
            Event::Message { stream, payload, .. } if stream == room => {
                let item = page.create_element("li")?;
                item.set_text_content(payload.text());
                list.append_child(&item)?;
            }
            Event::Acknowledged { through } if through >= greeting => page.set_title("it is said"),
            Event::Refused { id, reason, .. } if id == greeting => page.set_title(&reason),
            _ => {}
        }
    }
    Ok(())
}
