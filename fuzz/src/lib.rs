//! What is fed with arbitrary input, and what must hold whatever it is.
//!
//! Each function takes bytes as a fuzzer makes them, plays what they say, and panics if something
//! does not hold. `cargo xtask fuzz` runs them under libFuzzer, the tests here on random scripts and
//! on the corpus.
//!
//! - [`uplink`] and [`downlink`] decode a packet: every fault is a named one with a close code, nothing
//!   behind it is looked at, and what was decoded encodes to the same meaning.
//! - [`client`] and [`session`] play a script on a machine, with the other end, the application and the
//!   clock as the script wants them.
//! - [`handshake`] sends a request, and what may follow it, to the server's HTTP edge.

mod client;
mod frames;
mod handshake;
mod memory;
mod script;
mod session;

pub use client::client;
pub use frames::{downlink, uplink};
pub use handshake::handshake;
pub use session::session;

/// A harness function.
pub type Target = fn(&[u8]);

/// The targets by name, as libFuzzer's and the corpus's folders know them.
pub const TARGETS: [(&str, Target); 5] = [
    ("uplink", uplink),
    ("downlink", downlink),
    ("client", client),
    ("session", session),
    ("handshake", handshake),
];
