//! Clients and a server on a faulty network, in one thread, from one seed.
//!
//! [`Pair`](pair::Pair) joins a real [`Client`](tautline_protocol::Client) and a small but honest
//! [`Server`](server::Server) around real [`Session`](tautline_protocol::Session)s, by a
//! [`Network`](network::Network) that delays, cuts and stalls, under virtual time. The
//! [`Ledger`](ledger::Ledger) keeps what the application asked for and was told, and [`verify`]
//! holds that against what the server did. The protocol's own tests use the same pair.
//!
//! Nothing here reads a clock or iterates in a random order: one seed is one run.

pub mod action;
pub mod engine;
pub mod ledger;
pub mod network;
pub mod pair;
pub mod random;
pub mod seeded;
pub mod server;
pub mod trace;
pub mod verify;
