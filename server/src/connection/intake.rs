//! The messages of a connection on their way through the handler: in order, one at a time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::Incoming;
use tautline_protocol::{Kind, Offset, Seq, Session};
use tokio_util::sync::ReusableBoxFuture;

use crate::engine::{Effects, Engine, EngineError, HANDLED_AHEAD_MAX, Maker};
use crate::escaped::Escaped;
use crate::handler::{Also, Caller, Handler, Message, Payload, Refusal};
use crate::mailbox::Mailbox;
use crate::post::{PostError, check_size, check_topic, encode};
use crate::server::Shared;

/// No further message is handled before what so many bytes of effects are is committed.
const EFFECTS_BYTES: usize = 1024 * 1024;

pub(super) struct Intake<H, E: Engine> {
    shared: Arc<Shared<H, E>>,
    /// The message being handled. Its memory is used again for the next.
    running: ReusableBoxFuture<'static, Outcome<E::Topic>>,
    is_running: bool,
    /// Messages handled and not yet committed, and what they did.
    handled: u64,
    effects: Effects<E::Topic>,
    /// Memory that the effects take, and the message being handled, in bytes.
    effects_bytes: usize,
    running_bytes: usize,
    /// How many of the direct entries there are up to the last answer among them.
    through_answer: usize,
    /// Messages up to this one may have been handled before.
    doubtful: Seq,
    /// What was handled is not committed: what is handled behind it must not be either, or it would
    /// count as handled too.
    has_failed: bool,
}

/// What handling one message has come to.
struct Outcome<T> {
    seq: Option<Seq>,
    answer: Option<EncodedEntry>,
    publish: Option<(T, EncodedEntry)>,
    direct: Vec<EncodedEntry>,
    publishes: Vec<(T, EncodedEntry)>,
}

impl<H: Handler, E: Engine> Intake<H, E> {
    pub(super) fn new(shared: Arc<Shared<H, E>>) -> Self {
        Self {
            shared,
            running: ReusableBoxFuture::new(std::future::pending()),
            is_running: false,
            handled: 0,
            effects: Effects::default(),
            effects_bytes: 0,
            running_bytes: 0,
            through_answer: 0,
            doubtful: 0,
            has_failed: false,
        }
    }

    /// Messages up to this one may have been handled before.
    pub(super) const fn doubt(&mut self, through: Seq) {
        self.doubtful = through;
    }

    /// Handles what has arrived, as far as handlers do not wait. Ready when there is something to
    /// commit.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        machine: &mut Session,
        caller: &Arc<Caller>,
        mailbox: &Mailbox,
    ) -> Poll<()> {
        while self.handled < HANDLED_AHEAD_MAX
            && self.effects_bytes < EFFECTS_BYTES
            && !self.has_failed
        {
            if !self.is_running {
                if mailbox.is_fenced() {
                    break;
                }
                let Some(mut incoming) = machine.take_message() else { break };
                incoming.possible_duplicate |= incoming.seq.is_some_and(|seq| seq <= self.doubtful);
                self.running_bytes = incoming.topic.len() + incoming.payload.len();
                self.running.set(handle(self.shared.clone(), caller.clone(), incoming));
                self.is_running = true;
            }
            match self.running.poll(cx) {
                Poll::Ready(outcome) => self.finish(outcome),
                Poll::Pending => break,
            }
        }
        if self.handled > 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Memory that it takes, in bytes.
    pub(super) const fn held_bytes(&self) -> usize {
        self.effects_bytes + self.running_bytes
    }

    /// Waits for the message that is being handled, if there is one.
    pub(super) async fn rest(&mut self) {
        if self.is_running {
            let outcome = (&mut self.running).await;
            self.finish(outcome);
        }
    }

    fn finish(&mut self, outcome: Outcome<E::Topic>) {
        self.is_running = false;
        self.running_bytes = 0;
        self.handled += 1;
        let published = outcome.publish.iter().chain(&outcome.publishes).map(|(_, entry)| entry);
        let direct = outcome.answer.iter().chain(&outcome.direct);
        self.effects_bytes += direct.chain(published).map(EncodedEntry::size).sum::<usize>();
        let effects = &mut self.effects;
        effects.accepted = outcome.seq.or(effects.accepted);
        if let Some(answer) = outcome.answer {
            effects.direct.push(answer);
            self.through_answer = effects.direct.len();
        }
        effects.direct.extend(outcome.direct);
        effects.publishes.extend(outcome.publish);
        effects.publishes.extend(outcome.publishes);
    }

    /// Commits what is handled; returns the last message and the position of the last answer, 0 if
    /// there is none. An acknowledgement does not wait for other entries: an application may well
    /// send something while it handles one, and wait for that.
    pub(super) async fn commit(
        &mut self,
        session: &E::Session,
    ) -> Result<Option<(Seq, Offset)>, EngineError> {
        (self.handled, self.effects_bytes) = (0, 0);
        let through_answer = std::mem::take(&mut self.through_answer);
        let behind_answer = (self.effects.direct.len() - through_answer) as Offset;
        if self.effects.is_empty() || self.has_failed {
            return Ok(None);
        }
        let accepted = self.effects.accepted;
        let mut effects = std::mem::take(&mut self.effects);
        let committed = self.shared.engine.commit(session, &mut effects).await;
        self.has_failed = committed.is_err();
        let head = committed?;
        let answered = if through_answer > 0 { head - behind_answer } else { 0 };
        Ok(accepted.map(|seq| (seq, answered)))
    }
}

