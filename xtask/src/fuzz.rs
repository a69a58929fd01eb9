//! `cargo xtask fuzz`: the harness in `fuzz/` under libFuzzer, which goes where new code is reached.
//!
//! On the stable toolchain: libFuzzer needs coverage only, and that is LLVM's, without a sanitizer.

use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::tools;
use crate::workspace::{announce, cargo, root, run as run_program, target};

/// Longer inputs say nothing new: scripts can make large packets of few bytes.
const INPUT_BYTES_MAX: u32 = 1024;

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these targets; default all
    #[arg(value_enum)]
    targets: Vec<Target>,
    /// How long each target runs
    #[arg(long, default_value_t = 300)]
    seconds: u32,
}

/// A function of the harness.
#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Packets from a client
    Uplink,
    /// Packets from a server
    Downlink,
    /// Scripts on the client's machine
    Client,
    /// Scripts on the server's machine
    Session,
    /// Requests to the server's HTTP edge
    Handshake,
}

/// `cargo xtask fuzz`
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if tools::find("cargo-fuzz").is_none() {
        bail!("cargo-fuzz is missing; install it with `cargo install cargo-fuzz`");
    }
    let all = Target::value_variants();
    let targets = if options.targets.is_empty() { all } else { &options.targets };
    for target in targets {
        fuzz(*target, options.seconds)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one target; an error if it has found something. What it has learned stays for the next time.
fn fuzz(which: Target, seconds: u32) -> Result<()> {
    let value = which.to_possible_value();
    let name = value.as_ref().map_or_else(Default::default, |value| value.get_name());
    let folder = target()?.join("fuzz");
    let (learned, found) = (folder.join("corpus").join(name), folder.join("found"));
    fs::create_dir_all(&learned)?;
    fs::create_dir_all(&found)?;
    announce(&format!("Fuzzing {name} for {seconds} s; what it finds is in {}", found.display()));
    let mut command = cargo(&["fuzz", "run", "--sanitizer=none", "--fuzz-dir=fuzz/libfuzzer"])?;
    command.arg("--target-dir").arg(&folder).arg(name);
    command.args([learned, root().join("fuzz/corpus").join(name)]).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
    command.arg(format!("-artifact_prefix={}/{name}-", found.display()));
    run_program(&mut command)
}
