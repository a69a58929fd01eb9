//! The program's options, from the command line and the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use tautline_server::{Config, DiskConfig, EngineConfig, SyncPolicy};
use tracing::level_filters::LevelFilter;

use super::token;

/// The largest number that every store can count to.
const COUNT_MAX: u64 = i64::MAX as u64;
/// A hundred years.
const SECONDS_MAX: u64 = 3_155_760_000;
/// Less would let hardly anybody in.
const MEMORY_BYTES_MIN: u64 = 1024 * 1024;
const MESSAGE_BYTES_MAX: u64 = tautline_protocol::limits::MESSAGE_BYTES_MAX as u64;

/// Holds the other end of Tautline lines: topics that browsers publish and subscribe to.
///
/// Lines connect to /line. For handlers of your own, build on the library tautline-server.
#[derive(Debug, Parser)]
#[command(name = "tautline-server", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Where sessions and topics are kept
    #[arg(
        long,
        value_enum,
        value_name = "ENGINE",
        default_value = "disk",
        env = "TAUTLINE_ENGINE"
    )]
    pub(crate) engine: EngineKind,

    /// Directory of the disk engine; it is made if it is not there
    #[arg(long, value_name = "DIR", default_value = "tautline-data", env = "TAUTLINE_DATA")]
    pub(crate) data: PathBuf,

    /// When what is committed is on the disk: `always` (before it is acknowledged; nothing that was
    /// acknowledged is ever lost) or `interval:MS` (the last MS are lost if the machine itself goes
    /// down; clients are then told so). A server that is killed loses nothing either way
    #[arg(long, value_name = "POLICY", default_value = "always", env = "TAUTLINE_SYNC")]
    sync: SyncPolicy,

    /// The directory was restored from a backup: for the first start on it. What is missing in it may
    /// be known to clients, so sessions are lost and topics begin anew with what there is
    #[arg(long)]
    restored: bool,

    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "TAUTLINE_LISTEN",
        value_parser = listen)]
    pub(crate) listen: SocketAddr,

    /// Origins of pages that may connect beside the server's own, such as https://example.com, or null;
    /// with commas between, or given many times. Their hosts are also the names that the server goes by,
    /// beside localhost and addresses
    #[arg(
        long = "allow-origin",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = origin,
        env = "TAUTLINE_ALLOW_ORIGIN"
    )]
    allow_origin: Vec<String>,

    /// Credential that every client has to bring; other users of this machine can see it in the
    /// list of processes, unless it is in the environment or in a file
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TAUTLINE_TOKEN",
        hide_env_values = true,
        conflicts_with = "token_file"
    )]
    token: Option<String>,

    /// File with the token, in its first line; blanks around it do not count
    #[arg(long, value_name = "FILE", env = "TAUTLINE_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Directory of files to serve at /, except those whose name begins with a dot, the server's data and
    /// token, and links that lead out of the directory
    #[arg(long, value_name = "DIR", env = "TAUTLINE_STATIC")]
    pub(crate) r#static: Option<PathBuf>,

    /// How much to log on standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "TAUTLINE_LOG")]
    pub(crate) log: LevelFilter,

    /// Largest message, in bytes
    #[arg(long, value_name = "BYTES", env = "TAUTLINE_MESSAGE_BYTES",
        default_value_t = Config::default().session.message_bytes as u64,
        value_parser = number::<1, MESSAGE_BYTES_MAX>, allow_negative_numbers = true)]
    message_bytes: u64,

    /// Most connections
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_CONNECTIONS",
        default_value_t = Config::default().connections as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    connections: u64,

    /// Most connections from one address; behind a proxy all clients have one
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_CONNECTIONS_PER_ADDRESS",
        default_value_t = Config::default().connections_per_address as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    connections_per_address: u64,

    /// Bytes of memory that all connections may take together; what topics and sessions keep is apart
    #[arg(long = "memory", value_name = "BYTES", env = "TAUTLINE_MEMORY",
        default_value_t = Config::default().memory_bytes as u64,
        value_parser = number::<MEMORY_BYTES_MIN, COUNT_MAX>, allow_negative_numbers = true)]
    memory_bytes: u64,

    /// Most sessions, connected or not
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_SESSIONS",
        default_value_t = EngineConfig::default().sessions as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    sessions: u64,

    /// Seconds that a session without a connection is kept
    #[arg(long, value_name = "SECONDS", env = "TAUTLINE_SESSION_TTL",
        default_value_t = EngineConfig::default().session_ttl.as_secs(),
        value_parser = number::<1, SECONDS_MAX>, allow_negative_numbers = true)]
    session_ttl: u64,

    /// Most topics
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_TOPICS",
        default_value_t = EngineConfig::default().topics as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    topics: u64,

    /// Most topics that one client has made, so that nobody takes all; clients without a name of their
    /// own, as all of this program are, are counted by session
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_TOPICS_PER_IDENTITY",
        default_value_t = EngineConfig::default().topics_per_identity as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    topics_per_identity: u64,

    /// Entries that each topic keeps
    #[arg(long, value_name = "COUNT", env = "TAUTLINE_TOPIC_ENTRIES",
        default_value_t = EngineConfig::default().topic.entries as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    topic_entries: u64,

    /// Bytes that each topic keeps
    #[arg(long, value_name = "BYTES", env = "TAUTLINE_TOPIC_BYTES",
        default_value_t = EngineConfig::default().topic.bytes as u64,
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    topic_bytes: u64,

    /// Seconds that a topic keeps an entry; 0: as long as there is room
    #[arg(long, value_name = "SECONDS", env = "TAUTLINE_TOPIC_AGE",
        default_value_t = EngineConfig::default().topic.age.unwrap_or_default().as_secs(),
        value_parser = number::<0, SECONDS_MAX>, allow_negative_numbers = true)]
    topic_age: u64,

    /// Bytes that all topics and sessions keep together: 1 GiB on disk, 256 MiB in memory unless told
    /// otherwise
    #[arg(long, value_name = "BYTES", env = "TAUTLINE_LOG_BYTES",
        value_parser = number::<1, COUNT_MAX>, allow_negative_numbers = true)]
    log_bytes: Option<u64>,

    /// Seconds after which an idle connection is asked whether it is alive; it is given up after twice as
    /// long and two seconds
    #[arg(long, value_name = "SECONDS", env = "TAUTLINE_HEARTBEAT",
        default_value_t = Config::default().session.heartbeat_ms / 1_000,
        value_parser = number::<1, 600>, allow_negative_numbers = true)]
    heartbeat: u64,

    /// Seconds that clients may take to leave when the server ends
    #[arg(long, value_name = "SECONDS", env = "TAUTLINE_GRACE",
        default_value_t = Config::default().grace.as_secs(),
        value_parser = number::<0, SECONDS_MAX>, allow_negative_numbers = true)]
    grace: u64,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what is in a directory of the disk engine: sessions, topics, sizes
    ///
    /// Nothing is changed, and a server may be running on it.
    Inspect {
        /// The directory
        #[arg(value_name = "DIR", default_value = "tautline-data", env = "TAUTLINE_DATA")]
        data: PathBuf,
        /// Read every entry, and compare it with its checksum
        #[arg(long)]
        check: bool,
    },
    /// Delete a topic from a directory of the disk engine, with all that was published to it
    ///
    /// No server may be running on it. Whoever reads the topic is told that it has begun anew.
    DeleteTopic {
        /// The topic's name
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// The directory
        #[arg(value_name = "DIR", default_value = "tautline-data", env = "TAUTLINE_DATA")]
        data: PathBuf,
    },
}

