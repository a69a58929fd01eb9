//! Rows as they stand in the tables, each sealed with a checksum.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::resume::{Record, Tombstone};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Offset, Seq, SessionId};

/// Milliseconds since 1970.
pub(super) type Millis = i64;

/// A log: the direct stream of a session, or a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogRow {
    pub(super) id: i64,
    pub(super) epoch: Epoch,
    /// The position of the oldest entry kept, or of the next to come.
    pub(super) first: Offset,
    /// The position of the last entry, kept or not.
    pub(super) head: Offset,
    pub(super) bytes: u64,
}

/// A session, connected or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionRow {
    pub(super) id: SessionId,
    pub(super) identity: String,
    pub(super) log: i64,
    pub(super) accepted: Seq,
    /// The highest connection that has joined, as the client counts them (HELLO).
    pub(super) connection: u64,
    /// What the client knew of when this incarnation began, and what was accepted then.
    pub(super) predecessor: Epoch,
    pub(super) accepted_at_first: Seq,
    /// Messages up to this one may have been handled without that being committed.
    pub(super) doubtful: Seq,
    /// `None`: it is connected.
    pub(super) idle_since: Option<Millis>,
}

/// What is left of a session that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoneRow {
    pub(super) session: SessionId,
    pub(super) identity: String,
    pub(super) tombstone: Tombstone,
    pub(super) doubtful: Seq,
    pub(super) set_at: Millis,
}

/// Checksum over the fields of a row.
fn seal(texts: &[&[u8]], numbers: &[u64]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    for number in numbers {
        hasher.update(&number.to_be_bytes());
    }
    hasher.finalize().into()
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// An error as the store gives it when it finds its own pages damaged.
pub(super) fn damaged(what: String) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(what))
}

fn sealed(row: &Row<'_>, column: usize, seal: i64, what: &str) -> rusqlite::Result<()> {
    if row.get::<_, i64>(column)? == seal {
        return Ok(());
    }
    Err(damaged(format!("a row of {what} is not what was written")))
}

impl LogRow {
    pub(super) fn entries(&self) -> u64 {
        self.head.saturating_add(1).saturating_sub(self.first)
    }

    fn seal(&self) -> i64 {
        let id = self.id.cast_unsigned();
        seal(&[], &[id, self.epoch.0, self.first, self.head, self.bytes])
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let log = Self {
            id: row.get(0)?,
            epoch: Epoch(number(row, 1)?),
            first: number(row, 2)?,
            head: number(row, 3)?,
            bytes: number(row, 4)?,
        };
        sealed(row, 5, log.seal(), "the logs")?;
        Ok(log)
    }

    pub(super) fn find(sql: &Connection, id: i64) -> rusqlite::Result<Self> {
        let mut query = sql.prepare_cached("SELECT * FROM log WHERE id = ?")?;
        let found = query.query_row([id], Self::from_row).optional()?;
        found.ok_or_else(|| damaged(format!("log {id} is missing")))
    }

    pub(super) fn all(sql: &Connection) -> rusqlite::Result<Vec<Self>> {
        sql.prepare("SELECT * FROM log ORDER BY id")?.query_map([], Self::from_row)?.collect()
    }

    pub(super) fn create(sql: &Connection, epoch: Epoch) -> rusqlite::Result<Self> {
        let mut insert = sql.prepare_cached("INSERT INTO log VALUES (NULL, ?, 1, 0, 0, 0)")?;
        insert.execute([epoch.0.cast_signed()])?;
        let log = Self { id: sql.last_insert_rowid(), epoch, first: 1, head: 0, bytes: 0 };
        log.put(sql)?;
        Ok(log)
    }

    pub(super) fn put(&self, sql: &Connection) -> rusqlite::Result<()> {
        let mut update =
            sql.prepare_cached("INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?)")?;
        update.execute(params![
            self.id,
            self.epoch.0.cast_signed(),
            self.first.cast_signed(),
            self.head.cast_signed(),
            self.bytes.cast_signed(),
            self.seal()
        ])?;
        Ok(())
    }
}

/// Checksum over an entry in its place.
pub(super) fn seal_entry(log: i64, at: Offset, bytes: &[u8]) -> i64 {
    seal(&[bytes], &[log.cast_unsigned(), at])
}

pub(super) fn put_entry(
    sql: &Connection,
    log: i64,
    at: Offset,
    now: Millis,
    entry: &EncodedEntry,
) -> rusqlite::Result<()> {
    let bytes = entry.as_bytes().as_ref();
    let mut insert = sql.prepare_cached("INSERT INTO entry VALUES (?, ?, ?, ?, ?)")?;
    insert.execute(params![log, at.cast_signed(), now, bytes, seal_entry(log, at, bytes)])?;
    Ok(())
}

