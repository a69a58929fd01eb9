//! Where sessions and logs are kept: what the server asks of an engine.

mod aging;
mod budget;
mod config;
#[cfg(feature = "disk")]
pub mod disk;
mod log;
pub mod memory;
#[cfg(test)]
mod tests;
mod topics;

use std::future::Future;
use std::time::Duration;

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::resume::Resolution;
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Offset, Seq, SessionId, Start};

pub use self::config::{EngineConfig, Retention};
pub use self::topics::Maker;
use crate::handler::Identity;
pub use crate::mailbox::{Bell, Ringer};

/// Keeps sessions and logs.
///
/// Every method is one atomic step: it has happened as a whole, or not at all. An engine that
/// waits (for a disk, for another machine) holds no lock meanwhile.
pub trait Engine: Send + Sync + 'static {
    /// An opened session, fenced by the generation that opening it has begun. When it is dropped,
    /// its connection is over, and the time to live of the session starts.
    type Session: Send + Sync + 'static;

    /// A topic that exists at least as long as this does.
    type Topic: Clone + Send + Sync + 'static;

    /// Opens the session that a HELLO names, as
    /// [`resolve`](tautline_protocol::resume::resolve) decides, for the identity that owns it.
    /// What an older generation commits from now on is refused.
    fn open(
        &self,
        hello: &Hello,
        identity: &Identity,
    ) -> impl Future<Output = Result<Opened<Self::Session>, OpenError>> + Send;

    /// Accepts messages and takes their effects, leaving `effects` empty; returns the last entry
    /// of the session's direct stream.
    fn commit(
        &self,
        session: &Self::Session,
        effects: &mut Effects<Self::Topic>,
    ) -> impl Future<Output = Result<Offset, EngineError>> + Send;

    /// Reads the direct stream of a session behind `after` into `entries`.
    fn read_direct(
        &self,
        session: &Self::Session,
        after: Offset,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> impl Future<Output = Result<Read, EngineError>> + Send;

    /// The client has handled its direct stream up to `through`, which need not be kept.
    fn trim_direct(
        &self,
        session: &Self::Session,
        through: Offset,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// The client has ended the session. What is left of it is a tombstone.
    fn forget(&self, session: Self::Session) -> impl Future<Output = ()> + Send;

    /// Appends to the direct stream of a session; returns the position of the last entry.
    fn push(
        &self,
        session: SessionId,
        entries: Vec<EncodedEntry>,
    ) -> impl Future<Output = Result<Offset, EngineError>> + Send;

    /// Finds a topic, or makes one that counts for its maker. One that nothing is published to is gone with
    /// the last that holds it, and the next of this name is the same incarnation.
    fn topic(
        &self,
        name: &str,
        maker: &Maker,
    ) -> impl Future<Output = Result<Self::Topic, EngineError>> + Send;

    /// Drops what was published to a topic, which begins another incarnation: its readers get a gap.
    /// False if there was nothing.
    fn delete_topic(&self, name: &str) -> impl Future<Output = Result<bool, EngineError>> + Send;

    /// Appends to a topic; returns the entry's position.
    fn publish(
        &self,
        topic: &Self::Topic,
        entry: EncodedEntry,
    ) -> impl Future<Output = Result<Offset, EngineError>> + Send;

    /// The position before the first entry that a new reader gets.
    ///
    /// [`Start::After`] a position that is still there, or was the last, stays where it is; from
    /// one that is trimmed, or of another epoch, reading goes on with the oldest entry.
    fn locate(
        &self,
        topic: &Self::Topic,
        start: Start,
    ) -> impl Future<Output = Result<Position, EngineError>> + Send;

    /// Reads a topic behind `after` into `entries`.
    fn read_topic(
        &self,
        topic: &Self::Topic,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> impl Future<Output = Result<Read, EngineError>> + Send;

    /// The process did not run for so long, so that nobody could come: sessions, tombstones and topics
    /// are that much younger. Called before anything that comes after it.
    fn slept(&self, duration: Duration);

    /// Forgets what has outlived its time. The server calls it every few seconds.
    fn sweep(&self) -> impl Future<Output = ()> + Send;

    /// Whether it can keep what it is given; else why not, in words for whoever watches the server.
    ///
    /// # Errors
    /// The reason, such as a disk that is full. It is an error for as long as that holds.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }
}

/// So many messages of a session may be handled before that is committed.
pub const HANDLED_AHEAD_MAX: u64 = 1_024;

/// A session after HELLO.
#[derive(Debug)]
pub struct Opened<S> {
    /// The session.
    pub session: S,
    /// What the client is told of it.
    pub resolution: Resolution,
    /// Messages up to this one may have been handled without that being committed, because the
    /// server was killed or the commit failed: when they come again, the handler is told so. 0 if
    /// there are none.
    pub doubtful: Seq,
}

/// What handled messages leave behind, committed in one step.
#[derive(Debug)]
pub struct Effects<T> {
    /// The highest message that is handled; `None` if nothing but volatile messages were.
    pub accepted: Option<Seq>,
    /// Entries for the session's own direct stream: replies, refusals, messages.
    pub direct: Vec<EncodedEntry>,
    /// Entries for topics, in order.
    pub publishes: Vec<(T, EncodedEntry)>,
}

impl<T> Default for Effects<T> {
    fn default() -> Self {
        Self { accepted: None, direct: Vec::new(), publishes: Vec::new() }
    }
}

impl<T> Effects<T> {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accepted.is_none() && self.direct.is_empty() && self.publishes.is_empty()
    }
}

/// A place in one incarnation of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The incarnation.
    pub epoch: Epoch,
    /// The last entry before the place.
    pub offset: Offset,
}

/// How much to read at most; one entry larger than `bytes` is read alone.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    /// So many entries ...
    pub entries: u64,
    /// ... of so many bytes together.
    pub bytes: usize,
}

/// What a read has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The entries that follow, and there are more.
    More,
    /// The entries that follow, up to the end, if any; the bell rings when there are more.
    CaughtUp,
    /// What follows is gone: reading goes on behind this position.
    Gap(Position),
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It belongs to somebody else.
    #[error("the session belongs to another identity")]
    WrongIdentity,
    /// A newer connection of its client has been there: HELLO was under way for too long
    /// ([`is_stale`](tautline_protocol::resume::is_stale)).
    #[error("a newer connection came first")]
    Stale,
    /// There are as many sessions as there may be, and all are connected.
    #[error("the server has no room for another session")]
    Full,
    /// This identity has as many sessions as it may, and all are connected.
    #[error("this identity has too many sessions open")]
    TooMany,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an engine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A newer connection has opened the session.
    #[error("a newer connection has taken the session over")]
    Fenced,
    /// The session does not exist (any more).
    #[error("there is no such session")]
    NoSession,
    /// There are as many topics as there may be.
    #[error("the server has no room for another topic")]
    TooManyTopics,
    /// One identity, or without one a session, has made as many topics as it may.
    #[error("{maker} has made {most} topics, and may make no more until some of them are gone")]
    TooManyTopicsOfOne {
        /// Who.
        maker: Maker,
        /// How many.
        most: usize,
    },
    /// What the engine is built on failed.
    #[error("the engine failed: {0}")]
    Failed(String),
}
