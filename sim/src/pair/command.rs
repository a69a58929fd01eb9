//! What the application and the tests do to a pair.

use super::Pair;
use crate::engine::Keep;
use tautline_protocol::client::{Input, MessageId, SendError, SubscribeError};
use tautline_protocol::{Format, Kind, Start, StreamId};

impl Pair {
    /// Sends a message; its text begins with `word` and is different every time.
    ///
    /// # Errors
    /// As [`Client::send`](tautline_protocol::Client::send).
    pub fn send(&mut self, kind: Kind, word: &str, size: usize) -> Result<MessageId, SendError> {
        let mut sent = self.send_together(&[(kind, word, size)]);
        sent.pop().unwrap_or(Err(SendError::Closed))
    }

    /// Sends several messages in one turn, as one run of the event loop does.
    pub fn send_together(
        &mut self,
        messages: &[(Kind, &str, usize)],
    ) -> Vec<Result<MessageId, SendError>> {
        let mut results = Vec::new();
        self.input(Input::Woke);
        for (kind, word, size) in messages {
            self.sends += 1;
            let mut payload = format!("{word} {}", self.sends).into_bytes();
            payload.resize(payload.len().max(*size), b'.');
            let result = self.client.send(*kind, Format::Text, "room", payload.clone());
            self.trace.note(self.now, format_args!("{kind:?} {word} {size}: {result:?}"));
            if let Ok(id) = result {
                self.ledger.send(id, *kind, payload);
            }
            results.push(result);
        }
        self.drain();
        results
    }

    /// Takes a message back; whether that was still possible.
    pub fn cancel(&mut self, id: MessageId) -> bool {
        let cancelled = self.command(|client| client.cancel(id));
        self.trace.note(self.now, format_args!("cancel {id}: {cancelled}"));
        if cancelled {
            self.ledger.cancel(id);
        }
        cancelled
    }

    /// Subscribes to a topic.
    ///
    /// # Errors
    /// As [`Client::subscribe`](tautline_protocol::Client::subscribe).
    pub fn subscribe(&mut self, topic: &str, start: Start) -> Result<StreamId, SubscribeError> {
        self.input(Input::Woke);
        let result = self.client.subscribe(topic, start);
        if let Ok(stream) = result {
            self.ledger.subscribe(stream);
            self.topics.push((stream, topic.into()));
        }
        self.drain();
        self.trace.note(self.now, format_args!("subscribe {topic}: {result:?}"));
        result
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, stream: StreamId) {
        self.trace.note(self.now, format_args!("unsubscribe {stream}"));
        self.command(|client| client.unsubscribe(stream));
        self.ledger.unsubscribe(stream);
    }

    /// The server sends a direct message, if it has the session.
    pub fn push(&mut self) {
        let payload = format!("push {}", self.pushed.len() + 1);
        self.trace.note(self.now, format_args!("{payload}"));
        if let Some(direct) = self.server.engine.direct(&self.session) {
            let (epoch, offset) = (direct.epoch, direct.head() + 1);
            self.pushed.push((epoch, offset, payload.clone()));
            self.server.push(&self.session, payload.as_bytes(), self.now);
        }
        self.flush();
    }

    /// The server publishes to a topic.
    pub fn publish(&mut self, topic: &str) {
        self.publishes += 1;
        let payload = format!("news {}", self.publishes);
        self.trace.note(self.now, format_args!("{topic}: {payload}"));
        self.server.publish(topic, payload.as_bytes(), self.now);
        self.flush();
    }

    /// Breaks the present connection; each end notices after so many milliseconds, or never.
    pub fn cut(&mut self, client_after: Option<u64>, server_after: Option<u64>) {
        if let Some(id) = self.connection {
            self.trace.note(self.now, format_args!("cut {id} {client_after:?} {server_after:?}"));
            self.network.cut(id, client_after, server_after, self.now);
        }
    }

    /// Nothing moves any more on the present connection, and nobody is told.
    pub fn stall(&mut self) {
        if let Some(id) = self.connection {
            self.trace.note(self.now, format_args!("stall {id}"));
            self.network.stall(id);
        }
    }

    /// The server dies and comes back at once, with what it keeps.
    pub fn crash(&mut self, keep: Keep) {
        self.trace.note(self.now, format_args!("crash, keeping {keep:?}"));
        let ids: Vec<_> = self.network.ids().collect();
        for id in ids {
            self.network.cut(id, Some(5), None, self.now);
        }
        self.server.crash(keep);
    }

    /// The session expires on the server.
    pub fn expire(&mut self, tombstone: bool) {
        self.trace.note(self.now, format_args!("expire, tombstone: {tombstone}"));
        self.server.expire(&self.session, tombstone, self.now);
        self.flush();
    }
}
