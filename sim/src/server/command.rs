//! What the application behind the server, its operators and the tests do to it.

use super::Server;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::{CloseCode, Format, Instant, Seq, SessionId};

use super::Handled;

impl Server {
    /// Appends to the direct stream of a session; false if there is no such session.
    pub fn push(&mut self, session: &SessionId, payload: &[u8], now: Instant) -> bool {
        let entry = EncodedEntry::new(Format::Text, Entry::Message(payload));
        let taken = self.engine.direct(session).map(|log| log.append(entry)).is_some();
        self.run(now);
        taken
    }

    /// Appends to a topic.
    pub fn publish(&mut self, topic: &str, payload: &[u8], now: Instant) {
        self.engine.publish(topic, Format::Text, payload);
        self.run(now);
    }

    /// Asks for fresh credentials on the connection of a session.
    pub fn request_credentials(&mut self, session: &SessionId, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.request_credentials();
        }
        self.run(now);
    }

    /// Sends GOAWAY on the connection of a session.
    pub fn go_away(&mut self, session: &SessionId, after_ms: u64, spread_ms: u64, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.go_away(after_ms, spread_ms, "maintenance");
        }
        self.run(now);
    }

    /// Ends the connection of a session with REFUSE.
    pub fn refuse(&mut self, session: &SessionId, code: CloseCode, after_ms: u64, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.refuse(code, after_ms, "the test says so");
        }
        self.run(now);
    }

    /// Lets a session expire, as if its time had come: with or without a tombstone.
    pub fn expire(&mut self, session: &SessionId, tombstone: bool, now: Instant) {
        if let Some(machine) = self.owner(session).and_then(|id| self.session(id)) {
            machine.hang_up(CloseCode::INTERNAL);
        }
        for node in &mut self.nodes {
            node.seats.remove(session);
            node.workers.remove(session);
        }
        self.engine.expire(session, tombstone);
        self.run(now);
    }

    /// The number up to which a session's messages are processed.
    #[must_use]
    pub fn processed(&self, session: &SessionId) -> Seq {
        let of = |handled: &&Handled| handled.session == *session;
        self.journal.iter().filter(of).filter_map(|handled| handled.seq).max().unwrap_or(0)
    }
}
