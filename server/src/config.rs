//! The settings of a server.

use std::time::Duration;

use tautline_protocol::{limits, session};

use crate::origin::check_listed;

/// Settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins of pages that may connect beside those of the server's own, such as
    /// `https://example.com`, or `null`. Clients that are not browsers name no origin, and may connect.
    ///
    /// Their hosts are also the names that the server goes by, beside `localhost` and every address: a
    /// page that calls it by another name is refused, for any page can give its own name the address of
    /// this server (DNS rebinding). A proxy that sends `X-Forwarded-Proto` or `Forwarded` vouches for
    /// the name.
    pub allowed_origins: Vec<String>,
    /// Most connections. As many more may be about to become one: of these the one that has been quiet
    /// for the longest makes room for the next.
    pub connections: usize,
    /// Most connections from one address (of IPv6: one network of 64 bits), where the server is
    /// told addresses. All clients behind a proxy have one. As many more may be about to become one, as
    /// above.
    pub connections_per_address: usize,
    /// Most memory that all connections may take together, in bytes: what each takes at rest, what
    /// waits in them to be handled or sent, topics and credentials included, and what has come of
    /// WebSocket messages that are not whole, also before credentials are checked. Once half of it is in use,
    /// connections with more than an equal part of that half are not read from while something of theirs
    /// waits; when it is used up, no new ones are let in, and those that hold the most are asked to come
    /// back later (4100). Apart from it are what sessions and topics keep, which the engine bounds
    /// ([`EngineConfig::log_bytes`](crate::EngineConfig::log_bytes)).
    pub memory_bytes: usize,
    /// The settings of each connection.
    pub session: session::Config,
    /// When the server ends: how long clients may take to leave before they are cut off.
    pub grace: Duration,
    /// When the server ends: how long clients wait before they connect anew ...
    pub leave_after: Duration,
    /// ... plus a random time up to this, so that they do not come to the next server all at once.
    pub leave_spread: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            connections: 10_000,
            connections_per_address: 1_000,
            memory_bytes: 384 * 1024 * 1024,
            session: session::Config::default(),
            grace: Duration::from_secs(5),
            leave_after: Duration::ZERO,
            leave_spread: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// Whether the allowed origins are such.
    ///
    /// # Errors
    /// The first that no page can be of, why not, and what to write instead.
    pub fn check(&self) -> Result<(), String> {
        self.allowed_origins.iter().try_for_each(|origin| check_listed(origin))
    }

    fn message_bytes(&self) -> usize {
        self.session.message_bytes.min(limits::MESSAGE_BYTES_MAX)
    }

    /// The settings for the machine, within the protocol's own bounds.
    pub(crate) fn session(&self) -> session::Config {
        let heartbeat_ms =
            self.session.heartbeat_ms.clamp(limits::HEARTBEAT_MS_MIN, limits::HEARTBEAT_MS_MAX);
        session::Config {
            heartbeat_ms,
            message_bytes: self.message_bytes(),
            // Nothing would ever fit through a window of 0.
            window_messages: self.session.window_messages.max(1),
            window_bytes: self.session.window_bytes.max(1),
            stream_window_entries: self.session.stream_window_entries.max(1),
            stream_window_bytes: self.session.stream_window_bytes.max(1),
            ..self.session
        }
    }
}