/// Handles one message, whatever the handler does.
async fn handle<H: Handler, E: Engine>(
    shared: Arc<Shared<H, E>>,
    caller: Arc<Caller>,
    incoming: Incoming,
) -> Outcome<E::Topic> {
    let seq = incoming.seq;
    let attempt = AssertUnwindSafe(attempt(&shared, &caller, incoming)).catch_unwind();
    let refusal = match attempt.await {
        Ok(Ok(outcome)) => return outcome,
        Ok(Err(refusal)) => refusal,
        Err(_) => {
            tracing::error!("the handler panicked: {} is refused", describe(&caller, seq));
            Refusal::internal("the server's handler failed")
        }
    };
    let Refusal { code, reason } = &refusal;
    let (said, why) = (Escaped(code), Escaped(reason));
    tracing::debug!("refused {}: {said}: {why}", describe(&caller, seq));
    let (code, reason) = (code.as_bytes(), reason.as_bytes());
    // A volatile message has no number that its refusal could name.
    let answer = seq.map(|seq| {
        let format = tautline_protocol::Format::default();
        EncodedEntry::new(format, Entry::Refusal { seq, code, reason })
    });
    Outcome { seq, answer, publish: None, direct: Vec::new(), publishes: Vec::new() }
}

async fn attempt<H: Handler, E: Engine>(
    shared: &Shared<H, E>,
    caller: &Caller,
    incoming: Incoming,
) -> Result<Outcome<E::Topic>, Refusal> {
    let Incoming { seq, kind, format, possible_duplicate, topic, payload } = incoming;
    let payload = Payload::new(format, payload);
    let mut also = Also::default();
    let (mut answer, mut publish) = (None, None);
    if kind == Kind::Publish {
        shared.handler.publish(caller, &topic, &payload).await?;
        let topic = find_topic(&shared.engine, &topic, caller).await?;
        publish = Some((topic, encode(&payload).map_err(unusable)?));
    } else {
        let also = &mut also;
        let message = Message { caller, seq, possible_duplicate, payload, also };
        match (kind, seq) {
            (Kind::Request, Some(seq)) => {
                let reply = shared.handler.request(message).await?;
                check_size(&reply).map_err(unusable)?;
                let entry = Entry::Reply { seq, payload: reply.bytes() };
                answer = Some(EncodedEntry::new(reply.format(), entry));
            }
            _ => shared.handler.send(message).await?,
        }
    }
    let mut outcome = Outcome { seq, answer, publish, direct: Vec::new(), publishes: Vec::new() };
    for payload in also.direct {
        outcome.direct.push(encode(&payload).map_err(unusable)?);
    }
    for (topic, payload) in also.publishes {
        check_topic(&topic).map_err(unusable)?;
        let topic = find_topic(&shared.engine, &topic, caller).await?;
        outcome.publishes.push((topic, encode(&payload).map_err(unusable)?));
    }
    Ok(outcome)
}

pub(super) async fn find_topic<E: Engine>(
    engine: &E,
    name: &str,
    caller: &Caller,
) -> Result<E::Topic, Refusal> {
    engine.topic(name, &Maker::of(caller)).await.map_err(|error| match error {
        EngineError::TooManyTopics | EngineError::TooManyTopicsOfOne { .. } => {
            Refusal::new("too-many-topics", error.to_string())
        }
        _ => {
            tracing::error!("cannot get the topic {name:?}: {error}");
            Refusal::internal("the server could not get the topic")
        }
    })
}

/// What the handler wants sent cannot be.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unusable(error: PostError) -> Refusal {
    tracing::error!("the handler made something that cannot be sent: {error}");
    Refusal::internal("the server's handler made something that cannot be sent")
}

fn describe(caller: &Caller, seq: Option<Seq>) -> String {
    let session = super::short(caller.session);
    seq.map_or_else(
        || format!("a volatile message of session {session}"),
        |seq| format!("message {seq} of session {session}"),
    )
}
