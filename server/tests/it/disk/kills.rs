//! `kill -9` at random moments under load, through the protocol's own client: nothing is lost,
//! nothing comes twice, nothing out of order, in either direction.
//!
//! The long form is `TAUTLINE_KILLS=500 cargo test -p tautline-server --test it kills -- --nocapture`.

use std::collections::BTreeMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tautline_protocol::{Kind, Start};
use tokio::task::JoinHandle;

use super::Kept;
use crate::client::{Client, Told};

const KILLS: usize = 20;
const WRITERS: u8 = 6;
const READERS: u8 = 2;
/// Messages that a writer has in flight; every eighth is a request, which is answered.
const BURST: usize = 64;

/// What came out wrong.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wrong {
    lost: usize,
    duplicated: usize,
    reordered: usize,
}

impl Wrong {
    /// The next number of a run that should count from 1; `last` is the highest before it.
    const fn note(&mut self, last: &mut usize, number: usize) {
        if number <= *last {
            self.duplicated += 1;
        } else {
            self.lost += number - *last - 1;
            *last = number;
        }
    }

    const fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    published: AtomicUsize,
    answered: AtomicUsize,
}

/// Nothing but what a cut may bring is told.
fn is_fine(told: &Told) -> bool {
    !matches!(
        told,
        Told::Lost { .. } | Told::Failed { .. } | Told::Gap { .. } | Told::Closed { .. }
    )
}

/// Publishes its numbers and asks for answers, until the load is over; returns how many it published
/// and what was wrong with the answers.
async fn write(mut client: Client, name: u8, load: Arc<Load>) -> (usize, Wrong) {
    let (mut published, mut wrong) = (0, Wrong::default());
    while !load.is_over.load(Ordering::Relaxed) {
        let mut asked = Vec::new();
        for number in 1..=BURST {
            if number % 8 == 0 {
                asked.push(client.message(Kind::Request, "", "answer me"));
            } else {
                published += 1;
                client.publish("kills", &format!("{name} {published}"));
            }
        }
        // The last one asks, and its answer settles all before it.
        let mut answers = Vec::new();
        let told = client.all_until(|told| match told {
            Told::Refused { id, code, .. } => {
                assert_eq!(code, "no-handler");
                answers.push(*id);
                answers.len() >= asked.len()
            }
            told => !is_fine(told),
        });
        let told = told.await;
        assert!(told.iter().all(is_fine), "{told:?}");
        load.published.fetch_add(BURST - asked.len(), Ordering::Relaxed);
        load.answered.fetch_add(answers.len(), Ordering::Relaxed);
        let mut sorted = answers.clone();
        sorted.sort_unstable();
        wrong.reordered += usize::from(sorted != answers);
        sorted.dedup();
        wrong.duplicated += answers.len() - sorted.len();
        wrong.lost += asked.iter().filter(|id| !sorted.contains(id)).count();
    }
    (published, wrong)
}

/// Reads the topic to its end; returns how far each writer's numbers go, and what was wrong.
async fn read(mut client: Client) -> (BTreeMap<u8, usize>, Wrong) {
    let (stream, _) = client.subscribe("kills", Start::Last(0)).await;
    let (mut read, mut wrong, mut last_offset) = (BTreeMap::new(), Wrong::default(), 0);
    loop {
        let (offset, text) = client
            .until(|told| {
                assert!(is_fine(told), "{told:?}");
                match told {
                    Told::Message { stream: of, offset, text } if *of == stream => {
                        Some((*offset, text.clone()))
                    }
                    _ => None,
                }
            })
            .await;
        wrong.reordered += usize::from(offset != last_offset + 1);
        last_offset = offset;
        if text == "end" {
            return (read, wrong);
        }
        let (name, number) = text.split_once(' ').unwrap();
        let last = read.entry(name.parse().unwrap()).or_default();
        wrong.note(last, number.parse().unwrap());
    }
}

/// Ends of the server, one after the other.
async fn kill_again_and_again(kept: &mut Kept, kills: usize, random: &mut u64) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        // Sometimes while it still starts, mostly in the middle of its work.
        *random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        tokio::time::sleep(Duration::from_micros((*random >> 33) % 250_000)).await;
        kept.kill().await;
        let begun = Instant::now();
        kept.restart().await;
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_duplicate_nothing_and_reorder_nothing() {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let kills =
        number("TAUTLINE_KILLS").map_or(KILLS, |kills: u64| usize::try_from(kills).unwrap());
    let seed = number("TAUTLINE_KILL_SEED").unwrap_or_else(|| RandomState::new().hash_one(1));
    println!("TAUTLINE_KILL_SEED={seed}");
    let mut kept = Kept::start().await;
    let load = Arc::new(Load::default());
    let mut readers = Vec::new();
    for session in 1..=READERS {
        readers.push(tokio::spawn(read(kept.client(session).await)));
    }
    let mut writers: Vec<JoinHandle<_>> = Vec::new();
    for name in 1..=WRITERS {
        let client = kept.client(100 + name).await;
        writers.push(tokio::spawn(write(client, name, load.clone())));
    }
    let slowest = kill_again_and_again(&mut kept, kills, &mut seed.clone()).await;
    load.is_over.store(true, Ordering::Relaxed);
    let (mut written, mut wrong) = (BTreeMap::new(), Wrong::default());
    for (name, writer) in (1..).zip(writers) {
        let (published, answers) = writer.await.unwrap();
        wrong.add(&answers);
        written.insert(name, published);
    }
    let mut last = kept.client(200).await;
    let end = last.publish("kills", "end");
    last.acknowledged(end).await;
    for reader in readers {
        let (read, streams) = reader.await.unwrap();
        wrong.add(&streams);
        for (name, published) in &written {
            wrong.lost += published - read.get(name).copied().unwrap_or_default();
        }
    }
    let (published, answered) =
        (load.published.load(Ordering::Relaxed), load.answered.load(Ordering::Relaxed));
    println!(
        "{kills} kills; {published} messages up and {answered} answers down, each topic entry read by \
         {READERS}; {} lost, {} duplicated, {} reordered; slowest start {} ms",
        wrong.lost,
        wrong.duplicated,
        wrong.reordered,
        slowest.as_millis()
    );
    assert_eq!(wrong, Wrong::default());
    assert!(published > kills, "there was no load to speak of");
}