impl SessionRow {
    fn seal(&self) -> i64 {
        let texts = [&self.id[..], self.identity.as_bytes()];
        let Self { log, accepted, connection, predecessor, accepted_at_first, doubtful, .. } = self;
        let log = log.cast_unsigned();
        seal(&texts, &[log, *accepted, *connection, predecessor.0, *accepted_at_first, *doubtful])
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let session = Self {
            id: row.get(0)?,
            identity: row.get(1)?,
            log: row.get(2)?,
            accepted: number(row, 3)?,
            connection: number(row, 4)?,
            predecessor: Epoch(number(row, 5)?),
            accepted_at_first: number(row, 6)?,
            doubtful: number(row, 7)?,
            idle_since: row.get(8)?,
        };
        sealed(row, 9, session.seal(), "the sessions")?;
        Ok(session)
    }

    pub(super) fn find(sql: &Connection, id: &SessionId) -> rusqlite::Result<Option<Self>> {
        let mut query = sql.prepare_cached("SELECT * FROM session WHERE id = ?")?;
        query.query_row([id], Self::from_row).optional()
    }

    pub(super) fn all(sql: &Connection) -> rusqlite::Result<Vec<Self>> {
        sql.prepare("SELECT * FROM session")?.query_map([], Self::from_row)?.collect()
    }

    pub(super) fn put(&self, sql: &Connection) -> rusqlite::Result<()> {
        let mut put = sql.prepare_cached(
            "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        put.execute(params![
            self.id,
            self.identity,
            self.log,
            self.accepted.cast_signed(),
            self.connection.cast_signed(),
            self.predecessor.0.cast_signed(),
            self.accepted_at_first.cast_signed(),
            self.doubtful.cast_signed(),
            self.idle_since,
            self.seal()
        ])?;
        Ok(())
    }

    /// Writes what every message changes, which no index has to follow.
    pub(super) fn put_accepted(&self, sql: &Connection) -> rusqlite::Result<()> {
        let mut update =
            sql.prepare_cached("UPDATE session SET accepted = ?, seal = ? WHERE id = ?")?;
        update.execute(params![self.accepted.cast_signed(), self.seal(), self.id])?;
        Ok(())
    }

    pub(super) const fn record(&self, log: &LogRow) -> Record {
        Record { epoch: log.epoch, accepted: self.accepted, head: log.head }
    }

    /// Whether this incarnation was made for just such a HELLO, whose WELCOME was lost.
    /// PROTOCOL.md R-4.
    pub(super) fn answers_again(&self, hello: &Hello) -> bool {
        hello.epoch == self.predecessor && self.accepted == self.accepted_at_first
    }
}

impl StoneRow {
    fn seal(&self) -> i64 {
        let Tombstone { epoch, accepted, head } = self.tombstone;
        let texts = [&self.session[..], self.identity.as_bytes()];
        seal(&texts, &[epoch.0, accepted, head, self.doubtful])
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let stone = Self {
            session: row.get(0)?,
            identity: row.get(2)?,
            tombstone: Tombstone {
                epoch: Epoch(number(row, 1)?),
                accepted: number(row, 3)?,
                head: number(row, 4)?,
            },
            doubtful: number(row, 5)?,
            set_at: row.get(6)?,
        };
        sealed(row, 7, stone.seal(), "the tombstones")?;
        Ok(stone)
    }

    pub(super) fn find(
        sql: &Connection,
        session: &SessionId,
        epoch: Epoch,
    ) -> rusqlite::Result<Option<Self>> {
        let mut query =
            sql.prepare_cached("SELECT * FROM tombstone WHERE session = ? AND epoch = ?")?;
        query.query_row(params![session, epoch.0.cast_signed()], Self::from_row).optional()
    }

    pub(super) fn all(sql: &Connection) -> rusqlite::Result<Vec<Self>> {
        sql.prepare("SELECT * FROM tombstone")?.query_map([], Self::from_row)?.collect()
    }

    pub(super) fn put(&self, sql: &Connection) -> rusqlite::Result<()> {
        let mut put =
            sql.prepare_cached("INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?;
        put.execute(params![
            self.session,
            self.tombstone.epoch.0.cast_signed(),
            self.identity,
            self.tombstone.accepted.cast_signed(),
            self.tombstone.head.cast_signed(),
            self.doubtful.cast_signed(),
            self.set_at,
            self.seal()
        ])?;
        Ok(())
    }
}
