//! The one thread that writes: whatever waits for it goes into one commit, and is answered after it.

use std::collections::HashMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};
use tautline_protocol::{Seq, SessionId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::config::{DiskConfig, SyncPolicy};
use super::directory::Directory;
use super::health::{Health, tell};
use super::job::{Failure, Job, Leave, Logs};
use super::rows::LogRow;
use super::step::{Step, Totals};
use super::tail::Tail;
use crate::engine::EngineConfig;
use crate::engine::budget::Budget;
use crate::engine::log::Woken;

/// What one commit takes at most.
const BATCH_JOBS: usize = 8_192;
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// While nothing can be written, it is tried this often whether there is room again.
const TRY_EVERY: Duration = Duration::from_secs(1);

const NOT_SYNCED: &str = "the disk could not sync, so nothing more is written: look at the disk, and \
                          start the server again";

pub(super) enum Order {
    Work(Job),
    /// Writes what is there, and ends.
    Close(oneshot::Sender<()>),
}

/// A session that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) generation: u64,
    pub(super) log: i64,
}

/// What the writer knows that ends with the process.
#[derive(Default)]
pub(super) struct Volatile {
    /// Every session that is open.
    pub(super) live: HashMap<SessionId, Live>,
    /// Sessions that a failed commit has handled messages of, and up to which.
    pub(super) doubts: HashMap<SessionId, Seq>,
    /// Logs that readers may be shown.
    pub(super) tails: HashMap<i64, Arc<Tail>>,
    /// Connections whose end could not be written.
    pub(super) left: Vec<Leave>,
    /// Counts connections that have opened a session.
    pub(super) generations: u64,
    pub(super) health: Arc<Health>,
}

