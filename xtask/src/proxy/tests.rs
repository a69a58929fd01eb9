//! The proxy over real sockets: one client, one server, and the control interface.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for anything that is to happen, on a machine that is busy.
const SOON: Duration = Duration::from_secs(10);
/// Long enough to see that nothing happens.
const A_MOMENT: Duration = Duration::from_millis(200);

struct World {
    proxy: SocketAddr,
    server: TcpListener,
    running: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl World {
    async fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap();
        let running = tokio::spawn(super::run(listener, server.local_addr().unwrap()));
        Self { proxy, server, running }
    }

    async fn request(&self, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.proxy).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    /// Opens a WebSocket as far as the proxy can tell; returns the client's and the server's end.
    async fn line(&self, lab: &str) -> (TcpStream, TcpStream) {
        let head = format!("GET /line?lab={lab} HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
        let client = self.request(&head).await;
        let (mut server, _) = timeout(SOON, self.server.accept()).await.unwrap().unwrap();
        assert_eq!(exactly(&mut server, head.len()).await, head.as_bytes());
        (client, server)
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let text =
            format!("{method} /lab/{path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = to_the_end(&mut self.request(&text).await).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    async fn order(&self, method: &str, path: &str, body: &str) {
        let (status, answer) = self.control(method, path, body).await;
        assert_eq!(status, 204, "{method} {path}: {answer}");
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.control("GET", path, "").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

async fn exactly(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    timeout(SOON, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    bytes
}

async fn to_the_end(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    timeout(SOON, stream.read_to_string(&mut text)).await.expect("an end")?;
    Ok(text)
}

async fn assert_silent(stream: &mut TcpStream) {
    let heard = timeout(A_MOMENT, stream.read_u8()).await;
    assert!(heard.is_err(), "expected silence, got {heard:?}");
}

async fn assert_reset(stream: &mut TcpStream) {
    let error = to_the_end(stream).await.expect_err("expected a reset, got an orderly end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

async fn assert_finished(stream: &mut TcpStream) {
    assert_eq!(to_the_end(stream).await.expect("an orderly end"), "");
}

#[tokio::test]
async fn bytes_pass_both_ways_until_each_side_finishes() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (copy, count) = (sent.clone(), sent.len());
    let writing = tokio::spawn(async move {
        client.write_all(&copy).await.unwrap();
        client.shutdown().await.unwrap();
        client
    });
    assert_eq!(exactly(&mut server, count).await, sent);
    assert_finished(&mut server).await;
    let mut client = writing.await.unwrap();
    server.write_all(b"still open this way").await.unwrap();
    drop(server);
    assert_eq!(to_the_end(&mut client).await.unwrap(), "still open this way");
}

#[tokio::test]
async fn plain_request_reaches_the_server_and_closes_behind_itself() {
    let world = World::new().await;
    let client = world.request("GET /index.html HTTP/1.1\r\nHost: demo\r\n\r\n").await;
    let (mut server, _) = world.server.accept().await.unwrap();
    let expected = "GET /index.html HTTP/1.1\r\nconnection: close\r\nHost: demo\r\n\r\n";
    assert_eq!(exactly(&mut server, expected.len()).await, expected.as_bytes());
    drop(client);
    assert_finished(&mut server).await;
}

#[tokio::test]
async fn cut_finishes_and_reset_resets_the_lines_of_one_lab_only() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    let (mut other_client, mut other_server) = world.line("b").await;
    world.order("POST", "a/cut", "").await;
    assert_finished(&mut client).await;
    assert_finished(&mut server).await;
    drop((client, server));
    let (mut client, mut server) = world.line("a").await;
    world.order("POST", "a/reset", "").await;
    assert_reset(&mut client).await;
    assert_reset(&mut server).await;
    other_client.write_all(b"fine").await.unwrap();
    assert_eq!(exactly(&mut other_server, 4).await, b"fine");
    assert_eq!(world.json("a").await["cuts"], 2);
    assert_eq!(world.json("b").await["cuts"], 0);
}

#[tokio::test]
async fn cut_by_fin_is_no_reset_though_bytes_are_under_way() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    world.order("POST", "a/stall", "").await;
    client.write_all(b"lost").await.unwrap();
    server.write_all(b"lost").await.unwrap();
    world.order("POST", "a/cut", "").await;
    assert_finished(&mut client).await;
    assert_finished(&mut server).await;
}

#[tokio::test]
async fn stall_holds_bytes_and_ends_back_until_flow() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    world.order("POST", "a/stall", "").await;
    client.write_all(b"late").await.unwrap();
    client.shutdown().await.unwrap();
    server.write_all(b"also late").await.unwrap();
    assert_silent(&mut server).await;
    assert_silent(&mut client).await;
    let (mut new_client, mut new_server) = world.line("a").await;
    new_client.write_all(b"new").await.unwrap();
    assert_eq!(exactly(&mut new_server, 3).await, b"new");
    let state = world.json("a").await;
    assert_eq!((&state["open"], &state["stalled"]), (&2.into(), &1.into()));
    world.order("POST", "a/flow", "").await;
    assert_eq!(to_the_end(&mut server).await.unwrap(), "late");
    assert_eq!(exactly(&mut client, 9).await, b"also late");
}

#[tokio::test]
async fn stall_in_one_direction_lets_the_other_flow() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    world.order("POST", "a/stall?direction=up", "").await;
    client.write_all(b"held").await.unwrap();
    server.write_all(b"through").await.unwrap();
    assert_eq!(exactly(&mut client, 7).await, b"through");
    assert_silent(&mut server).await;
}

#[tokio::test]
async fn stalled_line_takes_no_more_than_its_bound() {
    let world = World::new().await;
    let (mut client, _server) = world.line("a").await;
    world.order("POST", "a/stall", "").await;
    let far_more_than_any_buffer = vec![0; 64 * 1024 * 1024];
    let writing = timeout(Duration::from_secs(2), client.write_all(&far_more_than_any_buffer));
    assert!(writing.await.is_err(), "the proxy took everything");
}

#[tokio::test]
async fn reset_of_one_side_reaches_the_other() {
    let world = World::new().await;
    let (client, mut server) = world.line("a").await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_reset(&mut server).await;
    let (mut client, server) = world.line("a").await;
    server.set_zero_linger().unwrap();
    drop(server);
    assert_reset(&mut client).await;
}

#[tokio::test]
async fn offline_cuts_and_refuses_until_online() {
    let world = World::new().await;
    let (mut client, _server) = world.line("a").await;
    world.order("POST", "a/offline", "").await;
    assert_reset(&mut client).await;
    let head = "GET /line?lab=a HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    assert_reset(&mut world.request(head).await).await;
    let state = world.json("a").await;
    assert_eq!((&state["offline"], &state["refused"]), (&true.into(), &1.into()));
    world.order("POST", "a/online", "").await;
    world.line("a").await;
}

#[tokio::test]
async fn server_that_is_down_is_a_reset() {
    // Bound but not listening: nobody else can take the port, and nobody answers on it.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = bound.local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let running = tokio::spawn(super::run(listener, nobody));
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_reset(&mut client).await;
    running.abort();
}

#[tokio::test]
async fn planned_cuts_come_in_their_range_until_the_plan_is_deleted() {
    let world = World::new().await;
    world.order("POST", "plan", r#"{"seed":3,"cutEveryMs":[100,200],"cut":"rst"}"#).await;
    for _ in 0..3 {
        let started = Instant::now();
        let (mut client, _server) = world.line("a").await;
        assert_reset(&mut client).await;
        assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
    }
    let (mut client, mut server) = world.line("a").await;
    world.order("DELETE", "plan", "").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    client.write_all(b"alive").await.unwrap();
    assert_eq!(exactly(&mut server, 5).await, b"alive");
    assert_eq!(world.json("counts").await["cuts"], 3);
}

#[tokio::test]
async fn latency_delays_each_way_and_keeps_the_order() {
    let world = World::new().await;
    world.order("POST", "plan", r#"{"latencyMs":80}"#).await;
    let (mut client, mut server) = world.line("a").await;
    let started = Instant::now();
    for number in 0..50_u8 {
        client.write_all(&[number]).await.unwrap();
    }
    assert_eq!(exactly(&mut server, 50).await, (0..50).collect::<Vec<u8>>());
    assert!(started.elapsed() >= Duration::from_millis(80), "{:?}", started.elapsed());
    world.order("DELETE", "plan", "").await;
    server.write_all(b"back").await.unwrap();
    assert_eq!(exactly(&mut client, 4).await, b"back");
}

#[tokio::test]
async fn throttle_bounds_the_rate_and_loses_nothing() {
    let world = World::new().await;
    world.order("POST", "plan", r#"{"bytesPerSecond":20000}"#).await;
    let (mut client, mut server) = world.line("a").await;
    let started = Instant::now();
    let sent: Vec<u8> = (0..20_000_u32).map(|number| (number % 251) as u8).collect();
    client.write_all(&sent).await.unwrap();
    assert_eq!(exactly(&mut server, sent.len()).await, sent);
    let took = started.elapsed();
    // One portion leaves at once, and a late one may catch up.
    assert!(took >= Duration::from_millis(800), "20,000 bytes took {took:?}");
    assert!(took < Duration::from_secs(3), "20,000 bytes took {took:?}");
}

#[tokio::test]
async fn counters_count_each_way() {
    let world = World::new().await;
    let (mut client, mut server) = world.line("a").await;
    let before = world.json("a").await;
    client.write_all(&[1; 300]).await.unwrap();
    server.write_all(&[2; 70]).await.unwrap();
    exactly(&mut server, 300).await;
    exactly(&mut client, 70).await;
    let after = world.json("a").await;
    let grown = |key: &str| after[key].as_u64().unwrap() - before[key].as_u64().unwrap();
    assert_eq!((grown("up"), grown("down")), (300, 70));
    let counts = world.json("counts").await;
    assert_eq!((&counts["connections"], &counts["lines"]), (&1.into(), &1.into()));
    assert_eq!((&counts["up"], &counts["down"]), (&after["up"], &after["down"]));
}

#[tokio::test]
async fn unusable_control_requests_are_told_why() {
    let world = World::new().await;
    for (method, path, body, status, reason) in [
        ("POST", "a/explode", "", 404, "expected the action cut"),
        ("POST", "a/stall?direction=left", "", 404, "up or down"),
        ("POST", "a%20b/cut", "", 404, "POST /lab/<id>/<action>"),
        ("PUT", "plan", "", 404, "DELETE /lab/plan"),
        ("POST", "plan", "{\"cut\":\"bang\"}", 400, "bang"),
    ] {
        let (got, answer) = world.control(method, path, body).await;
        assert_eq!(got, status, "{method} {path}: {answer}");
        assert!(answer.contains(reason), "{answer}");
    }
    let answer = to_the_end(&mut world.request("nonsense\r\n\r\n").await).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("not HTTP"), "{answer}");
}
