//! What happened: a hash to compare two runs, and, if wanted, the rows of a sequence chart.

use crate::network::{BROKEN, Cargo, ConnectionId, Route, Way};
use std::fmt;
use tautline_protocol::Instant;

/// Who something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To all, or to none of them.
    World,
    /// To a page.
    Page(usize),
    /// To a node of the server.
    Node(usize),
}

/// One row of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub at: Instant,
    /// Where it happened.
    pub place: Place,
    /// Where something sets out for from there.
    pub to: Option<Place>,
    /// What.
    pub text: String,
}

/// The course of one run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    rows: Option<Vec<Row>>,
    /// How many rows there were when something first went wrong.
    failed_at: Option<usize>,
}

impl Trace {
    /// An empty course; `rows` says whether to keep them for people.
    #[must_use]
    pub fn new(rows: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, rows: rows.then(Vec::new), failed_at: None }
    }

    /// Notes that something happened.
    pub fn note(&mut self, at: Instant, place: Place, what: fmt::Arguments<'_>) {
        self.hash(at.as_millis());
        self.row(at, place, None, || what.to_string());
    }

    /// Notes that something is wrong.
    pub fn fail(&mut self, at: Instant, place: Place, what: &str) {
        self.note(at, place, format_args!("WRONG: {what}"));
        let rows = self.rows().len();
        self.failed_at.get_or_insert(rows);
    }

    /// How many rows there were when something first went wrong.
    #[must_use]
    pub const fn failed_at(&self) -> Option<usize> {
        self.failed_at
    }

    /// Notes that something set out on a connection.
    pub fn sent(&mut self, at: Instant, id: ConnectionId, route: Route, way: Way, cargo: &Cargo) {
        self.travel(at, id, way, cargo, 0);
        let (from, to) = ends(route, way);
        self.row(at, from, Some(to), || format!("#{id} {}", describe(way, cargo)));
    }

    /// Notes that something arrived on a connection.
    pub fn arrived(
        &mut self,
        at: Instant,
        id: ConnectionId,
        route: Route,
        way: Way,
        cargo: &Cargo,
    ) {
        self.travel(at, id, way, cargo, 1);
        let (_, to) = ends(route, way);
        self.row(at, to, None, || format!("#{id} gets {}", describe(way, cargo)));
    }

    fn travel(&mut self, at: Instant, id: ConnectionId, way: Way, cargo: &Cargo, step: u64) {
        self.hash(at.as_millis() << 2 | (way as u64) << 1 | step);
        self.hash(id);
        match cargo {
            Cargo::Opened => self.hash(1),
            Cargo::Closed(code) => self.hash(code.0.into()),
            Cargo::Packet(packet) => self.bytes(packet),
        }
    }

    fn row(&mut self, at: Instant, place: Place, to: Option<Place>, text: impl FnOnce() -> String) {
        if let Some(rows) = &mut self.rows {
            rows.push(Row { at, place, to, text: text() });
        }
    }

    /// Counts bytes into the hash.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.hash(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        let rest = chunks.remainder().iter().fold(1, |word, byte| word << 8 | u64::from(*byte));
        self.hash(rest);
    }

    /// FNV-1a, a word at a time.
    const fn hash(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    /// Two runs with the same hash took the same course.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.hash
    }

    /// The rows kept.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        self.rows.as_deref().unwrap_or_default()
    }
}

const fn ends(route: Route, way: Way) -> (Place, Place) {
    let (page, node) = (Place::Page(route.page), Place::Node(route.node));
    match way {
        Way::Up => (page, node),
        Way::Down => (node, page),
    }
}

fn describe(way: Way, cargo: &Cargo) -> String {
    match cargo {
        Cargo::Opened if way == Way::Up => "a handshake".into(),
        Cargo::Opened => "the handshake's answer".into(),
        Cargo::Closed(BROKEN) => "the connection's end".into(),
        Cargo::Closed(code) => format!("Close {code}"),
        Cargo::Packet(packet) => crate::words::packet(way, packet),
    }
}
