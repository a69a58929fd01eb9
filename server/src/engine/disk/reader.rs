//! Reads from the disk what is not in memory any more, beside the writer.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, Row, params};
use tautline_protocol::Offset;
use tautline_protocol::downlink::EncodedEntry;
use tokio::sync::Semaphore;

use super::health::Health;
use super::rows::seal_entry;
use super::schema;
use super::writer::{explain, is_of_a_row};
use crate::engine::{EngineError, ReadLimit};

/// Readers at the same time; more wait.
const READERS: usize = 4;
/// Damaged places that the log has named; of more it says nothing.
const NAMED: usize = 1_024;

#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    health: Arc<Health>,
    turns: Semaphore,
    idle: Mutex<Vec<Connection>>,
    /// Log and position of what was found damaged, so that it is named once.
    named: Mutex<BTreeSet<(i64, Offset)>>,
}

/// What is on the disk behind a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The entries that follow, one at least.
    Entries(Vec<EncodedEntry>),
    /// What follows cannot be read, up to this position.
    Nothing(Offset),
}

impl Reader {
    pub(super) fn new(path: PathBuf, health: Arc<Health>) -> Self {
        Self {
            path,
            health,
            turns: Semaphore::new(READERS),
            idle: Mutex::default(),
            named: Mutex::default(),
        }
    }

    /// The entries of a log behind `after`, up to `through` and to the first that is gone or damaged.
    pub(super) async fn read(
        self: &Arc<Self>,
        log: i64,
        after: Offset,
        through: Offset,
        limit: ReadLimit,
    ) -> Result<Found, EngineError> {
        let failed = |error: &dyn std::fmt::Display| EngineError::Failed(error.to_string());
        let _turn = self.turns.acquire().await.map_err(|error| failed(&error))?;
        let this = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let connection = this.connection()?;
            let found = find(&connection, log, after, through, limit);
            this.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            let (found, damaged) = found.map_err(|error| {
                if is_of_a_row(&error) {
                    this.health.is_damaged(&explain(&error));
                }
                failed(&error)
            })?;
            damaged.into_iter().for_each(|at| this.name(log, at));
            Ok(found)
        });
        reading.await.map_err(|error| failed(&error))?
    }

    fn name(&self, log: i64, at: Offset) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED && named.insert((log, at)) {
            let what = format!("entry {at} of log {log} is not what was written");
            tracing::error!("{what}: its readers are told of a gap");
            self.health.is_damaged(&format!("the database is damaged: {what}"));
        }
    }

    fn connection(&self) -> Result<Connection, EngineError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => schema::open_to_read(&self.path)
                .map_err(|error| EngineError::Failed(error.to_string())),
        }
    }
}

/// Returns the damaged entries as well that it has come upon.
fn find(
    connection: &Connection,
    log: i64,
    after: Offset,
    through: Offset,
    limit: ReadLimit,
) -> rusqlite::Result<(Found, Vec<Offset>)> {
    let mut query = connection.prepare_cached(
        "SELECT at, bytes, seal FROM entry WHERE log = ? AND at > ? AND at <= ? ORDER BY at LIMIT ?",
    )?;
    let most = i64::try_from(limit.entries).unwrap_or(i64::MAX);
    let mut rows = query.query(params![log, after.cast_signed(), through.cast_signed(), most])?;
    let (mut entries, mut bytes, mut damaged) = (Vec::new(), 0, Vec::new());
    // The last position that is looked at, whatever was found there.
    let mut last = after;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            // A page cannot be read; what else is on it nobody can tell.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                damaged.push(last.saturating_add(1));
                break;
            }
            Err(error) => return Err(error),
        };
        let at = row.get::<_, i64>(0)?.cast_unsigned();
        let follows = at == last.saturating_add(1);
        match sound(row, log, at) {
            Some(encoded) if follows && damaged.is_empty() => {
                bytes += encoded.len();
                if !entries.is_empty() && bytes > limit.bytes {
                    break;
                }
                entries.push(EncodedEntry::restore(Bytes::copy_from_slice(encoded)));
            }
            // The entries before it are gone or damaged: the reader gets a gap up to here.
            Some(_) if entries.is_empty() => return Ok((Found::Nothing(at - 1), damaged)),
            None if entries.is_empty() => damaged.push(at),
            _ => break,
        }
        last = at;
    }
    if entries.is_empty() {
        // With the limit reached there may be more that is sound.
        let is_all = damaged.len() < usize::try_from(limit.entries).unwrap_or(usize::MAX);
        return Ok((Found::Nothing(if is_all { through } else { last }), damaged));
    }
    Ok((Found::Entries(entries), damaged))
}

/// The entry, if it is what was written.
fn sound<'r>(row: &'r Row<'_>, log: i64, at: Offset) -> Option<&'r [u8]> {
    let encoded = row.get_ref(1).ok()?.as_blob().ok()?;
    (row.get::<_, i64>(2).ok()? == seal_entry(log, at, encoded)).then_some(encoded)
}
