//! Clients that mean harm, against the program on every engine, with somebody on it who only wants to
//! talk.
//!
//! What is asserted of every attack: each refusal has its documented code; the program's memory stays
//! below a stated bound; when it is over, nothing is left of it; and the bystander has gone on, in
//! order and without a cut. How much memory it took and how long the bystander waited is printed:
//! `cargo xtask bench attacks`.

mod bystander;
mod connections;
mod flood;
mod frames;
mod http;
mod sums;
mod takeover;
mod websocket;
mod wire;
mod work;

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::hostile::bystander::Bystander;
use crate::program::Program;
use crate::world::soon;

/// What the idle program takes, generously.
const IDLE_BYTES: usize = 24 * MIB;
const MIB: usize = 1024 * 1024;

/// Where the program under attack keeps what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Memory,
    Disk,
}

/// Makes each attack a test on each engine.
macro_rules! on_every_engine {
    ($($attack:ident,)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $attack() {
                super::$attack(crate::hostile::Store::Memory).await;
            })*
        }
        mod disk {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $attack() {
                super::$attack(crate::hostile::Store::Disk).await;
            })*
        }
    };
}
use on_every_engine;

/// The program under attack.
struct Siege {
    program: Program,
    bystander: Bystander,
    /// What the disk engine keeps, as long as the siege lasts.
    _data: Option<TempDir>,
    /// Those of the listener and of the bystander.
    sockets: usize,
}

impl Siege {
    async fn lay(store: Store, options: &[&str]) -> Self {
        let data = (store == Store::Disk).then(|| tempfile::tempdir().unwrap());
        let mut options = options.to_vec();
        if let Some(data) = &data {
            options.extend(["--data", data.path().to_str().unwrap()]);
        }
        let program = Program::start(&options).await;
        let bystander = Bystander::settle(program.address).await;
        let sockets = sockets(&program);
        Self { program, bystander, _data: data, sockets }
    }

    /// Waits until nothing is left of the attack but `left` connections.
    async fn left_with(&self, left: usize) {
        let gone = async {
            while sockets(&self.program) > self.sockets + left {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon(gone).await;
    }

    /// How many connections the attack has.
    fn connections(&self) -> usize {
        sockets(&self.program) - self.sockets
    }

    /// The attack is over, and may have cost so much memory at any time beyond what an idle program
    /// takes.
    async fn lift(self, cost_bytes: usize) {
        self.bystander.goes_on().await;
        self.left_with(0).await;
        let peak = self.program.peak_memory();
        let (peak_kib, most_kib) = (peak / 1024, (IDLE_BYTES + cost_bytes) / 1024);
        let attack = std::thread::current().name().unwrap_or_default().to_owned();
        let slowest = self.bystander.slowest().as_millis();
        println!(
            "{attack}: peak {peak_kib} KiB of {most_kib} KiB, slowest answer to the bystander {slowest} ms"
        );
        assert!(peak < IDLE_BYTES + cost_bytes, "{peak} bytes");
        self.bystander.leave().await;
    }
}

/// How many sockets the program has.
fn sockets(program: &Program) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
