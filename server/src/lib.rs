//! The server companion of Tautline: an axum route that holds the other end of the line.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tautline_server::{
//!     Config, Credentials, Denied, Handler, Identity, Message, Payload, Refusal, Server, serve_app,
//! };
//!
//! struct Greeter;
//!
//! impl Handler for Greeter {
//!     async fn authorize(&self, credentials: Credentials) -> Result<Identity, Denied> {
//!         match credentials.bytes.as_ref() {
//!             b"s3cret" => Ok(Identity::new("alice")),
//!             _ => Err(Denied::unauthorized("this is not the password")),
//!         }
//!     }
//!
//!     async fn request(&self, message: Message<'_>) -> Result<Payload, Refusal> {
//!         let name = message.payload.as_str().ok_or(Refusal::new("text", "expected a name"))?;
//!         Ok(Payload::text(format!("Hello {name}, says {}", message.caller.identity.name())))
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let server = Server::new(Config::default(), Greeter);
//!     let app = Router::new()
//!         .route("/", get(async || "an application of your own"))
//!         .route("/line", server.route());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//!     println!("listening on http://{}", listener.local_addr()?);
//!     // Until a signal, say; here it ends at once.
//!     let shutdown = async {};
//!     serve_app(listener, &server, app, shutdown).await;
//!     Ok(())
//! }
//! ```
//!
//! On the page, `connect("/line", { credentials: "s3cret" }).request("Bob")` gets the answer, once,
//! whatever the network does meanwhile.
//!
//! # What it keeps
//!
//! - A message is handled once, in the order in which its client sent it, and acknowledged when
//!   the [`Handler`] is done with it. What the handler does through the [`Message`], and its reply
//!   or [`Refusal`], is committed in one step with accepting the message.
//! - A client that is cut off resumes its session where it was. The newest connection of a session
//!   has it; what an older one still sends is refused.
//! - A session without a connection is kept for a while, and a tombstone of it far longer, so that
//!   a client which comes too late at least learns exactly what had become of its messages.
//! - What goes to clients stands in logs: each session has one of its own, the direct stream, and
//!   topics can be read by many. A reader that is slow costs a position in a log, and gets a gap
//!   where the log was trimmed before it came there.
//! - Everything is bounded: see [`Config`] and [`EngineConfig`].
//!
//! Sessions and logs live in an [`Engine`]. [`MemoryEngine`] loses them with the process, and clients
//! are told so when they come back. `DiskEngine` has them on the disk before anything is
//! acknowledged: after a restart, or `kill -9`, clients go on where they were.
//!
//! # Exactly once
//!
//! What a message does through the engine (a publish, a reply, [`Message::push`],
//! [`Message::publish`]) is committed together with its number, and so happens once. What a handler does
//! elsewhere, in a database of its own, happens before that commit. If the server is killed between
//! the two, the message comes again, with [`Message::possible_duplicate`] set. [`Caller::session`] and
//! [`Message::seq`] are the same then: write them in the transaction of the effect, and look for them
//! first. The example `exactly_once` does, and is killed for it in the tests.
//!
//! # Behind a proxy
//!
//! A page may connect if its origin is the server's own or [listed](Config::allowed_origins). A
//! proxy that ends TLS has to say so with `X-Forwarded-Proto: https` (or `Forwarded: proto=https`) and to
//! leave `Host` as it is, or the page's origin has to be listed. Without a proxy that says so, the
//! server's own origin counts only under `localhost`, an address, or the name of a listed origin. All
//! clients then come from one address, the proxy's:
//! raise [`Config::connections_per_address`].
//!
//! # Logs
//!
//! What happens is told to `tracing`; texts of clients are [`Escaped`]. Have the subscriber take failed
//! writes as they are (in `tracing-subscriber`: `log_internal_errors(false)`): by default it panics when
//! standard error is closed or full, in the middle of whatever was being done.
//!
//! # Features
//!
//! `program`, on by default, is for the program `tautline-server` only: libraries go without it.
//! `disk`, on by default, has the `DiskEngine`. It builds `SQLite` in, and a program can link that
//! only once: one that brings another version goes without.

/// The Rust in the npm package's README is tested with this crate's.
#[cfg(doctest)]
#[doc = include_str!("../../pkg-template/README.md")]
mod readme_of_the_package {}

mod admission;
mod clock;
mod config;
mod connection;
pub mod engine;
mod escaped;
pub mod handler;
mod holdings;
mod identity;
mod lease;
mod mailbox;
mod origin;
mod post;
mod pulse;
mod serve;
mod server;
mod sockets;
mod upgrade;
mod websocket;

pub use config::Config;
#[cfg(feature = "disk")]
pub use engine::disk::{DiskConfig, DiskEngine, SyncPolicy};
pub use engine::memory::MemoryEngine;
pub use engine::{Engine, EngineConfig, Retention};
pub use escaped::Escaped;
pub use handler::{Caller, Credentials, Denied, Handler, Identity, Message, Payload, Refusal};
pub use post::PostError;
pub use serve::{serve, serve_app};
pub use server::Server;
pub use tautline_protocol as protocol;
