//! Handlers: one message at a time for each session, its effect and its number kept together.

use super::Server;
use super::node::{Task, Worker};
use crate::engine::Effect;
use crate::network::ConnectionId;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::Incoming;
use tautline_protocol::{CloseCode, Epoch, Format, Kind, Seq, SessionId};

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

/// A message that a handler has handled, and whose effect the engine has taken.
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
        let number = connection.node;
        let Some(node) = self.nodes.get_mut(number).filter(|node| !node.paused) else {
            return false;
        };
        let (Some(session), Some(generation)) = (connection.of, connection.generation) else {
            return false;
        };
        let is_claimant = node.seats.get(&session).is_some_and(|seat| seat.claimant == id);
        if !is_claimant || node.workers.contains_key(&session) {
            return false;
        }
        let Some(message) = connection.session.take_message() else { return false };
        node.workers.insert(session, Worker { message, id, generation });
        if self.behaviour.handler_ms == 0 && !node.detached {
            self.finish(number, &session);
        } else {
            self.begin(self.behaviour.handler_ms, Task::Finish(number, session));
        }
        true
    }

    /// What the handler of a session's message did, and its number, count from now on.
    pub(super) fn commit(&mut self, node: usize, session: &SessionId) {
        let Some(at) = self.nodes.get_mut(node) else { return };
        let Some(Worker { message, id, generation }) = at.workers.remove(session) else { return };
        let (outcome, effect) = handle(&message);
        let epoch = self.engine.direct(session).map_or(Epoch::NONE, |direct| direct.epoch);
        match self.engine.commit_as(generation, session, message.seq, effect) {
            Ok(answer) => {
                self.journal.push(Handled {
                    session: *session,
                    epoch,
                    seq: message.seq,
                    payload: message.payload.to_vec(),
                    possible_duplicate: message.possible_duplicate,
                    outcome,
                });
                if let (Some(connection), Some(seq)) = (self.connections.get_mut(&id), message.seq)
                {
                    connection.session.handled(seq, answer);
                }
            }
            Err(_) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.session.hang_up(CloseCode::SUPERSEDED);
                }
            }
        }
        self.admit_waiting(node, session);
    }
}

/// What a message says is what is done: `refuse ...` is refused, a request is echoed.
fn handle(message: &Incoming) -> (Outcome, Effect) {
    let seq = message.seq.unwrap_or(0);
    if message.payload.starts_with(b"refuse") {
        let refusal = Entry::Refusal { seq, code: b"no", reason: b"as you asked" };
        let answer = Some(EncodedEntry::new(Format::Text, refusal));
        return (Outcome::Refused("no"), Effect { answer, publish: None });
    }
    match message.kind {
        Kind::Send => (Outcome::Done, Effect::default()),
        Kind::Request => {
            let payload = [b"re: ", &*message.payload].concat();
            let answer = Entry::Reply { seq, payload: &payload };
            let answer = Some(EncodedEntry::new(message.format, answer));
            (Outcome::Replied(payload), Effect { answer, publish: None })
        }
        Kind::Publish => {
            let publish = (message.topic.clone(), message.format, message.payload.to_vec());
            (Outcome::Done, Effect { answer: None, publish: Some(publish) })
        }
    }
}
