//! Serves lines on a listener, until it is told to stop.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::engine::Engine;
use crate::handler::Handler;
use crate::server::Server;

/// Serves lines at `/line`, with the engine in memory, until `shutdown` is ready; then ends as
/// [`Server::shut_down`] does.
///
/// # Errors
/// The listener failed.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    config: Config,
    handler: H,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let server = Server::new(config, handler);
    let app = server.router();
    serve_app(listener, &server, app, shutdown).await
}

/// As [`serve`], for an application that has the server's [`route`](Server::route) in it.
///
/// # Errors
/// The listener failed.
pub async fn serve_app<H: Handler, E: Engine>(
    listener: TcpListener,
    server: &Server<H, E>,
    app: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Packets are gathered before they are written; what is written should leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("cannot set TCP_NODELAY: {error}");
        }
    });
    let stopping = CancellationToken::new();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let http = axum::serve(listener, app)
        .with_graceful_shutdown(stopping.clone().cancelled_owned())
        .into_future();
    let mut http = pin!(http);
    tokio::select! {
        ended = &mut http => return ended,
        () = shutdown => stopping.cancel(),
    }
    // Requests that are under way are waited for, but not for longer than the lines.
    let http = tokio::time::timeout(server.shut_down_max(), http);
    let (ended, ()) = tokio::join!(http, server.shut_down());
    ended.unwrap_or(Ok(()))
}
