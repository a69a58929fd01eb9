//! SQLite through rusqlite: rows in tables without rowids, a write-ahead log.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, params};

use crate::workload::{Store, Write};

pub(crate) struct Sqlite(Connection);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE IF NOT EXISTS entry (
        log INTEGER, at INTEGER, bytes BLOB NOT NULL, PRIMARY KEY (log, at)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS session (id BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
";

impl Store for Sqlite {
    const NAME: &'static str = "rusqlite";

    fn open(directory: &Path) -> Result<Self> {
        let connection = Connection::open(directory.join("db"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    fn commit(&mut self, writes: &[Write]) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut entry = transaction.prepare_cached("INSERT INTO entry VALUES (?, ?, ?)")?;
            let mut session =
                transaction.prepare_cached("INSERT OR REPLACE INTO session VALUES (?, ?)")?;
            let mut trim =
                transaction.prepare_cached("DELETE FROM entry WHERE log = ? AND at <= ?")?;
            for write in writes {
                entry.execute(params![write.topic as i64, write.offset as i64, write.entry])?;
                session.execute(params![write.session, write.record])?;
                if let Some(trimmed) = write.trimmed {
                    trim.execute(params![write.topic as i64, trimmed as i64])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn head(&self, topic: u64) -> Result<u64> {
        let sql = "SELECT coalesce(max(at), 0) FROM entry WHERE log = ?";
        let head: i64 = self.0.query_row(sql, [topic as i64], |row| row.get(0))?;
        Ok(head as u64)
    }

    fn read(&self, topic: u64, after: u64, count: u64) -> Result<usize> {
        let sql = "SELECT bytes FROM entry WHERE log = ? AND at > ? ORDER BY at LIMIT ?";
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params![topic as i64, after as i64, count as i64])?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            bytes += row.get_ref(0)?.as_blob()?.len();
        }
        Ok(bytes)
    }
}
