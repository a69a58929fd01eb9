//! Handlers: one message at a time for each session, its effect and its number kept together.

use super::{Server, Task};
use crate::network::ConnectionId;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::Incoming;
use tautline_protocol::{Epoch, Format, Kind, Seq, SessionId};

/// How a handler ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, without an answer.
    Done,
    /// With this reply.
    Replied(Vec<u8>),
    /// Refused, with this code.
    Refused(&'static str),
}

/// A message that a handler has handled.
#[derive(Clone, Debug)]
pub struct Handled {
    /// Whose.
    pub session: SessionId,
    /// In which incarnation of the session.
    pub epoch: Epoch,
    /// Its number; `None` if it was volatile.
    pub seq: Option<Seq>,
    /// What it was.
    pub payload: Vec<u8>,
    /// It was marked so.
    pub possible_duplicate: bool,
    /// What came of it.
    pub outcome: Outcome,
}

impl Server {
    /// Starts the next handler of a connection's session; true if there was something to handle.
    pub(super) fn start_handler(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let Some(session) = connection.of.filter(|session| self.owners.get(session) == Some(&id))
        else {
            return false;
        };
        if self.workers.contains_key(&session) {
            return false;
        }
        let Some(message) = connection.session.take_message() else { return false };
        self.workers.insert(session, message);
        if self.behaviour.handler_ms == 0 {
            self.finish(&session);
        } else {
            self.begin(self.behaviour.handler_ms, Task::Finish(session));
        }
        true
    }

    /// The handler of a session's message has ended.
    pub(super) fn finish(&mut self, session: &SessionId) {
        let Some(message) = self.workers.remove(session) else { return };
        let (outcome, answer) = self.handle(&message);
        let epoch = self.engine.direct(session).map_or(Epoch::NONE, |direct| direct.epoch);
        self.journal.push(Handled {
            session: *session,
            epoch,
            seq: message.seq,
            payload: message.payload.to_vec(),
            possible_duplicate: message.possible_duplicate,
            outcome,
        });
        if let Some(seq) = message.seq {
            let answer = self.engine.commit(session, seq, answer);
            let owner = self.owner(session);
            if let Some(connection) = owner.and_then(|id| self.connections.get_mut(&id))
                && connection.waiting.is_none()
            {
                connection.session.handled(seq, answer);
            }
        }
        self.admit_waiting(session);
    }

    /// What a message says is what is done: `refuse ...` is refused, a request is echoed.
    fn handle(&mut self, message: &Incoming) -> (Outcome, Option<EncodedEntry>) {
        let seq = message.seq.unwrap_or(0);
        if message.payload.starts_with(b"refuse") {
            let refusal = Entry::Refusal { seq, code: b"no", reason: b"as you asked" };
            return (Outcome::Refused("no"), Some(EncodedEntry::new(Format::Text, refusal)));
        }
        match message.kind {
            Kind::Send => (Outcome::Done, None),
            Kind::Request => {
                let payload = [b"re: ", &*message.payload].concat();
                let reply = Entry::Reply { seq, payload: &payload };
                let reply = EncodedEntry::new(message.format, reply);
                (Outcome::Replied(payload), Some(reply))
            }
            Kind::Publish => {
                let entry = Entry::Message(&message.payload);
                let entry = EncodedEntry::new(message.format, entry);
                self.engine.topic(&message.topic).append(entry);
                (Outcome::Done, None)
            }
        }
    }
}
