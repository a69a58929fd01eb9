//! One node of the server: what it has in its own memory, and what can befall it.

use super::Server;
use super::disk::CrashPoint;
use crate::network::ConnectionId;
use bytes::Bytes;
use std::collections::BTreeMap;
use tautline_protocol::session::{Hello, Incoming};
use tautline_protocol::{Epoch, Instant, Session, SessionId, Start, StreamId};

pub(super) struct Connection {
    pub(super) node: usize,
    pub(super) session: Session,
    /// Set by HELLO.
    pub(super) of: Option<SessionId>,
    /// What the engine has let it in with.
    pub(super) generation: Option<u64>,
    /// Waits for the handler that an older connection has started.
    pub(super) waiting: Option<Hello>,
    pub(super) streams: BTreeMap<StreamId, (String, Epoch)>,
    pub(super) wake_at: Option<Instant>,
    /// Its socket takes no more for now.
    pub(super) congested: bool,
    /// It has carried what is taken for a fault.
    pub(super) poisoned: bool,
}

impl Connection {
    pub(super) const fn new(node: usize, session: Session, now: Instant) -> Self {
        Self {
            node,
            session,
            of: None,
            generation: None,
            waiting: None,
            streams: BTreeMap::new(),
            wake_at: Some(now),
            congested: false,
            poisoned: false,
        }
    }
}

/// Who holds a session on a node, or waits for it: the newest claim.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) claimant: ConnectionId,
    /// As the client counts its connections.
    pub(super) connection: u64,
}

/// A message that is being handled.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) message: Incoming,
    /// For which connection.
    pub(super) id: ConnectionId,
    pub(super) generation: u64,
}

#[derive(Debug)]
pub(super) enum Task {
    Join(ConnectionId, Hello),
    Authenticate(ConnectionId, Bytes),
    Subscribe(ConnectionId, StreamId, String, Start),
    Finish(usize, SessionId),
    Commit {
        node: usize,
        session: SessionId,
        dies: Option<CrashPoint>,
    },
    /// Another node has taken the session of this connection over.
    Fence(ConnectionId),
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) seats: BTreeMap<SessionId, Seat>,
    pub(super) workers: BTreeMap<SessionId, Worker>,
    /// It stands still: its machine is starved, or its disk hangs.
    pub(super) paused: bool,
    /// It cannot reach the engine.
    pub(super) detached: bool,
    /// What waits for either to end.
    pub(super) held: Vec<Task>,
}

impl Server {
    /// How many nodes there are.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// A node dies and comes back. Handlers that were running have had no effect.
    pub fn crash_node(&mut self, node: usize) {
        let gone: Vec<_> = self.connections_of(node);
        self.outgoing.retain(|(id, _)| !gone.contains(id));
        self.connections.retain(|_, connection| connection.node != node);
        self.tasks.retain(|_, task| !matches!(task, Task::Finish(of, _) | Task::Commit { node: of, .. } if *of == node));
        if let Some(node) = self.nodes.get_mut(node) {
            *node = Node::default();
        }
    }

    fn connections_of(&self, node: usize) -> Vec<ConnectionId> {
        let of = self.connections.iter().filter(|(_, connection)| connection.node == node);
        of.map(|(id, _)| *id).collect()
    }

    /// A node stands still, or runs again.
    pub fn pause(&mut self, node: usize, paused: bool, now: Instant) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.paused = paused;
        }
        self.take_up(node, now);
    }

    /// A node cannot reach the engine, or can again.
    pub fn detach(&mut self, node: usize, detached: bool, now: Instant) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.detached = detached;
        }
        self.take_up(node, now);
    }

    /// Goes on with what a node was kept from.
    fn take_up(&mut self, node: usize, now: Instant) {
        self.now = now;
        let Some(node) = self.nodes.get_mut(node) else { return };
        if !node.paused && !node.detached {
            let held = std::mem::take(&mut node.held);
            held.into_iter().for_each(|task| self.begin(0, task));
        }
        self.run(now);
    }
}
