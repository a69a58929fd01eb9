//! The tests that Node runs: `tests/<folder>/*.test.mjs`, most of them with a page in a browser.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::browsers::Browser;
use crate::builds::Builds;
use crate::screen::Screen;
use crate::tally::{Tally, run_node_tests};
use crate::tools;
use crate::workspace::{announce, program, root, target};

/// How long a file of tests may take, in milliseconds.
const TEST_TIMEOUT: &str = "--test-timeout=300000";

/// Asks for the long form of a test, which knows itself how long it may take.
const LONG_FORM: &str = "TAUTLINE_SOAK_ROUNDS";

/// The files of a folder to run in a browser.
pub(crate) enum Choice {
    All,
    /// Of these names, without `.test.mjs`.
    Only(&'static [&'static str]),
}

/// Runs files of `tests/<folder>`, one after the other: each has the machine for itself.
pub(crate) fn run(
    folder: &str,
    choice: &Choice,
    browser: Browser,
    screen: Option<&Screen>,
    builds: &Builds,
) -> Result<Tally> {
    tools::npm_packages("tests")?;
    let (files, _) = choose(folder, choice)?;
    let mut command = program("node");
    builds.describe_to(&mut command, browser)?;
    if let Some(screen) = screen {
        screen.lend_to(&mut command);
    }
    announce(&format!("Running {} files of tests/{folder} in {}", files.len(), browser.name()));
    let report = target()?.join(format!("{folder}-{}.tap", browser.name()));
    command.args(["--test", "--test-concurrency=1"]);
    if env::var_os(LONG_FORM).is_none() {
        command.arg(TEST_TIMEOUT);
    }
    run_node_tests(&mut command, &files, &report)
}

/// The names of the files that a choice leaves out.
pub(crate) fn left_out(folder: &str, choice: &Choice) -> Result<Vec<String>> {
    choose(folder, choice).map(|(_, left_out)| left_out)
}

/// The files to run, and the names of those that are left out.
fn choose(folder: &str, choice: &Choice) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let path = root().join("tests").join(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| path.display().to_string())? {
        if let Some(name) = entry?.file_name().to_string_lossy().strip_suffix(".test.mjs") {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let (chosen, skipped): (Vec<_>, Vec<_>) = match choice {
        Choice::All => (names, Vec::new()),
        Choice::Only(wanted) => {
            if let Some(missing) = wanted.iter().find(|wanted| !names.iter().any(|n| n == *wanted))
            {
                bail!("no file {}/{missing}.test.mjs", path.display());
            }
            names.into_iter().partition(|name| wanted.contains(&name.as_str()))
        }
    };
    if chosen.is_empty() {
        bail!("no file {}/*.test.mjs", path.display());
    }
    let files = chosen.iter().map(|name| path.join(format!("{name}.test.mjs"))).collect();
    Ok((files, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_names_files_that_are_there_and_says_what_it_leaves_out() {
        let (all, none) = choose("e2e", &Choice::All).unwrap();
        let (two, rest) = choose("e2e", &Choice::Only(&["storm", "half-open"])).unwrap();
        assert_eq!((two.len(), none.len()), (2, 0));
        assert_eq!(rest.len(), all.len() - 2);
        assert!(two[0].ends_with("half-open.test.mjs"), "{two:?}");
        let error = choose("e2e", &Choice::Only(&["strom"])).unwrap_err().to_string();
        assert!(error.contains("strom.test.mjs"), "{error}");
    }
}
