//! A server for one test, with a handler that does as it is told.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tautline_server::{
    Caller, Config, Credentials, Denied, Engine, EngineConfig, Handler, Identity, MemoryEngine,
    Message, Payload, Refusal, Server, serve_app,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// Long enough for the slowest machine; nothing that goes well takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what has to happen.
#[track_caller]
pub(crate) fn soon<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(done) => done,
            Err(_) => panic!("waited in vain at {caller}"),
        }
    }
}

/// What the handler has seen, and the gate at which it waits.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) seen: Mutex<Vec<String>>,
    /// A permit for each message that the handler has begun to wait with.
    pub(crate) waiting: Semaphore,
    /// A permit lets one waiting message go on.
    pub(crate) gate: Semaphore,
}

impl Default for Script {
    fn default() -> Self {
        Self { seen: Mutex::default(), waiting: Semaphore::new(0), gate: Semaphore::new(0) }
    }
}

impl Script {
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until a message waits at the gate.
    pub(crate) async fn reached_gate(&self) {
        soon(self.waiting.acquire()).await.unwrap().forget();
    }

    pub(crate) fn open_gate(&self) {
        self.gate.add_permits(1);
    }
}

/// Follows the words of a message: `refuse`, `panic`, `wait`, `push`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Puppet(pub(crate) Arc<Script>);

impl Handler for Puppet {
    /// Credentials are a name, and what follows a space is milliseconds to live.
    async fn authorize(&self, credentials: Credentials) -> Result<Identity, Denied> {
        let text = String::from_utf8_lossy(&credentials.bytes).into_owned();
        match text.split_once(' ') {
            None if text == "nobody" => Err(Denied::unauthorized("nobody may not come in")),
            None if text == "panic" => panic!("as asked for"),
            None if text == "undecided" => {
                self.0.waiting.add_permits(1);
                std::future::pending().await
            }
            None => Ok(Identity::new(text)),
            Some((name, ttl)) => {
                Ok(Identity::new(name).expires_in(Duration::from_millis(ttl.parse().unwrap())))
            }
        }
    }

    async fn send(&self, mut message: Message<'_>) -> Result<(), Refusal> {
        let text = message.payload.as_str().unwrap_or("bytes").to_owned();
        let mark = if message.possible_duplicate { "?" } else { "" };
        self.0.seen.lock().unwrap().push(format!("{text}{mark}"));
        match text.as_str() {
            "refuse" => return Err(Refusal::new("no", "as asked for")),
            "panic" => panic!("as asked for"),
            "wait" => {
                self.0.waiting.add_permits(1);
                self.0.gate.acquire().await.unwrap().forget();
            }
            "push" => message.push(Payload::text("pushed")),
            "push and refuse" => {
                message.push(Payload::text("never seen"));
                return Err(Refusal::new("no", "as asked for"));
            }
            "announce" => message.publish("news", Payload::text("announced")),
            _ => {}
        }
        Ok(())
    }

    async fn request(&self, message: Message<'_>) -> Result<Payload, Refusal> {
        let text = message.payload.as_str().unwrap_or("bytes").to_owned();
        match text.as_str() {
            "who" => Ok(Payload::text(message.caller.identity.name())),
            "huge" => Ok(Payload::binary(vec![0; 17 * 1024 * 1024])),
            _ => Ok(Payload::text(format!("re: {text}"))),
        }
    }

    async fn subscribe(&self, _: &Caller, topic: &str) -> Result<(), Refusal> {
        match topic {
            "secret" => Err(Refusal::forbidden("this topic is secret")),
            "panic" => panic!("as asked for"),
            "undecided" => {
                self.0.waiting.add_permits(1);
                std::future::pending().await
            }
            _ => Ok(()),
        }
    }

    async fn publish(&self, _: &Caller, topic: &str, _: &Payload) -> Result<(), Refusal> {
        if topic == "secret" { Err(Refusal::forbidden("this topic is secret")) } else { Ok(()) }
    }
}

/// Serves with another engine, until the test is over.
pub(crate) async fn serve<E: Engine>(puppet: Puppet, engine: E) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::with_engine(Config::default(), puppet, engine);
    tokio::spawn(async move {
        let app = server.router();
        serve_app(listener, &server, app, std::future::pending()).await;
    });
    address
}

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server<Puppet>,
    pub(crate) script: Arc<Script>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default(), EngineConfig::default()).await
    }

    pub(crate) async fn with_config(config: Config) -> Self {
        Self::with(config, EngineConfig::default()).await
    }

    pub(crate) async fn with_memory(memory: EngineConfig) -> Self {
        Self::with(Config::default(), memory).await
    }

    pub(crate) async fn with(config: Config, memory: EngineConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let puppet = Puppet::default();
        let script = puppet.0.clone();
        let server = Server::with_engine(config, puppet, MemoryEngine::new(memory));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn({
            let server = server.clone();
            async move {
                let app = server.router();
                // Dropped senders mean that the test is over.
                let shutdown = async { drop(stopped.await) };
                serve_app(listener, &server, app, shutdown).await;
            }
        });
        Self { address, server, script, stop: Some(stop), served }
    }

    /// Waits until there are only so many connections.
    pub(crate) async fn left_with(&self, connections: usize) {
        let left = async {
            while self.server.connections() > connections {
                tokio::task::yield_now().await;
            }
        };
        soon(left).await;
    }

    /// Asks the server to end.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) {
        soon(self.served).await.unwrap();
    }
}
