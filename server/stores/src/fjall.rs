//! fjall: log-structured trees behind one journal.

use std::path::Path;

use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::workload::{Store, Write};

pub(crate) struct Fjall {
    database: Database,
    entries: Keyspace,
    sessions: Keyspace,
}

fn key(topic: u64, offset: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&topic.to_be_bytes());
    key[8..].copy_from_slice(&offset.to_be_bytes());
    key
}

impl Store for Fjall {
    const NAME: &'static str = "fjall";

    fn open(directory: &Path) -> Result<Self> {
        let database = Database::builder(directory.join("db")).open()?;
        let entries = database.keyspace("entry", KeyspaceCreateOptions::default)?;
        let sessions = database.keyspace("session", KeyspaceCreateOptions::default)?;
        Ok(Self { database, entries, sessions })
    }

    fn commit(&mut self, writes: &[Write]) -> Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for write in writes {
            batch.insert(&self.entries, key(write.topic, write.offset), write.entry);
            batch.insert(&self.sessions, write.session, write.record);
            if let Some(trimmed) = write.trimmed {
                batch.remove(&self.entries, key(write.topic, trimmed));
            }
        }
        batch.commit()?;
        Ok(())
    }

    fn head(&self, topic: u64) -> Result<u64> {
        let Some(last) = self.entries.prefix(topic.to_be_bytes()).next_back() else { return Ok(0) };
        let mut offset = [0; 8];
        offset.copy_from_slice(&last.key()?[8..]);
        Ok(u64::from_be_bytes(offset))
    }

    fn read(&self, topic: u64, after: u64, count: u64) -> Result<usize> {
        let mut bytes = 0;
        for found in self.entries.range(key(topic, after + 1)..=key(topic, after + count)) {
            bytes += found.value()?.len();
        }
        Ok(bytes)
    }
}
