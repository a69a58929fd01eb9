//! What the package's README says about sizes, against what was measured.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tally::Tally;

/// How the line of the table begins that says them.
const ROW: &str = "| download, gzip |";
/// How far a figure may be from the truth, in bytes.
const ROUNDING: u64 = 300;

/// Holds the last figures of the README's row to the `measured` bytes.
pub(super) fn check(package: &Path, measured: &[u64]) -> Result<Tally> {
    let readme = fs::read_to_string(package.join("README.md"))?;
    let row = readme.lines().find_map(|line| line.strip_prefix(ROW));
    let stated = figures(row.with_context(|| format!("the README has no line `{ROW}`"))?);
    let of_others = stated.len().saturating_sub(measured.len());
    let is_true = stated.len() >= measured.len()
        && stated[of_others..]
            .iter()
            .zip(measured)
            .all(|(said, is)| said.abs_diff(*is) <= ROUNDING);
    if !is_true {
        println!("pkg-template/README.md says {stated:?} bytes where {measured:?} were measured");
    }
    Ok(Tally::of_one(is_true))
}

/// The figures in `| 0 kB | 2.7 kB, of it much |`, in bytes.
fn figures(row: &str) -> Vec<u64> {
    let cells = row.split('|').filter_map(|cell| cell.trim().split_once(" kB"));
    cells.filter_map(|(number, _)| bytes(number)).collect()
}

/// The bytes of `2.7` kB.
fn bytes(number: &str) -> Option<u64> {
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    Some(whole.parse::<u64>().ok()? * 1_000 + tenths.parse::<u64>().ok()? * 100)
}

#[cfg(test)]
mod tests {
    use super::figures;

    #[test]
    fn figures_of_a_row_are_bytes() {
        assert_eq!(figures(" 0 kB | 2.7 kB | 19.5 kB, much of it wasm |"), [0, 2_700, 19_500]);
        assert_eq!(figures(" none | 13 kB |"), [13_000]);
    }
}
