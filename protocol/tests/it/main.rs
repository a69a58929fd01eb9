//! Tests of the wire and the two machines, named as facts.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod answers;
mod limits;
mod line;
mod lone_client;
mod lone_session;
mod loss;
mod streams;
mod waiting;
