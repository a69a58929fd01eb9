//! The one thread that writes: whatever waits for it goes into one commit, and is answered after it.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use tautline_protocol::{Seq, SessionId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::config::{DiskConfig, SyncPolicy};
use super::directory::Directory;
use super::rows::{LogRow, Millis};
use super::step::{Step, Totals, Touched};
use super::tail::Tail;
use crate::engine::budget::Budget;
use crate::engine::log::Woken;

/// What one commit takes at most.
const BATCH_JOBS: usize = 8_192;
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// What a job does once it is committed.
pub(super) type Done = Box<dyn FnOnce(&mut Volatile, &BTreeMap<i64, Touched>) + Send>;
pub(super) type Run = Box<dyn FnOnce(&mut Step<'_>) -> rusqlite::Result<Done> + Send>;
pub(super) type Undone = Box<dyn FnOnce(&mut Volatile) + Send>;

/// Something to write. Who waits for an answer that never comes knows that nothing was written.
pub(super) struct Job {
    pub(super) run: Run,
    /// Carried out if the commit fails.
    pub(super) undone: Option<Undone>,
    /// Whether somebody relies on it: it has to be on the disk before anyone is told.
    pub(super) is_promised: bool,
    pub(super) bytes: usize,
    /// Its room in the queue.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

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
    pub(super) left: Vec<(SessionId, u64, Millis)>,
}

/// Why nothing is written, for whoever asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<Mutex<String>>);

impl Trouble {
    pub(super) fn sentence(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, sentence: &str) {
        sentence.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

pub(super) struct Writer {
    sql: Connection,
    directory: Directory,
    config: DiskConfig,
    totals: Totals,
    commits: u64,
    generations: u64,
    volatile: Volatile,
    trouble: Trouble,
    is_failing: bool,
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
        trouble: Trouble,
    ) -> rusqlite::Result<Self> {
        let totals = Totals::count(&sql)?;
        let commits: i64 = sql.query_row("SELECT commits FROM state", [], |row| row.get(0))?;
        Ok(Self {
            sql,
            directory,
            config,
            totals,
            commits: commits.cast_unsigned(),
            generations: 0,
            volatile: Volatile { tails, ..Volatile::default() },
            trouble,
            is_failing: false,
            is_broken: false,
            unsynced_since: None,
        })
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

    fn time_to_sync(&self) -> Option<std::time::Duration> {
        let SyncPolicy::Interval(interval) = self.config.sync else { return None };
        Some(interval.saturating_sub(self.unsynced_since?.elapsed()))
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let must_sync = match self.config.sync {
            SyncPolicy::Always => jobs.iter().any(|job| job.is_promised),
            SyncPolicy::Interval(_) => self.time_to_sync().is_some_and(|left| left.is_zero()),
        };
        let (mut runs, mut undone, mut rooms) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            runs.push(job.run);
            undone.extend(job.undone);
            rooms.extend(job.room);
        }
        match self.attempt(runs, must_sync) {
            Ok((done, logs)) => {
                self.succeeded(must_sync);
                self.show(done, logs);
            }
            Err(error) => {
                self.failed(&error);
                undone.into_iter().for_each(|undone| undone(&mut self.volatile));
            }
        }
    }

    /// Carries the jobs out in one transaction.
    fn attempt(
        &mut self,
        runs: Vec<Run>,
        must_sync: bool,
    ) -> rusqlite::Result<(Vec<Done>, BTreeMap<i64, Touched>)> {
        if self.is_broken {
            return Err(rusqlite::Error::InvalidQuery);
        }
        self.sql.pragma_update(None, "synchronous", if must_sync { "FULL" } else { "NORMAL" })?;
        let transaction = self.sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Volatile { live, doubts, left, .. } = &self.volatile;
        let (keep, generations) = (&self.config.keep, &mut self.generations);
        let mut step = Step::new(&transaction, keep, live, doubts, generations, self.totals);
        for (session, generation, since) in left {
            step.leave(session, *generation, *since)?;
        }
        let mut done = Vec::with_capacity(runs.len());
        for run in runs {
            done.push(run(&mut step)?);
        }
        let (logs, totals) = step.finish()?;
        let mut count = transaction.prepare_cached("UPDATE state SET commits = commits + 1")?;
        count.execute([])?;
        drop(count);
        transaction.commit()?;
        self.totals = totals;
        for (session, generation, _) in std::mem::take(&mut self.volatile.left) {
            self.volatile.gone(&session, generation);
        }
        Ok((done, logs))
    }

    fn succeeded(&mut self, is_synced: bool) {
        self.commits += 1;
        if is_synced {
            self.unsynced_since = None;
            if let Err(error) = self.directory.set_commits(self.commits) {
                tracing::warn!("cannot count the commits of the database: {error}");
            }
        } else {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("the disk takes what is written again");
        }
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        let sentence = explain(error);
        if self.unsynced_since.is_some() {
            // Tried again an interval later, not at once.
            self.unsynced_since = Some(Instant::now());
        }
        if self.is_broken {
            return;
        }
        if let Some(code) = error.sqlite_error().map(|error| error.extended_code)
            && [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC]
                .contains(&code)
        {
            self.is_broken = true;
            let sentence = "the disk could not sync, so nothing more is written: look at the disk, \
                            and start the server again";
            tracing::error!("{sentence}");
            return self.trouble.set(sentence);
        }
        self.trouble.set(&sentence);
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::error!("{sentence}; nothing is accepted until it can be written");
        }
    }

    /// Shows readers what is committed, and answers.
    fn show(&mut self, done: Vec<Done>, mut logs: BTreeMap<i64, Touched>) {
        let now = Instant::now();
        let mut woken = Vec::new();
        for (id, touched) in &mut logs {
            if let Some(tail) = self.volatile.tails.get(id) {
                let appended = std::mem::take(&mut touched.appended);
                woken.push(tail.show(&touched.row, appended, now));
            }
        }
        woken.into_iter().for_each(Woken::ring);
        for done in done {
            done(&mut self.volatile, &logs);
        }
    }

    /// The end: what is written stands in one file, which the next start finds as it is left.
    fn close(mut self) {
        let closed = self.attempt(Vec::new(), true).and_then(|_| {
            self.succeeded(true);
            self.sql.execute("UPDATE state SET is_clean = 1", [])?;
            self.sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        if let Err(error) = closed {
            tracing::warn!("the data is safe, but was not put away: {}", explain(&error));
        }
    }
}

impl Volatile {
    /// What readers see of a log, as the batch has left it that this one follows on.
    pub(super) fn tail(
        &mut self,
        row: &LogRow,
        logs: &BTreeMap<i64, Touched>,
        budget: &Arc<Budget>,
    ) -> Arc<Tail> {
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

/// What the store says, in words that say what to do.
fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "the disk is full".into(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => format!("the database is damaged: {error}"),
        _ => format!("the database cannot be written: {error}"),
    }
}
