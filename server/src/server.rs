//! A server: what its connections share, and the handle the application holds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::routing::{MethodRouter, any};
use tautline_protocol::{Offset, SessionId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::memory::MemoryEngine;
use crate::engine::{Engine, EngineConfig, Maker};
use crate::handler::{Handler, Payload};
use crate::holdings::{Holding, Holdings};
use crate::lease::Leases;
use crate::mailbox::Mailbox;
use crate::origin::check_host;
use crate::post::{PostError, check_topic, encode};
use crate::pulse::{self, Pulse};
use crate::upgrade::upgrade;

/// How long connections that are told to end may take for that, at the end of a server.
const CLOSING: Duration = Duration::from_secs(2);
/// Connections beyond the bound that are told so at the same time.
const TURNING_AWAY: usize = 64;
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// A server: put its [`route`](Self::route) into an axum application, keep a clone to
/// [`push`](Self::push) and [`publish`](Self::publish) out of band, and
/// [`shut_down`](Self::shut_down) at the end.
pub struct Server<H, E = MemoryEngine> {
    shared: Arc<Shared<H, E>>,
}

impl<H, E> Clone for Server<H, E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

/// What all connections of a server have in common.
pub(crate) struct Shared<H, E> {
    pub(crate) config: Config,
    pub(crate) handler: H,
    pub(crate) engine: E,
    pub(crate) clock: Clock,
    pulse: Pulse,
    pub(crate) leases: Arc<Leases>,
    pub(crate) admission: Arc<Admission>,
    /// What all connections hold in memory.
    pub(crate) holdings: Arc<Holdings>,
    /// Connections that are not let in and are being told so.
    pub(crate) turning_away: Arc<Semaphore>,
    /// Every task of the server.
    pub(crate) tasks: TaskTracker,
    /// The server takes no more connections.
    pub(crate) leaving: CancellationToken,
    /// Ends whatever has not ended in time.
    pub(crate) abort: CancellationToken,
    roster: Mutex<Roster>,
    next_connection: AtomicU64,
    sweeping: Once,
}

/// The connections there are, to tell them that the server ends.
#[derive(Default)]
struct Roster {
    stage: Stage,
    mailboxes: BTreeMap<u64, Arc<Mailbox>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Clients are asked to leave.
    Leaving,
    /// Connections are hung up.
    Ended,
}

/// Stands in the roster until dropped.
pub(crate) struct Enrolled<H, E> {
    shared: Arc<Shared<H, E>>,
    pub(crate) number: u64,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) holding: Holding,
}

impl<H: Handler> Server<H> {
    /// A server with the engine in memory.
    #[must_use]
    pub fn new(config: Config, handler: H) -> Self {
        Self::with_engine(config, handler, MemoryEngine::new(EngineConfig::default()))
    }
}

impl<H: Handler, E: Engine> Server<H, E> {
    /// A server that keeps its sessions and logs in `engine`.
    #[must_use]
    pub fn with_engine(config: Config, handler: H, engine: E) -> Self {
        if let Err(sentence) = config.check() {
            tracing::error!("an allowed origin matches no page: {sentence}");
        }
        let holdings = Arc::new(Holdings::new(config.memory_bytes));
        let shared = Shared {
            config,
            handler,
            engine,
            clock: Clock::start(),
            pulse: Pulse::new(),
            leases: Arc::default(),
            admission: Arc::default(),
            holdings,
            turning_away: Arc::new(Semaphore::new(TURNING_AWAY)),
            tasks: TaskTracker::new(),
            leaving: CancellationToken::new(),
            abort: CancellationToken::new(),
            roster: Mutex::default(),
            next_connection: AtomicU64::new(0),
            sweeping: Once::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The route that lines connect to.
    ///
    /// Bounds per address need to know who asks: serve the application with
    /// [`into_make_service_with_connect_info`](axum::Router::into_make_service_with_connect_info)
    /// of [`SocketAddr`](std::net::SocketAddr), as [`serve`](crate::serve) does.
    pub fn route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let shared = self.shared.clone();
        any(move |request| upgrade(shared.clone(), request))
    }

    /// An application with nothing but the [`route`](Self::route), at `/line`.
    pub fn router(&self) -> Router {
        Router::new().route("/line", self.route())
    }

    /// Checks the `Host` of a request: it has to be `localhost`, an IP address, or the host of an
    /// [allowed origin](Config::allowed_origins). Any page can give its own name the server's address (DNS
    /// rebinding); with this check on a route such a page cannot read the answers.
    ///
    /// # Errors
    /// What to tell whoever asked.
    pub fn check_host(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), String> {
        check_host(headers, uri, &self.shared.config.allowed_origins)
    }

    /// What the server does with clients.
    #[must_use]
    pub fn handler(&self) -> &H {
        &self.shared.handler
    }

    /// Sends a message to one session, connected or not; returns its position in the session's
    /// direct stream.
    ///
    /// # Errors
    /// There is no such session (any more), the payload is too large, or the engine failed.
    pub async fn push(&self, session: SessionId, payload: Payload) -> Result<Offset, PostError> {
        let entry = encode(&payload)?;
        Ok(self.shared.engine.push(session, vec![entry]).await?)
    }

    /// Appends to a topic; returns the entry's position.
    ///
    /// # Errors
    /// The topic's name is not one, there are too many topics, the payload is too large, or the
    /// engine failed.
    pub async fn publish(&self, topic: &str, payload: Payload) -> Result<Offset, PostError> {
        check_topic(topic)?;
        let entry = encode(&payload)?;
        let topic = self.shared.engine.topic(topic, &Maker::Server).await?;
        Ok(self.shared.engine.publish(&topic, entry).await?)
    }

    /// Drops what was published to a topic; false if there was nothing. Whoever reads it is told of a gap,
    /// and that it has begun anew.
    ///
    /// # Errors
    /// The topic's name is not one, or the engine failed.
    pub async fn delete_topic(&self, topic: &str) -> Result<bool, PostError> {
        check_topic(topic)?;
        Ok(self.shared.engine.delete_topic(topic).await?)
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.roster().mailboxes.len()
    }

    /// Whether the server can keep what it is given, as its engine says.
    ///
    /// # Errors
    /// Why not, in words for whoever watches the server, for as long as that holds.
    pub fn health(&self) -> Result<(), String> {
        self.shared.engine.health()
    }

    /// How much memory all connections take together, in bytes, as [`Config::memory_bytes`] bounds it.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.shared.holdings.used()
    }

