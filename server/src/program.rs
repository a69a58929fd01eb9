//! Starts the server from its options, and ends it on a signal.

mod environment;
mod lobby;
mod log;
mod options;
mod signals;
mod site;
mod token;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Parser;
use tautline_server::engine::disk::inspect;
use tautline_server::{DiskConfig, DiskEngine, Engine, MemoryEngine, Server, serve_app};
use tokio::net::TcpListener;

use self::lobby::Lobby;
use self::options::{Command, EngineKind, Options};
use self::site::{Files, Site};

pub(crate) fn run() -> ExitCode {
    let options = Options::parse();
    if let Err(sentence) = environment::check() {
        return conclude(Err(sentence));
    }
    if let Some(Command::Inspect { data, check }) = &options.command {
        return conclude(show(data, *check));
    }
    if let Some(Command::DeleteTopic { topic, data }) = &options.command {
        return conclude(delete_topic(topic, data));
    }
    if let Err(error) = log::start(options.log) {
        return conclude(Err(format!("cannot start its threads: {error}")));
    }
    let started = start(&options);
    let is_success = started.is_ok();
    if let Err(sentence) = started {
        log::put(format!("tautline-server: {sentence}"));
    }
    log::flush();
    if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn conclude(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Who started it sees by its status that it failed.
            let _ = writeln!(io::stderr(), "tautline-server: {sentence}");
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

/// Deletes a topic from a data directory. Fails while a server is using the directory.
fn delete_topic(topic: &str, data: &Path) -> Result<(), String> {
    inspect(data, false).map_err(|error| error.to_string())?;
    let config = DiskConfig::default();
    let engine = DiskEngine::open(data, config).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let deleted = runtime.block_on(async {
        let deleted = engine.delete_topic(topic).await;
        engine.close().await;
        deleted
    });
    match deleted {
        Ok(true) => {
            println!("deleted the topic {topic:?}");
            Ok(())
        }
        Ok(false) => Err(format!("there is no topic {topic:?} in {}", data.display())),
        Err(error) => Err(format!("cannot delete the topic {topic:?}: {error}")),
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
        signals::outlive_the_others();
        match options.engine {
            EngineKind::Memory => serve(options, token, MemoryEngine::new(options.memory())).await,
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
    if token.is_none() && !address.ip().is_loopback() {
        tracing::warn!(
            "whoever reaches {address} may publish and subscribe: give clients a token (--token-file), or \
             listen on 127.0.0.1"
        );
    }
    let server = Server::with_engine(options.config(), Lobby::new(token), engine);
    let app = app(&server, options)?;
    let asked_to_end = signals::asked_to_end()?;
    // Apart, because nobody may read what it writes.
    std::thread::spawn(move || announce(address));
    serve_app(listener, &server, app, asked_to_end).await;
    Ok(())
}

fn app<E: Engine>(server: &Server<Lobby, E>, options: &Options) -> Result<Router, String> {
    let asked = server.clone();
    let health = async move || match asked.health() {
        Ok(()) => (StatusCode::OK, "the server is up\n".into()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    };
    let app = server.router().route("/health", get(health));
    let Some(directory) = &options.r#static else { return Ok(app) };
    let mut secret = vec![options.data.as_path()];
    secret.extend(options.token_file.as_deref());
    let site = Site::new(directory, &secret)?;
    Ok(app.fallback_service(Files::new(site, server.clone())))
}

/// The one line on standard output, for people and for programs that start this one.
fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "listening on http://{address}").and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::warn!("cannot write to standard output: {error}; listening on http://{address}");
    }
}
