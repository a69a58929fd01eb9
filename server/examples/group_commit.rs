//! What sharing a commit is worth: messages that the disk engine accepts in a second, each on the
//! disk before it is acknowledged, from one session and from many. `cargo xtask bench disk`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::session::Hello;
use tautline_protocol::{Epoch, Format};
use tautline_server::engine::{Effects, Maker};
use tautline_server::{DiskConfig, DiskEngine, Engine, Identity};

/// How long each is measured, in turns.
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;
/// Sessions that publish at the same time, one message after the other.
const SESSIONS: [u16; 4] = [1, 16, 256, 4_096];

fn hello(session: u16, connection: u64) -> Hello {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&session.to_be_bytes());
    Hello {
        session: id,
        epoch: Epoch::NONE,
        connection,
        acknowledged: 0,
        restart: 1,
        received: 0,
        handled: 0,
        credentials: Bytes::new(),
    }
}

/// Has so many sessions publish for a while; returns how many messages were committed.
async fn publish(
    engine: &DiskEngine,
    sessions: u16,
    connection: u64,
) -> Result<u64, Box<dyn Error>> {
    let committed = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    let mut opened = Vec::new();
    for session in 0..sessions {
        let hello = hello(session, connection);
        opened.push(engine.open(&hello, &Identity::anonymous()).await?.session);
    }
    let end = Instant::now() + ROUND;
    for (number, session) in (0..).zip(opened) {
        let (engine, committed) = (engine.clone(), committed.clone());
        let topic = engine.topic(&format!("topic {}", number % 100), &Maker::Server).await?;
        tasks.push(tokio::spawn(async move {
            let entry = EncodedEntry::new(Format::Binary, Entry::Message(&[0; 128]));
            let mut accepted = 0;
            while Instant::now() < end {
                accepted += 1;
                let publishes = vec![(topic.clone(), entry.clone())];
                let direct = Vec::new();
                let mut effects = Effects { accepted: Some(accepted), direct, publishes };
                engine.commit(&session, &mut effects).await?;
                committed.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), tautline_server::engine::EngineError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(committed.load(Ordering::Relaxed))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Not /tmp, which may be memory: the directory that the program is started in.
    let directory = tempfile::tempdir_in(".")?;
    let engine = DiskEngine::open(directory.path(), DiskConfig::default())?;
    let mut counts = [0; SESSIONS.len()];
    let mut connection = 0;
    for _ in 0..ROUNDS {
        for (slot, sessions) in SESSIONS.into_iter().enumerate() {
            connection += 1;
            counts[slot] += publish(&engine, sessions, connection).await?;
        }
    }
    let rate = |count: u64| count as f64 / (ROUND.as_secs_f64() * ROUNDS as f64);
    println!("{:>10}{:>24}{:>14}", "sessions", "messages in a second", "over one");
    for (sessions, count) in SESSIONS.into_iter().zip(counts) {
        println!("{sessions:>10}{:>24.0}{:>14.1}", rate(count), rate(count) / rate(counts[0]));
    }
    start(&engine, directory.path(), connection + 1).await
}

/// Fills a hundred topics with a million entries, and starts on what a killed server would leave.
async fn start(
    engine: &DiskEngine,
    directory: &Path,
    connection: u64,
) -> Result<(), Box<dyn Error>> {
    let opened = engine.open(&hello(0, connection), &Identity::anonymous()).await?;
    let entry = EncodedEntry::new(Format::Binary, Entry::Message(&[0; 128]));
    for topic in 0..100 {
        let topic = engine.topic(&format!("topic {topic}"), &Maker::Server).await?;
        let publishes = vec![(topic, entry.clone()); 10_000];
        let mut effects = Effects { publishes, ..Effects::default() };
        engine.commit(&opened.session, &mut effects).await?;
    }
    let left = tempfile::tempdir_in(".")?;
    let mut bytes = 0;
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        bytes += std::fs::copy(file.path(), left.path().join(file.file_name()))?;
    }
    let mebibytes = bytes / (1 << 20);
    let begun = Instant::now();
    let again = DiskEngine::open(left.path(), DiskConfig::default())?;
    let killed = begun.elapsed().as_millis();
    again.close().await;
    drop(again);
    let begun = Instant::now();
    drop(DiskEngine::open(left.path(), DiskConfig::default())?);
    let ended = begun.elapsed().as_millis();
    println!(
        "\nstart on a million entries ({mebibytes} MiB): {killed} ms after a kill, when everything is \
         checked, {ended} ms after an end in good order"
    );
    engine.close().await;
    Ok(())
}
