//! Counting tests: runs a test program with its output in sight and reads from it how many tests
//! passed and failed, and which.

use std::fs;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

/// How many tests passed and failed, and how many chose not to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// What is known of the tests that failed, a line for each.
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// The count of a single check.
    pub(crate) fn of_one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed), ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// Success only if something was tested and nothing failed.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.failed == 0 && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Counts a program that failed without naming a failed test, such as one that did not
    /// compile or was killed.
    fn with_exit(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

/// Runs a program that reports as Rust's test harness does.
pub(crate) fn run_rust_tests(command: &mut Command) -> Result<Tally> {
    let mut tally = Tally::default();
    let success = stream(command, |line| {
        if let Some(result) = parse_rust_result(line) {
            tally.add(result);
        } else if let Some(failure) = parse_rust_failure(line) {
            tally.failures.push(failure);
        }
    })?;
    Ok(tally.with_exit(success))
}

/// Runs Node's test runner on `files`; it writes a second report to `report`, which is counted.
pub(crate) fn run_node_tests(
    command: &mut Command,
    files: &[PathBuf],
    report: &Path,
) -> Result<Tally> {
    command.args(["--test-reporter=spec", "--test-reporter-destination=stdout"]);
    command.arg("--test-reporter=tap");
    command.arg(format!("--test-reporter-destination={}", report.display()));
    command.args(files);
    let success = stream(command, |_| ())?;
    let report = fs::read_to_string(report).unwrap_or_default();
    Ok(parse_node_report(&report).with_exit(success))
}

/// Runs the program, shows each line of its output and hands it to `inspect`.
fn stream(command: &mut Command, mut inspect: impl FnMut(&str)) -> Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", Path::new(command.get_program()).display()))?;
    let output = child.stdout.take().context("the program's output is not piped")?;
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        stdout().write_all(&line)?;
        inspect(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(child.wait()?.success())
}

/// Reads `test result: ok. 5 passed; 0 failed; ...`.
fn parse_rust_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.trim_start().strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split(';').find_map(|part| part.trim().strip_suffix(word))?;
        part.trim().parse().ok()
    };
    let (passed, failed) = (count("passed")?, count("failed")?);
    Some(Tally { passed, failed, skipped: count("ignored")?, failures: Vec::new() })
}

/// Reads `test name ... FAILED`, or `FAIL`, as it is in a browser.
fn parse_rust_failure(line: &str) -> Option<String> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    outcome.starts_with("FAIL").then(|| name.to_owned())
}

/// Reads the closing lines `# pass 5`, `# fail 0`, `# cancelled 0` of a TAP report. A test's own
/// output can look the same and stands before them, so the last line of each kind counts.
fn parse_node_report(report: &str) -> Tally {
    let count = |word: &str| -> u64 {
        let lines = report.lines().rev();
        let mut values = lines.filter_map(|line| line.strip_prefix("# ")?.strip_prefix(word));
        values.find_map(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    Tally {
        passed: count("pass "),
        failed: count("fail ") + count("cancelled "),
        skipped: count("skipped "),
        failures: parse_node_failures(report),
    }
}

/// Reads `not ok 5 - name` and the `error:` that follows it. A test that failed for another inside of it
/// says nothing new.
fn parse_node_failures(report: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let mut lines = report.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some((_, name)) = line.strip_prefix("not ok ").and_then(|it| it.split_once(" - "))
        else {
            continue;
        };
        let mut rest = lines.by_ref().take_while(|line| *line != "...");
        let error = match rest.find_map(|line| line.strip_prefix("error: ")) {
            Some("|-") => rest.find(|line| !line.is_empty()),
            error => error,
        };
        let error = error.unwrap_or_default().trim_matches('\'');
        if !error.ends_with("subtest failed") && !error.ends_with("subtests failed") {
            failures.push(format!("{name}: {error}"));
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_rust_harness_are_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 9 filtered out";
        let tally = Tally { passed: 12, failed: 3, skipped: 1, ..Tally::default() };
        assert_eq!(parse_rust_result(line), Some(tally));
        assert_eq!(parse_rust_result("test result_is_kept ... ok"), None);
        assert_eq!(parse_rust_failure("test result_is_kept ... ok"), None);
        assert_eq!(parse_rust_failure("test a::b ... FAILED"), Some("a::b".to_owned()));
    }

    #[test]
    fn only_the_closing_lines_of_a_node_report_count() {
        let report = "# pass 900\nok 1 - a\n# tests 3\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 4\n# todo 0\n";
        let tally = Tally { passed: 1, failed: 2, skipped: 4, ..Tally::default() };
        assert_eq!(parse_node_report(report), tally);
    }

    #[test]
    fn failures_of_a_node_report_are_told_once_with_their_error() {
        let report = "\
            # Subtest: a\n    not ok 1 - inner\n      ---\n      error: |-\n        \n        1 is not 2\n      ...\n\
            not ok 1 - a\n  ---\n  failureType: 'subtestsFailed'\n  error: '1 subtest failed'\n  ...\n\
            ok 2 - b\n  ---\n  ...\nnot ok 3 - c\n  ---\n  error: 'gone'\n  ...\n";
        assert_eq!(parse_node_failures(report), ["inner: 1 is not 2", "c: gone"]);
    }

    #[test]
    fn a_program_that_fails_counts_as_a_failed_test() {
        let tally = Tally { passed: 4, ..Tally::default() };
        assert_eq!(tally.clone().with_exit(false), Tally { failed: 1, ..tally.clone() });
        assert_eq!(tally.clone().with_exit(true), tally);
        assert_eq!(Tally::default().exit_code(), ExitCode::FAILURE);
    }
}
