//! The way to the writer: bounded in bytes, and the answers back.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use super::rows::Millis;
use super::step::{Step, Touched};
use super::topics::DiskTopic;
use super::writer::{Job, Order, Run, Trouble, Undone, Volatile, Writer};
use crate::engine::{EngineConfig, EngineError};

/// What may wait for the writer; who brings more waits with it.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// What a job takes beside its entries.
const JOB_BYTES: usize = 512;

/// Tells the time of day, by the clock that tests can move.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    origin: Instant,
    at_origin: Millis,
}

impl WallClock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Instant::now(), at_origin: super::sessions::millis(since) }
    }

    pub(super) fn now(&self) -> Millis {
        self.at_origin + super::sessions::millis(self.origin.elapsed())
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) keep: EngineConfig,
    orders: Sender<Order>,
    room: Arc<Semaphore>,
    clock: WallClock,
    trouble: Trouble,
}

type Logs = BTreeMap<i64, Touched>;

impl Queue {
    /// Starts the writer.
    pub(super) fn start(
        writer: Writer,
        keep: EngineConfig,
        clock: WallClock,
        trouble: Trouble,
    ) -> io::Result<Self> {
        let (orders, queue) = channel();
        let thread = std::thread::Builder::new().name("tautline-disk".into());
        thread.spawn(move || writer.run(&queue))?;
        Ok(Self { keep, orders, room: Arc::new(Semaphore::new(QUEUE_BYTES)), clock, trouble })
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Has something written; what `done` makes of it is the answer, once it is committed.
    pub(super) async fn put<T, D>(
        &self,
        bytes: usize,
        run: impl FnOnce(&mut Step<'_>) -> rusqlite::Result<D> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        D: FnOnce(&mut Volatile, &Logs) -> T + Send + 'static,
    {
        self.put_or(bytes, |_| {}, run).await
    }

    /// As [`put`](Self::put); `undone` is carried out if it is not committed.
    pub(super) async fn put_or<T, D>(
        &self,
        bytes: usize,
        undone: impl FnOnce(&mut Volatile) + Send + 'static,
        run: impl FnOnce(&mut Step<'_>) -> rusqlite::Result<D> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        D: FnOnce(&mut Volatile, &Logs) -> T + Send + 'static,
    {
        let bytes = (bytes + JOB_BYTES).min(QUEUE_BYTES);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(permits).await.ok();
        let (answer, answered) = oneshot::channel();
        let undone: Option<Undone> = Some(Box::new(undone));
        let run = answering(run, answer);
        self.send(Job { run, undone, is_promised: true, bytes, room });
        answered.await.map_err(|_| self.failure())
    }

    /// Has something written that nobody waits for, and that may get lost with the machine.
    pub(super) fn put_unbounded(
        &self,
        run: impl FnOnce(&mut Step<'_>) -> rusqlite::Result<()> + Send + 'static,
        done: impl FnOnce(&mut Volatile) + Send + 'static,
        undone: impl FnOnce(&mut Volatile) + Send + 'static,
    ) {
        let run = Box::new(move |step: &mut Step<'_>| {
            run(step)?;
            Ok(Box::new(move |volatile: &mut Volatile, _: &Logs| done(volatile)) as _)
        });
        let undone: Option<Undone> = Some(Box::new(undone));
        self.send(Job { run, undone, is_promised: false, bytes: JOB_BYTES, room: None });
    }

    /// Forgets what has outlived its time: `unused` topics, sessions, and entries of the `aging`
    /// topics.
    pub(super) async fn sweep(&self, unused: Vec<(String, Arc<DiskTopic>)>, aging: Vec<i64>) {
        let (answer, answered) = oneshot::channel();
        let now = self.now();
        let sweep = move |step: &mut Step<'_>| {
            step.sweep_sessions(now)?;
            step.sweep_topics(&unused, &aging, now)?;
            step.give_back()?;
            Ok(move |volatile: &mut Volatile, _: &Logs| {
                for (_, topic) in unused {
                    volatile.tails.remove(&topic.tail.id);
                }
            })
        };
        let run = answering(sweep, answer);
        self.send(Job { run, undone: None, is_promised: false, bytes: JOB_BYTES, room: None });
        // If it fails, that is logged, and there is a next time.
        let _ = answered.await;
    }

    pub(super) async fn close(&self) {
        let (told, closed) = oneshot::channel();
        if self.orders.send(Order::Close(told)).is_ok() {
            // It ends without a word only if the writer has panicked.
            let _ = closed.await;
        }
    }

    fn send(&self, job: Job) {
        // Without a writer the job is dropped, and so is the answer that is waited for.
        let _ = self.orders.send(Order::Work(job));
    }

    fn failure(&self) -> EngineError {
        let sentence = self.trouble.sentence();
        let sentence =
            if sentence.is_empty() { "the disk engine is closed".into() } else { sentence };
        EngineError::Failed(sentence)
    }
}

/// What runs, and answers once it is committed.
fn answering<T, D>(
    run: impl FnOnce(&mut Step<'_>) -> rusqlite::Result<D> + Send + 'static,
    answer: oneshot::Sender<T>,
) -> Run
where
    T: Send + 'static,
    D: FnOnce(&mut Volatile, &Logs) -> T + Send + 'static,
{
    Box::new(move |step| {
        let done = run(step)?;
        Ok(Box::new(move |volatile: &mut Volatile, logs: &Logs| {
            // Nobody may wait any more: then what was made is let go of as it would be later.
            drop(answer.send(done(volatile, logs)));
        }))
    })
}
