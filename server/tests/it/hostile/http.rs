//! Requests that are too slow, too large, or something else.

use super::wire::{Wire, upgrade_request};
use super::{MIB, Siege, Store};

async fn requests_that_are_too_large_or_none_are_refused(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let long = "x".repeat(1024 * 1024);
    let many = "a: b\r\n".repeat(1_000);
    for (request, status) in [
        (upgrade_request(&format!("X-Long: {long}\r\n")), "HTTP/1.1 431"),
        (upgrade_request(&many), "HTTP/1.1 431"),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..100_000]), "HTTP/1.1 414"),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 431"),
        (format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 431"),
        ("GET /line\r\n\r\n".into(), "HTTP/1.1 400"),
        ("\x16\x03\x01\x02\x00\x01".into(), "HTTP/1.1 400"),
        ("POST /line HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".into(), "HTTP/1.1 405"),
        ("GET /line HTTP/1.1\r\nHost: a\r\n\r\n".into(), "HTTP/1.1 426"),
        ("GET /line HTTP/1.1\r\n\r\n".into(), "HTTP/1.1 400"),
        ("GET /line HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), "HTTP/1.1 400"),
        ("GET /health HTTP/1.1\r\nHost: a b\r\n\r\n".into(), "HTTP/1.1 400"),
        ("GET /health HTTP/1.1\r\nHost: ann@a\r\n\r\n".into(), "HTTP/1.1 400"),
        ("GET /secret HTTP/1.1\r\nHost: a\r\n\r\n".into(), "HTTP/1.1 404"),
        (upgrade_request("Origin: https://evil.test\r\n"), "HTTP/1.1 403"),
    ] {
        let mut wire = Wire::connect(siege.program.address).await;
        wire.write(request.as_bytes()).await;
        let head = wire.head().await;
        let beginning = &request[..request.len().min(60)];
        assert!(head.starts_with(status), "{head:?} to {beginning:?}");
    }
    siege.lift(8 * MIB).await;
}

/// The slow loris: a byte now and then, from many connections.
async fn requests_that_do_not_end_are_not_waited_for(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut wires = Vec::new();
    for _ in 0..300 {
        let mut wire = Wire::connect(siege.program.address).await;
        wire.write(b"GET /line HTTP/1.1\r\nHost: a\r\n").await;
        wires.push(wire);
    }
    let mut bytes = b"X-Slow: ".iter().cycle();
    // Ten seconds are granted for all of it, however often a byte comes.
    let mut open = wires.len();
    while open > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let byte = [*bytes.next().unwrap()];
        open = 0;
        for wire in &mut wires {
            open += usize::from(wire.stream.try_write(&byte).is_ok());
        }
        siege.bystander.goes_on().await;
    }
    drop(wires);
    siege.lift(16 * MIB).await;
}

super::on_every_engine! {
    requests_that_are_too_large_or_none_are_refused,
    requests_that_do_not_end_are_not_waited_for,
}
