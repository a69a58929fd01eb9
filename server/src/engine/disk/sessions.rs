//! Sessions in a batch: opened, committed to, left, expired, found again.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use tautline_protocol::downlink::EncodedEntry;
use tautline_protocol::resume::{Resolution, Resumption, Tombstone, is_stale, resolve};
use tautline_protocol::session::Hello;
use tautline_protocol::{Offset, Seq, SessionId};

use super::rows::{LogRow, Millis, SessionRow, StoneRow};
use super::step::Step;
use super::topics::DiskTopic;
use crate::engine::log::new_epoch;
use crate::engine::{Effects, EngineError, OpenError};

/// Sessions that one sweep expires, so that no batch takes long.
const EXPIRED_AT_ONCE: usize = 1_000;

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) generation: u64,
    pub(super) log: LogRow,
    pub(super) resolution: Resolution,
    pub(super) doubtful: Seq,
}

impl Step<'_> {
    /// Opens a session, by the rules that the memory engine has.
    pub(super) fn open(
        &mut self,
        hello: &Hello,
        identity: &str,
        now: Millis,
    ) -> rusqlite::Result<Result<Joined, OpenError>> {
        let found = SessionRow::find(self.sql, &hello.session)?;
        let stone = StoneRow::find(self.sql, &hello.session, hello.epoch)?
            .filter(|stone| now - stone.set_at < millis(self.keep.tombstone_ttl));
        let owner = match (&found, &stone) {
            (Some(row), _) => Some(&row.identity),
            (None, stone) => stone.as_ref().map(|stone| &stone.identity),
        };
        if owner.is_some_and(|owner| owner != identity) {
            return Ok(Err(OpenError::WrongIdentity));
        }
        if is_stale(&hello.as_frame(), found.as_ref().map_or(0, |row| row.connection)) {
            return Ok(Err(OpenError::Stale));
        }
        let found = match found {
            Some(row) if self.has_expired(&row, now) => {
                self.bury(row, now)?;
                return self.open(hello, identity, now);
            }
            found => found,
        };
        let log = found.as_ref().map(|row| self.log(row.log).cloned()).transpose()?;
        let record = found.as_ref().zip(log.as_ref()).map(|(row, log)| row.record(log));
        let fresh = match (&found, &record) {
            (Some(row), Some(record)) if row.answers_again(hello) => record.epoch,
            _ => new_epoch(),
        };
        let tombstone = stone.as_ref().map(|stone| stone.tombstone);
        let resolution = resolve(&hello.as_frame(), record, tombstone, fresh);
        let goes_on = record.is_some_and(|record| record.epoch == resolution.epoch);
        let row = match found {
            Some(row) if goes_on => row,
            found => {
                if let Some(row) = found {
                    self.bury(row, now)?;
                }
                if let Err(error) = self.make_room(identity, now)? {
                    return Ok(Err(error));
                }
                let mut row = self.create(hello, identity, &resolution)?;
                if resolution.resumption == Resumption::LostAcceptedKnown {
                    row.doubtful = stone.map_or(0, |stone| stone.doubtful);
                }
                row
            }
        };
        self.join(row, hello, &resolution).map(Ok)
    }

    fn join(
        &mut self,
        mut row: SessionRow,
        hello: &Hello,
        resolution: &Resolution,
    ) -> rusqlite::Result<Joined> {
        if resolution.resumption == Resumption::Resumed {
            self.trim_through(row.log, hello.handled)?;
        } else {
            row.accepted = resolution.accepted;
            row.accepted_at_first = resolution.accepted;
        }
        row.connection = hello.connection;
        row.idle_since = None;
        row.doubtful = row.doubtful.max(self.doubt(&row.id));
        row.put(self.sql)?;
        *self.generations += 1;
        let log = self.log(row.log)?.clone();
        let doubtful = row.doubtful;
        Ok(Joined { generation: *self.generations, log, resolution: *resolution, doubtful })
    }

    fn create(
        &mut self,
        hello: &Hello,
        identity: &str,
        resolution: &Resolution,
    ) -> rusqlite::Result<SessionRow> {
        let log = self.create_log(resolution.epoch)?;
        self.totals.sessions += 1;
        Ok(SessionRow {
            id: hello.session,
            identity: identity.to_owned(),
            log: log.id,
            accepted: resolution.accepted,
            connection: 0,
            predecessor: hello.epoch,
            accepted_at_first: resolution.accepted,
            doubtful: 0,
            idle_since: None,
        })
    }

    fn doubt(&self, session: &SessionId) -> Seq {
        self.doubts.get(session).copied().unwrap_or_default()
    }

    fn has_expired(&self, row: &SessionRow, now: Millis) -> bool {
        row.idle_since.is_some_and(|since| now - since >= millis(self.keep.session_ttl))
    }

    /// Sees to it that one more session may be made.
    fn make_room(
        &mut self,
        identity: &str,
        now: Millis,
    ) -> rusqlite::Result<Result<(), OpenError>> {
        if !identity.is_empty() {
            let mut query =
                self.sql.prepare_cached("SELECT count(*) FROM session WHERE identity = ?")?;
            let own: i64 = query.query_row([identity], |row| row.get(0))?;
            drop(query);
            if own.cast_unsigned() >= self.keep.sessions_per_identity as u64 {
                let idlest = "SELECT id FROM session WHERE identity = ?
                    AND idle_since IS NOT NULL ORDER BY idle_since LIMIT 1";
                let Some(row) = self.first_session(idlest, params![identity])? else {
                    return Ok(Err(OpenError::TooMany));
                };
                self.bury(row, now)?;
            }
        }
        if self.totals.sessions >= self.keep.sessions {
            let idlest =
                "SELECT id FROM session WHERE idle_since IS NOT NULL ORDER BY idle_since LIMIT 1";
            let Some(row) = self.first_session(idlest, params![])? else {
                return Ok(Err(OpenError::Full));
            };
            self.bury(row, now)?;
        }
        Ok(Ok(()))
    }

    fn first_session(
        &self,
        query: &str,
        params: &[&dyn rusqlite::ToSql],
    ) -> rusqlite::Result<Option<SessionRow>> {
        let id: Option<SessionId> =
            self.sql.prepare_cached(query)?.query_row(params, |row| row.get(0)).optional()?;
        id.map_or(Ok(None), |id| SessionRow::find(self.sql, &id))
    }

    /// Removes a session and leaves a tombstone.
    fn bury(&mut self, row: SessionRow, now: Millis) -> rusqlite::Result<()> {
        let doubtful = row.doubtful.max(self.doubt(&row.id));
        let log = self.log(row.log)?.clone();
        let tombstone = Tombstone { epoch: log.epoch, accepted: row.accepted, head: log.head };
        self.remove_log(row.log)?;
        self.sql.prepare_cached("DELETE FROM session WHERE id = ?")?.execute([row.id])?;
        self.totals.sessions -= 1;
        let SessionRow { id: session, identity, .. } = row;
        StoneRow { session, identity, tombstone, doubtful, set_at: now }.put(self.sql)?;
        self.totals.tombstones += 1;
        self.sweep_tombstones(now)
    }

    fn sweep_tombstones(&mut self, now: Millis) -> rusqlite::Result<()> {
        let aged = now - millis(self.keep.tombstone_ttl);
        let mut delete = self.sql.prepare_cached("DELETE FROM tombstone WHERE set_at <= ?")?;
        self.totals.tombstones -= delete.execute([aged])?;
        let over = self.totals.tombstones.saturating_sub(self.keep.tombstones);
        if over > 0 {
            let mut delete = self.sql.prepare_cached(
                "DELETE FROM tombstone WHERE (session, epoch) IN
                 (SELECT session, epoch FROM tombstone ORDER BY set_at LIMIT ?)",
            )?;
            self.totals.tombstones -= delete.execute([i64::try_from(over).unwrap_or(i64::MAX)])?;
        }
        Ok(())
    }

    /// Whether what a connection commits is refused.
    fn is_fenced(&self, session: &SessionId, generation: u64) -> bool {
        self.live.get(session).is_none_or(|live| live.generation != generation)
    }

    fn find_unfenced(
        &self,
        session: &SessionId,
        generation: u64,
    ) -> rusqlite::Result<Option<SessionRow>> {
        if self.is_fenced(session, generation) {
            return Ok(None);
        }
        SessionRow::find(self.sql, session)
    }

    /// Accepts messages and takes their effects; returns the last direct entry.
    pub(super) fn commit(
        &mut self,
        session: &SessionId,
        generation: u64,
        effects: &Effects<Arc<DiskTopic>>,
        now: Millis,
    ) -> rusqlite::Result<Result<Offset, EngineError>> {
        if self.is_fenced(session, generation) {
            return Ok(Err(EngineError::Fenced));
        }
        let Some(mut row) = SessionRow::find(self.sql, session)? else {
            return Ok(Err(EngineError::NoSession));
        };
        if let Some(accepted) = effects.accepted {
            row.accepted = accepted;
            row.put_accepted(self.sql)?;
        }
        let keep = self.keep;
        let head = if effects.direct.is_empty() {
            self.log(row.log)?.head
        } else {
            self.append(row.log, &effects.direct, &keep.direct, now)?
        };
        for run in effects.publishes.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(a, b)) {
            let entries = run.iter().map(|(_, entry)| entry);
            let log = self.log_of(&run[0].0)?;
            self.append(log, entries, &keep.topic, now)?;
        }
        Ok(Ok(head))
    }

    /// Appends to the direct stream of any session.
    pub(super) fn push(
        &mut self,
        session: &SessionId,
        entries: &[EncodedEntry],
        now: Millis,
    ) -> rusqlite::Result<Result<Offset, EngineError>> {
        let Some(row) = SessionRow::find(self.sql, session)? else {
            return Ok(Err(EngineError::NoSession));
        };
        let keep = self.keep;
        self.append(row.log, entries, &keep.direct, now).map(Ok)
    }

    /// The client has handled its direct stream up to `through`.
    pub(super) fn trim_direct(
        &mut self,
        session: &SessionId,
        generation: u64,
        through: Offset,
    ) -> rusqlite::Result<()> {
        match self.find_unfenced(session, generation)? {
            Some(row) => self.trim_through(row.log, through),
            None => Ok(()),
        }
    }

    /// The connection of this generation is over.
    pub(super) fn leave(
        &mut self,
        session: &SessionId,
        generation: u64,
        now: Millis,
    ) -> rusqlite::Result<()> {
        let Some(mut row) = self.find_unfenced(session, generation)? else { return Ok(()) };
        row.idle_since = Some(now);
        row.doubtful = row.doubtful.max(self.doubt(session));
        row.put(self.sql)
    }

    /// The client has ended the session.
    pub(super) fn forget(
        &mut self,
        session: &SessionId,
        generation: u64,
        now: Millis,
    ) -> rusqlite::Result<()> {
        match self.find_unfenced(session, generation)? {
            Some(row) => self.bury(row, now),
            None => Ok(()),
        }
    }

    /// Expires what has been without a connection for too long.
    pub(super) fn sweep_sessions(&mut self, now: Millis) -> rusqlite::Result<()> {
        let aged = now - millis(self.keep.session_ttl);
        for _ in 0..EXPIRED_AT_ONCE {
            let idlest = "SELECT id FROM session WHERE idle_since <= ? ORDER BY idle_since LIMIT 1";
            let Some(row) = self.first_session(idlest, params![aged])? else { break };
            self.bury(row, now)?;
        }
        self.sweep_tombstones(now)
    }
}

pub(super) fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
