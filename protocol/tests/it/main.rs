//! Tests of the wire and the two machines, named as facts.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod answers;
mod backoff;
mod bounds;
mod credentials;
mod cuts;
mod disorder;
mod ending;
mod faults;
mod flow;
mod frames;
mod limits;
mod line;
mod liveness;
mod lone_client;
mod lone_session;
mod loss;
mod malformed;
mod messages;
mod outbox;
mod peers;
mod random;
mod resolving;
mod samples;
mod specification;
mod stored;
mod streams;
mod takeover;
mod topics;
mod vector_fields;
mod vectors;
mod waiting;
mod welcome;
mod withdrawal;
mod work;
