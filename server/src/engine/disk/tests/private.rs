//! What is kept is for nobody else's eyes.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{SyncPolicy, started};
use crate::engine::tests::subjects::entry;
use crate::engine::{Engine, Maker};

fn modes(directory: &Path) -> Vec<(String, u32)> {
    let files = fs::read_dir(directory).unwrap().map(|file| {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        (file.file_name().into_string().unwrap(), mode)
    });
    files.collect()
}

#[track_caller]
fn is_private(directory: &Path) {
    let modes = modes(directory);
    assert!(modes.len() >= 5, "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn files_in_a_directory_that_was_there_are_private() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let engine = started(directory.path(), SyncPolicy::Always);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    is_private(directory.path());
}

#[tokio::test]
async fn so_are_files_that_an_older_version_or_a_copy_has_left_open() {
    let directory = tempfile::tempdir().unwrap();
    let left = tempfile::tempdir().unwrap();
    {
        let engine = started(directory.path(), SyncPolicy::Always);
        let topic = engine.topic("news", &Maker::Server).await.unwrap();
        engine.publish(&topic, entry(1)).await.unwrap();
        for (name, _) in modes(directory.path()) {
            let to = left.path().join(&name);
            fs::copy(directory.path().join(&name), &to).unwrap();
            fs::set_permissions(to, Permissions::from_mode(0o644)).unwrap();
        }
    }
    let engine = started(left.path(), SyncPolicy::Always);
    let topic = engine.topic("news", &Maker::Server).await.unwrap();
    engine.publish(&topic, entry(1)).await.unwrap();
    is_private(left.path());
}
