//! The repository's own rules: what no compiler or linter checks. Each finding says how to mend it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::rules::Rules;
use crate::workspace::root;

const SPECIFICATION: &str = "PROTOCOL.md";
const SOURCES: &[&str] = &[".rs", ".js", ".mjs", ".ts"];
const LINES_MAX: usize = 400;
const FOLDERS_SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];
/// Names that say nothing about what is inside.
const NAMES_FORBIDDEN: [&str; 8] =
    ["common", "helper", "helpers", "manager", "misc", "types", "util", "utils"];
/// The files of `src/` that own browser objects.
const BROWSER_FILES: [&str; 6] = [
    "src/socket.rs",
    "src/listener.rs",
    "src/timer.rs",
    "src/page.rs",
    "src/clock.rs",
    "src/address.rs",
];
const LANGUAGE: &str = "web_sys::js_sys::";
/// The only places that drain a machine: the five shells, and the crate that defines it.
const DRAINS: [&str; 7] = [
    "src/driver.rs",
    "src/exports.rs",
    "server/src/connection",
    "sim/",
    "model/",
    "fuzz/",
    "protocol/",
];

/// A rule that a file breaks.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) what: &'static str,
    pub(crate) fix: &'static str,
}

/// Checks every file of the repository and prints what it finds.
pub(crate) fn run() -> Result<()> {
    let mut files = Vec::new();
    collect(root(), &mut files)?;
    files.sort();
    let specification = fs::read_to_string(root().join(SPECIFICATION))
        .with_context(|| format!("cannot read {SPECIFICATION}"))?;
    let mut of_specification = Vec::new();
    let mut rules = Rules::of(&specification, &mut of_specification);
    let mut count = 0;
    for file in &files {
        let bytes = fs::read(root().join(file)).with_context(|| format!("cannot read {file}"))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut findings = examine(file, &text);
        if is_any(file, SOURCES) {
            rules.examine(&text, &mut findings);
        }
        count += report(file, &findings);
    }
    of_specification.extend(rules.unproven());
    count += report(SPECIFICATION, &of_specification);
    if count > 0 {
        bail!("{count} findings in {} files", files.len());
    }
    println!(
        "{} files follow the rules; a test proves each of {} in {SPECIFICATION}",
        files.len(),
        rules.count()
    );
    Ok(())
}

/// Prints what was found in a file; returns how much that is.
fn report(file: &str, findings: &[Finding]) -> usize {
    for Finding { line, what, fix } in findings {
        println!("{file}:{line}: {what}\n    {fix}");
    }
    findings.len()
}

/// Collects the paths of all files below `folder`, from the top folder on, with `/` between names.
fn collect(folder: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if !FOLDERS_SKIPPED.iter().any(|skipped| name == *skipped) {
                collect(&entry.path(), files)?;
            }
        } else {
            let path = entry.path();
            let path = path.strip_prefix(root())?.to_string_lossy().replace('\\', "/");
            files.push(path);
        }
    }
    Ok(())
}

fn examine(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    name(path, &mut findings);
    if path.ends_with("package-lock.json") {
        lock_file(text, &mut findings);
    }
    if is_any(path, SOURCES) {
        source(path, text, &mut findings);
    }
    if path.ends_with(".rs") {
        rust(path, text, &mut findings);
    }
    findings
}

fn name(path: &str, findings: &mut Vec<Finding>) {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    if NAMES_FORBIDDEN.contains(&stem) {
        findings.push(Finding {
            line: 1,
            what: "this file name says nothing about what is inside",
            fix: "name the file after the one idea it holds, and move the rest to where it belongs",
        });
    }
}

fn lock_file(text: &str, findings: &mut Vec<Finding>) {
    for (line, _) in matching(text, |line| line.contains("\"resolved\":")) {
        findings.push(Finding {
            line,
            what: "a registry's address in the lock file",
            fix: "put `omit-lockfile-registry-resolved=true` into the .npmrc beside it, delete the \
                  lock file and run `npm install --package-lock-only`",
        });
    }
}

fn source(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !path.ends_with(".ts") && text.lines().count() > LINES_MAX {
        findings.push(Finding {
            line: LINES_MAX + 1,
            what: "more than 400 lines",
            fix: "split the file by subject",
        });
    }
    for (line, _) in matching(text, |line| !line.is_ascii()) {
        findings.push(Finding {
            line,
            what: "a character that is not ASCII",
            fix: "write it in ASCII, in a string as an escape such as \\u{2026}",
        });
    }
    // Put together here, so that this file does not break its own rule.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    for (line, _) in matching(text, |line| marks.iter().any(|mark| line.contains(mark))) {
        findings.push(Finding {
            line,
            what: "work left for later",
            fix: "do it now, or open an issue and take the comment out",
        });
    }
}

