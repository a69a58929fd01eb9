//! The directory: who has it, and how many commits its database has to have.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::DiskError;

/// Is there only while room is looked for.
const ROOM: &str = "room";
const FILES: [&str; 5] = ["lock", "commits", "tautline.db", "tautline.db-wal", "tautline.db-shm"];

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
        let mut lock = open_private(&path.join("lock")).map_err(failed("write to"))?;
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
        let commits = open_private(&path.join("commits")).map_err(failed("write to"))?;
        let _ = fs::remove_file(path.join(ROOM));
        let taken = Self { path: path.to_path_buf(), _lock: lock, commits };
        taken.check_privacy().map_err(failed("look into"))?;
        Ok(taken)
    }

    /// Makes the files that were there private, and says so if the directory is not.
    fn check_privacy(&self) -> io::Result<()> {
        for name in FILES {
            let file = self.path.join(name);
            if file.try_exists()?
                && let Err(error) = keep_private(&file)
            {
                tracing::warn!("others may read {}, and it stays so: {error}", file.display());
            }
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&self.path)?.permissions()) & 0o022
            != 0
        {
            tracing::warn!(
                "others may write to the directory {0}, and so replace what is in it: chmod go-w {0}",
                self.path.display()
            );
        }
        Ok(())
    }

    /// Makes the database's file, empty; the store gives the files beside it the same permissions.
    pub(super) fn make_database(&self) -> io::Result<()> {
        open_private(&self.database())?;
        keep_private(&self.database())
    }

    /// Whether there is room for so many bytes.
    pub(super) fn has_room(&self, bytes: usize) -> io::Result<()> {
        let path = self.path.join(ROOM);
        let written = open_private(&path).and_then(|mut file| {
            let chunk = [0; 64 * 1024];
            (0..=bytes / chunk.len()).try_for_each(|_| file.write_all(&chunk))?;
            file.sync_data()
        });
        fs::remove_file(path)?;
        written
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

/// Opens a file to read and write, and makes it if need be: for nobody else, whatever the umask.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o777 == 0o600 {
        return Ok(());
    }
    permissions.set_mode(0o600);
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Names the machine's run, from its start to its end; empty where the system does not say.
pub(super) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}
