//! The program on disk: restarted, killed, without room, and with files that are not as they were.

mod damage;
mod exactly_once;
mod full;
mod kills;

use std::path::Path;

use tautline_protocol::Start;
use tempfile::TempDir;

use crate::client::{Client, Told};
use crate::program::{Program, command, complaint};
use crate::world::soon;

/// A program whose data is in a directory, on a port that it keeps.
struct Kept {
    directory: TempDir,
    program: Option<Program>,
    listen: String,
}

impl Kept {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Self { directory, program: None, listen: "127.0.0.1:0".into() };
        kept.restart().await;
        kept
    }

    fn data(&self) -> &Path {
        self.directory.path()
    }

    fn options<'a>(&'a self, data: &'a str) -> Vec<&'a str> {
        vec!["--data", data, "--listen", &self.listen, "--topic-entries", "100000"]
    }

    async fn restart(&mut self) {
        let data = self.data().to_str().unwrap().to_owned();
        let program = Program::start(&self.options(&data)).await;
        self.listen = program.address.to_string();
        self.program = Some(program);
    }

    async fn kill(&mut self) {
        self.program.take().unwrap().kill().await;
    }

    /// What the program complains of, which then does not start.
    async fn complaint(&self) -> String {
        complaint(&self.options(self.data().to_str().unwrap())).await
    }

    fn address(&self) -> std::net::SocketAddr {
        self.listen.parse().unwrap()
    }

    async fn client(&self, session: u8) -> Client {
        Client::open(self.address(), session).await
    }
}

/// What `tautline-server inspect` prints.
async fn inspect(data: &Path) -> String {
    let mut command = command(&["inspect", "--check"]);
    let output = soon(command.arg(data).output()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The line goes on as if nothing had happened: the same epoch, nothing lost, nothing twice.
async fn goes_on(kept: &mut Kept, client: &mut Client, restart: impl AsyncFn(&mut Kept)) {
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    let before = client.publish("news", "before");
    client.acknowledged(before).await;
    assert_eq!(client.next(stream).await, (1, "before".into()));
    restart(kept).await;
    client.publish("news", "after");
    let told = client.all_until(|told| matches!(told, Told::Message { .. })).await;
    assert!(told.iter().any(|told| matches!(told, Told::State(_))), "it was cut: {told:?}");
    let calm = |told: &Told| {
        matches!(told, Told::State(_) | Told::Acknowledged(_) | Told::Message { .. } | Told::Asked)
            || matches!(told, Told::Subscribed { offset: 1, .. })
    };
    assert!(told.iter().all(calm), "{told:?}");
    let message = Told::Message { stream, offset: 2, text: "after".into() };
    assert_eq!(told.last(), Some(&message));
}

#[tokio::test]
async fn a_server_that_was_killed_goes_on_where_it_was() {
    let mut kept = Kept::start().await;
    let mut client = kept.client(1).await;
    let restart = async |kept: &mut Kept| {
        kept.kill().await;
        kept.restart().await;
    };
    goes_on(&mut kept, &mut client, restart).await;
}

#[tokio::test]
async fn so_does_one_that_ended_in_good_order() {
    let mut kept = Kept::start().await;
    let mut client = kept.client(1).await;
    let restart = async |kept: &mut Kept| {
        let status = kept.program.take().unwrap().terminate().await;
        assert!(status.success());
        let report = inspect(kept.data()).await;
        assert!(report.contains("ended in good order"), "{report}");
        kept.restart().await;
    };
    goes_on(&mut kept, &mut client, restart).await;
}

#[tokio::test]
async fn a_second_server_on_a_directory_says_who_has_it() {
    let kept = Kept::start().await;
    let id = kept.program.as_ref().unwrap().id();
    let told = kept.complaint().await;
    assert!(told.contains(&format!("in use by another server (process {id})")), "{told}");
    assert!(told.contains(kept.data().to_str().unwrap()), "{told}");
}

#[tokio::test]
async fn inspect_shows_sessions_topics_and_sizes() {
    let kept = Kept::start().await;
    let mut client = kept.client(1).await;
    let id = (0..10).map(|_| client.publish("news", &"x".repeat(2_000))).last().unwrap();
    client.acknowledged(id).await;
    let report = inspect(kept.data()).await;
    for part in [
        "sessions     1, 1 of them connected",
        "topics       1",
        "entries      all as it was written",
        "running, or was killed",
        "20 kB              1             10  \"news\"",
        "connected  01010101 of anonymous",
    ] {
        assert!(report.contains(part), "{part:?} is missing in:\n{report}");
    }
    assert!(!report.contains("0101010101"), "a whole id would be a key: {report}");
}

#[tokio::test]
async fn an_operator_can_delete_a_topic() {
    let mut kept = Kept::start().await;
    let mut client = kept.client(1).await;
    for topic in ["news", "others"] {
        let id = client.publish(topic, "old");
        client.acknowledged(id).await;
    }
    let data = kept.data().to_str().unwrap().to_owned();
    let told = complaint(&["delete-topic", "news", &data]).await;
    assert!(told.contains("in use by another server"), "{told}");
    assert!(kept.program.take().unwrap().terminate().await.success());
    let output = soon(command(&["delete-topic", "news", &data]).output()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "deleted the topic \"news\"\n");
    let told = complaint(&["delete-topic", "news", &data]).await;
    assert!(told.contains("there is no topic \"news\" in"), "{told}");
    let report = inspect(kept.data()).await;
    assert!(report.contains("topics       1") && !report.contains("\"news\""), "{report}");
    kept.restart().await;
    let mut client = kept.client(2).await;
    assert_eq!(client.subscribe("news", Start::Last(9)).await.1, 0);
    let missing = tempfile::tempdir().unwrap();
    let told = complaint(&["delete-topic", "news", missing.path().to_str().unwrap()]).await;
    assert!(told.contains("there is no data in"), "{told}");
}
