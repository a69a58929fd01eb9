//! A model of the session protocol for an exhaustive check, driving the protocol's own machines.
//!
//! A [`World`](world::World) is one client and one server with the links between them: the real
//! [`Client`](tautline_protocol::Client), the real [`Session`](tautline_protocol::Session) for each
//! connection and the real [`resolve`](tautline_protocol::resume::resolve). The shells around them
//! are the model's own, and as small as can be. stateright takes every course that the
//! [`Bounds`](bounds::Bounds) allow: packets arrive in any order between links, though in order on
//! each; links break, and each end notices when it likes; the server dies with or without its
//! state; deadlines pass before or after anything else; handlers finish late.
//!
//! What is promised is checked as it happens ([`ledger`], [`truth`]) and, when nothing is left to
//! do but what the bounds ration, once more ([`rest`]). That it comes to this is checked, too: the
//! client dials no more often than it has lost a connection, and every step changes something.

pub mod action;
pub mod bounds;
pub mod check;
pub mod client;
pub mod engine;
pub mod fingerprint;
pub mod ledger;
pub mod link;
pub mod rest;
pub mod server;
pub mod story;
pub mod truth;
pub mod world;
