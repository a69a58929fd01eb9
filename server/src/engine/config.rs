//! What an engine keeps, how much of it and how long.

use std::time::Duration;

/// What an engine keeps. Every setting is a bound: on memory, or on the disk.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Most sessions. When there are as many, the one that has been without a connection for the
    /// longest gives way; if all are connected, new ones are refused.
    pub sessions: usize,
    /// Most sessions of one identity, in the same way. The anonymous identity has no such bound.
    pub sessions_per_identity: usize,
    /// How long a session without a connection is kept.
    pub session_ttl: Duration,
    /// Most tombstones: what is left of a session that is gone, for its client to learn what had
    /// become of its messages.
    pub tombstones: usize,
    /// How long a tombstone is kept.
    pub tombstone_ttl: Duration,
    /// What a session's direct stream keeps of what its client has not handled. What is over it
    /// is dropped, oldest first, and the client is told of a gap.
    pub direct: Retention,
    /// Most topics: those with entries, and those that are read. Publishing or subscribing to one too many
    /// is refused.
    pub topics: usize,
    /// Most of them that one identity has made, so that nobody takes all. Who is anonymous is counted by
    /// session; the application itself ([`Server::publish`](crate::Server::publish)) has no such bound.
    pub topics_per_identity: usize,
    /// What each topic keeps.
    pub topic: Retention,
    /// A topic whose entries have all expired is removed when it has had no readers for this long; one
    /// that never had any, with its last reader.
    pub topic_ttl: Duration,
    /// What all direct streams and topics may keep together, in bytes. Once they keep more, each
    /// may keep no more than an equal part of this: the longest are trimmed first, and all together keep
    /// less than twice as much. In memory 256 MiB unless told otherwise, so that it suits a machine with
    /// 1 GiB beside [`Config::memory_bytes`](crate::Config::memory_bytes); on disk 1 GiB.
    pub log_bytes: usize,
}

/// How much of a log is kept; the oldest entries go first.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Most entries.
    pub entries: usize,
    /// Most bytes of entries; a single larger one is kept all the same.
    pub bytes: usize,
    /// How long an entry is kept; `None`: as long as there is room.
    pub age: Option<Duration>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            sessions: 100_000,
            sessions_per_identity: 1_000,
            session_ttl: Duration::from_secs(5 * 60),
            tombstones: 100_000,
            tombstone_ttl: Duration::from_secs(24 * 60 * 60),
            direct: Retention { entries: 65_536, bytes: 16 * 1024 * 1024, age: None },
            topics: 10_000,
            topics_per_identity: 1_000,
            topic: Retention {
                entries: 10_000,
                bytes: 16 * 1024 * 1024,
                age: Some(Duration::from_secs(24 * 60 * 60)),
            },
            topic_ttl: Duration::from_secs(60 * 60),
            log_bytes: 256 * 1024 * 1024,
        }
    }
}
