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
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version};
use axum::response::IntoResponse;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::config::Config;
use crate::engine::Engine;
use crate::handler::Handler;
use crate::server::Server;
use crate::sockets::{Seat, Sockets};

/// How long the head of a request may take to arrive, and a connection to be idle before it.
const REQUEST_HEAD: Duration = Duration::from_secs(10);
/// How long to wait when the system has no room for another socket.
const NO_ROOM: Duration = Duration::from_secs(1);
/// How long to wait for one that has to make room.
const MAKING_ROOM: Duration = Duration::from_millis(20);

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
    let sockets = Arc::new(Sockets::new(&shared.config, shared.clock));
    let mut told_at = None;
    while let Some(accepted) = leaving.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                let seat = sockets.admit(peer.ip());
                let (app, leaving, abort) = (app.clone(), leaving.clone(), abort.clone());
                shared.tasks.spawn(async move {
                    abort.run_until_cancelled(http(stream, peer, app, leaving, &seat)).await;
                });
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                if told_at.is_none_or(|at: Instant| at.elapsed() >= NO_ROOM) {
                    tracing::error!("cannot accept connections: {error}");
                    told_at = Some(Instant::now());
                }
                let wait = if sockets.turn_out_quietest() { MAKING_ROOM } else { NO_ROOM };
                leaving.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        }
    }
}

/// Serves one connection up to its end or its upgrade.
async fn http(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    leaving: CancellationToken,
    seat: &Seat,
) {
    // Packets are gathered before they are written; what is written should leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("cannot set TCP_NODELAY for {peer}: {error}");
    }
    let activity = seat.activity.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(activity.clone());
        let mut app = app.clone();
        async move {
            match check_host_header(&request) {
                Ok(()) => app.call(request.map(Body::new)).await,
                Err(sentence) => Ok((StatusCode::BAD_REQUEST, sentence).into_response()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD)
        .serve_connection(TokioIo::new(seat.watch(stream)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = seat.make_room.cancelled() => {
            tracing::debug!("{peer} has made room for another connection");
            return;
        }
        () = leaving.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("the connection from {peer} ended: {error}");
    }
}

/// Whether a request names its host as HTTP wants it (RFC 9112, 3.2). What follows it may rely on there
/// being one.
fn check_host_header<B>(request: &Request<B>) -> Result<(), &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            let host = host.as_bytes();
            let is_host = !host.contains(&b'@') && Authority::try_from(host).is_ok();
            if host.is_empty() || is_host { Ok(()) } else { Err("Host is not one.\n") }
        }
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        (None, _) => Err("The request has no Host.\n"),
        (Some(_), Some(_)) => Err("The request has more than one Host.\n"),
    }
}

/// Whether a connection was gone before it was accepted, which is nothing to wait for.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
