//! Is the connection alive? Any frame is life; silence is probed before it is condemned.

use super::patience::Patience;
use crate::limits::{
    ANSWER_MS_MIN, FRAGMENT_BYTES, LATE_MS, PATIENCE_CHECK_MS, PROBE_MS_MIN, SLOWEST_BYTES_PER_MS,
};
use crate::mutation::Mutation;
use crate::time::Instant;

/// What a look at the clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to do before its deadline.
    Alive,
    /// Send a PING.
    Probe,
    /// Say that this end is there, and wait on.
    ShowLife,
    /// A probe was not answered in time.
    Dead,
}

#[cfg_attr(feature = "model", derive(Clone, Hash))]
struct Probe {
    sent_at: Instant,
    /// It was sent because the timer of the one before fired late.
    repeated: bool,
}

/// Watches one connection from WELCOME on.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Liveness {
    heartbeat_ms: u64,
    heard_at: Instant,
    sent_at: Instant,
    /// When the oldest message that waits for its acknowledgement was transmitted, or when the
    /// last acknowledgement came, if that is later.
    waiting_since: Option<Instant>,
    travel_ms: u64,
    probe: Option<Probe>,
    /// The number of the last PING, and when it left, until it is answered.
    nonce: u64,
    pinged_at: Option<Instant>,
    /// When to find out whether more patience than usual is still needed.
    check_at: Instant,
}

impl Liveness {
    pub(super) const fn new(heartbeat_ms: u64, now: Instant) -> Self {
        Self {
            heartbeat_ms,
            heard_at: now,
            sent_at: now,
            waiting_since: None,
            travel_ms: 0,
            probe: None,
            nonce: 0,
            pinged_at: None,
            check_at: now.after(PATIENCE_CHECK_MS),
        }
    }

    /// Something arrived.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.probe = None;
        if self.waiting_since.is_some() {
            self.waiting_since = Some(now);
        }
    }

    /// Something leaves.
    pub(super) const fn sent(&mut self, now: Instant) {
        self.sent_at = now;
    }

    pub(super) const fn unsent_ms(&self, now: Instant) -> u64 {
        now.since(self.sent_at)
    }

    /// Whether messages are in flight, and how many bytes are under way that this end cannot see: on a
    /// slow line one fragment alone may take longer than an answer otherwise does.
    pub(super) fn expects(&mut self, answer: bool, bytes: usize, now: Instant) {
        self.travel_ms = bytes.min(FRAGMENT_BYTES) as u64 / SLOWEST_BYTES_PER_MS;
        self.waiting_since = answer.then(|| self.waiting_since.unwrap_or(now));
    }

    pub(super) const fn silent_ms(&self, now: Instant) -> u64 {
        now.since(self.heard_at)
    }

    pub(super) const fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// A PING leaves now; returns its number.
    pub(super) fn probe(&mut self, now: Instant) -> u64 {
        self.probe = Some(Probe { sent_at: now, repeated: self.probe.is_some() });
        self.pinged_at = Some(now);
        self.nonce += 1;
        self.nonce
    }

    /// PONG `nonce` came: how long it took, if it answers the last PING.
    pub(super) fn answered(&mut self, nonce: u64, now: Instant) -> Option<u64> {
        let pinged_at = self.pinged_at.take_if(|_| nonce == self.nonce)?;
        self.check_at = now.after(PATIENCE_CHECK_MS);
        Some(now.since(pinged_at))
    }

    /// When to look again. PROTOCOL.md C-14, C-35.
    pub(super) fn deadline(&self, patience: &Patience) -> Instant {
        let unsent = self.sent_at.after(self.heartbeat_ms);
        if let Some(probe) = &self.probe {
            return self.answer_by(probe, patience).min(unsent);
        }
        let mut due = self.heard_at.after(self.heartbeat_ms);
        if let Some(since) = self.waiting_since {
            due = due.min(since.after(patience.at_least(PROBE_MS_MIN) + self.travel_ms));
        }
        if patience.is_raised() && self.pinged_at.is_none() {
            due = due.min(self.check_at);
        }
        due
    }

    fn answer_by(&self, probe: &Probe, patience: &Patience) -> Instant {
        let usual = patience.at_least(ANSWER_MS_MIN) + self.travel_ms;
        probe.sent_at.after(patience.raise(usual))
    }

    /// PROTOCOL.md C-16, C-35.
    pub(super) fn verdict(&self, now: Instant, patience: &Patience) -> Verdict {
        if now < self.deadline(patience) {
            return Verdict::Alive;
        }
        let Some(probe) = &self.probe else { return Verdict::Probe };
        let answer_by = self.answer_by(probe, patience);
        if now < answer_by {
            Verdict::ShowLife
        } else if now.since(answer_by) > LATE_MS && !probe.repeated
            || Mutation::NeverCondemn.is_on()
        {
            // The page slept: the answer may be waiting behind this very timer. Ask once more.
            Verdict::Probe
        } else {
            Verdict::Dead
        }
    }
}
