//! redb: a copy-on-write tree in one file.

use std::path::Path;

use anyhow::Result;
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::workload::{Store, Write};

pub(crate) struct Redb(Database);

const ENTRIES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("entry");
const SESSIONS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("session");

impl Store for Redb {
    const NAME: &'static str = "redb";

    fn open(directory: &Path) -> Result<Self> {
        let database = Database::create(directory.join("db"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(ENTRIES)?;
        transaction.open_table(SESSIONS)?;
        transaction.commit()?;
        Ok(Self(database))
    }

    fn commit(&mut self, writes: &[Write]) -> Result<()> {
        let transaction = self.0.begin_write()?;
        {
            let mut entries = transaction.open_table(ENTRIES)?;
            let mut sessions = transaction.open_table(SESSIONS)?;
            for write in writes {
                entries.insert((write.topic, write.offset), write.entry.as_slice())?;
                sessions.insert(write.session, write.record.as_slice())?;
                if let Some(trimmed) = write.trimmed {
                    entries.remove((write.topic, trimmed))?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn head(&self, topic: u64) -> Result<u64> {
        let table = self.0.begin_read()?.open_table(ENTRIES)?;
        let last = table.range((topic, 0)..=(topic, u64::MAX))?.next_back().transpose()?;
        Ok(last.map_or(0, |(key, _)| key.value().1))
    }

    fn read(&self, topic: u64, after: u64, count: u64) -> Result<usize> {
        let table = self.0.begin_read()?.open_table(ENTRIES)?;
        let mut bytes = 0;
        for found in table.range((topic, after + 1)..=(topic, after + count))? {
            bytes += found?.1.value().len();
        }
        Ok(bytes)
    }
}
