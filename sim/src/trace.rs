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
        self.hash(line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// Notes that a packet went somewhere.
    pub fn packet(&mut self, now: Instant, what: &str, packet: &[u8]) {
        self.hash(packet);
        self.note(now, format_args!("{what} {} bytes", packet.len()));
        if let Some(lines) = &mut self.lines {
            let shown = packet.get(..60).unwrap_or(packet);
            lines.push(format!("{:>8}   {}", "", shown.escape_ascii()));
        }
    }

    /// FNV-1a.
    fn hash(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Two runs with the same hash took the same course.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.hash
    }

    /// The lines kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
