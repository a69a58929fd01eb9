//! How often what happens: swarm testing draws another mixture for every seed.
//!
//! "Swarm Testing" (Groce and others, 2012): runs that leave some faults out find more than runs
//! which all have a little of everything.

use super::Action;
use crate::engine::Keep;
use crate::network::Way;
use crate::random::Random;
use tautline_protocol::client::Hint;

/// When a kind of action belongs to a mixture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// What lines are for.
    Use,
    /// What goes wrong on one line.
    Fault,
    /// What goes wrong when a session is lost.
    Loss,
    /// What goes wrong only in a world of several pages and nodes, or ends a session.
    World,
}

type Make = fn(&mut Random) -> Action;

/// Every kind of action: its group, how often it happens, and how one is made.
const KINDS: &[(Group, u32, Make)] = &[
    (Group::Use, 23, |r| Action::Send(1 + r.below(20) as u8, r.below(300) as u16)),
    (Group::Use, 2, |_| Action::Send(3, 30_000)),
    (Group::Use, 6, |_| Action::Request),
    (Group::Use, 3, |_| Action::SendRefused),
    (Group::Use, 3, |_| Action::Publish),
    (Group::Use, 1, |_| Action::Volatile),
    (Group::Use, 4, |r| Action::SendExpiring(1 + r.below(9) as u8, r.below(3_000) as u16)),
    (Group::Use, 4, |r| Action::Replace(r.below(8) as u8, ttl(r))),
    (Group::Use, 2, |r| Action::Cancel(r.below(5) as u8)),
    (Group::Use, 3, |r| Action::Subscribe(topic(r), r.below(6) as u8)),
    (Group::Use, 1, |r| Action::Unsubscribe(r.below(3) as u8)),
    (Group::Use, 5, |r| Action::Push(1 + r.below(10) as u8)),
    (Group::Use, 4, |r| Action::News(topic(r))),
    (Group::Use, 20, |r| Action::Run(r.below(2_000) as u16)),
    (Group::Fault, 1, |r| Action::TrimTopic(topic(r), r.below(4) as u8)),
    (Group::Fault, 1, |r| Action::ResetTopic(topic(r))),
    (Group::Fault, 8, |r| Action::Cut(notice(r), notice(r))),
    (Group::Fault, 2, |_| Action::Stall),
    (Group::Fault, 1, |r| Action::StallWay(way(r))),
    (Group::Fault, 1, |_| Action::Heal),
    (Group::Fault, 1, |r| Action::Reachable(r.one_in(2))),
    (Group::Fault, 2, |_| Action::Crash(Keep::Everything)),
    (Group::Fault, 2, |r| Action::HandlerTakes(r.below(400) as u16)),
    (Group::Fault, 1, |r| Action::Latency(r.below(200) as u8)),
    (Group::Fault, 2, |r| Action::Freeze(r.one_in(2))),
    (Group::Fault, 4, |r| Action::Hint(hint(r))),
    (Group::Fault, 1, |_| Action::AskCredentials),
    (Group::Fault, 1, |r| Action::GoAway(r.below(50) as u8)),
    (Group::Fault, 1, |r| Action::Buffers(r.below(2_000) as u16)),
    (Group::Fault, 1, |r| Action::Handles(r.one_in(2))),
    (Group::Loss, 2, |r| Action::Crash([Keep::Tombstones, Keep::Nothing][r.below(2) as usize])),
    (Group::Loss, 3, |r| Action::Expire(r.one_in(2))),
    (Group::World, 1, |_| Action::TrimDirect),
    (Group::World, 3, |r| Action::Sever(r.below(8_000) as u16)),
    (Group::World, 2, |r| Action::Lose(way(r))),
    (Group::World, 2, |r| Action::Repeat(way(r))),
    (Group::World, 2, |r| Action::Partition(r.one_in(2))),
    (Group::World, 2, |_| Action::CrashNode),
    (Group::World, 2, |r| Action::Pause(r.one_in(2))),
    (Group::World, 2, |r| Action::Detach(r.one_in(2))),
    (Group::World, 2, |r| Action::Line(r.below(500) as u16, rate(r))),
    (Group::World, 2, |r| Action::Sleep(r.below(40_000) as u16, r.one_in(2))),
    (Group::World, 1, |r| Action::ClockJump(r.below(100_000) as u32)),
    (Group::World, 1, |r| Action::Throttle([0, 1_000, 60_000][r.below(3) as usize])),
    (Group::World, 1, |r| Action::Reload(r.one_in(2))),
    (Group::World, 1, |r| Action::Close(r.below(5_000) as u16)),
    (Group::World, 1, |r| Action::ExpireTokens(r.one_in(2))),
    (Group::World, 1, |_| Action::RefreshTokens),
    (Group::World, 1, |r| Action::Full(r.one_in(3))),
];

fn topic(random: &mut Random) -> u8 {
    // Mostly the one that clients publish to, seldom the one that nobody may read.
    [0, 0, 0, 0, 1, 1, 1, 2][random.below(8) as usize]
}

fn notice(random: &mut Random) -> Option<u16> {
    match random.below(4) {
        0 => None,
        1 => Some(0),
        _ => Some(random.below(3_000) as u16),
    }
}

fn ttl(random: &mut Random) -> Option<u16> {
    if random.one_in(2) { None } else { Some(random.below(3_000) as u16) }
}

fn way(random: &mut Random) -> Way {
    if random.one_in(2) { Way::Up } else { Way::Down }
}

fn hint(random: &mut Random) -> Hint {
    let hints = [Hint::Online, Hint::Offline, Hint::Awake, Hint::Asleep, Hint::Suspended];
    hints[random.below(5) as usize]
}

fn rate(random: &mut Random) -> Option<u8> {
    if random.one_in(2) { None } else { Some(40 + random.below(200) as u8) }
}

/// How often each kind of action happens.
#[derive(Clone, Debug)]
pub struct Mix(Vec<u32>);

impl Mix {
    /// What can happen to a pair, with losses or without.
    #[must_use]
    pub fn of_pair(losses: bool) -> Self {
        Self::from(|group, weight| match group {
            Group::Use | Group::Fault => weight,
            Group::Loss if losses => weight,
            Group::Loss | Group::World => 0,
        })
    }

    /// A random part of all that can happen to a world, at random rates.
    #[must_use]
    pub fn of_world(random: &mut Random, losses: bool) -> Self {
        let trouble = random.below(6) as u32;
        Self::from(|group, weight| match group {
            Group::Use => weight * (1 + random.below(4) as u32),
            Group::Loss if !losses => 0,
            _ if random.one_in(2) => 0,
            _ => weight * trouble * (1 + random.below(3) as u32) / 2,
        })
    }

    fn from(mut weigh: impl FnMut(Group, u32) -> u32) -> Self {
        Self(KINDS.iter().map(|(group, weight, _)| weigh(*group, *weight)).collect())
    }

    /// Draws an action.
    #[must_use]
    pub fn draw(&self, random: &mut Random) -> Action {
        let mut left = random.below(self.0.iter().map(|weight| u64::from(*weight)).sum());
        for (weight, (_, _, make)) in self.0.iter().zip(KINDS) {
            match left.checked_sub((*weight).into()) {
                Some(rest) => left = rest,
                None => return make(random),
            }
        }
        Action::Run(0)
    }
}
