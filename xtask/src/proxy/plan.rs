//! A plan: which faults the proxy makes on its own, and when, drawn from a seed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What `POST /lab/plan` takes. Everything left out is a fault that does not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Plan {
    /// Decides all that is random: the same seed cuts the n-th connection at the same age.
    pub(crate) seed: u64,
    /// Each connection is cut at an age between these two.
    pub(crate) cut_every_ms: Option<[u64; 2]>,
    /// How connections are cut.
    pub(crate) cut: CutKind,
    /// How long every byte is held back, each way.
    pub(crate) latency_ms: u64,
    /// Bound on the bytes per second of each connection, each way.
    pub(crate) bytes_per_second: Option<u64>,
    /// Leave everything but WebSockets alone.
    pub(crate) lines_only: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 0,
            cut_every_ms: None,
            cut: CutKind::Both,
            latency_ms: 0,
            bytes_per_second: None,
            lines_only: true,
        }
    }
}

/// How a plan cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CutKind {
    Rst,
    Fin,
    /// One or the other, by chance.
    Both,
}

/// How one connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At once, as when a machine on the way forgets the connection and resets it.
    Rst,
    /// Politely, as a proxy that shuts down; what is under way is lost all the same.
    Fin,
}

/// A plan and how many connections have drawn from it.
#[derive(Debug, Default)]
pub(crate) struct InForce {
    pub(crate) plan: Plan,
    drawn: AtomicU64,
}

/// When and how one connection is cut, counted from the draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appointment {
    pub(crate) age: Duration,
    pub(crate) cut: Cut,
}

impl Plan {
    /// Parses what a test posted; the error is a sentence for its author.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let plan: Self = serde_json::from_slice(json)
            .map_err(|error| format!("the plan is not usable: {error}"))?;
        if let Some([least, most]) = plan.cut_every_ms
            && least > most
        {
            return Err(format!("cutEveryMs: expected [least, most], got [{least}, {most}]"));
        }
        if plan.bytes_per_second == Some(0) {
            return Err("bytesPerSecond: expected at least 1, got 0".to_owned());
        }
        Ok(plan)
    }
}

impl InForce {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, drawn: AtomicU64::new(0) }
    }

    /// Draws the next connection's end, if the plan cuts at all.
    pub(crate) fn draw(&self) -> Option<Appointment> {
        let [least, most] = self.plan.cut_every_ms?;
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let chance = scramble(self.plan.seed ^ scramble(number));
        let span = most.saturating_sub(least).saturating_add(1);
        let cut = match self.plan.cut {
            CutKind::Rst => Cut::Rst,
            CutKind::Fin => Cut::Fin,
            CutKind::Both if scramble(chance) & 1 == 0 => Cut::Rst,
            CutKind::Both => Cut::Fin,
        };
        Some(Appointment { age: Duration::from_millis(least.saturating_add(chance % span)), cut })
    }
}

/// SplitMix64's step: neighbouring inputs give outputs that share nothing.
fn scramble(input: u64) -> u64 {
    let mut mixed = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64) -> Vec<Appointment> {
        let plan = Plan { seed, cut_every_ms: Some([300, 700]), ..Plan::default() };
        let in_force = InForce::new(plan);
        (0..200).filter_map(|_| in_force.draw()).collect()
    }

    #[test]
    fn one_seed_gives_one_course_of_events() {
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
    }

    #[test]
    fn ages_fill_the_range_and_both_kinds_occur() {
        let drawn = draws(1);
        let ages: Vec<u128> = drawn.iter().map(|appointment| appointment.age.as_millis()).collect();
        assert_eq!(ages.len(), 200);
        assert!(ages.iter().all(|age| (300..=700).contains(age)));
        assert!(ages.iter().any(|age| *age < 340) && ages.iter().any(|age| *age > 660));
        let resets = drawn.iter().filter(|appointment| appointment.cut == Cut::Rst).count();
        assert!((60..=140).contains(&resets), "{resets} of 200 are resets");
    }

    #[test]
    fn plan_without_cuts_draws_none() {
        assert_eq!(InForce::new(Plan::default()).draw(), None);
    }

    #[test]
    fn unusable_plans_say_what_is_wrong() {
        for (json, expected) in [
            ("{\"cutEveryMs\":[700,300]}", "[700, 300]"),
            ("{\"bytesPerSecond\":0}", "at least 1"),
            ("{\"latency\":5}", "unknown field `latency`"),
            ("{", "not usable"),
        ] {
            let error = Plan::parse(json.as_bytes()).expect_err(json);
            assert!(error.contains(expected), "{error}");
        }
    }
}
