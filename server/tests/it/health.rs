//! `/health` is answered whatever others do, and says what is wrong.

use rusqlite::Connection;
use tautline_protocol::Start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::program::Program;
use crate::world::soon;

const OPEN: usize = 20;

/// What sockets say that then say nothing more; of each there are as many as there may be.
async fn silent(program: &Program, words: &str) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..OPEN {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        if words.ends_with("\r\n\r\n") {
            // It has been answered, and is kept for more.
            let mut first = [0; 9];
            soon(stream.read_exact(&mut first)).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 ");
        }
        streams.push(stream);
    }
    streams
}

/// How many the server has closed.
fn closed(streams: &[TcpStream]) -> usize {
    let is_closed = |stream: &&TcpStream| {
        let mut bytes = [0; 4096];
        loop {
            match stream.try_read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    };
    streams.iter().filter(is_closed).count()
}

#[tokio::test]
async fn sockets_that_say_nothing_keep_nobody_out() {
    for option in ["--connections", "--connections-per-address"] {
        let program = Program::start(&[option, &OPEN.to_string()]).await;
        for words in ["", "GET /line HT", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            let streams = silent(&program, words).await;
            let response = program.get("/health").await;
            assert!(response.starts_with("HTTP/1.0 200"), "{response}");
            let mut client = Client::open(program.address, 1).await;
            let id = client.publish("news", "hello");
            client.acknowledged(id).await;
            // Not because their time was over: one has made room for each of the two.
            let closed = closed(&streams);
            assert!((1..=2).contains(&closed), "{closed} are closed, {words:?} with {option}");
        }
    }
}

#[tokio::test]
async fn a_damaged_entry_is_told_from_when_it_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let program = Program::start(&["--data", data]).await;
    let mut client = Client::open(program.address, 1).await;
    let id = (0..3).map(|number| client.publish("news", &format!("{number}"))).last().unwrap();
    client.acknowledged(id).await;
    assert!(program.terminate().await.success());
    let sql = Connection::open(directory.path().join("tautline.db")).unwrap();
    sql.execute("UPDATE entry SET bytes = x'7001' WHERE at = 1", []).unwrap();
    drop(sql);
    let program = Program::start(&["--data", data]).await;
    assert!(program.get("/health").await.starts_with("HTTP/1.0 200"));
    let mut reader = Client::open(program.address, 2).await;
    let _ = reader.subscribe("news", Start::Last(10)).await;
    let told = async {
        loop {
            let response = program.get("/health").await;
            if !response.starts_with("HTTP/1.0 200") {
                return response;
            }
        }
    };
    // What becomes of the reader is tested elsewhere.
    let response = tokio::select! {
        response = soon(told) => response,
        never = reader.until(|_| None::<()>) => panic!("{never:?}"),
    };
    assert!(response.starts_with("HTTP/1.0 503"), "{response}");
    assert!(response.contains("the database is damaged: entry 1 of log"), "{response}");
}

#[tokio::test]
async fn requests_are_answered_as_http_has_it() {
    let program = Program::start(&[]).await;
    let host = "Host: localhost\r\n";
    for (request, headers, expected, also) in [
        ("GET /health HTTP/1.1", host, "200", "the server is up"),
        ("HEAD /health HTTP/1.1", host, "200", ""),
        ("POST /health HTTP/1.1", host, "405", "allow: GET,HEAD"),
        ("OPTIONS /health HTTP/1.1", host, "405", "allow: GET,HEAD"),
        ("GET /line HTTP/1.1", host, "426", "upgrade: websocket"),
        ("HEAD /line HTTP/1.1", host, "426", "upgrade: websocket"),
        ("POST /line HTTP/1.1", host, "405", "allow: GET, HEAD"),
        ("DELETE /line HTTP/1.1", host, "405", "allow: GET, HEAD"),
        ("OPTIONS /line HTTP/1.1", host, "405", "allow: GET, HEAD"),
        ("GET /health HTTP/1.1", "Host: a\r\nHost: b\r\n", "400", "more than one Host"),
        ("GET /health HTTP/1.1", "Host: a\r\nHost: a\r\n", "400", "more than one Host"),
        ("GET /health HTTP/1.1", "", "400", "no Host"),
        ("GET /health HTTP/1.1", "Host: a/b\r\n", "400", "Host is not one"),
        ("GET /health HTTP/1.0", "", "200", "the server is up"),
        ("GET /other HTTP/1.1", host, "404", ""),
    ] {
        let response = program.ask(request, headers).await;
        let status = response.split(' ').nth(1).unwrap();
        assert_eq!(status, expected, "{request} {headers:?}: {response}");
        assert!(response.contains(also), "{request} {headers:?}: {response}");
        if request.starts_with("HEAD") {
            assert!(response.ends_with("\r\n\r\n"), "{response}");
        }
    }
}