/// Where sessions and topics are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineKind {
    /// On disk: they outlive the server, and clients go on where they were
    Disk,
    /// In memory: they end with the server, and clients are told so
    Memory,
}

/// A number from the command line, within bounds.
fn number<const LEAST: u64, const MOST: u64>(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from {LEAST} to {MOST}")),
    }
}

fn origin(text: &str) -> Result<String, String> {
    let origin = text.trim().to_owned();
    Config { allowed_origins: vec![origin.clone()], ..Config::default() }.check().map(|()| origin)
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an address and a port, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080".into()
    })
}

/// As a process counts; a bound above that is none.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Options {
    /// The token, from wherever it is.
    pub(crate) fn token(&self) -> Result<Option<String>, String> {
        match (&self.token_file, &self.token) {
            (Some(path), _) => token::read(path).map(Some),
            (None, Some(token)) => token::check(token).map(Some),
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config {
            allowed_origins: self.allow_origin.clone(),
            connections: size(self.connections),
            connections_per_address: size(self.connections_per_address),
            memory_bytes: size(self.memory_bytes),
            grace: Duration::from_secs(self.grace),
            ..Config::default()
        };
        config.session.message_bytes = size(self.message_bytes);
        config.session.heartbeat_ms = self.heartbeat * 1_000;
        config.leave_spread = config.leave_spread.min(config.grace / 2);
        config
    }

    pub(crate) fn memory(&self) -> EngineConfig {
        self.keep(EngineConfig::default())
    }

    pub(crate) fn disk(&self) -> DiskConfig {
        let config = DiskConfig::default();
        let keep = self.keep(config.keep);
        DiskConfig { keep, sync: self.sync, is_restored: self.restored, ..config }
    }

    /// What an engine keeps that keeps `defaults` unless told otherwise.
    fn keep(&self, defaults: EngineConfig) -> EngineConfig {
        let mut keep = EngineConfig {
            sessions: size(self.sessions),
            session_ttl: Duration::from_secs(self.session_ttl),
            topics: size(self.topics),
            topics_per_identity: size(self.topics_per_identity),
            log_bytes: self.log_bytes.map_or(defaults.log_bytes, size),
            ..defaults
        };
        keep.topic.entries = size(self.topic_entries);
        keep.topic.bytes = size(self.topic_bytes);
        keep.topic.age = (self.topic_age > 0).then(|| Duration::from_secs(self.topic_age));
        keep
    }
}
