//! The server companion of Tautline.

mod admission;
mod clock;
mod config;
mod connection;
pub mod engine;
pub mod handler;
mod identity;
mod lease;
mod mailbox;
mod post;
mod serve;
mod server;
mod upgrade;

pub use config::Config;
pub use engine::Engine;
pub use engine::memory::{MemoryConfig, MemoryEngine, Retention};
pub use handler::{Caller, Credentials, Denied, Handler, Identity, Message, Payload, Refusal};
pub use post::PostError;
pub use serve::{serve, serve_app};
pub use server::Server;