pub(super) struct Writer {
    sql: Connection,
    directory: Directory,
    config: DiskConfig,
    totals: Totals,
    commits: u64,
    volatile: Volatile,
    /// How many bytes could not be written, since that goes wrong.
    failing: Option<usize>,
    /// When it was tried last whether there is room for them.
    tried_at: Instant,
    /// The disk has failed to sync: what it holds is not known until the file is opened anew.
    is_broken: bool,
    /// When something was committed that is not on the disk yet.
    unsynced_since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        sql: Connection,
        directory: Directory,
        config: DiskConfig,
        tails: HashMap<i64, Arc<Tail>>,
    ) -> rusqlite::Result<Self> {
        let totals = Totals::count(&sql)?;
        let commits: i64 = sql.query_row("SELECT commits FROM state", [], |row| row.get(0))?;
        Ok(Self {
            sql,
            directory,
            config,
            totals,
            commits: commits.cast_unsigned(),
            volatile: Volatile { tails, ..Volatile::default() },
            failing: None,
            tried_at: Instant::now(),
            is_broken: false,
            unsynced_since: None,
        })
    }

    pub(super) fn health(&self) -> Arc<Health> {
        self.volatile.health.clone()
    }

    /// Works until it is told to close, or nobody is left who could.
    pub(super) fn run(mut self, queue: &Receiver<Order>) {
        loop {
            let order = match self.time_to_sync() {
                Some(left) => queue.recv_timeout(left),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let told = match order {
                Ok(order) => {
                    let (jobs, told) = gather(queue, order);
                    self.write(jobs);
                    told
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.write(Vec::new());
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            };
            if let Some(told) = told {
                self.close();
                let _ = told.send(());
                return;
            }
        }
    }

    fn time_to_sync(&self) -> Option<Duration> {
        let SyncPolicy::Interval(interval) = self.config.sync else { return None };
        Some(interval.saturating_sub(self.unsynced_since?.elapsed()))
    }

    pub(super) fn write(&mut self, jobs: Vec<Job>) {
        let must_sync = match self.config.sync {
            SyncPolicy::Always => jobs.iter().any(|job| job.is_promised),
            SyncPolicy::Interval(_) => self.time_to_sync().is_some_and(|left| left.is_zero()),
        };
        // If it fails, everybody has been told.
        let _ = self.commit(jobs, must_sync);
    }

    /// Carries the jobs out, and has them answered.
    fn commit(&mut self, mut jobs: Vec<Job>, must_sync: bool) -> rusqlite::Result<()> {
        let left = std::mem::take(&mut self.volatile.left);
        jobs.splice(0..0, left.into_iter().map(|leave| Job::unpromised(Box::new(leave))));
        let bytes = jobs.iter().map(|job| job.bytes).sum();
        let mut attempt = self.attempt(&mut jobs, must_sync, false);
        if attempt.as_ref().is_err_and(is_of_a_row) {
            // Only now, because it costs what others do not have to pay.
            attempt = self.attempt(&mut jobs, must_sync, true);
        }
        match attempt {
            Ok(logs) => {
                self.succeeded(must_sync, bytes);
                self.show(jobs, logs);
                Ok(())
            }
            Err(error) => {
                let failure = Failure { sentence: explain(&error), is_own: false };
                self.failed(&error, &failure.sentence, bytes);
                for job in jobs {
                    job.work.undone(&mut self.volatile, &failure);
                }
                Err(error)
            }
        }
    }

    /// Carries the jobs out in one transaction. If they are kept `apart`, those that fail because of
    /// a damaged row are refused, and taken out of `jobs`.
    fn attempt(
        &mut self,
        jobs: &mut Vec<Job>,
        must_sync: bool,
        apart: bool,
    ) -> rusqlite::Result<Logs> {
        if self.is_broken {
            return Err(sync_failure());
        }
        self.sql.pragma_update(None, "synchronous", if must_sync { "FULL" } else { "NORMAL" })?;
        let mut transaction = self.sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (keep, volatile) = (&self.config.keep, &mut self.volatile);
        let (logs, totals) = if apart {
            run_apart(&mut transaction, keep, volatile, self.totals, jobs)?
        } else {
            let mut step = Step::new(&transaction, keep, volatile, self.totals);
            jobs.iter_mut().try_for_each(|job| job.work.run(&mut step))?;
            step.finish()?
        };
        let mut count = transaction.prepare_cached("UPDATE state SET commits = commits + 1")?;
        count.execute([])?;
        drop(count);
        transaction.commit()?;
        self.totals = totals;
        Ok(logs)
    }

    fn succeeded(&mut self, is_synced: bool, bytes: usize) {
        self.commits += 1;
        if is_synced {
            self.unsynced_since = None;
            if let Err(error) = self.directory.set_commits(self.commits) {
                tell(|| tracing::warn!("cannot count the commits of the database: {error}"));
            }
        } else {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        if self.failing.is_some_and(|failed| self.has_room_again(failed, bytes)) {
            self.failing = None;
            self.volatile.health.recovers();
            tell(|| tracing::info!("the disk takes what is written again"));
        }
    }

    /// Whether what could not be written could be now. That so many other `bytes` could does not say so:
    /// the store may have had room left in its files.
    fn has_room_again(&mut self, failed: usize, bytes: usize) -> bool {
        if bytes >= failed {
            return true;
        }
        let now = Instant::now();
        if now.duration_since(self.tried_at) < TRY_EVERY {
            return false;
        }
        self.tried_at = now;
        self.directory.has_room(failed).is_ok()
    }

    pub(super) fn failed(&mut self, error: &rusqlite::Error, sentence: &str, bytes: usize) {
        self.volatile.health.fails(sentence);
        if self.unsynced_since.is_some() {
            // Tried again an interval later, not at once.
            self.unsynced_since = Some(Instant::now());
        }
        if has_not_synced(error) {
            if !std::mem::replace(&mut self.is_broken, true) {
                tell(|| tracing::error!("{sentence}"));
            }
        } else if self.failing.replace(bytes).is_none() {
            tell(|| tracing::error!("{sentence}; nothing is accepted until it can be written"));
        }
    }

    /// Shows readers what is committed, and answers.
    fn show(&mut self, jobs: Vec<Job>, mut logs: Logs) {
        let now = Instant::now();
        let mut woken = Vec::new();
        for (id, touched) in &mut logs {
            if let Some(topic) = &touched.topic {
                self.volatile.tails.insert(*id, topic.tail.clone());
            }
            if let Some(tail) = self.volatile.tails.get(id) {
                let appended = std::mem::take(&mut touched.appended);
                woken.push(tail.show(&touched.row, appended, now));
            }
            if let Some(topic) = touched.topic.take() {
                topic.keep();
            }
        }
        woken.into_iter().for_each(Woken::ring);
        for job in jobs {
            job.work.done(&mut self.volatile, &logs);
        }
    }

    /// The end: what is written stands in one file, which the next start finds as it is left.
    fn close(mut self) {
        self.volatile.health.ends();
        let closed = self.commit(Vec::new(), true).and_then(|()| {
            self.sql.execute("UPDATE state SET is_clean = 1", [])?;
            self.sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        if let Err(error) = closed {
            tell(|| tracing::warn!("the data is safe, but was not put away: {}", explain(&error)));
        }
    }
}

impl Volatile {
    /// What readers see of a log, as the batch has left it that this one follows on.
    pub(super) fn tail(&mut self, row: &LogRow, logs: &Logs, budget: &Arc<Budget>) -> Arc<Tail> {
        let row = logs.get(&row.id).map_or(row, |touched| &touched.row);
        self.tails.entry(row.id).or_insert_with(|| Arc::new(Tail::new(row, budget))).clone()
    }

    /// A connection has opened a session.
    pub(super) fn joined(&mut self, session: SessionId, live: Live) {
        self.doubts.remove(&session);
        if let Some(before) = self.live.insert(session, live)
            && before.log != live.log
        {
            self.tails.remove(&before.log);
        }
    }

    /// The connection of this generation is over.
    pub(super) fn gone(&mut self, session: &SessionId, generation: u64) {
        if let Some(live) = self.live.get(session).filter(|live| live.generation == generation) {
            self.tails.remove(&live.log);
            self.live.remove(session);
            self.doubts.remove(session);
        }
    }
}

/// Takes what waits, up to the size of one commit.
fn gather(queue: &Receiver<Order>, first: Order) -> (Vec<Job>, Option<oneshot::Sender<()>>) {
    let (mut jobs, mut bytes) = (Vec::new(), 0);
    let mut next = Some(first);
    while let Some(order) = next {
        match order {
            Order::Work(job) => {
                bytes += job.bytes;
                jobs.push(job);
            }
            Order::Close(told) => return (jobs, Some(told)),
        }
        let is_full = jobs.len() >= BATCH_JOBS || bytes >= BATCH_BYTES;
        next = if is_full { None } else { queue.try_recv().ok() };
    }
    (jobs, None)
}

/// Carries each job out on its own: nothing is left of one that fails, and the others go on.
fn run_apart(
    transaction: &mut Transaction<'_>,
    keep: &EngineConfig,
    volatile: &mut Volatile,
    mut totals: Totals,
    jobs: &mut Vec<Job>,
) -> rusqlite::Result<(Logs, Totals)> {
    let (mut all, mut next) = (Logs::new(), 0);
    while let Some(job) = jobs.get_mut(next) {
        let savepoint = transaction.savepoint()?;
        let mut step = Step::new(&savepoint, keep, volatile, totals);
        match job.work.run(&mut step).and_then(|()| step.finish()) {
            Ok((logs, after)) => {
                savepoint.commit()?;
                totals = after;
                for (log, touched) in logs {
                    match all.entry(log) {
                        Entry::Occupied(mut before) => before.get_mut().follow(touched),
                        Entry::Vacant(place) => drop(place.insert(touched)),
                    }
                }
                next += 1;
            }
            Err(error) if is_of_a_row(&error) => {
                savepoint.finish()?;
                let failure = Failure { sentence: explain(&error), is_own: true };
                volatile.health.is_damaged(&failure.sentence);
                tell(|| tracing::error!("{}; only what needs that is refused", failure.sentence));
                // At once: those behind it may be of the same session, and have to know its doubt.
                jobs.remove(next).work.undone(volatile, &failure);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((all, totals))
}

/// Whether it lies in what is there, and not in the disk: what does not touch it can be written.
pub(super) fn is_of_a_row(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, DatabaseCorrupt, TypeMismatch};
    matches!(
        error.sqlite_error_code(),
        None | Some(ConstraintViolation | DatabaseCorrupt | TypeMismatch)
    )
}

pub(super) fn sync_failure() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None)
}

fn has_not_synced(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC].contains(&code))
}

/// What the store says, in words that say what to do.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        _ if has_not_synced(error) => NOT_SYNCED.into(),
        Some(ErrorCode::DiskFull) => "the disk is full".into(),
        _ if is_of_a_row(error) => format!("the database is damaged: {error}"),
        _ => format!("the database cannot be written: {error}"),
    }
}
