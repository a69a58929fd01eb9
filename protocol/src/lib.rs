//! The Tautline protocol: its wire and its two state machines, without any I/O.
//!
//! Nothing in here opens a socket, reads a clock, draws a random number or starts a thread; being
//! `no_std`, it cannot. A shell around it brings the time in with every input and carries the
//! outputs out: the browser client (`tautline`), the server companion (`tautline-server`) and the
//! simulator (`tautline-sim`) are such shells. `PROTOCOL.md` is the specification.
//!
//! The two machines are [`Client`] and [`Session`], the server's end of one connection. Each has
//! two doors, `handle_input` and `poll_output`, and one rule: **every input and every command is
//! followed by a full drain**, until the machine says [`Output::Idle`](client::Output::Idle) and
//! when it wants to be woken.
//!
//! ```
//! use tautline_protocol::client::{Client, Config, Input, Output};
//! use tautline_protocol::{Instant, Seed};
//!
//! let now = Instant::from_millis(0); // the shell's clock
//! let seed = Seed { session: [7; 16], random: 42 }; // the shell's entropy
//! let mut client = Client::new(Config::default(), seed, now);
//! client.handle_input(Input::Woke, now);
//! let wake_at = loop {
//!     match client.poll_output() {
//!         Output::Authorize { .. } => { /* fetch credentials, then client.authorize(..) */ }
//!         Output::Dial => { /* open a WebSocket, detaching the one before */ }
//!         Output::Transmit(_packet) => { /* send it as one binary WebSocket message */ }
//!         Output::HangUp(_code) => { /* close the WebSocket and detach from it */ }
//!         Output::Event(_event) => { /* tell the application */ }
//!         Output::Idle { wake_at } => break wake_at,
//!     }
//! };
//! assert!(wake_at.is_some(), "it dials, and wants to be woken should the dialing hang");
//! ```
#![no_std]

extern crate alloc;

pub mod backoff;
pub mod client;
pub mod close;
pub mod downlink;
mod encoded_entry;
pub mod error;
pub mod fragment;
mod life_sign;
pub mod limits;
pub mod message;
#[doc(hidden)]
pub mod mutation;
pub mod resume;
pub mod session;
pub mod time;
pub mod uplink;
mod wire;

pub use client::Client;
pub use close::{CloseCode, Reaction};
pub use error::DecodeError;
pub use message::{Epoch, Format, Kind, Offset, Seq, SessionId, Start, StreamId};

pub use session::Session;
pub use time::Instant;

/// The WebSocket subprotocol of this version; both ends name it in the handshake (RFC 6455, 1.9).
pub const SUBPROTOCOL: &str = "tautline.1";

/// The stream id of the direct stream, the log from the server to one session.
pub const DIRECT: StreamId = 0;

/// What a client is born with: entropy from the shell, so that the machine needs none.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The session's name: 128 bits from a cryptographically secure source.
    pub session: SessionId,
    /// Feeds the jitter of the backoff.
    pub random: u64,
}
