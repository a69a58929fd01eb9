//! What a client asks for beside messages: to join, to prove itself again, to subscribe.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tautline_protocol::session::Hello;
use tautline_protocol::{CloseCode, Start, StreamId, limits};

use super::Peer;
use super::authentication::Authentication;
use super::intake::find_topic;
use crate::engine::{Engine, OpenError, Opened, Position};
use crate::handler::{Caller, Credentials, Denied, Handler, Identity, Refusal};
use crate::lease::{Lease, Stale};
use crate::mailbox::Mailbox;
use crate::server::Shared;

/// How long joining may take: to check the credentials, and to wait for the message that the
/// connection before is still handling. Silence cannot be noticed meanwhile.
const JOIN_MAX: Duration = Duration::from_secs(30);
/// How long the handler may take over the credentials of HELLO: soon after, the client would leave
/// without a word of why.
const AUTHORIZE_MAX: Duration = Duration::from_millis(limits::CONNECT_TIMEOUT_MS - 2_000);
/// How long the handler may take over a subscription; those behind it wait.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(30);

pub(super) enum Request {
    Join(Hello),
    Subscribe { stream: StreamId, topic: String, start: Start },
}

impl Request {
    /// What it takes beside itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Join(hello) => hello.credentials.len(),
            Self::Subscribe { topic, .. } => topic.len(),
        }
    }
}

pub(super) enum Answer<E: Engine> {
    Joined { hello: Hello, joined: Result<Box<Joined<E>>, Denied> },
    Authenticated(Result<Identity, Denied>),
    Subscribed { stream: StreamId, subscribed: Result<(E::Topic, Position), Refusal> },
}

/// A client let in.
pub(super) struct Joined<E: Engine> {
    pub(super) identity: Identity,
    pub(super) lease: Lease,
    pub(super) opened: Opened<E::Session>,
}

type Work<E> = Pin<Box<dyn Future<Output = Answer<E>> + Send>>;

/// Answers one request after the other, and credentials beside them.
pub(super) struct Requests<H, E: Engine> {
    shared: Arc<Shared<H, E>>,
    peer: Arc<Peer>,
    mailbox: Arc<Mailbox>,
    waiting: VecDeque<Request>,
    running: Option<Work<E>>,
    /// What the request that is being answered takes.
    running_bytes: usize,
    /// What is being subscribed to at the moment.
    subscribing: Option<Subscribing>,
    authentication: Authentication,
}

struct Subscribing {
    /// `None`: nobody wants it any more.
    stream: Option<StreamId>,
    /// The application has agreed, and the engine has work in line.
    is_with_engine: Arc<AtomicBool>,
}

impl<H: Handler, E: Engine> Requests<H, E> {
    pub(super) fn new(shared: Arc<Shared<H, E>>, peer: Arc<Peer>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            shared,
            peer,
            mailbox,
            waiting: VecDeque::new(),
            running: None,
            running_bytes: 0,
            subscribing: None,
            authentication: Authentication::default(),
        }
    }

    pub(super) fn push(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    pub(super) fn authenticate(&mut self, credentials: Bytes) {
        self.authentication.put(credentials);
    }

    pub(super) fn unsubscribe(&mut self, unwanted: StreamId) {
        self.waiting.retain(
            |waiting| !matches!(waiting, Request::Subscribe { stream, .. } if *stream == unwanted),
        );
        if let Some(subscribing) = &mut self.subscribing
            && subscribing.stream == Some(unwanted)
        {
            // What the engine has in line is waited for: else a client could line up any amount of it.
            if subscribing.is_with_engine.load(Ordering::Relaxed) {
                subscribing.stream = None;
            } else {
                (self.subscribing, self.running, self.running_bytes) = (None, None, 0);
            }
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        caller: Option<&Arc<Caller>>,
    ) -> Poll<Answer<E>> {
        let (shared, peer) = (&self.shared, &self.peer);
        let verdict = self.authentication.poll(cx, |credentials| {
            let (shared, peer) = (shared.clone(), peer.clone());
            Box::pin(async move { authorize(&shared, &peer, credentials).await })
        });
        if let Poll::Ready(verdict) = verdict {
            return Poll::Ready(Answer::Authenticated(verdict));
        }
        loop {
            let running = match &mut self.running {
                Some(running) => running,
                // What is asked for behind credentials may be what they allow.
                None if self.authentication.holds_up(cx) => return Poll::Pending,
                None => {
                    let Some(request) = self.waiting.pop_front() else { return Poll::Pending };
                    self.running_bytes = request.bytes();
                    let Some(work) = self.start(request, caller) else { return Poll::Pending };
                    self.running.insert(work)
                }
            };
            let answer = ready!(running.as_mut().poll(cx));
            (self.running, self.running_bytes) = (None, 0);
            if self.subscribing.take().is_none_or(|subscribing| subscribing.stream.is_some()) {
                return Poll::Ready(answer);
            }
        }
    }

    /// Memory that they take, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(Request::bytes).sum();
        waiting
            + self.waiting.capacity() * size_of::<Request>()
            + self.running_bytes
            + self.authentication.held_bytes()
    }

    fn start(&mut self, request: Request, caller: Option<&Arc<Caller>>) -> Option<Work<E>> {
        let (shared, peer) = (self.shared.clone(), self.peer.clone());
        Some(match request {
            Request::Join(hello) => {
                let mailbox = self.mailbox.clone();
                Box::pin(async move {
                    let joined = join(&shared, &peer, &mailbox, &hello);
                    let joined = tokio::time::timeout(JOIN_MAX, joined).await;
                    let joined = joined.unwrap_or_else(|_| Err(Denied::too_slow()));
                    Answer::Joined { hello, joined }
                })
            }
            Request::Subscribe { stream, topic, start } => {
                let caller = caller?.clone();
                let is_with_engine = Arc::new(AtomicBool::new(false));
                self.subscribing = Some(Subscribing {
                    stream: Some(stream),
                    is_with_engine: is_with_engine.clone(),
                });
                Box::pin(async move {
                    let subscribed =
                        subscribe(&shared, &caller, &topic, start, &is_with_engine).await;
                    Answer::Subscribed { stream, subscribed }
                })
            }
        })
    }
}

