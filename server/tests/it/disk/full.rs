//! A disk without room.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use tautline_protocol::Start;

use crate::client::{Client, Told};
use crate::program::Program;
use crate::world::soon;

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

/// Runs a test of this file in a name space where whoever runs it is root, and may mount.
fn run_again_as_root(test: &str) {
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--nocapture"]).env(AGAIN, "1");
    let is_again = std::env::var_os(AGAIN).is_some();
    let passed = !is_again && again.status().is_ok_and(|status| status.success());
    assert!(
        passed,
        "this test has to mount a small file system, as root or by `unshare`; to leave it out: \
         cargo test -- --skip full_disk"
    );
}

/// Set in a process that [`run_again_as_root`] has started.
const AGAIN: &str = "FULL_DISK_AGAIN";

/// Waits until `/health` says something.
async fn health_says(program: &Program, status: &str, reason: &str) {
    let said = async {
        loop {
            let response = program.get("/health").await;
            if response.starts_with(&format!("HTTP/1.0 {status}")) && response.contains(reason) {
                return;
            }
        }
    };
    soon(said).await;
}

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_recovers() {
    let Some(small) = Small::mount() else {
        return run_again_as_root("disk::full::a_full_disk_refuses_loses_nothing_and_recovers");
    };
    let log = tempfile::NamedTempFile::new().unwrap();
    let data = small.0.join("data");
    let data = data.to_str().unwrap();
    let program = Program::start_with_log(&["--data", data], log.reopen().unwrap()).await;
    let listen = program.address.to_string();
    let mut client = Client::open(program.address, 1).await;
    let id = (0..10).map(|number| client.publish("news", &format!("{number}"))).last().unwrap();
    client.acknowledged(id).await;
    health_says(&program, "200", "the server is up").await;
    small.fill();
    let large = "x".repeat(500_000);
    let id = client.publish("news", &large);
    let is_acknowledged = |told: &Told| matches!(told, Told::Acknowledged(of) if *of >= id);
    // When it says so, what was sent has been refused; it would have been acknowledged otherwise.
    tokio::select! {
        () = health_says(&program, "503", "the disk is full") => {}
        () = client.until(|told| is_acknowledged(told).then_some(())) => {
            panic!("there is no room for it");
        }
    }
    small.free();
    client.acknowledged(id).await;
    health_says(&program, "200", "the server is up").await;
    let told = fs::read_to_string(log.path()).unwrap();
    assert!(told.contains("the disk is full; nothing is accepted until"), "{told}");
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
