//! The files of `--static`: all that is meant for everybody, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::client::Client;
use crate::program::{Program, complaint};

/// A site with things beside and in it that are for nobody.
fn build(around: &Path) -> String {
    let site = around.join("site");
    for directory in ["sub", "linked", ".git", ".well-known", "assets", "copy"] {
        fs::create_dir_all(site.join(directory)).unwrap();
    }
    for (name, content) in [
        ("site/index.html", "<h1>here</h1>"),
        ("site/sub/index.html", "below"),
        ("site/assets/app.js", "code"),
        ("site/with space.txt", "spaced"),
        ("site/.well-known/security.txt", "contact"),
        ("site/.env", "SECRET"),
        ("site/.git/config", "SECRET"),
        ("site/token", "SECRET"),
        ("site/copy/tautline.db", "SECRET"),
        ("site/copy/notes.txt", "SECRET"),
        ("outside.txt", "SECRET"),
    ] {
        fs::write(around.join(name), content).unwrap();
    }
    symlink("assets/app.js", site.join("latest.js")).unwrap();
    symlink(around.join("outside.txt"), site.join("out.txt")).unwrap();
    symlink(around, site.join("up")).unwrap();
    symlink(".env", site.join("env.txt")).unwrap();
    symlink(around.join("outside.txt"), site.join("linked/index.html")).unwrap();
    symlink("token", site.join("also")).unwrap();
    assert!(Command::new("mkfifo").arg(site.join("pipe")).status().unwrap().success());
    site.to_str().unwrap().into()
}

#[tokio::test]
async fn only_what_is_meant_for_everybody_is_served() {
    let around = tempfile::tempdir().unwrap();
    let site = build(around.path());
    let (data, token) = (format!("{site}/data"), format!("{site}/token"));
    let options = ["--static", &site, "--data", &data, "--token-file", &token];
    let program = Program::start(&options).await;
    let mut client = Client::with_name(program.address, 1, "SECRET");
    client.opened().await;
    for (path, content) in [
        ("/", "<h1>here</h1>"),
        ("/index.html", "<h1>here</h1>"),
        ("/sub/", "below"),
        ("/assets/app.js", "code"),
        ("/latest.js", "code"),
        ("/with%20space.txt", "spaced"),
        ("/.well-known/security.txt", "contact"),
        ("/?query=1", "<h1>here</h1>"),
    ] {
        let response = program.get(path).await;
        assert!(response.starts_with("HTTP/1.0 200"), "{path}: {response}");
        assert!(response.ends_with(content), "{path}: {response}");
    }
    let long = format!("/{}", "x".repeat(5_000));
    for path in [
        "/data/tautline.db",
        "/data/tautline.db-wal",
        "/data/lock",
        "/data/",
        "/data",
        "/sub/../data/tautline.db",
        "/%64ata/tautline.db",
        "/data%2ftautline.db",
        "/copy/tautline.db",
        "/copy/notes.txt",
        "/token",
        "/also",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/env.txt",
        "/out.txt",
        "/up/outside.txt",
        "/linked/",
        "/pipe",
        "/..%2foutside.txt",
        "/../outside.txt",
        "/%00",
        "/%",
        "/%+1",
        "/%ff",
        "//sub",
        "//sub/",
        "/sub//",
        "//",
        "/%5csub",
        "/%2fsub",
        "/missing",
        "/index.html/x",
        &long,
    ] {
        let response = program.get(path).await;
        assert!(response.starts_with("HTTP/1.0 404"), "{path}: {response}");
        assert!(!response.contains("SECRET") && !response.contains("location"), "{path}");
    }
    let redirect = program.get("/sub").await.to_ascii_lowercase();
    assert!(redirect.contains("location: /sub/\r\n"), "{redirect}");
    let head = program.ask("HEAD /index.html HTTP/1.1", "Host: localhost\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    let put = program.ask("PUT /index.html HTTP/1.1", "Host: localhost\r\n").await;
    assert!(put.starts_with("HTTP/1.1 405") && put.contains("allow: GET,HEAD"), "{put}");
}

#[tokio::test]
async fn files_are_asked_for_by_a_name_that_the_server_knows() {
    let around = tempfile::tempdir().unwrap();
    let site = build(around.path());
    let options = ["--static", &site, "--allow-origin", "https://app.test"];
    let program = Program::start(&options).await;
    for (host, expected) in [
        ("localhost:8080", "200"),
        ("127.0.0.1", "200"),
        ("app.test", "200"),
        ("evil.test", "403"),
        // A page can send this header with its own requests.
        ("evil.test\r\nX-Forwarded-Proto: https", "403"),
    ] {
        let response = program.ask("GET / HTTP/1.1", &format!("Host: {host}\r\n")).await;
        assert_eq!(response.split(' ').nth(1), Some(expected), "{host}: {response}");
    }
    let health = program.ask("GET /health HTTP/1.1", "Host: evil.test\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
}

#[tokio::test]
async fn a_site_where_the_data_is_kept_is_refused() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().to_str().unwrap();
    let inside = around.path().join("site");
    fs::create_dir(&inside).unwrap();
    for site in [data, inside.to_str().unwrap()] {
        let told = complaint(&["--data", data, "--static", site]).await;
        assert!(
            told.contains(&format!("--static {site}: the server keeps its data there")),
            "{told}"
        );
    }
    // Another server's is no better.
    let told = complaint(&["--static", data]).await;
    assert!(told.contains("keeps its data there"), "{told}");
}
