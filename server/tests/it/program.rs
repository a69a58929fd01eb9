//! The program itself, as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use tautline_protocol::client::End;
use tautline_protocol::message::Start;
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, Kind};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::client::{Client, Told};
use crate::raw::{Heard, Raw, hello};
use crate::world::soon;

pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

pub(crate) fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tautline-server"));
    command.args(options).kill_on_drop(true);
    // Those of the tests themselves are no settings of the program.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TAUTLINE_") {
            command.env_remove(name);
        }
    }
    let serves = !options.contains(&"inspect") && !options.contains(&"delete-topic");
    if !options.contains(&"--data") {
        command.env("TAUTLINE_ENGINE", "memory");
    }
    if !options.contains(&"--listen") && serves {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command
}

impl Program {
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_with_log(options, Stdio::null()).await
    }

    /// Starts it; what it logs goes elsewhere.
    pub(crate) async fn start_with_log(options: &[&str], log: impl Into<Stdio>) -> Self {
        Self::started(command(options), log).await
    }

    /// Starts another program that announces itself in the same way.
    #[cfg(target_os = "linux")]
    pub(crate) async fn run(program: &str, options: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(options).kill_on_drop(true);
        Self::started(command, Stdio::null()).await
    }

    pub(crate) async fn started(mut command: Command, log: impl Into<Stdio>) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon(lines.next_line()).await.unwrap().expect("one line");
        let address = line.strip_prefix("listening on http://").expect("the address").parse();
        Self { child, address: address.unwrap() }
    }

    /// Of its process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Asks for a path; returns the whole response.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.0"), &format!("Host: {}\r\n", self.address)).await
    }

    /// Makes a request with these headers; returns the whole response.
    pub(crate) async fn ask(&self, request: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{request}\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        soon(stream.read_to_string(&mut response)).await.unwrap();
        response
    }

    /// Makes a request, and reads no more of the response than its status.
    pub(crate) async fn status(&self, request: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{request}\r\n{headers}").as_bytes()).await.unwrap();
        let mut head = [0; 12];
        soon(stream.read_exact(&mut head)).await.unwrap();
        String::from_utf8_lossy(&head[9..]).into_owned()
    }

    /// Sends a signal to it.
    #[cfg(unix)]
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(killed.success());
    }

    /// Ends it as a crash would.
    #[cfg(target_os = "linux")]
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    #[cfg(unix)]
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").arg(id).status().await.unwrap();
        assert!(killed.success());
        soon(self.child.wait()).await.unwrap()
    }

    /// The most memory that it has had, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(path).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }
}

/// Runs it, expecting that it ends by itself; returns its complaint.
pub(crate) async fn complaint(options: &[&str]) -> String {
    let output = soon(command(options).output()).await.unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// A directory for one test.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[tokio::test]
async fn anyone_may_use_topics_and_messages_have_no_handler() {
    let program = Program::start(&[]).await;
    let mut client = Client::open(program.address, 1).await;
    let (stream, _) = client.subscribe("news", Start::Last(0)).await;
    client.publish("news", "hello");
    assert_eq!(client.next(stream).await, (1, "hello".into()));
    for kind in [Kind::Send, Kind::Request] {
        let id = client.message(kind, "", "hello");
        let (code, reason) = client.refused(id).await;
        assert_eq!(code, "no-handler");
        assert!(reason.contains("build one on the library tautline-server"), "{reason}");
    }
}

#[tokio::test]
async fn a_token_keeps_others_out() {
    let file = directory("token").join("token");
    std::fs::write(&file, "s3cret\nthe second line does not count\n").unwrap();
    let file = file.to_str().unwrap();
    for options in [["--token", "s3cret"], ["--token-file", file]] {
        let program = Program::start(&options).await;
        for (token, expected) in [
            ("", "this server asks for a token: give it as credentials"),
            ("s3cre", "this is not the server's token"),
            ("S3cret", "this is not the server's token"),
        ] {
            let mut client = Client::with_name(program.address, 1, token);
            let (end, reason) = client.closed().await;
            assert_eq!(end, End::Unauthorized(CloseCode::UNAUTHORIZED));
            assert_eq!(reason, expected);
        }
        Client::with_name(program.address, 2, "s3cret").opened().await;
    }
}

#[tokio::test]
async fn it_serves_its_health_and_files() {
    let site = directory("site");
    std::fs::write(site.join("index.html"), "<h1>here</h1>").unwrap();
    let program = Program::start(&["--static", site.to_str().unwrap()]).await;
    assert!(program.get("/health").await.starts_with("HTTP/1.0 200"));
    assert!(program.get("/").await.ends_with("<h1>here</h1>"));
    assert!(program.get("/missing").await.starts_with("HTTP/1.0 404"));
    assert!(program.get("/../Cargo.toml").await.starts_with("HTTP/1.0 404"));
}

#[tokio::test]
async fn what_it_cannot_do_it_says_in_a_sentence() {
    let missing = complaint(&["--static", "/no/such/directory"]).await;
    assert_eq!(missing, "tautline-server: --static /no/such/directory: this is not a directory\n");
    let unread = complaint(&["--token-file", "/no/such/file"]).await;
    assert!(unread.contains("cannot read the token from /no/such/file"), "{unread}");
    let empty = complaint(&["--token", ""]).await;
    assert!(empty.contains("the token is empty"), "{empty}");
    let program = Program::start(&[]).await;
    let taken = complaint(&["--listen", &program.address.to_string()]).await;
    assert!(taken.contains("cannot listen on 127.0.0.1:"), "{taken}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_it_gracefully() {
    let program = Program::start(&["--grace", "30"]).await;
    let mut client = Client::open(program.address, 1).await;
    let ended = tokio::spawn(program.terminate());
    // Told to go away, the client leaves, and the program need not wait for its grace to pass.
    client
        .until(|told| matches!(told, Told::State(state) if *state as u8 == 2).then_some(()))
        .await;
    assert!(soon(ended).await.unwrap().success());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reader_that_does_not_read_costs_no_memory() {
    const ENTRY_BYTES: usize = 60_000;
    const ENTRIES: usize = 3_000;
    let program = Program::start(&["--topic-bytes", "1000000"]).await;
    let (mut deaf, _) = Raw::join(program.address, hello(1)).await;
    let start = Start::Last(0);
    deaf.say(&[Uplink::Subscribe { stream: 1, topic: "news", start }]).await;
    deaf.hear().await;
    let mut publisher = Client::open(program.address, 2).await;
    let text = "x".repeat(ENTRY_BYTES);
    for _ in 0..ENTRIES / 100 {
        let last = (0..100).map(|_| publisher.publish("news", &text)).last().unwrap();
        publisher.acknowledged(last).await;
    }
    let peak = program.peak_memory();
    assert!(peak < ENTRY_BYTES * ENTRIES / 4, "{peak} bytes");
    // It is there still, and reads on behind a gap, up to the newest entry.
    let (mut read, mut skipped) = (0, 0);
    while read < ENTRIES as u64 {
        for frame in deaf.hear_packet().await {
            match frame {
                Heard::Entry(offset) => {
                    assert_eq!(offset, read + 1);
                    read = offset;
                }
                Heard::Gap(offset) => {
                    assert!(offset > read);
                    skipped += offset - read;
                    read = offset;
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        deaf.say(&[Uplink::Received { stream: 1, offset: read }]).await;
    }
    assert!(skipped > ENTRIES as u64 / 2, "{skipped}");
}
