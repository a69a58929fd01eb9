//! Clients and a server on a faulty network, in one thread, from one seed.
//!
//! A [`World`](world::World) joins [`Page`](page::Page)s, each with a real
//! [`Client`](tautline_protocol::Client), and a small but honest [`Server`](server::Server) of one
//! node or several around real [`Session`](tautline_protocol::Session)s, by a
//! [`Network`](network::Network) that delays, cuts and stalls, under virtual time. A
//! [`Ledger`](ledger::Ledger) keeps what an application asked for and was told, and the checkers in
//! [`check`] hold that against what the server did. [`Pair`](pair::Pair), the world with one page
//! and one node, is what the protocol's own tests use.
//!
//! Nothing here reads a clock or iterates in a random order: one seed is one run. `README.md`
//! describes faults, properties and commands.

pub mod action;
pub mod chart;
pub mod check;
pub mod engine;
pub mod hunt;
pub mod ledger;
pub mod network;
pub mod page;
pub mod pair;
pub mod random;
pub mod seeded;
pub mod server;
pub mod trace;
pub mod words;
pub mod world;
