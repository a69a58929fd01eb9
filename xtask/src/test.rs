//! `cargo xtask test`: the rings of tests, from the quickest to the one nearest to a user. A ring
//! that fails does not keep the others from running.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;

use crate::browsers::Browser;
use crate::builds::Builds;
use crate::node_tests::Choice;
use crate::screen::Screen;
use crate::tally::{Tally, run_rust_tests};
use crate::workspace::cargo;
use crate::{check, docs, node_tests, size, tools, wasm_tests};

/// Folders of tests, and which of their files.
type Parts = &'static [(&'static str, Choice)];
/// What Firefox runs of the tests: those whose outcome the browser has a say in. The others are
/// about the types and the package's files, or need a protocol that only Chromium has.
const IN_FIREFOX: Parts = &[
    (
        "package",
        Choice::Only(&[
            "arguments",
            "bytes",
            "credentials",
            "debug",
            "direct",
            "disposal",
            "entries",
            "errors",
            "failing",
            "interface",
        ]),
    ),
    (
        "e2e",
        Choice::Only(&[
            "demo",
            "goaway",
            "half-open",
            "offline",
            "restart",
            "sleep",
            "storm",
            "takeover",
            "throttle",
            "unload",
            "withdrawing",
        ]),
    ),
    ("websocket", Choice::Only(&["forbidden", "global", "sides"])),
    (
        "durable",
        Choice::Only(&[
            "clear", "crash", "cursors", "ending", "fallback", "reload", "tabs", "turns", "wasm",
        ]),
    ),
];
/// The same for `WebKitGTK`, without what `tests/e2e/webkit.mjs` does not do: intercept requests, press
/// keys, open pages that share a worker.
const IN_WEBKIT: Parts = &[
    ("package", Choice::Only(&["errors", "interface"])),
    ("e2e", Choice::Only(&["half-open", "storm"])),
];

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
    /// Every piece of code in the READMEs and the package's documents, and the pages made of them
    Docs,
    /// Durable lines in Chromium: reloads, crashes, several tabs, no room, and all of it from a seed
    Durable,
    /// The package in Vite, webpack, esbuild, Rollup and React, and before those who judge manifests
    Bundlers,
    /// The package in Deno, Bun, Vitest, Jest and Next
    Runtimes,
    /// Firefox: the browser crate, and what of `package` and `e2e` depends on the browser
    Firefox,
    /// `WebKitGTK` on a screen in memory: the browser crate, and some of `package` and `e2e`
    Webkit,
}

/// One ring's outcome.
struct Outcome {
    name: String,
    tally: Tally,
    took: Duration,
    /// What went wrong with the ring itself, or why it did not run.
    note: Option<String>,
}

impl Outcome {
    fn or_note(mut self, remark: Option<String>) -> Self {
        self.note = self.note.or(remark);
        self
    }
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
        let outcome = match ring.obstacle() {
            Some(obstacle) if options.rings.is_empty() => skip_ring(&ring.name(), &obstacle),
            _ => run_ring(&ring.name(), || ring.run(&builds)),
        };
        outcomes.push(outcome.or_note(ring.remark()?));
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
    let note = error.map(|error| format!("{error:#}"));
    if let Some(note) = &note {
        tally.failed += 1;
        println!("error: {note}");
    }
    Outcome { name: name.to_owned(), tally, took: start.elapsed(), note }
}

fn skip_ring(name: &str, obstacle: &str) -> Outcome {
    let note = format!("skipped: {obstacle}");
    println!("\n=== {name} ===\n{note}");
    let tally = Tally { skipped: 1, ..Tally::default() };
    Outcome { name: name.to_owned(), tally, took: Duration::ZERO, note: Some(note) }
}

/// Prints one line for each ring and, last of all, the sum.
fn summarize(outcomes: &[Outcome]) -> Tally {
    println!("\n{:<10}{:>8}{:>8}{:>9}{:>9}", "ring", "passed", "failed", "skipped", "seconds");
    let mut sum = Tally::default();
    for Outcome { name, tally, took, note } in outcomes {
        let Tally { passed, failed, skipped, .. } = tally;
        let seconds = took.as_secs();
        let note = note.as_deref().unwrap_or_default();
        println!("{name:<10}{passed:>8}{failed:>8}{skipped:>9}{seconds:>9}  {note}");
        sum.add(tally.clone());
    }
    let failures = outcomes.iter().flat_map(|Outcome { name, tally, .. }| {
        tally.failures.iter().map(move |failure| format!("failed in {name}: {failure}"))
    });
    println!("{}", failures.map(|line| format!("\n{line}")).collect::<String>());
    println!("{} passed, {} failed", sum.passed, sum.failed);
    sum
}

impl Ring {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, builds: &Builds) -> Result<Tally> {
        match self {
            Self::Rust => rust(),
            Self::Wasm => wasm_tests::run(Browser::Chromium, None),
            Self::Size => size::check(builds.package()?),
            Self::Package | Self::Websocket | Self::Naive | Self::E2e | Self::Durable => {
                node_tests::run(&self.name(), &Choice::All, Browser::Chromium, None, builds)
            }
            Self::Bundlers | Self::Runtimes => {
                let folder = self.name();
                tools::npm_packages(&format!("tests/{folder}"))?;
                node_tests::run(&folder, &Choice::All, Browser::Chromium, None, builds)
            }
            Self::Docs => {
                tools::npm_packages("tests/docs")?;
                let mut tally =
                    node_tests::run("docs", &Choice::All, Browser::Chromium, None, builds)?;
                tally.add(check::step("Pages", || docs::build(builds.package()?)));
                Ok(tally)
            }
            Self::Firefox => in_another_browser(Browser::Firefox, None, IN_FIREFOX, builds),
            Self::Webkit => {
                let screen = Screen::open()?;
                in_another_browser(Browser::Webkit, Some(&screen), IN_WEBKIT, builds)
            }
        }
    }

    /// What this ring leaves out of the folders that it shares with others.
    fn remark(self) -> Result<Option<String>> {
        let parts = match self {
            Self::Firefox => IN_FIREFOX,
            Self::Webkit => IN_WEBKIT,
            _ => return Ok(None),
        };
        let mut names = Vec::new();
        for (folder, choice) in parts {
            let left_out = node_tests::left_out(folder, choice)?;
            names.extend(left_out.into_iter().map(|name| format!("{folder}/{name}")));
        }
        Ok(Some(format!("left out: {}", names.join(", "))))
    }

    /// Why this ring does not run unless it is named, though nothing is wrong with the project.
    fn obstacle(self) -> Option<String> {
        match self {
            Self::Firefox => Browser::Firefox.program().err().map(|error| format!("{error:#}")),
            Self::Webkit => Some("runs when it is named: `cargo xtask test webkit`".to_owned()),
            Self::Rust
            | Self::Wasm
            | Self::Size
            | Self::Package
            | Self::Websocket
            | Self::Naive
            | Self::E2e
            | Self::Durable
            | Self::Docs
            | Self::Bundlers
            | Self::Runtimes => None,
        }
    }
}

/// The browser crate's tests, and those of Node in `parts`.
fn in_another_browser(
    browser: Browser,
    screen: Option<&Screen>,
    parts: Parts,
    builds: &Builds,
) -> Result<Tally> {
    let mut tally = wasm_tests::run(browser, screen)?;
    for (folder, choice) in parts {
        tally.add(node_tests::run(folder, choice, browser, screen, builds)?);
    }
    Ok(tally)
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
