//! Commits that take their time, and nodes that die on the way through one.

use super::Server;
use super::node::Task;
use crate::random::Random;
use tautline_protocol::SessionId;
use tautline_protocol::mutation::Mutation;

/// How the engine commits.
#[derive(Clone, Debug)]
pub struct Disk {
    /// How long a commit takes until it counts.
    pub commit_ms: u64,
    /// Once in so many commits the node dies on the way, at a point drawn at random; 0: never.
    pub crash_one_in: u64,
    /// Draws when and where: apart from everything else, so that a world without a disk takes the
    /// course that it would take if there were none.
    pub random: Random,
}

/// Where a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CrashPoint {
    /// The handler is done, and nothing is written.
    Unwritten,
    /// All is written, and nothing is committed: it is as if it had not been.
    Uncommitted,
    /// It is committed, and nobody was told.
    Untold,
}

impl Default for Disk {
    fn default() -> Self {
        Self { commit_ms: 0, crash_one_in: 0, random: Random::new(0) }
    }
}

impl Disk {
    /// The disk of a seed; in two of three worlds commits take no time and nothing goes wrong.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        let mut random = Random::new(!seed);
        let (mut commit_ms, mut crash_one_in) = (0, 0);
        if random.one_in(3) {
            commit_ms = random.below(60);
            crash_one_in = 4 + random.below(40);
        }
        Self { commit_ms, crash_one_in, random }
    }

    const fn draw_crash(&mut self) -> Option<CrashPoint> {
        if self.crash_one_in == 0 || !self.random.one_in(self.crash_one_in) {
            return None;
        }
        Some(match self.random.below(3) {
            0 => CrashPoint::Unwritten,
            1 => CrashPoint::Uncommitted,
            _ => CrashPoint::Untold,
        })
    }
}

impl Server {
    /// The handler of a session's message has ended: what it did is to be committed.
    pub(super) fn finish(&mut self, node: usize, session: &SessionId) {
        let dies = self.disk.draw_crash();
        match dies {
            Some(CrashPoint::Unwritten) => self.die(node),
            None if self.disk.commit_ms == 0 => self.commit(node, session),
            _ => {
                self.write(node, session);
                let task = Task::Commit { node, session: *session, dies };
                self.begin(self.disk.commit_ms, task);
            }
        }
    }

    /// What was written counts from now on.
    pub(super) fn commit_written(
        &mut self,
        node: usize,
        session: &SessionId,
        dies: Option<CrashPoint>,
    ) {
        match dies {
            None => self.commit(node, session),
            Some(CrashPoint::Untold) => {
                // What it has to say of it dies with it.
                self.commit(node, session);
                self.die(node);
            }
            Some(_) => self.die(node),
        }
    }

    /// What a message did is written, and does not count yet: two rules that may be broken here.
    fn write(&mut self, node: usize, session: &SessionId) {
        let worker = self.nodes.get(node).and_then(|node| node.workers.get(session));
        let Some((id, seq)) = worker.and_then(|it| Some((it.id, it.message.seq?))) else { return };
        if Mutation::AcknowledgeBeforeCommit.is_on()
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.session.handled(seq, 0);
        }
        if Mutation::SplitCommit.is_on() {
            self.engine.commit(session, seq, None);
        }
    }

    /// A node dies; its connections break when the world sees to it.
    pub(super) fn die(&mut self, node: usize) {
        self.crash_node(node);
        self.died.push(node);
    }
}
