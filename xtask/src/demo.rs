//! `cargo xtask demo`: the chat room and its lab, with the fault-making proxy before the real
//! server.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::builds::Builds;
use crate::proxy;
use crate::workspace::announce;

/// Where the page is unless asked for otherwise, so that its address stays the same.
const PORT_DEFAULT: u16 = 4500;
/// How long the server may take to listen.
const START_MAX: Duration = Duration::from_secs(20);
/// How long it may take to say goodbye to its clients.
const STOP_MAX: Duration = Duration::from_secs(5);
const GREETING: &str = "listening on http://";

/// Builds what is needed and serves until Ctrl-C.
pub(crate) fn run(port: Option<u16>) -> Result<ExitCode> {
    // Before the long build, so that a port in use is told at once.
    let listener = bind(port)?;
    let builds = Builds::default();
    let (server, page) = (builds.server()?, builds.demo()?);
    runtime()?.block_on(serve(listener, server, page))?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask proxy`: the proxy alone.
pub(crate) fn run_proxy(listen: SocketAddr, upstream: SocketAddr) -> Result<ExitCode> {
    runtime()?
        .block_on(proxy::listen(listen, upstream))
        .with_context(|| format!("cannot listen on {listen}"))?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn bind(port: Option<u16>) -> Result<TcpListener> {
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let listener = match port {
        Some(port) => TcpListener::bind(local(port)).with_context(|| {
            format!("cannot listen on port {port}; choose another one with --port")
        })?,
        None => TcpListener::bind(local(PORT_DEFAULT)).or_else(|_| TcpListener::bind(local(0)))?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: TcpListener, server: &Path, page: &Path) -> Result<()> {
    let address = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    announce("Starting the server");
    let (mut child, upstream) = start(server, page).await?;
    println!("\n  The demo is ready: open http://{address}/ in two tabs and cut the line.");
    println!("  Ctrl-C ends it.\n");
    tokio::select! {
        () = proxy::run(listener, upstream) => bail!("the proxy before the server ended"),
        status = child.wait() => bail!("the server ended by itself with {}", status?),
        () = asked_to_end() => {}
    }
    announce("Ending");
    ask_to_end(&child);
    if timeout(STOP_MAX, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

/// Ctrl-C in a terminal reaches the server too; what else ends this program does not.
fn ask_to_end(child: &Child) {
    if let (true, Some(id)) = (cfg!(unix), child.id()) {
        // If it cannot be asked, it is killed a little later.
        let _ = std::process::Command::new("kill").arg(id.to_string()).status();
    }
}

/// Starts the server program and learns from its first line where it listens.
async fn start(server: &Path, page: &Path) -> Result<(Child, SocketAddr)> {
    let mut child = Command::new(server)
        .args(["--engine", "memory", "--listen", "127.0.0.1:0", "--static"])
        .arg(page)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", server.display()))?;
    let output = child.stdout.take().context("the server's output is not piped")?;
    let mut lines = BufReader::new(output).lines();
    let first = timeout(START_MAX, lines.next_line())
        .await
        .with_context(|| format!("the server was silent for {START_MAX:?}"))??;
    let Some(first) = first else {
        bail!("the server ended with {} before it listened", child.wait().await?);
    };
    let address = first.strip_prefix(GREETING).and_then(|address| address.parse().ok());
    let address = address
        .with_context(|| format!("expected `{GREETING}ADDRESS` from the server, got `{first}`"))?;
    // Read on, so that the server never writes into a full pipe.
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            println!("{line}");
        }
    });
    Ok((child, address))
}

#[cfg(unix)]
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    let _ = tokio::signal::ctrl_c().await;
}
