//! The rules of PROTOCOL.md against the tests: each rule stands right above a test that proves it,
//! as `PROTOCOL.md C-12`, and nobody names a rule that is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::Finding;

const FAMILIES: &[u8] = b"CFRSV";
const CITATION: &str = "PROTOCOL.md ";
/// What begins a test, in Rust and in JavaScript.
const TESTS: [&str; 6] = [
    "#[test]",
    "#[tokio::test",
    "#[wasm_bindgen_test",
    "on_all_engines!(",
    "super::on_every_engine!",
    "test(",
];

/// What the specification and the files read so far say.
pub(crate) struct Rules {
    /// The line that each rule stands in.
    lines: BTreeMap<String, usize>,
    cited: BTreeSet<String>,
}

impl Rules {
    /// Reads the rules: the items of lists that begin with a number in bold.
    pub(crate) fn of(specification: &str, findings: &mut Vec<Finding>) -> Self {
        let mut lines = BTreeMap::new();
        for (line, text) in (1..).zip(specification.lines()) {
            let Some((rule, _)) = text.strip_prefix("- **").and_then(|it| it.split_once("**"))
            else {
                continue;
            };
            if lines.insert(rule.to_owned(), line).is_some() {
                findings.push(Finding {
                    line,
                    what: "a rule with the number of another",
                    fix: "give it the next number that is free",
                });
            }
        }
        Self { lines, cited: BTreeSet::new() }
    }

    /// Reads a source file: what it cites has to exist.
    pub(crate) fn examine(&mut self, text: &str, findings: &mut Vec<Finding>) {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            for rule in cited(line) {
                if !self.lines.contains_key(rule) {
                    findings.push(Finding {
                        line: index + 1,
                        what: "PROTOCOL.md has no rule of this number",
                        fix: "cite the rule that is meant",
                    });
                } else if stands_above_a_test(&lines[index + 1..]) {
                    self.cited.insert(rule.to_owned());
                }
            }
        }
    }

    /// Once every file is read: the rules that nothing proves.
    pub(crate) fn unproven(&self) -> Vec<Finding> {
        let unproven = self.lines.iter().filter(|(rule, _)| !self.cited.contains(*rule));
        let mut lines: Vec<usize> = unproven.map(|(_, line)| *line).collect();
        lines.sort_unstable();
        let finding = |line| Finding {
            line,
            what: "no test cites this rule",
            fix: "put its number right above a test that proves it, as // PROTOCOL.md C-12; if \
                  there is no such test, write it",
        };
        lines.into_iter().map(finding).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lines.len()
    }
}

/// The rules behind every mention of the specification in a line: `PROTOCOL.md C-1, S-2`.
fn cited(line: &str) -> Vec<&str> {
    let mut rules = Vec::new();
    for (at, _) in line.match_indices(CITATION) {
        for word in line[at + CITATION.len()..].split(", ") {
            let length = rule_length(word.as_bytes());
            if length == 0 {
                break;
            }
            rules.push(&word[..length]);
            if length < word.len() {
                break;
            }
        }
    }
    rules
}

/// How long the number is that `text` begins with, such as `C-12`; 0 if it is none.
fn rule_length(text: &[u8]) -> usize {
    match text {
        [family, b'-', digits @ ..] if FAMILIES.contains(family) => {
            match digits.iter().take_while(|byte| byte.is_ascii_digit()).count() {
                0 => 0,
                count => count + 2,
            }
        }
        _ => 0,
    }
}

/// Whether the first line that is neither a comment nor an attribute of another kind is a test's.
fn stands_above_a_test(below: &[&str]) -> bool {
    let code = below.iter().map(|line| line.trim_start()).find(|line| {
        let is_test = TESTS.iter().any(|test| line.starts_with(test));
        is_test || !(line.starts_with("//") || line.starts_with("#["))
    });
    code.is_some_and(|line| TESTS.iter().any(|test| line.starts_with(test)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIFICATION: &str = "# A\n\n- **C-1** Be brief.\n  More.\n- **S-12** Be kind.\n";

    fn check(text: &str) -> (Vec<usize>, Vec<usize>) {
        let mut findings = Vec::new();
        let mut rules = Rules::of(SPECIFICATION, &mut findings);
        rules.examine(text, &mut findings);
        let lines = |findings: Vec<Finding>| findings.iter().map(|finding| finding.line).collect();
        (lines(findings), lines(rules.unproven()))
    }

    #[test]
    fn a_rule_is_proven_by_the_test_that_it_stands_above() {
        let all = concat!("// PROTOCOL", ".md C-1, S-12.\n#[test]\nfn a() {}\n");
        assert_eq!(check(all), (vec![], vec![]));
        let loose = concat!("fn a() {\n    // PROTOCOL", ".md C-1\n    b();\n}\n");
        assert_eq!(check(loose), (vec![], vec![3, 5]));
        let javascript = concat!("  // PROTOCOL", ".md S-12\n  test(`a`, () => {});\n");
        assert_eq!(check(javascript), (vec![], vec![3]));
        let between =
            concat!("// PROTOCOL", ".md C-1\n// Why.\n#[cfg(unix)]\n#[test]\nfn a() {}\n");
        assert_eq!(check(between), (vec![], vec![5]));
    }

    #[test]
    fn nobody_cites_what_is_not_there() {
        let text = concat!("//! PROTOCOL", ".md C-1, C-2 and S-1.\n");
        assert_eq!(check(text), (vec![1], vec![3, 5]), "C-2; the list ends there");
        assert_eq!(check("// See PROTOCOL.md, section 7.\n"), (vec![], vec![3, 5]));
    }

    #[test]
    fn a_number_is_given_once() {
        let mut findings = Vec::new();
        let twice = "- **C-1** One.\n- **C-1** Two.\n";
        assert_eq!(Rules::of(twice, &mut findings).count(), 1);
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }
}
