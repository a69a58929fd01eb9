//! The log: nobody can write a line of it but the server, and nothing depends on its being written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tautline_protocol::Start;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::client::Client;
use crate::program::{Program, command};
use crate::world::{World, soon};

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// The library's own log, as any subscriber gets it.
#[tokio::test]
async fn a_name_cannot_forge_a_line() {
    let lines = Lines::default();
    let sink = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || sink.clone())
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .finish();
    let _scope = tracing::subscriber::set_default(subscriber);
    let world = World::start().await;
    let name = "ann\nERROR_forged\r\u{1b}[2J\u{202e}";
    let mut client = Client::with_name(world.address, 1, name);
    client.opened().await;
    let id = client.send("refuse");
    client.refused(id).await;
    drop(client);
    world.left_with(0).await;
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains(r"of ann\nERROR_forged\r"), "{logged}");
    for line in logged.lines() {
        assert!(!line.starts_with("ERROR"), "{logged}");
        let is_plain = |c: char| !c.is_control() && c != '\u{202e}';
        assert!(line.chars().all(is_plain), "{line:?}");
    }
}

// The program's, where no line can be anything but one.
#[tokio::test]
async fn an_origin_cannot_change_how_the_log_reads() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let options = ["--log", "trace"];
    let program = Program::start_with_log(&options, log.reopen().unwrap()).await;
    let headers = "Host: localhost\r\nOrigin: http://a\u{202e}\u{9b}2Jb\r\n";
    let response = program.ask("GET /line HTTP/1.1", headers).await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert!(program.terminate().await.success());
    let logged = fs::read_to_string(log.path()).unwrap();
    assert!(logged.contains(r"http://a\u{202e}\u{9b}2Jb"), "{logged}");
    assert!(!logged.contains(['\u{202e}', '\u{9b}', '\u{1b}']), "{logged}");
}

/// New lines work, and so does all that they do.
async fn works(address: SocketAddr) {
    for session in 1..=3 {
        let mut client = Client::open(address, session).await;
        let (stream, _) = client.subscribe("news", Start::Last(0)).await;
        client.publish("news", "hello");
        assert_eq!(client.next(stream).await.1, "hello");
    }
}

async fn works_with_log(log: impl Into<Stdio>) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let program = Program::start_with_log(&["--data", data, "--log", "trace"], log).await;
    works(program.address).await;
    assert!(program.get("/health").await.starts_with("HTTP/1.0 200"));
    assert!(program.terminate().await.success());
}

#[tokio::test]
async fn a_log_on_a_full_disk_costs_nothing_but_the_log() {
    works_with_log(File::options().write(true).open("/dev/full").unwrap()).await;
}

#[tokio::test]
async fn a_log_that_nobody_has_open_costs_nothing_but_the_log() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    works_with_log(writer).await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_costs_nothing_but_the_log() {
    let (_reader, writer) = io::pipe().unwrap();
    let (full, filled) = std::sync::mpsc::channel();
    let mut filler = writer.try_clone().unwrap();
    // It stays where the pipe is full, until the test has dropped the other end.
    std::thread::spawn(move || {
        while filler.write_all(&[b'x'; 4096]).is_ok() {
            let _ = full.send(());
        }
    });
    // A pipe is full of 16 pages, and of fewer where a user has too many.
    let _ = (0..16).try_for_each(|_| filled.recv_timeout(crate::world::PATIENCE));
    works_with_log(writer).await;
}

#[tokio::test]
async fn an_address_that_cannot_be_written_is_logged() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = command(&[]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = soon(lines.next_line()).await.unwrap().expect("it goes on");
        if let Some((_, address)) = line.split_once("listening on http://") {
            break address.parse().unwrap();
        }
    };
    works(address).await;
}

#[tokio::test]
async fn signals_that_do_not_ask_for_the_end_cut_nobody() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let program = Program::start_with_log(&[], log.reopen().unwrap()).await;
    let mut client = Client::open(program.address, 1).await;
    for name in ["HUP", "USR1", "USR2"] {
        program.signal(name).await;
        let told = async {
            let wanted = format!("SIG{name} is ignored");
            while !fs::read_to_string(log.path()).unwrap().contains(&wanted) {
                tokio::task::yield_now().await;
            }
        };
        soon(told).await;
        let id = client.publish("news", "hello");
        client.acknowledged(id).await;
    }
    assert_eq!(client.machine.stats().connections, 1);
}

#[tokio::test]
async fn a_server_that_anybody_can_reach_says_so() {
    for (options, expected) in [
        (&["--listen", "0.0.0.0:0"][..], true),
        (&["--listen", "[::]:0"], true),
        (&["--listen", "0.0.0.0:0", "--token", "s3cret"], false),
        (&["--listen", "127.0.0.1:0"], false),
    ] {
        let log = tempfile::NamedTempFile::new().unwrap();
        let program = Program::start_with_log(options, log.reopen().unwrap()).await;
        assert!(program.terminate().await.success());
        let told = fs::read_to_string(log.path()).unwrap();
        assert_eq!(told.contains("may publish and subscribe"), expected, "{options:?}: {told}");
    }
}

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    for (mode, expected) in [(0o777, true), (0o775, true), (0o755, false), (0o700, false)] {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        let program = Program::start_with_log(&["--data", data], log.reopen().unwrap()).await;
        assert!(program.terminate().await.success());
        let told = fs::read_to_string(log.path()).unwrap();
        assert_eq!(
            told.contains("others may write to the directory"),
            expected,
            "{mode:o}: {told}"
        );
    }
}