fn rust(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !text.starts_with("//! ") {
        findings.push(Finding {
            line: 1,
            what: "no module documentation",
            fix: "begin the file with `//! ` and one sentence that says what it is",
        });
    }
    if is_test(path) {
        return;
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let uses = |word: &str| matching(code, |line| is_code(line) && line.contains(word));
    if !DRAINS.iter().any(|place| path.starts_with(place)) && !path.starts_with("xtask/") {
        for (line, _) in uses("poll_output(") {
            findings.push(Finding {
                line,
                what: "a machine is drained here",
                fix: "leave the drain to src/driver.rs, src/exports.rs, the server's connection, the simulator or the model",
            });
        }
    }
    if path.starts_with("src/") && !BROWSER_FILES.contains(&path) {
        // The types of the language itself, which web_sys passes on, are for everybody.
        let objects = uses("web_sys::").into_iter().filter(|(_, text)| !text.contains(LANGUAGE));
        for (line, _) in objects {
            findings.push(Finding {
                line,
                what: "a browser object outside of the files that own them",
                fix: "go through socket.rs, listener.rs, timer.rs, page.rs, clock.rs or address.rs",
            });
        }
    }
    if path.starts_with("src/") {
        for (line, _) in [uses("std::time"), uses("std::thread")].concat() {
            findings.push(Finding {
                line,
                what: "std's clock and threads panic in the browser",
                fix: "take the time from src/clock.rs, and wait with src/timer.rs",
            });
        }
    }
}

/// The lines that `is_match` picks, numbered from 1.
fn matching(text: &str, is_match: impl Fn(&str) -> bool) -> Vec<(usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| is_match(line)).collect()
}

fn is_code(line: &str) -> bool {
    !line.trim_start().starts_with("//")
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn is_any(path: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let findings = examine(path, text);
        let found: Vec<_> = findings.iter().map(|finding| (finding.line, finding.what)).collect();
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn names_must_say_something() {
        let what = "this file name says nothing about what is inside";
        check("server/src/utils.rs", "//! Things.\n", &[(1, what)]);
        check("www/helpers.js", "", &[(1, what)]);
        check("server/src/outbox.rs", "//! What is not acknowledged yet.\n", &[]);
    }

    #[test]
    fn rust_files_begin_with_their_documentation() {
        check("sim/src/net.rs", "use std::fmt;\n", &[(1, "no module documentation")]);
    }

    #[test]
    fn machines_are_drained_in_few_places() {
        let text = "//! A.\n// poll_output()\nfn a() { b.poll_output(); }\n";
        let tested = "//! A.\n#[cfg(test)]\nfn a() { b.poll_output(); }\n";
        check("server/src/hub.rs", text, &[(3, "a machine is drained here")]);
        check("server/src/hub.rs", tested, &[]);
        check("server/src/connection.rs", text, &[]);
        check("src/driver.rs", text, &[]);
        check("server/tests/it/main.rs", text, &[]);
    }

    #[test]
    fn browser_objects_have_owners_and_no_std_clock() {
        let objects = "//! A.\nuse web_sys::WebSocket;\n";
        let clock = "//! A.\nuse std::time::Instant;\n";
        let what = "a browser object outside of the files that own them";
        check("src/client.rs", objects, &[(2, what)]);
        check("src/socket.rs", objects, &[]);
        check("src/client.rs", "//! A.\nuse web_sys::js_sys::Function;\n", &[]);
        check("src/client.rs", clock, &[(2, "std's clock and threads panic in the browser")]);
        check("server/src/config.rs", clock, &[]);
    }

    #[test]
    fn sources_are_short_ascii_and_finished() {
        let mark = concat!("// TO", "DO: more\n");
        check("www/main.js", "const a = \"\u{2026}\";\n", &[(1, "a character that is not ASCII")]);
        check("www/main.js", mark, &[(1, "work left for later")]);
        check("www/main.js", &"\n".repeat(401), &[(401, "more than 400 lines")]);
        check("www/style.css", "/* \u{2026} */\n", &[]);
    }

    #[test]
    fn lock_files_name_no_registry() {
        let text = "{\n\"resolved\": \"https://example.com/a.tgz\"\n}\n";
        check("tests/package-lock.json", text, &[(2, "a registry's address in the lock file")]);
    }
}
