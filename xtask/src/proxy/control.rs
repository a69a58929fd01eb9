//! The proxy's own HTTP interface under `/lab/`: answers one request per connection.

use std::sync::Arc;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::head::is_lab_id;
use super::lab::{Action, Lab};
use super::plan::{Cut, Plan};

/// Largest body; plans are far smaller.
const BODY_BYTES_MAX: usize = 4 * 1024;

/// What is sent back: a status line's end, and a body.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: &'static str,
    body: String,
}

impl Answer {
    fn done() -> Self {
        Self { status: "204 No Content", body: String::new() }
    }

    fn refused(status: &'static str, reason: impl Into<String>) -> Self {
        Self { status, body: reason.into() + "\n" }
    }

    fn json(value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(body) => Self { status: "200 OK", body },
            Err(error) => Self::refused("500 Internal Server Error", error.to_string()),
        }
    }
}

/// Answers a control request; `body` is as much of it as was read with the head.
pub(crate) async fn answer(
    mut stream: TcpStream,
    lab: &Arc<Lab>,
    method: &str,
    path: &str,
    body_length: usize,
    mut body: Vec<u8>,
) {
    let answer = if body_length > BODY_BYTES_MAX {
        let reason = format!("expected a body of at most {BODY_BYTES_MAX} bytes");
        Answer::refused("413 Content Too Large", reason)
    } else {
        let rest = body_length.saturating_sub(body.len()) as u64;
        if (&mut stream).take(rest).read_to_end(&mut body).await.is_err() {
            return;
        }
        body.truncate(body_length);
        decide(lab, method, path, &body)
    };
    send(stream, &answer).await;
}

/// Tells the sender of something that is not a request.
pub(crate) async fn answer_malformed(stream: TcpStream, reason: &str) {
    send(stream, &Answer::refused("400 Bad Request", reason)).await;
}

async fn send(mut stream: TcpStream, answer: &Answer) {
    let Answer { status, body } = answer;
    let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
    let length = if *status == "204 No Content" {
        String::new()
    } else {
        format!("content-length: {}\r\ncontent-type: {kind}\r\n", body.len())
    };
    let text = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncache-control: no-store\r\n{length}\r\n{body}"
    );
    // Whoever asked may be gone, which is no concern of anybody here.
    if stream.write_all(text.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

fn decide(lab: &Arc<Lab>, method: &str, path: &str, body: &[u8]) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, path) {
        ("GET", "counts") => Answer::json(&lab.counts()),
        ("GET", "plan") => Answer::json(&lab.plan()),
        ("DELETE", "plan") => {
            lab.set_plan(Plan::default());
            Answer::done()
        }
        ("POST", "plan") => match Plan::parse(body) {
            Ok(plan) => {
                lab.set_plan(plan);
                Answer::done()
            }
            Err(reason) => Answer::refused("400 Bad Request", reason),
        },
        ("GET", id) if is_lab_id(id) => Answer::json(&lab.state(id)),
        ("POST", path) => act(lab, path, query),
        _ => Answer::refused(
            "404 Not Found",
            "expected GET /lab/<id>, POST /lab/<id>/<action>, GET, POST or DELETE /lab/plan, \
             or GET /lab/counts",
        ),
    }
}

fn act(lab: &Arc<Lab>, path: &str, query: &str) -> Answer {
    let Some((id, action)) = path.split_once('/').filter(|(id, _)| is_lab_id(id)) else {
        return Answer::refused("404 Not Found", "expected POST /lab/<id>/<action>");
    };
    let action = match (action, query) {
        ("cut", "") => Action::Cut(Cut::Fin),
        ("reset", "") => Action::Cut(Cut::Rst),
        ("stall", "") => Action::Stall { up: true, down: true },
        ("stall", "direction=up") => Action::Stall { up: true, down: false },
        ("stall", "direction=down") => Action::Stall { up: false, down: true },
        ("offline", "") => Action::Offline,
        ("online", "") => Action::Online,
        ("flow", "") => Action::Flow,
        _ => {
            return Answer::refused(
                "404 Not Found",
                "expected the action cut, reset, stall (with ?direction=up or down), offline, \
                 online or flow",
            );
        }
    };
    if lab.act(id, action) {
        Answer::done()
    } else {
        Answer::refused("503 Service Unavailable", "too many lab ids are in use")
    }
}
