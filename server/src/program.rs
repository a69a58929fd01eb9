//! Starts the server from its options, and ends it on a signal.

mod lobby;
mod options;
mod signals;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use clap::Parser;
use tautline_server::engine::disk::inspect;
use tautline_server::{DiskEngine, Engine, MemoryEngine, Server, serve_app};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

use self::lobby::Lobby;
use self::options::{Command, EngineKind, Options};

pub(crate) fn run() -> ExitCode {
    let options = Options::parse();
    if let Some(Command::Inspect { data, check }) = &options.command {
        return conclude(show(data, *check));
    }
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_max_level(options.log)
        .with_target(false)
        .init();
    conclude(start(&options))
}

fn conclude(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("tautline-server: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what is in a directory.
fn show(data: &Path, check: bool) -> Result<(), String> {
    let report = inspect(data, check).map_err(|error| error.to_string())?;
    match write!(io::stdout().lock(), "{report}") {
        // Who reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| format!("cannot write to standard output: {error}")),
    }
}

/// Errors are sentences for whoever started the program.
fn start(options: &Options) -> Result<(), String> {
    let token = options.token()?;
    if let Some(directory) = options.r#static.as_deref().filter(|path| !path.is_dir()) {
        return Err(format!("--static {}: this is not a directory", directory.display()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start its threads: {error}"))?;
    runtime.block_on(async {
        match options.engine {
            EngineKind::Memory => serve(options, token, MemoryEngine::new(options.keep())).await,
            EngineKind::Disk => {
                let engine = DiskEngine::open(&options.data, options.disk())
                    .map_err(|error| error.to_string())?;
                let served = serve(options, token, engine.clone()).await;
                engine.close().await;
                served
            }
        }
    })
}

async fn serve<E: Engine>(
    options: &Options,
    token: Option<String>,
    engine: E,
) -> Result<(), String> {
    let listen = options.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address =
        listener.local_addr().map_err(|error| format!("cannot tell where it listens: {error}"))?;
    let server = Server::with_engine(options.config(), Lobby::new(token), engine);
    let app = app(&server, options);
    announce(address);
    serve_app(listener, &server, app, signals::asked_to_end()).await;
    Ok(())
}

fn app<E: Engine>(server: &Server<Lobby, E>, options: &Options) -> Router {
    let app = server.router().route("/health", get(async || "the server is up\n"));
    match &options.r#static {
        Some(directory) => app.fallback_service(ServeDir::new(directory)),
        None => app,
    }
}

/// The one line on standard output, for people and for programs that start this one.
fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::warn!("cannot write to standard output: {error}; listening on http://{address}");
    }
}
