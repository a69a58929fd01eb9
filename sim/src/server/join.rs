//! Who may join, and when: credentials, identity, takeover.

use super::Server;
use super::node::{Seat, Task};
use crate::engine::Refused;
use crate::network::ConnectionId;
use tautline_protocol::mutation::Mutation;
use tautline_protocol::resume::is_stale;
use tautline_protocol::session::Hello;
use tautline_protocol::{CloseCode, SessionId, Start, StreamId};

/// `name:secret`: the identity is the name.
fn identity(credentials: &[u8]) -> &[u8] {
    credentials.split(|byte| *byte == b':').next().unwrap_or_default()
}

/// `name:number`: the number of the token; one without a number never expires.
fn token(credentials: &[u8]) -> u64 {
    let number = credentials.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    str::from_utf8(number).ok().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

impl Server {
    pub(super) fn join(&mut self, id: ConnectionId, hello: Hello) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.session.is_closed() {
            return;
        }
        let node = connection.node;
        if let Some((code, after_ms, reason)) = self.refusal(node, &hello) {
            self.turn_away(id, &hello.session, code, after_ms, reason);
            return;
        }
        let Some(at) = self.nodes.get_mut(node) else { return };
        let seat = Seat { claimant: id, connection: hello.connection };
        let is_busy = at.workers.contains_key(&hello.session);
        if let Some(older) = at.seats.insert(hello.session, seat)
            && older.claimant != id
            && let Some(older) = self.connections.get_mut(&older.claimant)
        {
            older.session.hang_up(CloseCode::SUPERSEDED);
            older.waiting = None;
        }
        // A handler that the older connection has started may still succeed: until it is known
        // whether it did, nobody can say what is accepted.
        if is_busy {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.waiting = Some(hello);
            }
            return;
        }
        self.admit(id, &hello);
    }

    fn refusal(&self, node: usize, hello: &Hello) -> Option<(CloseCode, u64, &'static str)> {
        let seat = self.nodes.get(node).and_then(|node| node.seats.get(&hello.session));
        let is_late = seat.is_some_and(|seat| is_stale(&hello.as_frame(), seat.connection));
        if let Some((code, after_ms)) = self.behaviour.refuse {
            Some((code, after_ms, "not now"))
        } else if !self.accepts(&hello.credentials) {
            Some((CloseCode::UNAUTHORIZED, 0, "wrong credentials"))
        } else if is_late && !Mutation::AdmitStaleHello.is_on() {
            // It was under way for so long that its client has given it up.
            Some((CloseCode::REPLACED, 0, "a newer connection came first"))
        } else {
            None
        }
    }

    fn turn_away(
        &mut self,
        id: ConnectionId,
        session: &SessionId,
        code: CloseCode,
        after_ms: u64,
        reason: &str,
    ) {
        if code == CloseCode::UNAUTHORIZED {
            *self.unauthorized.entry(*session).or_default() += 1;
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.session.refuse(code, after_ms, reason);
        }
    }

    /// The handler that joins were waiting for has finished.
    pub(super) fn admit_waiting(&mut self, node: usize, session: &SessionId) {
        let seat = self.nodes.get(node).and_then(|node| node.seats.get(session));
        if let Some(id) = seat.map(|seat| seat.claimant)
            && let Some(hello) = self.connections.get_mut(&id).and_then(|c| c.waiting.take())
        {
            self.admit(id, &hello);
        }
    }

    fn admit(&mut self, id: ConnectionId, hello: &Hello) {
        let opened = match self.engine.open(hello, identity(&hello.credentials)) {
            Ok(opened) => opened,
            Err(refused) => {
                let (code, reason) = match refused {
                    Refused::WrongIdentity => {
                        (CloseCode::WRONG_IDENTITY, "somebody else's session")
                    }
                    Refused::Stale => (CloseCode::REPLACED, "a newer connection came first"),
                };
                self.turn_away(id, &hello.session, code, 0, reason);
                return;
            }
        };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.session.join(hello, &opened.resolution);
        connection.generation = Some(opened.generation);
        let node = connection.node;
        let mut others = Vec::new();
        for (other, connection) in &self.connections {
            let is_same = connection.of == Some(hello.session) && connection.generation.is_some();
            if is_same && connection.node != node {
                others.push(*other);
            }
        }
        if let Some(fence_ms) = self.behaviour.fence_ms {
            others.into_iter().for_each(|other| self.begin(fence_ms, Task::Fence(other)));
        }
    }

    /// The engine says that a connection does not hold its session any more.
    pub(super) fn fence(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && let (Some(session), Some(generation)) = (connection.of, connection.generation)
            && !self.engine.is_current(&session, generation)
        {
            connection.session.hang_up(CloseCode::SUPERSEDED);
        }
    }

    pub(super) fn authenticate(&mut self, id: ConnectionId, credentials: &[u8]) {
        let accepted = self.accepts(credentials);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if accepted {
            connection.session.authorized();
        } else if let Some(session) = connection.of {
            self.turn_away(id, &session, CloseCode::UNAUTHORIZED, 0, "wrong credentials");
        }
    }

    fn accepts(&self, credentials: &[u8]) -> bool {
        let behaviour = &self.behaviour;
        behaviour.credentials.as_ref().is_none_or(|expected| expected == credentials)
            && token(credentials) >= behaviour.oldest_token
    }

    pub(super) fn subscribe(
        &mut self,
        id: ConnectionId,
        stream: StreamId,
        topic: &str,
        start: Start,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.waiting.is_some() {
            // It has not joined yet.
            self.begin(1, Task::Subscribe(id, stream, topic.into(), start));
            return;
        }
        if topic.starts_with("private") {
            connection.session.refuse_subscription(stream, "forbidden", "not for you");
            return;
        }
        let log = self.engine.topic(topic);
        let (epoch, offset) = (log.epoch, log.position(start));
        connection.session.subscribed(stream, epoch, offset);
        connection.streams.insert(stream, (topic.into(), epoch));
    }
}
