//! The way to the writer: bounded in bytes, and the answers back.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tautline_protocol::SessionId;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

use super::health::UntilTheEnd;
use super::job::{JOB_BYTES, Job, Leave, Logs, Task};
use super::rows::Millis;
use super::step::Step;
use super::topics::DiskTopic;
use super::writer::{Order, Volatile, Writer};
use crate::engine::aging::AgingClock;
use crate::engine::topics::Swept;
use crate::engine::{EngineConfig, EngineError};

/// What may wait for the writer; who brings more waits with it.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// Tells the time of day, by the clock that tests can move.
#[derive(Clone, Debug)]
pub(super) struct WallClock {
    origin: Instant,
    at_origin: Millis,
    aging: AgingClock,
}

impl WallClock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_origin = super::sessions::millis(since);
        Self { origin: Instant::now(), at_origin, aging: AgingClock::default() }
    }

    pub(super) fn now(&self) -> Millis {
        let elapsed = super::sessions::millis(self.origin.elapsed());
        self.at_origin + elapsed - super::sessions::millis(self.aging.slept())
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) keep: EngineConfig,
    orders: Sender<Order>,
    room: Arc<Semaphore>,
    clock: WallClock,
}

impl Queue {
    /// Starts the writer.
    pub(super) fn start(writer: Writer, keep: EngineConfig, clock: WallClock) -> io::Result<Self> {
        let (orders, queue) = channel();
        let thread = std::thread::Builder::new().name("tautline-disk".into());
        let until_the_end = UntilTheEnd(writer.health());
        thread.spawn(move || {
            let _until_the_end = until_the_end;
            writer.run(&queue);
        })?;
        Ok(Self { keep, orders, room: Arc::new(Semaphore::new(QUEUE_BYTES)), clock })
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// The same on the monotonic clock.
    pub(super) fn instant(&self) -> Instant {
        self.clock.aging.now()
    }

    pub(super) fn slept(&self, duration: Duration) {
        self.clock.aging.put_back(duration);
    }

    /// Has something written; what `done` makes of it is the answer, once it is committed.
    pub(super) async fn put<M, T>(
        &self,
        bytes: usize,
        run: impl FnMut(&mut Step<'_>) -> rusqlite::Result<M> + Send + 'static,
        done: impl FnOnce(M, &mut Volatile, &Logs) -> T + Send + 'static,
    ) -> Result<T, EngineError>
    where
        M: Send + 'static,
        T: Send + 'static,
    {
        self.put_or(bytes, |_| {}, run, done).await
    }

    /// As [`put`](Self::put); `undone` is carried out if it is not committed.
    pub(super) async fn put_or<M, T>(
        &self,
        bytes: usize,
        undone: impl FnOnce(&mut Volatile) + Send + 'static,
        run: impl FnMut(&mut Step<'_>) -> rusqlite::Result<M> + Send + 'static,
        done: impl FnOnce(M, &mut Volatile, &Logs) -> T + Send + 'static,
    ) -> Result<T, EngineError>
    where
        M: Send + 'static,
        T: Send + 'static,
    {
        let bytes = (bytes + JOB_BYTES).min(QUEUE_BYTES);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(permits).await.ok();
        let (answer, answered) = oneshot::channel();
        let work = Box::new(Task { run, made: None, done, undone, answer });
        self.send(Job { work, is_promised: true, bytes, _room: room });
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Has something written that may get lost with the machine; nobody has to wait for the answer.
    pub(super) fn put_unpromised<M, T>(
        &self,
        run: impl FnMut(&mut Step<'_>) -> rusqlite::Result<M> + Send + 'static,
        done: impl FnOnce(M, &mut Volatile, &Logs) -> T + Send + 'static,
    ) -> oneshot::Receiver<Result<T, EngineError>>
    where
        M: Send + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let task = Task { run, made: None, done, undone: |_: &mut Volatile| {}, answer };
        self.send(Job::unpromised(Box::new(task)));
        answered
    }

    /// A connection is over.
    pub(super) fn leave(&self, session: SessionId, generation: u64) {
        let since = self.now();
        self.send(Job::unpromised(Box::new(Leave { session, generation, since })));
    }

    /// Puts in line that what has outlived its time is forgotten: `unused` topics, sessions, and
    /// entries of the `aging` topics.
    pub(super) fn sweep(
        &self,
        unused: Vec<Swept<DiskTopic>>,
        aging: Vec<i64>,
    ) -> oneshot::Receiver<Result<(), EngineError>> {
        let now = self.now();
        self.put_unpromised(
            move |step| {
                step.sweep_sessions(now)?;
                let removed = step.sweep_topics(&unused, &aging, now)?;
                step.give_back()?;
                Ok(removed)
            },
            |removed, volatile, _| {
                for log in removed {
                    volatile.tails.remove(&log);
                }
            },
        )
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
}

fn closed() -> EngineError {
    EngineError::Failed("the disk engine is closed".into())
}