    /// Ends the server: takes no new connection, asks the clients to leave, hangs up after
    /// [`Config::grace`], and returns once every task has ended, at the latest two seconds later.
    pub async fn shut_down(&self) {
        let shared = &self.shared;
        shared.leaving.cancel();
        let asked = shared.enter(Stage::Leaving, Mailbox::go_away);
        tracing::info!("shutting down: asked {asked} connections to leave");
        shared.tasks.close();
        if tokio::time::timeout(shared.config.grace, shared.tasks.wait()).await.is_ok() {
            return;
        }
        let left = shared.enter(Stage::Ended, Mailbox::hang_up);
        tracing::info!("hanging up {left} connections that are left");
        if tokio::time::timeout(CLOSING, shared.tasks.wait()).await.is_err() {
            tracing::warn!("{} tasks did not end in time and are dropped", shared.tasks.len());
            shared.abort.cancel();
        }
    }

    /// At the latest this long after its beginning, [`shut_down`](Self::shut_down) has ended.
    #[must_use]
    pub fn shut_down_max(&self) -> Duration {
        self.shared.config.grace + CLOSING
    }
}

impl<H, E> Server<H, E> {
    pub(crate) fn shared(&self) -> &Shared<H, E> {
        &self.shared
    }
}

impl<H: Handler, E: Engine> Shared<H, E> {
    /// Puts a connection onto the roster; `None` if the server takes no more.
    pub(crate) fn enroll(self: &Arc<Self>) -> Option<Enrolled<H, E>> {
        let mut roster = self.roster();
        if roster.stage != Stage::Open {
            return None;
        }
        let number = self.next_connection.fetch_add(1, Ordering::Relaxed) + 1;
        let mailbox = Arc::new(Mailbox::default());
        roster.mailboxes.insert(number, mailbox.clone());
        drop(roster);
        self.sweeping.call_once(|| {
            self.pulse.start();
            self.tasks.spawn(watch(self.clone()));
            self.tasks.spawn(sweep(self.clone()));
        });
        let holding = self.holdings.join(number, &mailbox);
        Some(Enrolled { shared: self.clone(), number, mailbox, holding })
    }

    /// Before anything is asked of the engine that depends on what has aged.
    pub(crate) fn look_at_the_clock(&self) {
        self.pulse.beat(|away| self.engine.slept(away));
    }

    fn enter(&self, stage: Stage, tell: impl Fn(&Mailbox)) -> usize {
        let mut roster = self.roster();
        roster.stage = stage;
        roster.mailboxes.values().for_each(|mailbox| tell(mailbox));
        roster.mailboxes.len()
    }
}

/// Until the server is shut down, looks whether the process runs.
async fn watch<H: Handler, E: Engine>(shared: Arc<Shared<H, E>>) {
    let leaving = shared.leaving.clone();
    while leaving.run_until_cancelled(tokio::time::sleep(pulse::EVERY)).await.is_some() {
        shared.look_at_the_clock();
    }
}

/// Until the server is shut down, has the engine forget what has outlived its time.
async fn sweep<H: Handler, E: Engine>(shared: Arc<Shared<H, E>>) {
    let leaving = shared.leaving.clone();
    while leaving.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        shared.look_at_the_clock();
        shared.engine.sweep().await;
    }
}

impl<H, E> Shared<H, E> {
    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H, E> Drop for Enrolled<H, E> {
    fn drop(&mut self) {
        self.shared.roster().mailboxes.remove(&self.number);
    }
}