async fn join<H: Handler, E: Engine>(
    shared: &Shared<H, E>,
    peer: &Peer,
    mailbox: &Arc<Mailbox>,
    hello: &Hello,
) -> Result<Box<Joined<E>>, Denied> {
    let identity = authorize(shared, peer, hello.credentials.clone());
    let identity = tokio::time::timeout(AUTHORIZE_MAX, identity).await;
    let identity = identity.unwrap_or_else(|_| Err(Denied::undecided()))?;
    let claim = shared
        .leases
        .claim(hello.session, hello.connection, &identity, mailbox)
        .map_err(|Stale| Denied::stale())?;
    let lease = claim.hold().await;
    shared.look_at_the_clock();
    match shared.engine.open(hello, &identity).await {
        Ok(opened) => Ok(Box::new(Joined { identity, lease, opened })),
        Err(error) => Err(refused(&error)),
    }
}

fn refused(error: &OpenError) -> Denied {
    let code = match error {
        OpenError::WrongIdentity => CloseCode::WRONG_IDENTITY,
        OpenError::Stale => return Denied::stale(),
        OpenError::Full => CloseCode::FULL,
        OpenError::TooMany => CloseCode::TOO_MANY,
        OpenError::Engine(error) => {
            tracing::error!("cannot open a session: {error}");
            return Denied::failed("the server could not open the session");
        }
    };
    Denied { code, ..Denied::unauthorized(error.to_string()) }
}

async fn authorize<H: Handler, E: Engine>(
    shared: &Shared<H, E>,
    peer: &Peer,
    bytes: Bytes,
) -> Result<Identity, Denied> {
    let credentials = Credentials { bytes, origin: peer.origin.clone(), peer: peer.address };
    let asked = async { shared.handler.authorize(credentials).await };
    match AssertUnwindSafe(asked).catch_unwind().await {
        Ok(verdict) => verdict,
        Err(_) => {
            tracing::error!("the handler panicked over the credentials of {peer}");
            Err(Denied::failed("the server's handler failed"))
        }
    }
}

async fn subscribe<H: Handler, E: Engine>(
    shared: &Shared<H, E>,
    caller: &Caller,
    name: &str,
    start: Start,
    is_with_engine: &AtomicBool,
) -> Result<(E::Topic, Position), Refusal> {
    let asked = async { shared.handler.subscribe(caller, name).await };
    let asked = AssertUnwindSafe(asked).catch_unwind();
    match tokio::time::timeout(SUBSCRIBE_MAX, asked).await {
        Ok(Ok(verdict)) => verdict?,
        Err(_) => {
            tracing::error!("the handler took too long over a subscription to {name:?}");
            return Err(Refusal::internal("the server's handler took too long"));
        }
        Ok(Err(_)) => {
            tracing::error!("the handler panicked over a subscription to {name:?}");
            return Err(Refusal::internal("the server's handler failed"));
        }
    }
    is_with_engine.store(true, Ordering::Relaxed);
    let topic = find_topic(&shared.engine, name, caller).await?;
    match shared.engine.locate(&topic, start).await {
        Ok(position) => Ok((topic, position)),
        Err(error) => {
            tracing::error!("cannot read the topic {name:?}: {error}");
            Err(Refusal::internal("the server could not read the topic"))
        }
    }
}
