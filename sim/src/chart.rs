//! A run as a sequence chart in text: a lane for each page and each node, and words beside.

use crate::seeded::Report;
use crate::trace::{Place, Row};
use std::fmt::Write;

/// Columns that a lane takes.
const LANE: usize = 5;
/// What follows is shown, too, when the chart ends with what went wrong.
const ROWS_BEHIND: usize = 5;
/// No row is longer.
const TEXT_CHARS: usize = 160;

/// The rows up to where something went wrong, or to the end: all, or the last so many.
#[must_use]
pub fn draw(report: &Report, last: Option<usize>) -> String {
    let count = report.rows.len();
    let end = report.failed_at.filter(|_| last.is_some()).unwrap_or(count) + ROWS_BEHIND;
    let end = end.min(count);
    let skipped = last.map_or(0, |last| end.saturating_sub(last));
    let rows: Vec<&Row> = report.rows.iter().take(end).skip(skipped).collect();
    let mut out = head(report);
    if skipped > 0 {
        let _ = writeln!(out, "{:>9}  ({skipped} rows before)", "");
    }
    for run in rows.chunk_by(|a, b| a == b) {
        let Some(row) = run.first() else { continue };
        let mut text: String = row.text.chars().take(TEXT_CHARS).collect();
        if text.len() < row.text.len() {
            text.push_str("...");
        }
        if run.len() > 1 {
            let _ = write!(text, " ({} times)", run.len());
        }
        let _ = writeln!(out, "{:>9}  {}  {text}", row.at.as_millis(), lanes(report, row));
    }
    if end < count {
        let _ = writeln!(out, "{:>9}  ({} rows behind)", "", count - end);
    }
    out
}

fn head(report: &Report) -> String {
    let mut out =
        String::from("p: a page, n: a node; o---> sets out, * arrives or happens there\n\n");
    let _ = write!(out, "{:>9}  ", "ms");
    let pages = (1..=report.pages).map(|page| format!("p{page}"));
    let nodes = (1..=report.nodes).map(|node| format!("n{node}"));
    for name in pages.chain(nodes) {
        let _ = write!(out, "{name:<LANE$}");
    }
    out.push('\n');
    out
}

fn lanes(report: &Report, row: &Row) -> String {
    let count = report.pages + report.nodes;
    let mut cells = vec![' '; count * LANE];
    (0..count).for_each(|lane| cells[lane * LANE] = '|');
    let at = |place: Place| match place {
        Place::Page(page) => Some(page * LANE),
        Place::Node(node) => Some((report.pages + node) * LANE),
        Place::World => None,
    };
    match (at(row.place), row.to.and_then(at)) {
        (Some(from), Some(to)) => {
            cells[from.min(to)..=from.max(to)].fill('-');
            cells[from] = 'o';
            cells[to] = if from < to { '>' } else { '<' };
        }
        (Some(from), None) => cells[from] = '*',
        (None, _) => cells.fill('='),
    }
    cells.into_iter().collect()
}
