//! Reads from the disk what is not in memory any more, beside the writer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, params};
use tautline_protocol::Offset;
use tautline_protocol::downlink::EncodedEntry;
use tokio::sync::Semaphore;

use super::health::Health;
use super::rows::{damaged, seal_entry};
use super::schema;
use super::writer::{explain, is_of_a_row};
use crate::engine::{EngineError, ReadLimit};

/// Readers at the same time; more wait.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    health: Arc<Health>,
    turns: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    pub(super) fn new(path: PathBuf, health: Arc<Health>) -> Self {
        Self { path, health, turns: Semaphore::new(READERS), idle: Mutex::default() }
    }

    /// The entries of a log behind `after`, up to `through`; none if the first is gone.
    pub(super) async fn read(
        self: &Arc<Self>,
        log: i64,
        after: Offset,
        through: Offset,
        limit: ReadLimit,
    ) -> Result<Vec<EncodedEntry>, EngineError> {
        let failed = |error: &dyn std::fmt::Display| EngineError::Failed(error.to_string());
        let _turn = self.turns.acquire().await.map_err(|error| failed(&error))?;
        let this = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let connection = this.connection()?;
            let found = find(&connection, log, after, through, limit);
            this.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            found.map_err(|error| {
                if is_of_a_row(&error) {
                    this.health.is_damaged(&explain(&error));
                }
                failed(&error)
            })
        });
        reading.await.map_err(|error| failed(&error))?
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

fn find(
    connection: &Connection,
    log: i64,
    after: Offset,
    through: Offset,
    limit: ReadLimit,
) -> rusqlite::Result<Vec<EncodedEntry>> {
    let mut query = connection.prepare_cached(
        "SELECT at, bytes, seal FROM entry WHERE log = ? AND at > ? AND at <= ? ORDER BY at LIMIT ?",
    )?;
    let most = i64::try_from(limit.entries).unwrap_or(i64::MAX);
    let mut rows = query.query(params![log, after.cast_signed(), through.cast_signed(), most])?;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        let at = at.cast_unsigned();
        if at != after + 1 + entries.len() as Offset {
            break;
        }
        let encoded = row.get_ref(1)?.as_blob()?;
        if row.get::<_, i64>(2)? != seal_entry(log, at, encoded) {
            return Err(damaged(format!("entry {at} of log {log} is not what was written")));
        }
        bytes += encoded.len();
        if !entries.is_empty() && bytes > limit.bytes {
            break;
        }
        entries.push(EncodedEntry::restore(Bytes::copy_from_slice(encoded)));
    }
    Ok(entries)
}
