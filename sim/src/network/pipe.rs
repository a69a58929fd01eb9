//! One connection: two queues, and what befalls them.

use super::{BROKEN, Budget, Cargo, Route, Way};
use std::collections::VecDeque;
use tautline_protocol::Instant;
use tautline_protocol::downlink::{Downlink, Entry, Frames};
use tautline_protocol::fragment::{FRAGMENT, LAST_FRAGMENT};

/// A connection that lost or repeated something breaks after so many milliseconds.
const SPOILT_MS: u64 = 3_000;
/// No larger packet is lost: it might hold more than the 127 messages that the low byte of a number
/// tells apart.
const LOST_BYTES_MAX: usize = 600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Lose,
    Repeat,
}

#[derive(Debug, Default)]
struct Queue {
    cargo: VecDeque<(Instant, Cargo)>,
    bytes: usize,
    /// When what was sent so far has left.
    free_at: Instant,
    fault: Option<Fault>,
    carried_bytes: usize,
    carried_packets: usize,
}

impl Queue {
    fn push(&mut self, at: Instant, cargo: Cargo) {
        // What was sent later does not arrive earlier.
        let at = self.cargo.back().map_or(at, |(before, _)| at.max(*before));
        self.bytes += size(&cargo);
        self.cargo.push_back((at, cargo));
    }
}

const fn size(cargo: &Cargo) -> usize {
    match cargo {
        Cargo::Packet(packet) => packet.len(),
        _ => 0,
    }
}

/// Whether the protocol notices that this packet is lost. It relies on a transport that loses
/// nothing; what it finds nevertheless are holes between messages and between entries.
fn may_be_lost(way: Way, packet: &[u8]) -> bool {
    if is_part(packet) {
        return false;
    }
    let is_message = |frame| matches!(frame, Ok(Downlink::Entry { entry: Entry::Message(_), .. }));
    packet.len() <= LOST_BYTES_MAX && (way == Way::Up || Frames::new(packet).all(is_message))
}

/// Whether it is a fragment: what is put together of others than were sent can be anything.
fn is_part(message: &[u8]) -> bool {
    matches!(message.first(), Some(&(FRAGMENT | LAST_FRAGMENT)))
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) route: Route,
    pub(super) stalled: [bool; 2],
    /// What is sent from now on vanishes.
    pub(super) is_cut: bool,
    /// The client has let go of it.
    pub(super) detached: bool,
    /// It has lost or repeated something: when it breaks.
    breaks_at: Option<Instant>,
    budget: Option<Budget>,
    queues: [Queue; 2],
}

impl Pipe {
    pub(super) fn new(route: Route, budget: Option<Budget>) -> Self {
        Self {
            route,
            stalled: [false; 2],
            is_cut: false,
            detached: false,
            breaks_at: None,
            budget,
            queues: [Queue::default(), Queue::default()],
        }
    }

    pub(super) const fn bytes(&self, way: Way) -> usize {
        self.queues[way as usize].bytes
    }

    /// Nothing will arrive at the server any more, and the client does not care.
    pub(super) fn is_over(&self) -> bool {
        self.detached && self.queues[Way::Up as usize].cargo.is_empty()
    }

    pub(super) fn put(&mut self, way: Way, at: Instant, cargo: Cargo) {
        self.queues[way as usize].push(at, cargo);
    }

    pub(super) fn send(
        &mut self,
        way: Way,
        cargo: Cargo,
        now: Instant,
        bytes_per_ms: Option<u64>,
        latency_ms: u64,
    ) {
        if self.is_cut {
            return;
        }
        let queue = &mut self.queues[way as usize];
        let takes_ms = bytes_per_ms.map_or(0, |rate| size(&cargo) as u64 / rate.max(1));
        let left_at = queue.free_at.max(now).after(takes_ms);
        queue.free_at = left_at;
        let fault = queue.fault.take_if(|fault| match &cargo {
            Cargo::Packet(packet) => match fault {
                Fault::Repeat => !is_part(packet),
                Fault::Lose => may_be_lost(way, packet),
            },
            _ => false,
        });
        let arrives_at = left_at.after(latency_ms);
        if fault == Some(Fault::Repeat) {
            queue.push(arrives_at, cargo.clone());
        }
        if fault != Some(Fault::Lose) {
            queue.push(arrives_at, cargo);
        }
        if fault.is_some() {
            self.breaks_at.get_or_insert(left_at.after(SPOILT_MS));
        }
    }

    pub(super) const fn spoil(&mut self, way: Way, fault: Fault) {
        self.queues[way as usize].fault = Some(fault);
    }

    pub(super) fn cut(&mut self, client: Option<u64>, server: Option<u64>, now: Instant) {
        self.is_cut = true;
        self.stalled = [false; 2];
        for (way, after) in [(Way::Up, server), (Way::Down, client)] {
            let queue = &mut self.queues[way as usize];
            queue.cargo.clear();
            queue.bytes = 0;
            if let Some(after) = after {
                queue.push(now.after(after), Cargo::Closed(BROKEN));
            }
        }
    }

    pub(super) fn sever(&mut self, late_ms: u64, now: Instant) {
        self.is_cut = true;
        self.stalled = [false; 2];
        let [up, down] = &mut self.queues;
        for (at, _) in &mut up.cargo {
            *at = at.after(late_ms);
        }
        down.cargo.clear();
        down.bytes = 0;
        down.push(now, Cargo::Closed(BROKEN));
    }

    pub(super) fn due(&self, way: Way) -> Option<Instant> {
        if self.stalled[way as usize] {
            return None;
        }
        let front = self.queues[way as usize].cargo.front().map(|(at, _)| *at);
        [front, self.breaks_at].into_iter().flatten().min()
    }

    /// Whether it is to break by now.
    pub(super) fn breaks(&mut self, now: Instant) -> bool {
        self.breaks_at.take_if(|at| *at <= now).is_some()
    }

    pub(super) fn take(&mut self, way: Way) -> Option<Cargo> {
        let queue = &mut self.queues[way as usize];
        let (_, cargo) = queue.cargo.pop_front()?;
        queue.bytes -= size(&cargo);
        Some(cargo)
    }

    /// Counts a message; false if it is beyond the budget.
    pub(super) fn carry(&mut self, way: Way, size: usize) -> bool {
        let queue = &mut self.queues[way as usize];
        queue.carried_bytes += size;
        queue.carried_packets += 1;
        match self.budget {
            Some(Budget::Bytes(of, max)) if of == way => queue.carried_bytes <= max,
            Some(Budget::Packets(of, max)) if of == way => queue.carried_packets <= max,
            _ => true,
        }
    }
}
