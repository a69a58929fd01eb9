//! The client's end: its machine, its clock, its application.

use crate::fingerprint::ORIGIN;
use crate::link::LinkId;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use tautline_protocol::client::{Config, Credentials, State};
use tautline_protocol::limits::{ANSWER_MS_MIN, RECEIVED_DELAY_MS};
use tautline_protocol::{Client, Instant, Offset, Seed, StreamId, backoff};

/// A report of cursors is due this soon after an entry was handled; every other deadline of a live
/// client is further away.
const REPORT_MS: u64 = RECEIVED_DELAY_MS;

/// The client's end.
#[derive(Clone)]
pub struct ClientEnd {
    /// The protocol's machine.
    pub machine: Client,
    /// Its clock: time passes by deadlines, in no time everything else happens.
    pub now: Instant,
    /// Its connection.
    pub link: Option<LinkId>,
    /// When it wants to be woken.
    pub wake_at: Option<Instant>,
    /// It has probed its connection and heard nothing since.
    pub probing: bool,
    /// How often it has dialed.
    pub dialed: LinkId,
    /// Entries that the application has got and not handled.
    pub unhandled: VecDeque<(StreamId, Offset)>,
}

/// What a deadline of the client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// To dial, or to report a cursor: a line comes to rest by it.
    Progress,
    /// To probe a connection, or to give one up.
    Patience,
}

impl ClientEnd {
    /// A client that has not dialed yet.
    #[must_use]
    pub fn new(bounds: &crate::bounds::Bounds) -> Self {
        let config = Config {
            credentials: Credentials::Fixed(Vec::new()),
            when_uncertain: bounds.when_uncertain(),
            // Without delays nothing depends on how the jitter falls.
            backoff: backoff::Config { base_ms: 0, cap_ms: 0 },
            ..Config::default()
        };
        let seed = Seed { session: [7; 16], random: 0 };
        Self {
            machine: Client::new(config, seed, ORIGIN),
            now: ORIGIN,
            link: None,
            wake_at: Some(ORIGIN),
            probing: false,
            dialed: 0,
            unhandled: VecDeque::new(),
        }
    }

    /// The application has handled the oldest entry that it has not.
    pub fn handle(&mut self) {
        if let Some((stream, offset)) = self.unhandled.pop_front() {
            self.machine.handled(stream, offset);
        }
    }

    /// What its next deadline is for, if it has one.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        let wake_at = self.wake_at?;
        let (state, round_trip_ms) = (self.machine.state(), self.machine.stats().round_trip_ms);
        // What the fingerprint of the machine leaves out on the strength of it.
        debug_assert!(round_trip_ms * 4 <= ANSWER_MS_MIN, "the round trip lengthens a deadline");
        debug_assert!(state != State::Waiting || wake_at <= self.now, "the backoff has a delay");
        let reports = wake_at.since(self.now) <= REPORT_MS;
        Some(match state {
            State::Waiting => Deadline::Progress,
            State::Open if reports => Deadline::Progress,
            // What a probe has begun takes its course.
            State::Open if self.probing => Deadline::Progress,
            _ => Deadline::Patience,
        })
    }
}

impl Hash for ClientEnd {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The clock is left out: moments are hashed as distances from it.
        let Self { machine, now: _, link, wake_at, probing, dialed, unhandled } = self;
        (machine, link, wake_at, probing, dialed, unhandled).hash(state);
    }
}
