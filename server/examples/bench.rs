//! The server of the benchmarks, and of the tests of the npm package: a line that answers as asked,
//! beside a bare WebSocket that does the same. To measure, build it with `--release`.
//!
//! On both, `push N SIZE` has N messages of SIZE bytes sent. At `/line`, any other request is
//! echoed, and sends are just accepted. At `/raw`, `echo ...` comes back as it is, and any other
//! message is confirmed with `a`.
//!
//! Credentials are judged as they ask for: `expires N` are good for N ms, `refused` are refused,
//! `later N` cannot be checked for N ms, `ended` end the line for good; any others are good.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use clap::Parser;
use tautline_server::{
    Caller, Config, Credentials, Denied, EngineConfig, Handler, Identity, MemoryEngine, Message,
    Payload, Refusal, Server, serve_app,
};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

/// The server of the benchmarks.
#[derive(Parser)]
struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Directory of files to serve at /
    #[arg(long)]
    r#static: Option<PathBuf>,
    /// How long a connection may be idle before it carries a ping, in milliseconds
    #[arg(long)]
    heartbeat: Option<u64>,
}

struct Echo;

impl Handler for Echo {
    async fn authorize(&self, credentials: Credentials) -> Result<Identity, Denied> {
        let asked = std::str::from_utf8(&credentials.bytes).unwrap_or_default();
        let millis = |text: &str| text.parse().map(Duration::from_millis).unwrap_or_default();
        match asked.split_once(' ').unwrap_or((asked, "")) {
            ("expires", time) => Ok(Identity::anonymous().expires_in(millis(time))),
            ("refused", _) => Err(Denied::unauthorized("this token is not good any more")),
            ("later", time) => Err(Denied::retry_after(millis(time), "the directory is down")),
            ("ended", _) => Err(Denied::for_good("this account is closed")),
            _ => Ok(Identity::anonymous()),
        }
    }

    async fn send(&self, _: Message<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    async fn request(&self, mut message: Message<'_>) -> Result<Payload, Refusal> {
        if let Some((count, size)) = message.payload.as_str().and_then(asked_to_push) {
            let payload = Payload::text("x".repeat(size));
            for _ in 0..count {
                message.push(payload.clone());
            }
        }
        Ok(message.payload)
    }

    async fn subscribe(&self, _: &Caller, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn publish(&self, _: &Caller, _: &str, _: &Payload) -> Result<(), Refusal> {
        Ok(())
    }
}

/// `push N SIZE`.
fn asked_to_push(text: &str) -> Option<(usize, usize)> {
    let (count, size) = text.strip_prefix("push ")?.split_once(' ')?;
    Some((count.parse().ok()?, size.parse().ok()?))
}

async fn raw(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(answer)
}

async fn answer(mut socket: WebSocket) {
    while let Some(Ok(frame)) = socket.recv().await {
        let Frame::Text(text) = frame else { continue };
        let answered = if let Some((count, size)) = asked_to_push(&text) {
            push(&mut socket, count, size).await
        } else if text.starts_with("echo ") {
            socket.send(Frame::Text(text)).await
        } else {
            socket.send(Frame::text("a")).await
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn push(socket: &mut WebSocket, count: usize, size: usize) -> Result<(), axum::Error> {
    let text = "x".repeat(size);
    for _ in 0..count {
        socket.send(Frame::text(text.as_str())).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen).await?;
    let mut memory = EngineConfig::default();
    // All that is pushed at once has to fit, however slow the page.
    memory.direct.entries = 1_000_000;
    memory.direct.bytes = 256 * 1024 * 1024;
    let mut config = Config::default();
    if let Some(heartbeat) = options.heartbeat {
        config.session.heartbeat_ms = heartbeat;
    }
    let server = Server::with_engine(config, Echo, MemoryEngine::new(memory));
    let mut app = server.router().route("/raw", any(raw));
    if let Some(directory) = options.r#static {
        app = app.fallback_service(ServeDir::new(directory));
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
    stdout.flush()?;
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve_app(listener, &server, app, interrupted).await;
    Ok(())
}
