//! Effects of an application's own, exactly once, whenever the server is killed: an account that
//! clients deposit into.
//!
//! The disk engine commits what it keeps itself, such as a publish, in one step with the number of
//! the message. It cannot do that with what a handler writes elsewhere: the handler runs first, and a
//! server that is killed before the engine's commit gets the message again, marked
//! [`possible_duplicate`](Message::possible_duplicate). So the application writes the message's
//! identity, its session and number, in the same transaction as its effect, and asks for it first:
//! what is there was done, and its reply stands beside it.
//!
//! `deposit N` and `balance` are requests; the answer to both is the balance.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use rusqlite::{Connection, OptionalExtension, params};
use tautline_protocol::{Seq, SessionId};
use tautline_server::engine::HANDLED_AHEAD_MAX;
use tautline_server::{
    Config, Credentials, Denied, DiskConfig, DiskEngine, Handler, Identity, Message, Payload,
    Refusal, Server, serve_app,
};
use tokio::net::TcpListener;

/// An account that clients deposit into.
#[derive(Parser)]
struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Directory of the line's data; the account stands in a file beside it
    #[arg(long)]
    data: PathBuf,
}

/// The application's own database.
#[derive(Clone)]
struct Account(Arc<Mutex<Connection>>);

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS account (only INTEGER PRIMARY KEY CHECK (only = 1), balance INTEGER);
    INSERT OR IGNORE INTO account VALUES (1, 0);
    CREATE TABLE IF NOT EXISTS done (
        session BLOB, seq INTEGER, reply INTEGER NOT NULL, PRIMARY KEY (session, seq)
    ) WITHOUT ROWID;
";

impl Account {
    fn open(path: PathBuf) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn balance(&self) -> rusqlite::Result<i64> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.query_row("SELECT balance FROM account", [], |row| row.get(0))
    }

    /// Deposits, unless this message has done so before; returns the balance then.
    fn deposit(&self, session: SessionId, seq: Seq, amount: i64) -> rusqlite::Result<i64> {
        let seq = seq.cast_signed();
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        let done: Option<i64> = transaction
            .prepare_cached("SELECT reply FROM done WHERE session = ? AND seq = ?")?
            .query_row(params![session, seq], |row| row.get(0))
            .optional()?;
        if let Some(reply) = done {
            return Ok(reply);
        }
        transaction.execute("UPDATE account SET balance = balance + ?", [amount])?;
        let reply =
            transaction.query_row("SELECT balance FROM account", [], |row| row.get::<_, i64>(0))?;
        transaction.execute("INSERT INTO done VALUES (?, ?, ?)", params![session, seq, reply])?;
        // What is so far behind is committed by the engine, and does not come again.
        transaction.execute(
            "DELETE FROM done WHERE session = ? AND seq <= ?",
            params![session, seq - HANDLED_AHEAD_MAX.cast_signed()],
        )?;
        transaction.commit()?;
        Ok(reply)
    }
}

impl Handler for Account {
    async fn authorize(&self, _: Credentials) -> Result<Identity, Denied> {
        Ok(Identity::anonymous())
    }

    async fn request(&self, message: Message<'_>) -> Result<Payload, Refusal> {
        let text = message.payload.as_str().unwrap_or_default().to_owned();
        let amount = text.strip_prefix("deposit ").and_then(|amount| amount.parse().ok());
        let (account, session, seq) = (self.clone(), message.caller.session, message.seq);
        // The database waits for the disk: not on a thread that others need.
        let answered = tokio::task::spawn_blocking(move || match (amount, seq) {
            (Some(amount), Some(seq)) => account.deposit(session, seq, amount),
            _ => account.balance(),
        });
        match answered.await {
            Ok(Ok(balance)) => Ok(Payload::text(balance.to_string())),
            // The deposit is not made. Refused it is done with: the client may ask again.
            Ok(Err(error)) => Err(Refusal::new("database", error.to_string())),
            Err(error) => Err(Refusal::new("database", error.to_string())),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.data)?;
    let account = Account::open(options.data.join("account.db"))?;
    let engine = DiskEngine::open(options.data.join("line"), DiskConfig::default())?;
    let server = Server::with_engine(Config::default(), account, engine.clone());
    let listener = TcpListener::bind(options.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let app = server.router();
    let asked_to_end = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve_app(listener, &server, app, asked_to_end).await;
    engine.close().await;
    Ok(())
}
