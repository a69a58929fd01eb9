//! Requests to the server's HTTP edge, in memory: hyper, the route, the WebSocket, the connection.

mod request;
mod response;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tautline_server::{Config, Credentials, Denied, Handler, Identity, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tower_service::Service;

use self::request::Said;
use crate::memory::Peak;
use crate::script::Script;

/// The origin that may connect beside the server's own.
const ALLOWED: &str = "https://allowed.test";
/// What a connection and everything around it may take, and a packet of the largest size.
const MEMORY_MAX: usize = 16 * 1024 * 1024;
/// Longer than the server waits for anything; the clock jumps there.
const PATIENCE: Duration = Duration::from_secs(120);

struct Doorkeeper;

impl Handler for Doorkeeper {
    async fn authorize(&self, credentials: Credentials) -> Result<Identity, Denied> {
        match str::from_utf8(&credentials.bytes) {
            Ok("no") | Err(_) => Err(Denied::unauthorized("not you")),
            Ok(name) => Ok(Identity::new(name)),
        }
    }
}

/// Sends a request, and what may follow it, to a server of its own.
pub fn handshake(script: &[u8]) {
    let peak = Peak::begin();
    let mut said = Said::default();
    // It ends where the bytes do.
    let _ = request::read(&mut Script::new(script), &mut said);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads");
    let response = runtime.block_on(exchange(&said.bytes));
    response::check(&said, &response);
    peak.must_be_below(MEMORY_MAX);
}

/// Says all of `bytes`, and returns all that the server says.
async fn exchange(bytes: &[u8]) -> Vec<u8> {
    let mut config = Config { allowed_origins: vec![ALLOWED.into()], ..Config::default() };
    config.session.message_bytes = 100_000;
    let server = Server::new(config, Doorkeeper);
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let served = tokio::spawn(serve(theirs, server.router()));
    let mut response = Vec::new();
    // It is the server that has to end it, whatever the client does.
    let talk = async {
        let (mut read, mut write) = tokio::io::split(&mut ours);
        // It may have done so before it has read everything.
        let say = write.write_all(bytes);
        let (_, heard) = tokio::join!(say, read.read_to_end(&mut response));
        heard.expect("memory does not fail");
    };
    tokio::time::timeout(PATIENCE, talk).await.expect("the server ends the connection");
    drop(ours);
    let ended = async {
        served.await.expect("the connection's task does not panic");
        while server.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("nothing is left of the connection");
    response
}

/// As `tautline_server::serve_app` does with a socket.
async fn serve(stream: DuplexStream, app: Router) {
    let service =
        service_fn(move |request: Request<Incoming>| app.clone().call(request.map(Body::new)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // What hyper makes of a request that is none is its own; the peer is gone then.
    let _ = connection.await;
}
