//! Serves lines on a listener, until it is told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::admission::Admission;
use crate::config::Config;
use crate::engine::Engine;
use crate::handler::Handler;
use crate::server::Server;

/// How long the head of a request may take to arrive, and a connection to be idle before it.
const REQUEST_HEAD: Duration = Duration::from_secs(10);
/// How long to wait when the system has no room for another socket.
const NO_ROOM: Duration = Duration::from_secs(1);

/// Serves lines at `/line`, with the engine in memory, until `shutdown` is ready; then ends as
/// [`Server::shut_down`] does.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    config: Config,
    handler: H,
    shutdown: impl Future<Output = ()> + Send,
) {
    let server = Server::new(config, handler);
    let app = server.router();
    serve_app(listener, &server, app, shutdown).await;
}

/// As [`serve`], for an application that has the server's [`route`](Server::route) in it. It also
/// ends when [`Server::shut_down`] is called elsewhere.
pub async fn serve_app<H: Handler, E: Engine>(
    listener: TcpListener,
    server: &Server<H, E>,
    app: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    tokio::select! {
        () = shutdown => {}
        () = accept(listener, server, app) => {}
    }
    server.shut_down().await;
}

/// Accepts connections until the server is shut down.
async fn accept<H: Handler, E: Engine>(listener: TcpListener, server: &Server<H, E>, app: Router) {
    let shared = server.shared();
    let (leaving, abort) = (&shared.leaving, &shared.abort);
    // Those that are still at HTTP; lines are counted apart.
    let sockets = Arc::new(Semaphore::new(shared.config.connections));
    let admission = Arc::new(Admission::default());
    let next = async || {
        let permit = sockets.clone().acquire_owned().await;
        (permit, listener.accept().await)
    };
    while let Some((permit, accepted)) = leaving.run_until_cancelled(next()).await {
        match accepted {
            Ok((stream, peer)) => {
                // Without a word, or silent sockets of one address would take the place of all.
                let Ok(admitted) = admission.admit(Some(peer.ip()), &shared.config) else {
                    tracing::debug!("{peer} has as many sockets as it may");
                    continue;
                };
                let (app, leaving, abort) = (app.clone(), leaving.clone(), abort.clone());
                shared.tasks.spawn(async move {
                    abort.run_until_cancelled(http(stream, peer, app, leaving)).await;
                    drop((admitted, permit));
                });
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::error!("cannot accept connections: {error}");
                leaving.run_until_cancelled(tokio::time::sleep(NO_ROOM)).await;
            }
        }
    }
}

/// Serves one connection up to its end or its upgrade.
async fn http(stream: TcpStream, peer: SocketAddr, app: Router, leaving: CancellationToken) {
    // Packets are gathered before they are written; what is written should leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("cannot set TCP_NODELAY for {peer}: {error}");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = leaving.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("the connection from {peer} ended: {error}");
    }
}

/// Whether a connection was gone before it was accepted, which is nothing to wait for.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
