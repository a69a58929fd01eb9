//! What is in a directory, for the eyes of an operator.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::directory::database;
use super::error::DiskError;
use super::rows::{LogRow, SessionRow};
use super::{schema, verify};
use crate::escaped::Escaped;

/// Sessions that are listed, the ones that are kept for the most first.
const LISTED: usize = 20;

/// What is in a directory; its [`Display`](fmt::Display) is the text for the operator.
#[derive(Debug)]
pub struct Report {
    directory: PathBuf,
    /// Of the database, and of its log of what was written last.
    file_bytes: [u64; 2],
    commits: i64,
    is_clean: bool,
    tombstones: i64,
    sessions: Vec<Session>,
    topics: Vec<Topic>,
    is_checked: bool,
}

#[derive(Debug)]
struct Session {
    row: SessionRow,
    log: LogRow,
}

#[derive(Debug)]
struct Topic {
    name: String,
    log: LogRow,
}

/// Looks into a directory, changing nothing; a server may be running on it. With `check`, every
/// entry is read and compared with its checksum.
///
/// # Errors
/// There is nothing, or it cannot be read, or it is damaged.
pub fn inspect(directory: impl AsRef<Path>, check: bool) -> Result<Report, DiskError> {
    let path = directory.as_ref().to_path_buf();
    let file = database(&path);
    if !file.exists() {
        return Err(DiskError::Empty { path });
    }
    let mut sql = schema::open_to_read(&file)?;
    let told = |error| schema::told(&file, error);
    // One transaction: what a running server does meanwhile is not seen.
    let sql = sql.transaction().map_err(told)?;
    if check {
        verify::everything(&sql).map_err(told)?;
    }
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let file_bytes = [size(&file), size(&path.join("tautline.db-wal"))];
    let gather = || {
        let (commits, is_clean) =
            sql.query_row("SELECT commits, is_clean FROM state", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let tombstones = sql.query_row("SELECT count(*) FROM tombstone", [], |row| row.get(0))?;
        let mut sessions = Vec::new();
        for row in SessionRow::all(&sql)? {
            sessions.push(Session { log: LogRow::find(&sql, row.log)?, row });
        }
        sessions.sort_by_key(|session| std::cmp::Reverse(session.log.bytes));
        let mut topics = Vec::new();
        let mut query = sql.prepare("SELECT name, log FROM topic ORDER BY name")?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            topics.push(Topic { name: row.get(0)?, log: LogRow::find(&sql, row.get(1)?)? });
        }
        let directory = path.clone();
        let is_checked = check;
        Ok(Report {
            directory,
            file_bytes,
            commits,
            is_clean,
            tombstones,
            sessions,
            topics,
            is_checked,
        })
    };
    gather().map_err(told)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [database, wal] = self.file_bytes;
        writeln!(f, "{}", self.directory.display())?;
        writeln!(f, "  database     {} and {} not yet moved into it", Bytes(database), Bytes(wal))?;
        writeln!(f, "  commits      {}", self.commits)?;
        let state = if self.is_clean { "ended in good order" } else { "running, or was killed" };
        writeln!(f, "  server       {state}")?;
        let checked = if self.is_checked { "all as it was written" } else { "not checked" };
        writeln!(f, "  entries      {checked}")?;
        let open = self.sessions.iter().filter(|session| session.row.idle_since.is_none()).count();
        let count = self.sessions.len();
        writeln!(f, "  sessions     {count}, {open} of them connected")?;
        writeln!(f, "  tombstones   {}", self.tombstones)?;
        writeln!(f, "  topics       {}", self.topics.len())?;
        self.list_topics(f)?;
        self.list_sessions(f)
    }
}

impl Report {
    fn list_topics(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.topics.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{:>10} {:>10} {:>14} {:>14}  topic", "entries", "size", "oldest", "newest")?;
        for Topic { name, log } in &self.topics {
            let (entries, size) = (log.entries(), Bytes(log.bytes).to_string());
            let (first, head) = (log.first, log.head);
            writeln!(f, "{entries:>10} {size:>10} {first:>14} {head:>14}  {name:?}")?;
        }
        Ok(())
    }

    fn list_sessions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sessions.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:>10} {:>10} {:>10}  {:<10} session of",
            "accepted", "waiting", "size", "state"
        )?;
        for Session { row, log } in self.sessions.iter().take(LISTED) {
            let state = if row.idle_since.is_some() { "away" } else { "connected" };
            let [a, b, c, d, ..] = row.id;
            // The whole id would let whoever reads this take the session over.
            let id = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
            let name = if row.identity.is_empty() { "anonymous" } else { &row.identity };
            let (accepted, waiting) = (row.accepted, log.entries());
            let size = Bytes(log.bytes).to_string();
            writeln!(
                f,
                "{accepted:>10} {waiting:>10} {size:>10}  {state:<10} {id} of {}",
                Escaped(name)
            )?;
        }
        let more = self.sessions.len().saturating_sub(LISTED);
        if more > 0 { writeln!(f, "{more:>10} more sessions, of less size") } else { Ok(()) }
    }
}

/// A size as people read it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..10_000 => write!(f, "{bytes} B"),
            bytes @ 10_000..10_000_000 => write!(f, "{} kB", bytes / 1_000),
            bytes @ 10_000_000..10_000_000_000 => write!(f, "{} MB", bytes / 1_000_000),
            bytes => write!(f, "{} GB", bytes / 1_000_000_000),
        }
    }
}
