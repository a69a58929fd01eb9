//! The disk engine's workload, as any of the stores may carry it out.

use std::path::Path;

use anyhow::Result;

/// Topics that are written to by turns.
pub(crate) const TOPICS: u64 = 100;
/// Entries that a topic keeps while throughput is measured.
const KEPT: u64 = 1_000;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 128;
/// Sessions that write by turns.
const SESSIONS: u64 = 1_000;

/// What one message leaves behind: its entry, its session's record, and an entry less if the topic
/// is full.
pub(crate) struct Write {
    pub(crate) topic: u64,
    pub(crate) offset: u64,
    pub(crate) entry: [u8; ENTRY_BYTES],
    pub(crate) session: [u8; 16],
    pub(crate) record: [u8; 48],
    pub(crate) trimmed: Option<u64>,
}

/// An embedded store under the workload.
pub(crate) trait Store: Sized {
    const NAME: &'static str;

    /// Opens the store in a directory, which may have one.
    fn open(directory: &Path) -> Result<Self>;

    /// Writes all of it in one step, which is on the disk when this returns.
    fn commit(&mut self, writes: &[Write]) -> Result<()>;

    /// The newest entry of a topic.
    fn head(&self, topic: u64) -> Result<u64>;

    /// Reads a topic's entries behind an offset; returns how many bytes they have.
    fn read(&self, topic: u64, after: u64, count: u64) -> Result<usize>;
}

/// The writes of message after message, from `number` on.
pub(crate) fn writes(number: u64, count: u64, trims: bool) -> Vec<Write> {
    (number..number + count)
        .map(|number| {
            let offset = number / TOPICS + 1;
            let mut entry = [b'x'; ENTRY_BYTES];
            entry[..8].copy_from_slice(&number.to_le_bytes());
            let mut session = [0; 16];
            // Session ids are random: neighbours in time are far from each other.
            let spread = (number % SESSIONS).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            session[..8].copy_from_slice(&spread.to_be_bytes());
            let mut record = [0; 48];
            record[..8].copy_from_slice(&(number / SESSIONS + 1).to_be_bytes());
            let trimmed = if trims { offset.checked_sub(KEPT).filter(|of| *of > 0) } else { None };
            Write { topic: number % TOPICS, offset, entry, session, record, trimmed }
        })
        .collect()
}
