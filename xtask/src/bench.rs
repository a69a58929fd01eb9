//! `cargo xtask bench`: throughput and round trip in Chromium, beside a bare WebSocket.

use std::env;
use std::process::ExitCode;

use anyhow::Result;

use crate::builds::Builds;
use crate::tools;
use crate::workspace::{announce, cargo, program, root, run as run_program, target};

/// Builds what is measured, with optimization, and hands over to `tests/bench/run.mjs`.
pub(crate) fn run() -> Result<ExitCode> {
    tools::npm_packages("tests")?;
    let mut command = program("node");
    Builds::default().describe_to(&mut command)?;
    announce("Building the benchmark's server");
    run_program(&mut cargo(&[
        "build",
        "--release",
        "--package=tautline-server",
        "--example=bench",
    ])?)?;
    let server = target()?.join(format!("release/examples/bench{}", env::consts::EXE_SUFFIX));
    announce("Measuring");
    command.env("TAUTLINE_BENCH_SERVER", server).arg(root().join("tests/bench/run.mjs"));
    run_program(&mut command)?;
    Ok(ExitCode::SUCCESS)
}
