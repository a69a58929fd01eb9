//! A disk without room.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tautline_protocol::Start;

use crate::client::{Client, Told};
use crate::program::Program;

/// A file system of a few megabytes, until dropped.
struct Small(PathBuf);

impl Small {
    /// `None`: only root may mount.
    fn mount() -> Option<Self> {
        let path = tempfile::tempdir().unwrap().keep();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(&path);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(path))
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        while file.write_all(&[0; 4_096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

fn log_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// Lets the line work for a while; true if it told what is looked for.
async fn tells(client: &mut Client, mut wanted: impl FnMut(&Told) -> bool) -> bool {
    let told = client.until(|told| wanted(told).then_some(()));
    tokio::time::timeout(Duration::from_millis(1_500), told).await.is_ok()
}

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_recovers() {
    let Some(small) = Small::mount() else {
        eprintln!("skipped: only root can mount a small file system");
        return;
    };
    let log = tempfile::NamedTempFile::new().unwrap();
    let data = small.0.join("data");
    let data = data.to_str().unwrap();
    let program = Program::start_with_log(&["--data", data], log.reopen().unwrap()).await;
    let listen = program.address.to_string();
    let mut client = Client::open(program.address, 1).await;
    let id = (0..10).map(|number| client.publish("news", &format!("{number}"))).last().unwrap();
    client.acknowledged(id).await;
    small.fill();
    let large = "x".repeat(500_000);
    let id = client.publish("news", &large);
    let is_acknowledged =
        tells(&mut client, |told| matches!(told, Told::Acknowledged(through) if *through >= id));
    assert!(!is_acknowledged.await, "there is no room for it");
    let told = log_of(log.path());
    assert!(told.contains("the disk is full; nothing is accepted until"), "{told}");
    small.free();
    client.acknowledged(id).await;
    let told = log_of(log.path());
    assert!(told.contains("the disk takes what is written again"), "{told}");
    // And all of it is there after the next crash.
    program.kill().await;
    let again = Program::start(&["--data", data, "--listen", &listen]).await;
    let mut reader = Client::open(again.address, 2).await;
    let (stream, _) = reader.subscribe("news", Start::Last(100)).await;
    for number in 0..10 {
        assert_eq!(reader.next(stream).await, (number + 1, number.to_string()));
    }
    assert_eq!(reader.next(stream).await, (11, large));
    let last = client.publish("news", "last");
    client.acknowledged(last).await;
    assert_eq!(reader.next(stream).await, (12, "last".into()));
}
