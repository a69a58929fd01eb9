//! Settings of the program: what cannot be meant is refused at the start, with what to give instead.

use std::fs;

use tautline_protocol::client::End;

use crate::client::Client;
use crate::program::{Program, command, complaint};
use crate::world::soon;

/// What the program complains of with this in its environment.
async fn complaint_with(name: &str, value: &str) -> String {
    let mut command = command(&[]);
    let output = soon(command.env(name, value).output()).await.unwrap();
    assert!(!output.status.success(), "{name}={value} is taken");
    String::from_utf8(output.stderr).unwrap()
}

const NUMBERS: [(&str, u64); 11] = [
    ("--message-bytes", 1),
    ("--connections", 1),
    ("--connections-per-address", 1),
    ("--sessions", 1),
    ("--session-ttl", 1),
    ("--topics", 1),
    ("--topic-entries", 1),
    ("--topic-bytes", 1),
    ("--topic-age", 0),
    ("--log-bytes", 1),
    ("--grace", 0),
];

#[tokio::test]
async fn numbers_are_within_their_bounds() {
    for (option, least) in NUMBERS {
        let wrong = ["-1", "", " ", " 7", "1e3", "1_000", "many", "18446744073709551615"];
        for value in wrong.into_iter().chain((least > 0).then_some("0")) {
            let told = complaint(&[option, value]).await;
            let expected = format!("expected a number from {least} to ");
            assert!(
                told.contains(option) && told.contains(&expected),
                "{option} {value:?}: {told}"
            );
        }
    }
    for value in ["interval:0", "interval:-1", "interval:60001", "never", "interval:1s"] {
        let told = complaint(&["--sync", value]).await;
        assert!(told.contains("expected"), "{told}");
    }
    for value in ["localhost:8080", "8080", ":8080", "127.0.0.1", "::1:8080", "127.0.0.1:99999"] {
        let told = complaint(&["--listen", value]).await;
        assert!(told.contains("expected an address and a port"), "{told}");
    }
}

#[tokio::test]
async fn the_largest_numbers_work_and_so_do_the_least() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    for engine in [&[][..], &["--data", data]] {
        let largest = |option| match option {
            "--message-bytes" => "16777216",
            "--session-ttl" | "--topic-age" | "--grace" => "3155760000",
            _ => "9223372036854775807",
        };
        let mut most = engine.to_vec();
        NUMBERS.iter().for_each(|(option, _)| most.extend([*option, largest(*option)]));
        let program = Program::start(&most).await;
        for session in 1..=2 {
            let mut client = Client::open(program.address, session).await;
            let id = client.publish("news", "hello");
            client.acknowledged(id).await;
        }
        assert!(program.terminate().await.success());
        // One topic stays of the server before.
        let mut least = engine.to_vec();
        NUMBERS.iter().for_each(|(option, _)| least.extend([*option, "1"]));
        let program = Program::start(&least).await;
        let mut client = Client::open(program.address, 3).await;
        let id = client.publish("news", "x");
        client.acknowledged(id).await;
        assert!(program.terminate().await.success());
    }
}

#[tokio::test]
async fn origins_that_match_no_page_are_refused() {
    for (origin, why) in [
        ("*", "every page on the web"),
        ("https://*.test", "wildcard"),
        ("a.test", "write https://a.test"),
        ("https://a.test/path", "write https://a.test"),
        ("wss://a.test", "write https://a.test"),
        ("https://a.test https://b.test", "blank"),
        ("https://a.test,", "it is empty"),
        ("", "it is empty"),
    ] {
        let told = complaint(&["--allow-origin", origin]).await;
        assert!(told.contains("--allow-origin") && told.contains(why), "{origin}: {told}");
        let told = complaint_with("TAUTLINE_ALLOW_ORIGIN", origin).await;
        assert!(told.contains(why), "{origin}: {told}");
    }
}

#[tokio::test]
async fn several_origins_may_be_listed() {
    let lists = [
        &["--allow-origin", "https://a.test, https://b.test/"][..],
        &["--allow-origin", "https://a.test,https://B.test"],
        &["--allow-origin", " https://a.test ", "--allow-origin", "https://b.test:443"],
    ];
    for options in lists {
        let program = Program::start(options).await;
        for (origin, expected) in
            [("https://a.test", "101"), ("https://b.test", "101"), ("https://c.test", "403")]
        {
            let headers = format!(
                "Host: localhost\r\nOrigin: {origin}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 Sec-WebSocket-Protocol: tautline.1\r\n\r\n"
            );
            let status = program.status("GET /line HTTP/1.1", &headers).await;
            assert_eq!(status, expected, "{origin} with {options:?}");
        }
    }
}

#[tokio::test]
async fn a_setting_that_is_misspelt_in_the_environment_is_refused() {
    for (name, right) in [
        ("TAUTLINE_TOKN", "TAUTLINE_TOKEN?"),
        ("tautline_token", "TAUTLINE_TOKEN?"),
        ("TAUTLINE_ALLOWED_ORIGINS", "TAUTLINE_ALLOW_ORIGIN?"),
        ("TAUTLINE_PORT", "TAUTLINE_"),
    ] {
        let told = complaint_with(name, "8080").await;
        assert!(
            told.contains(name) && told.contains("did you mean") && told.contains(right),
            "{told}"
        );
    }
    // What Kubernetes sets beside a service of this name.
    let mut command = command(&[]);
    command.env("TAUTLINE_SERVICE_HOST", "10.0.0.1").env("TAUTLINE_PORT", "tcp://10.0.0.1:8080");
    Program::started(command, std::process::Stdio::null()).await;
}

#[tokio::test]
async fn a_token_file_is_read_as_it_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let name = file.to_str().unwrap();
    for text in [
        "s3cret",
        "s3cret\n",
        "s3cret\r\n",
        "\u{feff}s3cret\r\n",
        "  s3cret \t\n",
        "\n\ns3cret\n",
        "s3cret\r\nthe second line does not count\r\n",
    ] {
        fs::write(&file, text).unwrap();
        let program = Program::start(&["--token-file", name]).await;
        Client::with_name(program.address, 1, "s3cret").opened().await;
        let mut other = Client::with_name(program.address, 2, "s3cre");
        assert!(matches!(other.closed().await.0, End::Unauthorized(_)), "{text:?}");
    }
    let long = "x".repeat(16_385);
    for (text, why) in [
        (&b""[..], "found nothing"),
        (b"\n", "found nothing"),
        (b" \t\r\n", "found nothing"),
        ("\u{feff}\r\n".as_bytes(), "found nothing"),
        (b"\xff\xfes\0", "not a text in UTF-8"),
        (b"s\0e\0", "a control character"),
        (long.as_bytes(), "16385 bytes"),
    ] {
        fs::write(&file, text).unwrap();
        let told = complaint(&["--token-file", name]).await;
        assert!(told.contains(name) && told.contains(why), "{told}");
    }
    for (token, why) in [("", "is empty"), ("  ", "is empty"), (long.as_str(), "16385 bytes")] {
        let told = complaint(&["--token", token]).await;
        assert!(told.contains(why), "{told}");
    }
    let program = Program::start(&["--token", " s3cret "]).await;
    Client::with_name(program.address, 1, "s3cret").opened().await;
}
