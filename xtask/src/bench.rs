//! `cargo xtask bench`: what the line, the disk engine and the stores below it can do, and what memory lines and
//! attacks take.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use clap::ValueEnum;

use crate::browsers::Browser;
use crate::builds::Builds;
use crate::tools;
use crate::workspace::{announce, cargo, program, root, run as run_program, target};

/// What to measure.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Subject {
    /// Throughput and round trip in Chromium, beside a bare WebSocket
    Line,
    /// The disk engine: many sessions in one commit against one commit for each message
    Disk,
    /// The program's memory for each line: idle, after a history, and when lines have gone
    Memory,
    /// The program's memory and a bystander's wait under each attack of the hostile tests
    Attacks,
    /// Embedded stores on the disk engine's workload, side by side
    Stores,
}

/// `cargo xtask bench`
pub(crate) fn run(subject: Subject) -> Result<ExitCode> {
    match subject {
        Subject::Line => line()?,
        Subject::Disk => disk()?,
        Subject::Memory => memory()?,
        Subject::Attacks => attacks()?,
        Subject::Stores => stores()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds what is measured, with optimization, and hands over to `tests/bench/run.mjs`.
fn line() -> Result<()> {
    tools::npm_packages("tests")?;
    let mut command = program("node");
    Builds::default().describe_to(&mut command, Browser::Chromium)?;
    announce("Building the benchmark's server");
    let build = ["build", "--release", "--package=tautline-server", "--example=bench"];
    run_program(&mut cargo(&build)?)?;
    let server = target()?.join(format!("release/examples/bench{}", env::consts::EXE_SUFFIX));
    announce("Measuring");
    command.env("TAUTLINE_BENCH_SERVER", server).arg(root().join("tests/bench/run.mjs"));
    run_program(&mut command)
}

/// In the target folder, because measuring writes files where it is started.
fn disk() -> Result<()> {
    let manifest = format!("--manifest-path={}", root().join("server/Cargo.toml").display());
    let mut command = cargo(&["run", "--release", &manifest, "--example=group_commit"])?;
    run_program(command.current_dir(target()?))
}

fn memory() -> Result<()> {
    run_program(&mut cargo(&["build", "--release", "--package=tautline-server", "--bins"])?)?;
    let run = ["run", "--release", "--package=tautline-server", "--example=memory"];
    run_program(&mut cargo(&run)?)
}

/// One after the other, so that each is measured alone.
fn attacks() -> Result<()> {
    let test = ["test", "--release", "--package=tautline-server", "--test=it", "hostile", "--"];
    run_program(cargo(&test)?.args(["--nocapture", "--test-threads=1"]))
}

fn stores() -> Result<()> {
    let manifest = format!("--manifest-path={}", root().join("server/stores/Cargo.toml").display());
    let folder = target()?.join("stores");
    let mut command = cargo(&["run", "--release", &manifest])?;
    run_program(command.env("CARGO_TARGET_DIR", &folder).current_dir(target()?))
}
