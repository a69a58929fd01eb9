//! Entries on their way from the engine's logs to the readers of a connection.

use super::Server;
use crate::network::ConnectionId;
use tautline_protocol::{DIRECT, Start};

impl Server {
    /// Delivers what fits of every stream of a connection; true if anything moved.
    pub(super) fn deliver(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get(&id) else { return false };
        if connection.congested || !self.takes(connection.node) {
            return false;
        }
        let Some(of) = self.held_by(connection) else { return false };
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let mut moved = false;
        let session = &mut connection.session;
        for stream in std::iter::once(DIRECT).chain(connection.streams.keys().copied()) {
            let room = session.room(stream);
            if room.entries == 0 {
                continue;
            }
            let log = match connection.streams.get(&stream) {
                Some((topic, epoch)) => {
                    let log = self.engine.topic(topic);
                    if log.epoch != *epoch {
                        session.gap(stream, log.epoch, log.position(Start::Last(u64::MAX)));
                        let (topic, epoch) = (topic.clone(), log.epoch);
                        connection.streams.insert(stream, (topic, epoch));
                        return true;
                    }
                    log
                }
                None => match self.engine.direct(&of) {
                    Some(log) => log,
                    None => continue,
                },
            };
            match log.read(room.after, room.entries.min(self.behaviour.read_entries)) {
                Ok(entries) => session.deliver(stream, room.after + 1, &entries),
                Err(offset) => session.gap(stream, log.epoch, offset),
            }
            moved |= session.room(stream) != room;
        }
        moved
    }
}
