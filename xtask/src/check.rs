//! `cargo xtask check`: what can be said about the code without running it.

use std::process::ExitCode;

use anyhow::Result;

use crate::tally::Tally;
use crate::workspace::{announce, cargo, run as run_program};
use crate::{tidy, tools};

/// `cargo xtask check`
pub(crate) fn run() -> Result<ExitCode> {
    let tally = run_all()?;
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally.exit_code())
}

/// Runs every check, whatever the ones before it said.
pub(crate) fn run_all() -> Result<Tally> {
    tools::rust_components()?;
    tools::wasm_target()?;
    let mut tally = Tally::default();
    tally.add(step("Format", || run_program(&mut cargo(&["fmt", "--all", "--check"])?)));
    tally.add(step("The repository's own rules", tidy::run));
    tally.add(step("Lints, native", || clippy(&["--workspace"])));
    tally.add(step("Lints, WebAssembly", || {
        clippy(&["--package=tautline", "--target=wasm32-unknown-unknown"])
    }));
    tally.add(step("Documentation", || {
        let mut command = cargo(&["doc", "--workspace", "--no-deps"])?;
        run_program(command.env("RUSTDOCFLAGS", "-D warnings"))
    }));
    tally.add(step("The browser crate as it is packed", || {
        // What it depends on in this workspace is packed with it; none of it has to be published.
        let what = ["--package=tautline-protocol", "--package=tautline"];
        let mut command = cargo(&["package", "--allow-dirty", "--target=wasm32-unknown-unknown"])?;
        run_program(command.args(what))
    }));
    if tools::find("cargo-deny").is_some() {
        tally.add(step("Licences and sources of dependencies", || {
            run_program(&mut cargo(&[
                "deny",
                "--workspace",
                "check",
                "bans",
                "licenses",
                "sources",
            ])?)
        }));
    }
    Ok(tally)
}

fn clippy(what: &[&str]) -> Result<()> {
    let mut command = cargo(&["clippy", "--all-targets", "--all-features"])?;
    run_program(command.args(what).args(["--", "-D", "warnings"]))
}

/// One check, counted.
pub(crate) fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Tally {
    announce(name);
    let result = run();
    let mut tally = Tally::of_one(result.is_ok());
    if let Err(error) = result {
        println!("error: {error:#}");
        tally.failures.push(format!("{name}: {error}"));
    }
    tally
}
