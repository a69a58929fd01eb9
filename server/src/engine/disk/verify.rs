//! Whether what is in the database is what was written.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::rows::{LogRow, SessionRow, StoneRow, damaged, seal_entry};

const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Checks what everything else relies on: sessions, what is left of those that are gone, and where logs begin and end.
pub(super) fn metadata(sql: &Connection) -> rusqlite::Result<()> {
    for log in LogRow::all(sql)? {
        let mut query = sql.prepare_cached(
            "SELECT count(*), coalesce(min(at), 0), coalesce(max(at), 0) FROM
             (SELECT min(at) AS at FROM entry WHERE log = ?1
              UNION SELECT max(at) FROM entry WHERE log = ?1) WHERE at IS NOT NULL",
        )?;
        let (found, first, head): (i64, i64, i64) =
            query.query_row([log.id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let fits = match log.entries() {
            0 => found == 0,
            _ => first.cast_unsigned() == log.first && head.cast_unsigned() == log.head,
        };
        if !fits {
            return Err(damaged(format!("log {} lacks entries", log.id)));
        }
    }
    for session in SessionRow::all(sql)? {
        LogRow::find(sql, session.log)?;
    }
    StoneRow::all(sql)?;
    Ok(())
}

/// Checks the whole, down to the bytes of every entry; says how far it is, if it takes long.
pub(super) fn everything(sql: &Connection) -> rusqlite::Result<()> {
    let faults: String = sql.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if faults != "ok" {
        return Err(damaged(faults));
    }
    metadata(sql)?;
    let logs = LogRow::all(sql)?;
    let total: u64 = logs.iter().map(LogRow::entries).sum();
    let (begun, mut told_at, mut checked) = (Instant::now(), Instant::now(), 0);
    let mut query = sql.prepare("SELECT at, bytes, seal FROM entry WHERE log = ? ORDER BY at")?;
    for log in logs {
        let (mut next, mut bytes) = (log.first, 0);
        let mut rows = query.query([log.id])?;
        while let Some(row) = rows.next()? {
            let at = row.get::<_, i64>(0)?.cast_unsigned();
            let entry = row.get_ref(1)?.as_blob()?;
            if at != next || row.get::<_, i64>(2)? != seal_entry(log.id, at, entry) {
                return Err(damaged(format!(
                    "entry {next} of log {} is not what was written",
                    log.id
                )));
            }
            (next, bytes, checked) = (next + 1, bytes + entry.len() as u64, checked + 1);
            if told_at.elapsed() >= PROGRESS_EVERY {
                told_at = Instant::now();
                tracing::info!("checked {checked} of {total} entries");
            }
        }
        if next != log.head + 1 || bytes != log.bytes {
            return Err(damaged(format!("log {} lacks entries", log.id)));
        }
    }
    let entries: i64 = sql.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?;
    if entries.cast_unsigned() != total {
        return Err(damaged("there are entries of no log".into()));
    }
    let took = begun.elapsed().as_millis();
    tracing::info!("checked {total} entries in {took} ms: all is there");
    Ok(())
}
