//! An engine that fails: what was handled and not committed is handled again, and nothing behind it is
//! taken for handled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, SessionId, Start};
use tautline_server::engine::{
    Bell, Effects, Engine, EngineError, Maker, OpenError, Opened, Position, Read, ReadLimit,
};
use tautline_server::{EngineConfig, Identity, MemoryEngine};

use crate::client::Client;
use crate::world::{Puppet, serve};

/// The memory engine, whose next commits fail.
#[derive(Clone)]
struct Flaky {
    inner: MemoryEngine,
    failures: Arc<AtomicUsize>,
    /// Messages up to this one may have been handled and are not committed.
    doubtful: Arc<AtomicU64>,
}

type Session = <MemoryEngine as Engine>::Session;
type Topic = <MemoryEngine as Engine>::Topic;

impl Engine for Flaky {
    type Session = Session;
    type Topic = Topic;

    async fn open(&self, hello: &Hello, who: &Identity) -> Result<Opened<Session>, OpenError> {
        let opened = self.inner.open(hello, who).await?;
        let doubtful = self.doubtful.load(Ordering::SeqCst);
        Ok(Opened { doubtful, ..opened })
    }

    async fn commit(
        &self,
        session: &Session,
        effects: &mut Effects<Topic>,
    ) -> Result<Offset, EngineError> {
        let left = self.failures.load(Ordering::SeqCst);
        if left > 0 {
            self.failures.store(left - 1, Ordering::SeqCst);
            let Effects { accepted, .. } = std::mem::take(effects);
            // The one behind it may be with the handler.
            self.doubtful.store(accepted.unwrap_or_default() + 1, Ordering::SeqCst);
            return Err(EngineError::Failed("as the test wants it".into()));
        }
        self.inner.commit(session, effects).await
    }

    async fn read_direct(
        &self,
        session: &Session,
        after: Offset,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        self.inner.read_direct(session, after, limit, bell, entries).await
    }

    async fn trim_direct(&self, session: &Session, through: Offset) -> Result<(), EngineError> {
        self.inner.trim_direct(session, through).await
    }

    async fn forget(&self, session: Session) {
        self.inner.forget(session).await;
    }

    async fn push(
        &self,
        session: SessionId,
        entries: Vec<EncodedEntry>,
    ) -> Result<Offset, EngineError> {
        self.inner.push(session, entries).await
    }

    async fn topic(&self, name: &str, maker: &Maker) -> Result<Topic, EngineError> {
        self.inner.topic(name, maker).await
    }

    async fn delete_topic(&self, name: &str) -> Result<bool, EngineError> {
        self.inner.delete_topic(name).await
    }

    fn slept(&self, duration: Duration) {
        self.inner.slept(duration);
    }

    async fn publish(&self, topic: &Topic, entry: EncodedEntry) -> Result<Offset, EngineError> {
        self.inner.publish(topic, entry).await
    }

    async fn locate(&self, topic: &Topic, start: Start) -> Result<Position, EngineError> {
        self.inner.locate(topic, start).await
    }

    async fn read_topic(
        &self,
        topic: &Topic,
        after: Position,
        limit: ReadLimit,
        bell: &Bell,
        entries: &mut Vec<EncodedEntry>,
    ) -> Result<Read, EngineError> {
        self.inner.read_topic(topic, after, limit, bell, entries).await
    }

    async fn sweep(&self) {
        self.inner.sweep().await;
    }
}

// PROTOCOL.md S-7. The message that is with the handler while the commit before it fails must not be
// committed at the end of the connection: its number would count those that were not as handled.
#[tokio::test]
async fn a_message_behind_a_failed_commit_is_not_taken_for_handled() {
    let failures = Arc::new(AtomicUsize::new(0));
    let inner = MemoryEngine::new(EngineConfig::default());
    let engine = Flaky { inner, failures: failures.clone(), doubtful: Arc::default() };
    let puppet = Puppet::default();
    let script = puppet.0.clone();
    let address = serve(puppet, engine).await;
    let mut client = Client::open(address, 1).await;
    failures.store(1, Ordering::SeqCst);
    client.send("first");
    client.send("wait");
    let last = client.send("last");
    let opener = {
        let script = script.clone();
        tokio::spawn(async move {
            loop {
                script.reached_gate().await;
                script.open_gate();
            }
        })
    };
    client.acknowledged(last).await;
    opener.abort();
    // What is handled again is marked, what is new is not.
    assert_eq!(script.seen(), ["first", "wait", "first?", "wait?", "last"]);
}
