//! Clients that mean harm, against the program, with somebody on it who only wants to talk.
//!
//! What is asserted of every attack: each refusal has its documented code; the program's memory stays
//! below a stated bound; when it is over, nothing is left of it; and the bystander has gone on, in
//! order and without a cut.

mod bystander;
mod connections;
mod flood;
mod frames;
mod http;
mod takeover;
mod websocket;
mod wire;

use std::fs;
use std::time::Duration;

use crate::hostile::bystander::Bystander;
use crate::program::Program;
use crate::world::soon;

/// What the idle program takes, generously.
const IDLE_BYTES: usize = 24 * MIB;
const MIB: usize = 1024 * 1024;

/// The program under attack.
struct Siege {
    program: Program,
    bystander: Bystander,
    /// Those of the listener and of the bystander.
    sockets: usize,
}

impl Siege {
    async fn lay(options: &[&str]) -> Self {
        let program = Program::start(options).await;
        let bystander = Bystander::settle(program.address).await;
        let sockets = sockets(&program);
        Self { program, bystander, sockets }
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

    /// The attack is over, and may have cost so much memory at any time beyond what an idle program
    /// takes.
    async fn lift(self, cost_bytes: usize) {
        self.bystander.goes_on().await;
        self.left_with(0).await;
        let peak = self.program.peak_memory();
        println!("peak {} KiB of {} KiB", peak / 1024, (IDLE_BYTES + cost_bytes) / 1024);
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
