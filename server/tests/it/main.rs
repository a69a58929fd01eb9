//! The server over real sockets: every test starts its own on a free port.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod client;
mod credentials;
#[cfg(target_os = "linux")]
mod disk;
mod doors;
#[cfg(target_os = "linux")]
mod extremes;
mod flaky;
mod handshakes;
#[cfg(target_os = "linux")]
mod health;
#[cfg(target_os = "linux")]
mod hostile;
mod lines;
#[cfg(target_os = "linux")]
mod logging;
mod program;
mod raw;
mod resume;
mod sessions;
mod settings;
mod shutdown;
#[cfg(target_os = "linux")]
mod site;
mod slow;
#[cfg(target_os = "linux")]
mod stalled;
mod takeover;
mod topics;
mod world;
