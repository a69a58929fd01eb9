//! Embedded stores on the workload of the disk engine, side by side: `cargo xtask bench stores`.

mod fjall;
mod redb;
mod sqlite;
mod workload;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::workload::{Store, TOPICS, writes};

/// How long each throughput is measured, in turns.
const ROUND: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;
/// Messages of one commit.
const GROUPS: [u64; 4] = [1, 16, 256, 4_096];
const MILLION: u64 = 1_000_000;

fn main() -> Result<()> {
    // Not /tmp, which may be memory: the directory that the program is started in.
    let directory = tempfile::tempdir_in(".").context("cannot make a directory to write in")?;
    println!("messages in a second, each on the disk before the next group (128 bytes each):\n");
    print!("{:<10}", "store");
    GROUPS.iter().for_each(|group| print!("{:>14}", format!("{group} a commit")));
    println!("{:>16}", "4,096 over 1");
    throughput::<sqlite::Sqlite>(directory.path())?;
    throughput::<redb::Redb>(directory.path())?;
    throughput::<fjall::Fjall>(directory.path())?;
    println!("\na million messages, after the process was killed:\n");
    println!(
        "{:<10}{:>10}{:>14}{:>14}{:>18}",
        "store", "MiB", "first open", "next open", "reads, MiB/s"
    );
    million::<sqlite::Sqlite>(directory.path())?;
    million::<redb::Redb>(directory.path())?;
    million::<fjall::Fjall>(directory.path())?;
    Ok(())
}

fn throughput<S: Store>(directory: &Path) -> Result<()> {
    let directory = TempDir::new_in(directory)?;
    let mut store = S::open(directory.path())?;
    let mut number = 0;
    // Up to where retention begins to take as much as comes.
    while number < 100_000 {
        store.commit(&writes(number, 1_000, true))?;
        number += 1_000;
    }
    let mut counts = [0; GROUPS.len()];
    let mut spent = [Duration::ZERO; GROUPS.len()];
    for _ in 0..ROUNDS {
        for (slot, group) in GROUPS.into_iter().enumerate() {
            let start = Instant::now();
            while start.elapsed() < ROUND {
                store.commit(&writes(number, group, true))?;
                number += group;
                counts[slot] += group;
            }
            spent[slot] += start.elapsed();
        }
    }
    let rates: Vec<f64> = counts
        .iter()
        .zip(&spent)
        .map(|(count, spent)| *count as f64 / spent.as_secs_f64())
        .collect();
    print!("{:<10}", S::NAME);
    rates.iter().for_each(|rate| print!("{rate:>14.0}"));
    println!("{:>16.0}", rates[GROUPS.len() - 1] / rates[0]);
    Ok(())
}

fn million<S: Store>(directory: &Path) -> Result<()> {
    let directory = TempDir::new_in(directory)?;
    let (live, left) = (directory.path().join("live"), directory.path().join("left"));
    fs::create_dir(&live)?;
    let mut store = S::open(&live)?;
    for number in (0..MILLION).step_by(10_000) {
        store.commit(&writes(number, 10_000, false))?;
    }
    // As the files of a process that was killed: not closed by anyone.
    copy(&live, &left)?;
    drop(store);
    let mebibytes = size(&left)? as f64 / f64::from(1 << 20);
    let first = opened::<S>(&left)?;
    let next = opened::<S>(&left)?;
    let store = S::open(&left)?;
    let start = Instant::now();
    let mut bytes = 0;
    for topic in 0..TOPICS {
        for after in (0..MILLION / TOPICS).step_by(1_000) {
            bytes += store.read(topic, after, 1_000)?;
        }
    }
    let read = bytes as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64();
    println!("{:<10}{mebibytes:>10.0}{:>11} ms{:>11} ms{read:>18.0}", S::NAME, first, next);
    Ok(())
}

/// Milliseconds until the store can tell every topic's head.
fn opened<S: Store>(directory: &Path) -> Result<u128> {
    let start = Instant::now();
    let store = S::open(directory)?;
    for topic in 0..TOPICS {
        ensure!(store.head(topic)? == MILLION / TOPICS, "{} lost messages of {topic}", S::NAME);
    }
    Ok(start.elapsed().as_millis())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for found in fs::read_dir(from)? {
        let found = found?;
        let to = to.join(found.file_name());
        if found.file_type()?.is_dir() {
            copy(&found.path(), &to)?
        } else {
            fs::copy(found.path(), to).map(drop)?
        }
    }
    Ok(())
}

fn size(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for found in fs::read_dir(directory)? {
        let found = found?;
        bytes += if found.file_type()?.is_dir() {
            size(&found.path())?
        } else {
            found.metadata()?.len()
        };
    }
    Ok(bytes)
}
