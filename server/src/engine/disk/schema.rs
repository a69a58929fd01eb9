//! The tables, and how the database is opened.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::DiskError;

/// "TAUT": tells this server's files from others of the store.
const APPLICATION: i64 = 0x5441_5554;
/// Counts up with every change that older versions do not understand.
const FORMAT: i64 = 1;

/// Numbers of the protocol are unsigned, those of the store signed: the bits are the same. `seal`
/// is a checksum over the rest of the row.
const TABLES: &str = "
    CREATE TABLE state (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        commits INTEGER NOT NULL,
        boot TEXT NOT NULL,
        is_clean INTEGER NOT NULL,
        is_synced INTEGER NOT NULL
    );
    INSERT INTO state VALUES (1, 0, '', 1, 1);
    CREATE TABLE log (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        epoch INTEGER NOT NULL,
        first INTEGER NOT NULL,
        head INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        seal INTEGER NOT NULL
    );
    CREATE TABLE entry (
        log INTEGER NOT NULL,
        at INTEGER NOT NULL,
        appended INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        seal INTEGER NOT NULL,
        PRIMARY KEY (log, at)
    ) WITHOUT ROWID;
    CREATE TABLE topic (name TEXT PRIMARY KEY, log INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE session (
        id BLOB PRIMARY KEY,
        identity TEXT NOT NULL,
        log INTEGER NOT NULL,
        accepted INTEGER NOT NULL,
        connection INTEGER NOT NULL,
        predecessor INTEGER NOT NULL,
        accepted_at_first INTEGER NOT NULL,
        doubtful INTEGER NOT NULL,
        idle_since INTEGER,
        seal INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX session_idle ON session (idle_since);
    CREATE INDEX session_identity ON session (identity, idle_since);
    CREATE TABLE tombstone (
        session BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        identity TEXT NOT NULL,
        accepted INTEGER NOT NULL,
        head INTEGER NOT NULL,
        doubtful INTEGER NOT NULL,
        set_at INTEGER NOT NULL,
        seal INTEGER NOT NULL,
        PRIMARY KEY (session, epoch)
    ) WITHOUT ROWID;
    CREATE INDEX tombstone_age ON tombstone (set_at);
";

/// Tables that came later. Older versions of the server do not know them, and need not: what they leave
/// in there is what there was.
const LATER: &str = "
    CREATE TABLE IF NOT EXISTS maker (topic TEXT PRIMARY KEY, name NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS salt (bucket INTEGER PRIMARY KEY, salt INTEGER NOT NULL);
";

/// Opens the database to write to it; makes it only if `may_make`.
pub(super) fn open(path: &Path, may_make: bool) -> Result<Connection, DiskError> {
    let gone = || {
        let what = "it is gone or empty, though there have been commits".into();
        DiskError::Damaged { path: path.to_path_buf(), what }
    };
    if !may_make && !path.exists() {
        return Err(gone());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let told = |error| told(path, error);
    let connection = Connection::open_with_flags(path, flags).map_err(told)?;
    // A file that is refused stays as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(told)?;
    if is_empty(&connection).map_err(told)? {
        if !may_make {
            return Err(gone());
        }
        make(&connection).map_err(told)?;
    } else {
        check(&connection, path)?;
    }
    // What the log has grown to is written back after 16 MiB.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096;
        PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;";
    connection.execute_batch(pragmas).map_err(told)?;
    connection.execute_batch(LATER).map_err(told)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the database to read from it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, DiskError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| told(path, error))?;
    check(&connection, path)?;
    Ok(connection)
}

fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")?;
    let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT};");
    connection.execute_batch(&format!("BEGIN; {TABLES} {marks} COMMIT;"))
}

/// Whether making the tables never came to its end.
fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

fn check(connection: &Connection, path: &Path) -> Result<(), DiskError> {
    let number = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| told(path, error))
    };
    let application: i64 = number("application_id")?;
    if application != APPLICATION {
        return Err(DiskError::Foreign { path: path.to_path_buf() });
    }
    let found: i64 = number("user_version")?;
    if found > FORMAT {
        return Err(DiskError::Newer { path: path.to_path_buf(), found, known: FORMAT });
    }
    Ok(())
}

/// The store's complaint, as what it means.
pub(super) fn told(path: &Path, error: rusqlite::Error) -> DiskError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            DiskError::Damaged { path, what: "its beginning is not that of a database".into() }
        }
        Some(ErrorCode::DatabaseCorrupt) => DiskError::Damaged { path, what: error.to_string() },
        _ => DiskError::Store { path, source: error },
    }
}
