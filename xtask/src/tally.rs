//! Counting tests: runs a test program with its output in sight and reads from it how many tests
//! passed and failed.

use std::fs;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

/// How many tests passed and failed, and how many chose not to run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// The count of a single check.
    pub(crate) fn of_one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed), skipped: 0 }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Success only if something was tested and nothing failed.
    pub(crate) fn exit_code(self) -> ExitCode {
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
    Some(Tally { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_the_rust_harness_are_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 9 filtered out";
        assert_eq!(parse_rust_result(line), Some(Tally { passed: 12, failed: 3, skipped: 1 }));
        assert_eq!(parse_rust_result("test result_is_kept ... ok"), None);
    }

    #[test]
    fn only_the_closing_lines_of_a_node_report_count() {
        let report = "# pass 900\nok 1 - a\n# tests 3\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 4\n# todo 0\n";
        assert_eq!(parse_node_report(report), Tally { passed: 1, failed: 2, skipped: 4 });
    }

    #[test]
    fn a_program_that_fails_counts_as_a_failed_test() {
        let tally = Tally { passed: 4, ..Tally::default() };
        assert_eq!(tally.with_exit(false), Tally { failed: 1, ..tally });
        assert_eq!(tally.with_exit(true), tally);
        assert_eq!(Tally::default().exit_code(), ExitCode::FAILURE);
    }
}
