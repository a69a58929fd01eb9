//! The browser client in a real browser, over a scripted WebSocket whose far end is the real
//! [`Session`](tautline::protocol::Session) of the server.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connect;
mod fake_socket;
#[cfg(feature = "heap")]
mod heap;
#[cfg(feature = "json")]
mod json;
mod lifecycle;
mod loss;
mod order;
mod peer;
mod reentrancy;
mod teardown;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
