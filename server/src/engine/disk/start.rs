//! What happens to a directory when a server starts on it: it is checked, and taken up.

use std::path::Path;

use rusqlite::{Connection, params};

use super::config::{DiskConfig, SyncPolicy};
use super::directory::{Directory, boot};
use super::error::DiskError;
use super::rows::{LogRow, Millis, SessionRow};
use super::topics::{self, TopicRow};
use super::{schema, verify};
use crate::engine::HANDLED_AHEAD_MAX;
use crate::engine::log::new_epoch;
use crate::engine::topics::Incarnations;

/// A database that is ready to be written.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) directory: Directory,
    pub(super) sql: Connection,
    pub(super) topics: Vec<TopicRow>,
    pub(super) incarnations: Incarnations,
}

/// What the last server on the directory has left.
struct State {
    commits: u64,
    boot: String,
    is_clean: bool,
    is_synced: bool,
}

pub(super) fn start(path: &Path, config: &DiskConfig, now: Millis) -> Result<Started, DiskError> {
    let mut directory = Directory::take(path)?;
    let file = directory.database();
    let failed = |source| DiskError::Io { doing: "read", path: path.join("commits"), source };
    let promised = directory.commits().map_err(failed)?;
    if promised == 0 {
        let failed = |source| DiskError::Io { doing: "make", path: file.clone(), source };
        directory.make_database().map_err(failed)?;
    }
    let sql = schema::open(&file, promised == 0)?;
    let told = |error| schema::told(&file, error);
    let state = state(&sql).map_err(told)?;
    if state.commits < promised && !config.is_restored {
        let what = format!(
            "it has {} commits, and {promised} were made: its newest part is missing (was {}-wal \
             removed?)",
            state.commits,
            file.display()
        );
        return Err(DiskError::Damaged { path: file, what });
    }
    if state.is_clean {
        verify::metadata(&sql)
    } else {
        tracing::info!("the server before did not end in good order: checking {}", file.display());
        verify::everything(&sql)
    }
    .map_err(told)?;
    let machine_went_down = boot().is_empty() || boot() != state.boot;
    let has_lost = !state.is_clean && !state.is_synced && machine_went_down;
    if has_lost {
        tracing::warn!(
            "the machine went down while commits were not on the disk (--sync interval)"
        );
    }
    let has_lost = has_lost || config.is_restored;
    let topics = take_up(&sql, path, has_lost, config.sync, now).map_err(told)?;
    directory.set_commits(state.commits).map_err(|source| DiskError::Io {
        doing: "write",
        path: path.join("commits"),
        source,
    })?;
    let incarnations = topics::incarnations(&sql).map_err(|error| schema::told(&file, error))?;
    Ok(Started { directory, sql, topics, incarnations })
}

fn state(sql: &Connection) -> rusqlite::Result<State> {
    sql.query_row("SELECT commits, boot, is_clean, is_synced FROM state", [], |row| {
        Ok(State {
            commits: row.get::<_, i64>(0)?.cast_unsigned(),
            boot: row.get(1)?,
            is_clean: row.get(2)?,
            is_synced: row.get(3)?,
        })
    })
}

/// Makes the data this server's own.
fn take_up(
    sql: &Connection,
    path: &Path,
    has_lost: bool,
    sync: SyncPolicy,
    now: Millis,
) -> rusqlite::Result<Vec<TopicRow>> {
    sql.pragma_update(None, "synchronous", "FULL")?;
    let transaction = sql.unchecked_transaction()?;
    if has_lost {
        begin_anew(sql)?;
    }
    let mut doubtful = 0;
    for mut session in SessionRow::all(sql)? {
        if session.idle_since.is_none() {
            // It was connected: what its handler did last may not have been committed.
            let handled = session.accepted.saturating_add(HANDLED_AHEAD_MAX);
            session.doubtful = session.doubtful.max(handled);
            session.put(sql)?;
            doubtful += 1;
        }
    }
    // While there was no server nobody could come back: the time for it begins now.
    let sessions = sql.execute("UPDATE session SET idle_since = ?", [now])?;
    sql.execute(
        "UPDATE state SET boot = ?, is_clean = 0, is_synced = ?",
        params![boot(), sync == SyncPolicy::Always],
    )?;
    let topics = topics::all(sql)?;
    transaction.commit()?;
    tracing::info!(
        "took up {}: {sessions} sessions, {doubtful} of them connected when the server before ended, \
         and {} topics",
        path.display(),
        topics.len()
    );
    Ok(topics)
}

/// What is there may lack its newest part, which clients know of. So it must not go on as if it were
/// whole: sessions are lost, topics begin new incarnations.
fn begin_anew(sql: &Connection) -> rusqlite::Result<()> {
    tracing::warn!("sessions are lost, and topics begin anew with what there is: clients are told");
    sql.execute_batch(
        "DELETE FROM entry WHERE log IN (SELECT log FROM session);
         DELETE FROM log WHERE id IN (SELECT log FROM session);
         DELETE FROM session; DELETE FROM tombstone; DELETE FROM salt;",
    )?;
    for mut log in LogRow::all(sql)? {
        log.epoch = new_epoch();
        log.put(sql)?;
    }
    Ok(())
}
