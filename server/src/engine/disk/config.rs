//! What the disk engine keeps, and when it is on the disk.

use std::str::FromStr;
use std::time::Duration;

use crate::engine::{EngineConfig, Retention};

/// Settings of the disk engine.
#[derive(Clone, Debug)]
pub struct DiskConfig {
    /// How much is kept, and for how long.
    pub keep: EngineConfig,
    /// When what is committed is on the disk.
    pub sync: SyncPolicy,
    /// The directory is an older state, such as a backup: clients may know of what is not in it. Their
    /// sessions are lost and topics begin anew with what there is, and clients are told so. To be set
    /// for the first start only.
    pub is_restored: bool,
    /// How much of the newest entries is held in memory for readers, in bytes, all logs together.
    pub memory_bytes: usize,
}

/// When what is committed is on the disk.
///
/// A server that is killed, or panics, loses nothing under either policy: what is committed is with
/// the operating system. They differ in what is lost when the machine itself goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before it is acknowledged: nothing that was acknowledged is ever lost. Commits of many
    /// sessions share one write to the disk.
    #[default]
    Always,
    /// After this long at the latest. If the machine goes down, what was acknowledged since is
    /// lost. The server notices when it starts again: it then tells clients that their sessions
    /// are lost and that topics have begun anew, rather than pretend that nothing happened. Where the
    /// system does not tell one run of the machine from the next (it does on Linux), a server that
    /// was killed counts as a machine that went down.
    Interval(Duration),
}

/// How many bytes all topics and direct streams together may keep on the disk, unless told otherwise.
const LOG_BYTES: usize = 1024 * 1024 * 1024;

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            keep: EngineConfig { log_bytes: LOG_BYTES, ..EngineConfig::default() },
            sync: SyncPolicy::default(),
            is_restored: false,
            memory_bytes: 64 * 1024 * 1024,
        }
    }
}

const INTERVAL: Duration = Duration::from_millis(100);

impl FromStr for SyncPolicy {
    type Err = String;

    /// `always`, `interval` (100 ms) or `interval:MS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected always, interval or interval:MS, got {text}");
        match text.split_once(':') {
            None if text == "always" => Ok(Self::Always),
            None if text == "interval" => Ok(Self::Interval(INTERVAL)),
            Some(("interval", ms)) => match ms.parse() {
                Ok(ms) if (1..=60_000).contains(&ms) => {
                    Ok(Self::Interval(Duration::from_millis(ms)))
                }
                _ => Err("expected 1 to 60000 milliseconds behind interval:".into()),
            },
            _ => Err(wrong()),
        }
    }
}

/// What of each log is held in memory; the rest is read from the disk.
pub(super) const HELD: Retention = Retention { entries: 4_096, bytes: 1024 * 1024, age: None };
