//! What the writer is given to do: it can be begun anew, and ends with an answer.

use std::collections::BTreeMap;

use tautline_protocol::SessionId;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::rows::Millis;
use super::step::{Step, Touched};
use super::writer::Volatile;
use crate::engine::EngineError;

/// What a job takes beside its entries.
pub(super) const JOB_BYTES: usize = 512;

/// The logs that a batch has changed.
pub(super) type Logs = BTreeMap<i64, Touched>;

/// Something to write. What is dropped without an end was not written.
pub(super) trait Work: Send {
    /// Writes; again from the beginning, if what it wrote was rolled back.
    fn run(&mut self, step: &mut Step<'_>) -> rusqlite::Result<()>;

    /// It is committed.
    fn done(self: Box<Self>, volatile: &mut Volatile, logs: &Logs);

    /// Nothing of it was written.
    fn undone(self: Box<Self>, volatile: &mut Volatile, failure: &Failure);
}

/// Why nothing was written.
pub(super) struct Failure {
    pub(super) sentence: String,
    /// It lies in what this job needs: another time would be the same.
    pub(super) is_own: bool,
}

/// Work in line.
pub(super) struct Job {
    pub(super) work: Box<dyn Work>,
    /// Whether somebody relies on it: it has to be on the disk before anyone is told.
    pub(super) is_promised: bool,
    pub(super) bytes: usize,
    /// Its room in the queue, given back when it is dropped.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

impl Job {
    /// What nobody relies on.
    pub(super) fn unpromised(work: Box<dyn Work>) -> Self {
        Self { work, is_promised: false, bytes: JOB_BYTES, _room: None }
    }
}

/// Work with an answer: what `done` makes of what `run` has made.
pub(super) struct Task<R, M, D, U, T> {
    pub(super) run: R,
    pub(super) made: Option<M>,
    pub(super) done: D,
    pub(super) undone: U,
    pub(super) answer: oneshot::Sender<Result<T, EngineError>>,
}

impl<R, M, D, U, T> Work for Task<R, M, D, U, T>
where
    R: FnMut(&mut Step<'_>) -> rusqlite::Result<M> + Send,
    M: Send,
    D: FnOnce(M, &mut Volatile, &Logs) -> T + Send,
    U: FnOnce(&mut Volatile) + Send,
    T: Send,
{
    fn run(&mut self, step: &mut Step<'_>) -> rusqlite::Result<()> {
        self.made = Some((self.run)(step)?);
        Ok(())
    }

    fn done(self: Box<Self>, volatile: &mut Volatile, logs: &Logs) {
        let Self { run, made, done, answer, .. } = *self;
        // It may hold topics, which are let go of before anybody is told.
        drop(run);
        if let Some(made) = made {
            // Nobody may wait any more: then what was made is let go of as it would be later.
            drop(answer.send(Ok(done(made, volatile, logs))));
        }
    }

    fn undone(self: Box<Self>, volatile: &mut Volatile, failure: &Failure) {
        let Self { run, undone, answer, .. } = *self;
        drop(run);
        undone(volatile);
        drop(answer.send(Err(EngineError::Failed(failure.sentence.clone()))));
    }
}

/// The end of a connection.
pub(super) struct Leave {
    pub(super) session: SessionId,
    pub(super) generation: u64,
    pub(super) since: Millis,
}

impl Work for Leave {
    fn run(&mut self, step: &mut Step<'_>) -> rusqlite::Result<()> {
        step.leave(&self.session, self.generation, self.since)
    }

    fn done(self: Box<Self>, volatile: &mut Volatile, _: &Logs) {
        volatile.gone(&self.session, self.generation);
    }

    fn undone(self: Box<Self>, volatile: &mut Volatile, failure: &Failure) {
        if failure.is_own {
            volatile.gone(&self.session, self.generation);
        } else {
            volatile.left.push(*self);
        }
    }
}
