//! Files that are not as the server left them: it refuses, says why, and changes nothing.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use tautline_protocol::Start;

use super::Kept;
use crate::client::{Client, Told};
use crate::program::Program;

/// A server that was killed after so many messages were acknowledged.
async fn killed_after(messages: usize) -> Kept {
    let mut kept = Kept::start().await;
    let mut client = kept.client(1).await;
    for number in 0..messages {
        let id = client.publish("news", &format!("message {number}"));
        client.acknowledged(id).await;
    }
    kept.kill().await;
    kept
}

impl Kept {
    fn database(&self) -> PathBuf {
        self.data().join("tautline.db")
    }

    fn log(&self) -> PathBuf {
        self.data().join("tautline.db-wal")
    }

    /// Refuses to start, and leaves everything as it is.
    async fn refuses(&self, because: &[&str]) {
        let before = (fs::read(self.database()).ok(), fs::read(self.log()).ok());
        let told = self.complaint().await;
        for part in because {
            assert!(told.contains(part), "{part:?} is missing in: {told}");
        }
        if before.1.is_some() {
            let after = (fs::read(self.database()).ok(), fs::read(self.log()).ok());
            assert!(before == after, "it has changed something");
        }
    }
}

#[tokio::test]
async fn half_a_write_at_the_end_costs_nothing() {
    let mut kept = killed_after(20).await;
    let mut log = fs::read(kept.log()).unwrap();
    // As a write that was under way: the beginning of a page that was never committed.
    let half = log[32..2_000].to_vec();
    log.extend(half);
    fs::write(kept.log(), log).unwrap();
    kept.restart().await;
    let mut client = kept.client(1).await;
    let (stream, _) = client.subscribe("news", Start::Last(100)).await;
    for number in 0..20 {
        assert_eq!(client.next(stream).await, (number + 1, format!("message {number}")));
    }
}

#[tokio::test]
async fn what_was_acknowledged_and_is_gone_is_missed() {
    let kept = killed_after(20).await;
    let log = fs::read(kept.log()).unwrap();
    fs::write(kept.log(), &log[..log.len() / 2]).unwrap();
    kept.refuses(&[
        "is damaged",
        "its newest part is missing (was",
        "tautline.db-wal removed?)",
        "from a backup",
    ])
    .await;
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(kept.data()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    what_is_restored_begins_anew(copy.path().to_str().unwrap()).await;
    fs::remove_file(kept.log()).unwrap();
    kept.refuses(&["is damaged"]).await;
    fs::remove_file(kept.database()).unwrap();
    kept.refuses(&["is damaged", "it is gone or empty"]).await;
}

/// What is left of twenty messages is there, in a topic that has begun anew.
async fn what_is_restored_begins_anew(data: &str) {
    let program = Program::start(&["--data", data, "--restored"]).await;
    let mut client = Client::open(program.address, 1).await;
    let (stream, offset) = client.subscribe("news", Start::Last(100)).await;
    assert_eq!(offset, 0);
    assert_eq!(client.next(stream).await, (1, "message 0".into()));
    client.publish("news", "after");
    let (last, _) = client
        .until(|told| match told {
            Told::Message { offset, text, .. } if text == "after" => Some((*offset, text.clone())),
            _ => None,
        })
        .await;
    assert!((2..=20).contains(&last), "{last}");
}

#[tokio::test]
async fn an_entry_that_was_changed_is_noticed() {
    let kept = killed_after(20).await;
    let sql = Connection::open(kept.database()).unwrap();
    sql.execute("UPDATE entry SET bytes = x'7001' WHERE at = 7", []).unwrap();
    drop(sql);
    // Only what it says is looked at: that the test's own connection has ended moves the log.
    let told = kept.complaint().await;
    assert!(told.contains("entry 7 of log") && told.contains("is damaged"), "{told}");
}

#[tokio::test]
async fn a_session_that_was_changed_is_noticed() {
    let kept = killed_after(1).await;
    let sql = Connection::open(kept.database()).unwrap();
    sql.execute("UPDATE session SET accepted = 2", []).unwrap();
    drop(sql);
    let told = kept.complaint().await;
    assert!(told.contains("a row of the sessions is not what was written"), "{told}");
}

#[tokio::test]
async fn a_tombstone_that_was_changed_is_noticed() {
    let kept = killed_after(1).await;
    let sql = Connection::open(kept.database()).unwrap();
    let stone = "INSERT INTO tombstone VALUES (zeroblob(16), 2, 'somebody', 0, 0, 0, 0, 1)";
    sql.execute(stone, []).unwrap();
    drop(sql);
    let told = kept.complaint().await;
    assert!(told.contains("a row of the tombstones is not what was written"), "{told}");
}

#[tokio::test]
async fn a_file_of_something_else_or_of_a_newer_version_is_refused() {
    let kept = killed_after(1).await;
    let sql = Connection::open(kept.database()).unwrap();
    sql.pragma_update(None, "user_version", 7).unwrap();
    drop(sql);
    kept.refuses(&["is of format 7, and this version knows format 1"]).await;
    let sql = Connection::open(kept.database()).unwrap();
    sql.pragma_update(None, "application_id", 7).unwrap();
    drop(sql);
    kept.refuses(&["is not a database of this server"]).await;
    fs::write(kept.database(), "a text file, long enough to be looked at as a header of one")
        .unwrap();
    kept.refuses(&["is damaged", "not that of a database"]).await;
}
