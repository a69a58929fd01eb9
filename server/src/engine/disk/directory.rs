//! The directory: who has it, and how many commits its database has to have.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::DiskError;

/// A directory that this process has to itself.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
    commits: File,
}

/// The database's file.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("tautline.db")
}

impl Directory {
    /// Makes the directory if need be, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, DiskError> {
        let failed =
            |doing| move |source| DiskError::Io { doing, path: path.to_path_buf(), source };
        make_private(path).map_err(failed("make the directory"))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut lock = options.open(path.join("lock")).map_err(failed("write to"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Only to say more; the lock is what counts.
                let _ = lock.read_to_string(&mut by);
                let by = match by.trim() {
                    "" => String::new(),
                    id => format!(" (process {id})"),
                };
                return Err(DiskError::InUse { path: path.to_path_buf(), by });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        let owner = format!("{}\n", std::process::id());
        lock.set_len(0).and_then(|()| lock.write_all(owner.as_bytes())).map_err(failed("lock"))?;
        let commits = options.open(path.join("commits")).map_err(failed("write to"))?;
        Ok(Self { path: path.to_path_buf(), _lock: lock, commits })
    }

    pub(super) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    /// How many commits the database has to have at least; 0 if that is not known.
    ///
    /// A store that finds its newest commits damaged, or whose log was removed, takes them for never
    /// made, and says nothing. This number beside it does.
    pub(super) fn commits(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 12];
        self.commits.seek(SeekFrom::Start(0))?;
        match self.commits.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(error) => return Err(error),
        }
        let (number, seal) = bytes.split_at(8);
        // A machine that went down may have left half of it.
        let sound = crc32fast::hash(number).to_be_bytes() == seal;
        let number = number.try_into().map_or(0, u64::from_be_bytes);
        Ok(if sound { number } else { 0 })
    }

    /// The database has made so many commits.
    pub(super) fn set_commits(&mut self, number: u64) -> io::Result<()> {
        let number = number.to_be_bytes();
        let mut bytes = [0; 12];
        let (head, seal) = bytes.split_at_mut(8);
        head.copy_from_slice(&number);
        seal.copy_from_slice(&crc32fast::hash(&number).to_be_bytes());
        self.commits.seek(SeekFrom::Start(0))?;
        self.commits.write_all(&bytes)
    }
}

/// What is kept here, session ids among it, is for nobody else's eyes.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Names the machine's run, from its start to its end; empty where the system does not say.
pub(super) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}
