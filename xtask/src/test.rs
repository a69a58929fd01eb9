//! `cargo xtask test`: the rings of tests, from the quickest to the one nearest to a user. A ring
//! that fails does not keep the others from running.

use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::builds::Builds;
use crate::tally::{Tally, run_node_tests, run_rust_tests};
use crate::workspace::{announce, cargo, own_program, program, root, target};
use crate::{check, size, tools};

/// How long a browser test binary may take in all; the library's own limit is 20 s.
const WASM_SECONDS: &str = "180";
/// How long chromedriver may take to listen on a busy machine; the library's own limit is 5 s.
const DRIVER_SECONDS: &str = "30";
/// How long a single Node test may take, in milliseconds.
const NODE_TEST_TIMEOUT: &str = "--test-timeout=300000";

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these rings; default all
    #[arg(value_enum)]
    rings: Vec<Ring>,
    /// Run what `cargo xtask check` runs too, first
    #[arg(long)]
    with_check: bool,
}

/// A group of tests that run in the same way.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ring {
    /// Protocol, server, simulation, model and xtask, native
    Rust,
    /// The browser crate in headless Chromium
    Wasm,
    /// The download size against its budget
    Size,
    /// The npm package as installed
    Package,
    /// `ReliableWebSocket` beside the browser's own class, and under libraries
    Websocket,
    /// A second client, by the rules of PROTOCOL.md, against the real server
    Naive,
    /// Chromium against the real server over a faulty network
    E2e,
}

/// One ring's outcome.
struct Outcome {
    name: String,
    tally: Tally,
    took: Duration,
    error: Option<anyhow::Error>,
}

/// `cargo xtask test`
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let all = Ring::value_variants();
    let rings = if options.rings.is_empty() { all } else { &options.rings };
    let builds = Builds::default();
    let mut outcomes = Vec::new();
    if options.with_check {
        outcomes.push(run_ring("check", check::run_all));
    }
    for ring in rings {
        outcomes.push(run_ring(&ring.name(), || ring.run(&builds)));
    }
    Ok(summarize(&outcomes).exit_code())
}

fn run_ring(name: &str, run: impl FnOnce() -> Result<Tally>) -> Outcome {
    println!("\n=== {name} ===");
    let start = Instant::now();
    let (mut tally, error) = match run() {
        Ok(tally) if tally == Tally::default() => {
            (tally, Some(anyhow::anyhow!("this ring ran no test, so it proves nothing")))
        }
        Ok(tally) => (tally, None),
        Err(error) => (Tally::default(), Some(error)),
    };
    if let Some(error) = &error {
        tally.failed += 1;
        println!("error: {error:#}");
    }
    Outcome { name: name.to_owned(), tally, took: start.elapsed(), error }
}

/// Prints one line for each ring and, last of all, the sum.
fn summarize(outcomes: &[Outcome]) -> Tally {
    println!("\n{:<10}{:>8}{:>8}{:>9}", "ring", "passed", "failed", "seconds");
    let mut sum = Tally::default();
    for Outcome { name, tally, took, error } in outcomes {
        let (passed, failed, seconds) = (tally.passed, tally.failed, took.as_secs());
        let note = error.as_ref().map_or_else(String::new, |error| format!("  {error:#}"));
        println!("{name:<10}{passed:>8}{failed:>8}{seconds:>9}{note}");
        sum.add(*tally);
    }
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    sum
}

impl Ring {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, builds: &Builds) -> Result<Tally> {
        match self {
            Self::Rust => rust(),
            Self::Wasm => wasm(),
            Self::Size => size::check(builds.package()?),
            Self::Package | Self::Websocket | Self::Naive | Self::E2e => node(&self.name(), builds),
        }
    }
}

/// xtask is tested apart, so that its dependencies keep the features they were built with, and the
/// simulator's faults are, so that nothing else is built with them.
fn rust() -> Result<Tally> {
    let mut tally =
        run_rust_tests(&mut cargo(&["test", "--workspace", "--exclude=xtask", "--no-fail-fast"])?)?;
    tally.add(run_rust_tests(&mut cargo(&["test", "--package=xtask"])?)?);
    tally.add(run_rust_tests(&mut cargo(&[
        "test",
        "--package=tautline-sim",
        "--features=mutations",
        "--test=mutations",
    ])?)?);
    Ok(tally)
}

fn wasm() -> Result<Tally> {
    tools::wasm_target()?;
    let browser = tools::browser()?;
    let capabilities = target()?.join("webdriver.json");
    let binary = &browser.chromium;
    let settings = serde_json::json!({ "goog:chromeOptions": { "binary": binary } });
    fs::write(&capabilities, settings.to_string()).context("cannot write webdriver.json")?;
    let mut runner = own_program()?.as_os_str().to_owned();
    runner.push(" wasm-runner");
    let mut command = cargo(&[
        "test",
        "--package=tautline",
        "--features=json",
        "--target=wasm32-unknown-unknown",
        "--test=browser",
    ])?;
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_SECONDS)
        .env("WASM_BINDGEN_TEST_TIMEOUT", WASM_SECONDS);
    run_rust_tests(&mut command)
}

/// `cargo xtask wasm-runner FILE ...`: what cargo starts to run a wasm test binary.
pub(crate) fn run_wasm(arguments: Vec<OsString>) -> Result<ExitCode> {
    let name = OsString::from("wasm-bindgen-test-runner");
    let arguments = std::iter::once(name).chain(arguments);
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// The files `tests/<ring>/*.test.mjs`, one after the other: each has the machine for itself.
fn node(ring: &str, builds: &Builds) -> Result<Tally> {
    tools::npm_packages("tests")?;
    let folder = root().join("tests").join(ring);
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("no file {}/*.test.mjs", folder.display());
    }
    files.sort();
    let mut command = program("node");
    builds.describe_to(&mut command)?;
    announce(&format!("Running {} files of tests/{ring}", files.len()));
    let report = target()?.join(format!("{ring}.tap"));
    command.args(["--test", "--test-concurrency=1", NODE_TEST_TIMEOUT]);
    run_node_tests(&mut command, &files, &report)
}
