//! Is the connection alive? Any frame is life; silence is probed before it is condemned.

use crate::limits::{
    ANSWER_MS_MIN, CONNECT_TIMEOUT_MS, LATE_MS, PROBE_MS_MIN, SLOWEST_BYTES_PER_MS,
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
    /// A probe was not answered in time.
    Dead,
}

#[cfg_attr(feature = "model", derive(Clone, Hash))]
struct Probe {
    answer_by: Instant,
    /// It was sent because the timer of the one before fired late.
    repeated: bool,
}

/// Watches one connection from WELCOME on.
#[cfg_attr(feature = "model", derive(Clone, Hash))]
pub(super) struct Liveness {
    heartbeat_ms: u64,
    heard_at: Instant,
    /// When the oldest message that waits for its acknowledgement was transmitted, or when the
    /// last acknowledgement came, if that is later.
    waiting_since: Option<Instant>,
    travel_ms: u64,
    probe: Option<Probe>,
    /// The number of the last PING, and when it left, until it is answered.
    nonce: u64,
    pinged_at: Option<Instant>,
}

impl Liveness {
    pub(super) const fn new(heartbeat_ms: u64, now: Instant) -> Self {
        Self {
            heartbeat_ms,
            heard_at: now,
            waiting_since: None,
            travel_ms: 0,
            probe: None,
            nonce: 0,
            pinged_at: None,
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

    /// How many bytes have to arrive before the next acknowledgement can come; `None` if no message
    /// is in flight. On a slow line they alone may take longer than an answer otherwise does.
    pub(super) fn expects_answer(&mut self, to: Option<usize>, now: Instant) {
        self.travel_ms = to.unwrap_or(0) as u64 / SLOWEST_BYTES_PER_MS;
        self.waiting_since = to.map(|_| self.waiting_since.unwrap_or(now));
    }

    pub(super) const fn silent_ms(&self, now: Instant) -> u64 {
        now.since(self.heard_at)
    }

    pub(super) const fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// A PING leaves now; returns its number.
    pub(super) fn probe(&mut self, now: Instant, round_trip: &RoundTrip) -> u64 {
        let repeated = self.probe.is_some();
        let answer_by = now.after(round_trip.times_4_or(ANSWER_MS_MIN) + self.travel_ms);
        self.probe = Some(Probe { answer_by, repeated });
        self.pinged_at = Some(now);
        self.nonce += 1;
        self.nonce
    }

    /// PONG `nonce` came: when its PING left, if it is the last one.
    pub(super) fn answered(&mut self, nonce: u64) -> Option<Instant> {
        if nonce == self.nonce { self.pinged_at.take() } else { None }
    }

    /// When to look again. PROTOCOL.md C-14.
    pub(super) fn deadline(&self, round_trip: &RoundTrip) -> Instant {
        if let Some(probe) = &self.probe {
            return probe.answer_by;
        }
        let idle = self.heard_at.after(self.heartbeat_ms);
        match self.waiting_since {
            Some(since) => {
                let patience = round_trip.times_4_or(PROBE_MS_MIN) + self.travel_ms;
                idle.min(since.after(patience))
            }
            None => idle,
        }
    }

    /// PROTOCOL.md C-16.
    pub(super) fn verdict(&self, now: Instant, round_trip: &RoundTrip) -> Verdict {
        let deadline = self.deadline(round_trip);
        if now < deadline {
            return Verdict::Alive;
        }
        match &self.probe {
            None => Verdict::Probe,
            // The page slept: the answer may be waiting behind this very timer. Ask once more.
            Some(probe) if now.since(deadline) > LATE_MS && !probe.repeated => Verdict::Probe,
            Some(_) if Mutation::NeverCondemn.is_on() => Verdict::Probe,
            Some(_) => Verdict::Dead,
        }
    }
}

/// The smoothed round trip (RFC 6298, 2), kept over connections.
#[derive(Default)]
#[cfg_attr(feature = "model", derive(Clone))]
pub(super) struct RoundTrip {
    /// 0 before the first sample.
    smoothed_ms: u64,
    is_known: bool,
}

impl RoundTrip {
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn sample(&mut self, millis: u64) {
        // What takes longer was slept through.
        let millis = millis.min(CONNECT_TIMEOUT_MS);
        let before = if self.is_known { self.smoothed_ms } else { millis };
        self.smoothed_ms = (before * 7 + millis) / 8;
        self.is_known = true;
    }

    pub(super) const fn smoothed_ms(&self) -> u64 {
        self.smoothed_ms
    }

    /// Four round trips, but not less than `least`.
    pub(super) fn times_4_or(&self, least: u64) -> u64 {
        least.max(self.smoothed_ms * 4)
    }
}
