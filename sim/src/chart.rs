//! A run as a sequence chart in text: a lane for each page and each node, and words beside.

use crate::seeded::Report;
use crate::trace::{Place, Row};
use std::fmt::Write;

/// Columns that a lane takes.
const LANE: usize = 5;

/// The head of the chart, and its last rows, or all.
#[must_use]
pub fn draw(report: &Report, last: Option<usize>) -> String {
    let skipped = last.map_or(0, |last| report.rows.len().saturating_sub(last));
    let mut out = head(report);
    if skipped > 0 {
        let _ = writeln!(out, "{:>9}  ... {skipped} rows before", "");
    }
    for row in report.rows.iter().skip(skipped) {
        let lanes = lanes(report, row);
        let text = row.text.trim_end();
        let _ = writeln!(out, "{:>9}  {lanes}  {text}", row.at.as_millis());
    }
    out
}

fn head(report: &Report) -> String {
    let mut out = format!("{:>9}  ", "ms");
    let pages = (1..=report.pages).map(|page| format!("p{page}"));
    let nodes = (1..=report.nodes).map(|node| format!("n{node}"));
    for name in pages.chain(nodes) {
        let _ = write!(out, "{name:<LANE$}");
    }
    out.push_str("\n");
    out
}

/// The lanes of a row: `o--->` where something sets out, `*` where it arrives or happens.
fn lanes(report: &Report, row: &Row) -> String {
    let count = report.pages + report.nodes;
    let mut cells = vec![b' '; count * LANE];
    for lane in 0..count {
        cells[lane * LANE] = b'|';
    }
    let at = |place: Place| match place {
        Place::Page(page) => Some(page * LANE),
        Place::Node(node) => Some((report.pages + node) * LANE),
        Place::World => None,
    };
    match (at(row.place), row.to.and_then(at)) {
        (Some(from), Some(to)) => {
            let (left, right) = (from.min(to), from.max(to));
            cells[left..=right].fill(b'-');
            cells[from] = b'o';
            cells[to] = if from < to { b'>' } else { b'<' };
        }
        (Some(from), None) => cells[from] = b'*',
        (None, _) => cells.fill(b'='),
    }
    String::from_utf8_lossy(&cells).into_owned()
}
