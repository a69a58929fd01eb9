//! Who may join, and when: credentials, identity, takeover.

use super::{Server, Task};
use crate::network::ConnectionId;
use tautline_protocol::session::Hello;
use tautline_protocol::{CloseCode, Epoch, SessionId, Start, StreamId};

/// `name:secret`: the identity is the name.
fn identity(credentials: &[u8]) -> &[u8] {
    credentials.split(|byte| *byte == b':').next().unwrap_or_default()
}

impl Server {
    pub(super) fn join(&mut self, id: ConnectionId, hello: Hello) {
        let allowed = self.accepts(&hello.credentials);
        let may_join = self.engine.may_join(&hello.session, identity(&hello.credentials));
        let behaviour = &self.behaviour;
        let refusal = if let Some((code, after_ms)) = behaviour.refuse {
            Some((code, after_ms, "not now"))
        } else if !allowed {
            Some((CloseCode::UNAUTHORIZED, 0, "wrong credentials"))
        } else if self.latest.get(&hello.session).is_some_and(|latest| hello.connection <= *latest)
        {
            // It was under way for so long that its client has given it up.
            Some((CloseCode::REPLACED, 0, "a newer connection came first"))
        } else if !may_join {
            Some((CloseCode::WRONG_IDENTITY, 0, "somebody else's session"))
        } else {
            None
        };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some((code, after_ms, reason)) = refusal {
            connection.session.refuse(code, after_ms, reason);
            return;
        }
        if connection.session.is_closed() {
            return;
        }
        self.latest.insert(hello.session, hello.connection);
        if let Some(older) = self.owners.insert(hello.session, id)
            && older != id
            && let Some(older) = self.connections.get_mut(&older)
        {
            older.session.hang_up(CloseCode::SUPERSEDED);
            older.waiting = None;
        }
        // A handler that the older connection has started may still succeed: until it is known
        // whether it did, nobody can say what is accepted.
        if self.workers.contains_key(&hello.session) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.waiting = Some(hello);
            }
            return;
        }
        self.admit(id, &hello);
    }

    /// The handler that joins were waiting for has finished.
    pub(super) fn admit_waiting(&mut self, session: &SessionId) {
        if let Some(id) = self.owner(session)
            && let Some(hello) = self.connections.get_mut(&id).and_then(|c| c.waiting.take())
        {
            self.admit(id, &hello);
        }
    }

    fn admit(&mut self, id: ConnectionId, hello: &Hello) {
        let resolution = self.engine.join(hello, identity(&hello.credentials));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.session.join(hello, &resolution);
        }
    }

    pub(super) fn authenticate(&mut self, id: ConnectionId, credentials: &[u8]) {
        let accepted = self.accepts(credentials);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if accepted {
            connection.session.authorized();
        } else {
            connection.session.refuse(CloseCode::UNAUTHORIZED, 0, "wrong credentials");
        }
    }

    fn accepts(&self, credentials: &[u8]) -> bool {
        self.behaviour.credentials.as_ref().is_none_or(|expected| expected == credentials)
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
        let (epoch, offset): (Epoch, _) = (log.epoch, log.position(start));
        connection.session.subscribed(stream, epoch, offset);
        connection.streams.insert(stream, (topic.into(), epoch));
    }
}
