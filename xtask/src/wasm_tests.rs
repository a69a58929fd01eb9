//! The browser crate's own tests, `tests/browser`, in a browser.

use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::browsers::Browser;
use crate::screen::Screen;
use crate::tally::{Tally, run_rust_tests};
use crate::tools;
use crate::workspace::{cargo, own_program, target};

/// How long a browser test binary may take in all; the library's own limit is 20 s.
const TEST_SECONDS: &str = "180";
/// How long a driver may take to listen on a busy machine; the library's own limit is 5 s.
const DRIVER_SECONDS: &str = "30";

/// Builds the tests and runs them in `browser`.
pub(crate) fn run(browser: Browser, screen: Option<&Screen>) -> Result<Tally> {
    tools::wasm_target()?;
    let capabilities = target()?.join("webdriver.json");
    fs::write(&capabilities, browser.capabilities()?.to_string())
        .context("cannot write webdriver.json")?;
    let mut runner = own_program()?.as_os_str().to_owned();
    runner.push(" wasm-runner");
    let mut command = cargo(&[
        "test",
        "--package=tautline",
        "--features=json,heap",
        "--target=wasm32-unknown-unknown",
        "--test=browser",
    ])?;
    // The runner takes the first driver of which it knows.
    for other in [Browser::Chromium, Browser::Firefox, Browser::Webkit] {
        command.env_remove(other.driver_variable());
    }
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env(browser.driver_variable(), browser.driver()?)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_SECONDS)
        .env("WASM_BINDGEN_TEST_TIMEOUT", TEST_SECONDS);
    if let Some(screen) = screen {
        screen.lend_to(&mut command);
    }
    run_rust_tests(&mut command)
}

/// `cargo xtask wasm-runner FILE ...`: what cargo starts to run a wasm test binary.
pub(crate) fn run_one(arguments: Vec<OsString>) -> Result<ExitCode> {
    let name = OsString::from("wasm-bindgen-test-runner");
    let arguments = std::iter::once(name).chain(arguments);
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(arguments)?;
    Ok(ExitCode::SUCCESS)
}
