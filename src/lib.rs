//! Tautline's browser client: messages that arrive once and in order over a WebSocket, both ways,
//! whatever the network, the page or the server does.
//!
//! JavaScript and TypeScript use it as the npm package `tautline`. From Rust, compiled to
//! WebAssembly, use [`Client`]:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tautline::{Client, Config, Event};
//!
//! let (client, mut events) = Client::connect("wss://example.com/line", Config::default())?;
//! let id = client.send_text("hello")?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Acknowledged { through } if through >= id => break,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A whole page, without a framework, is `examples/room.rs`.
//!
//! All decisions are made in [`tautline_protocol`], which does no I/O; this crate owns the
//! browser's objects and translates.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only a browser runs it"))]

mod address;
mod client;
mod clock;
mod driver;
#[cfg(feature = "npm")]
mod exports;
#[cfg(all(feature = "heap", target_arch = "wasm32"))]
mod heap;
mod listener;
mod page;
mod socket;
mod timer;

pub use client::{Client, ConnectError, CredentialsTooLong, Event, Events, Payload};
pub use tautline_protocol as protocol;
pub use tautline_protocol::client::{
    Config, Credentials, End, Failure, MessageId, Missing, SendError, State, Stats, SubscribeError,
    WhenUncertain,
};
pub use tautline_protocol::{Epoch, Format, Start, StreamId};
