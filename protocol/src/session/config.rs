//! The settings of the server's end.

use crate::limits;

/// Settings of the server's end, most of them told to the client in WELCOME.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// An idle connection carries a PING this often, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long to wait for HELLO, in milliseconds.
    pub hello_timeout_ms: u64,
    /// Largest payload of one message, in bytes.
    pub message_bytes: usize,
    /// Most messages of the client in flight.
    pub window_messages: usize,
    /// Most bytes of the client in flight.
    pub window_bytes: usize,
    /// Most subscriptions.
    pub streams: usize,
    /// Most entries of a stream sent and not handled.
    pub stream_window_entries: u64,
    /// Most bytes of a stream sent and not handled.
    pub stream_window_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: limits::HEARTBEAT_MS,
            hello_timeout_ms: limits::HELLO_TIMEOUT_MS,
            message_bytes: limits::MESSAGE_BYTES,
            window_messages: limits::WINDOW_MESSAGES,
            window_bytes: limits::WINDOW_BYTES,
            streams: limits::STREAMS,
            stream_window_entries: limits::STREAM_WINDOW_ENTRIES,
            stream_window_bytes: limits::STREAM_WINDOW_BYTES,
        }
    }
}
