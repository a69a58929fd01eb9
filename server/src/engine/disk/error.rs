//! Why a directory is not used: sentences for whoever started the server.

use std::io;
use std::path::PathBuf;

/// Why the disk engine does not open a directory. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// Another server has it.
    #[error(
        "the directory {} is in use by another server{by}: stop that one, or choose another directory",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Its process, if it is known.
        by: String,
    },
    /// A newer version has written it.
    #[error(
        "{} is of format {found}, and this version knows format {known}: start the newer version of \
         the server that has written it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: i64,
        /// What this version writes.
        known: i64,
    },
    /// The file is something else.
    #[error("{} is not a database of this server: choose another directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// What is there is not what was written.
    #[error(
        "{} is damaged: {what}. Nothing was changed. Restore the directory from a backup and start \
         once with --restored, or move it away to begin anew: either way clients are told that their \
         sessions are lost",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is nothing.
    #[error("there is no data in {}", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store refuses.
    #[error("cannot use {}: {source}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}
