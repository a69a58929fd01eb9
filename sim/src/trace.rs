//! What happened, as a hash to compare two runs and, if wanted, as lines to read.

use std::fmt;
use tautline_protocol::Instant;

/// The course of one run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty course; `lines` says whether to keep them for people.
    #[must_use]
    pub fn new(lines: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: lines.then(Vec::new) }
    }

    /// Notes that something happened.
    pub fn note(&mut self, now: Instant, what: fmt::Arguments<'_>) {
        let line = format!("{:>8} {what}", now.as_millis());
        for byte in line.bytes() {
            // FNV-1a.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// Two runs with the same hash took the same course.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
