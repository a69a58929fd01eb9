//! The example `exactly_once` under `kill -9`: every deposit that was asked for is made once.

use std::path::Path;
use std::time::Duration;

use crate::client::{Client, Told};
use crate::program::Program;

const KILLS: usize = 15;

/// The example, which cargo builds beside the program with every `cargo test` of the package.
fn example() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_tautline-server"));
    let example = program.with_file_name("examples").join("exactly_once");
    assert!(
        example.exists(),
        "{} is not there: cargo build -p tautline-server --example exactly_once",
        example.display()
    );
    example.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deposits_are_made_once_however_often_the_server_is_killed() {
    let (example, directory) = (example(), tempfile::tempdir().unwrap());
    let data = directory.path().to_str().unwrap().to_owned();
    let mut program = Program::run(&example, &["--data", &data]).await;
    let listen = program.address.to_string();
    let address = program.address;
    let depositing = tokio::spawn(async move {
        let mut client = Client::open(address, 1).await;
        let mut asked = 0_u64;
        let end = tokio::time::Instant::now() + Duration::from_secs(4);
        while tokio::time::Instant::now() < end {
            let mut last = 0;
            for _ in 0..20 {
                asked += 1;
                last = client.message(tautline_protocol::Kind::Request, "", "deposit 1");
            }
            // Replies in order, each with the balance that its own deposit made.
            let mut balance = asked - 20;
            client
                .until(|told| match told {
                    Told::Reply { id, text } => {
                        balance += 1;
                        assert_eq!(*text, balance.to_string(), "of message {id}");
                        (*id == last).then_some(())
                    }
                    Told::Lost { .. } | Told::Failed { .. } | Told::Closed { .. } => {
                        panic!("{told:?}")
                    }
                    _ => None,
                })
                .await;
        }
        (client, asked)
    });
    for kill in 0..KILLS {
        // No two at the same moment of the handler's work.
        tokio::time::sleep(Duration::from_micros(100_000 + 7_919 * kill as u64)).await;
        program.kill().await;
        program = Program::run(&example, &["--data", &data, "--listen", &listen]).await;
    }
    let (mut client, asked) = depositing.await.unwrap();
    assert_eq!(client.request("balance").await, asked.to_string());
    println!("{KILLS} kills, {asked} deposits, each made once");
}
