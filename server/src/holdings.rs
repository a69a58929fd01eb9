//! The memory that all connections use together: its limit, and which connections are ended when it is
//! reached.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::mailbox::Mailbox;

/// What a connection takes when nothing waits in it: its task, its socket's buffers, its place in the
/// tables. An idle line measures somewhat less (`cargo xtask bench memory`).
pub(crate) const CONNECTION_BYTES: usize = 16 * 1024;
/// What a connection uses is rounded up to a multiple of this, so that small changes do not touch the sum.
const GRAIN_BYTES: usize = 4 * 1024;

/// The sum over all connections.
#[derive(Debug)]
pub(crate) struct Holdings {
    bytes_max: usize,
    used: AtomicUsize,
    /// How many connections share it.
    sharers: AtomicUsize,
    shares: Mutex<BTreeMap<u64, Arc<Share>>>,
}

/// What one connection holds.
#[derive(Debug)]
struct Share {
    bytes: AtomicUsize,
    mailbox: Arc<Mailbox>,
    /// It has been told to give way.
    gives_way: AtomicBool,
}

/// A connection's entry in the sum, until dropped.
#[derive(Debug)]
pub(crate) struct Holding {
    holdings: Arc<Holdings>,
    number: u64,
    share: Arc<Share>,
}

impl Holdings {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (used, sharers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { bytes_max, used, sharers, shares: Mutex::default() }
    }

    /// What all connections hold, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether there is room for another connection. If there is none, who holds the most makes some
    /// for those that come next.
    pub(crate) fn has_room(&self) -> bool {
        let has_room = self.used() + CONNECTION_BYTES <= self.bytes_max;
        if !has_room {
            self.relieve(CONNECTION_BYTES);
        }
        has_room
    }

    /// Counts a connection in.
    pub(crate) fn join(self: &Arc<Self>, number: u64, mailbox: &Arc<Mailbox>) -> Holding {
        let (bytes, gives_way) = (AtomicUsize::new(0), AtomicBool::new(false));
        let share = Arc::new(Share { bytes, mailbox: mailbox.clone(), gives_way });
        self.lock().insert(number, share.clone());
        self.sharers.fetch_add(1, Ordering::Relaxed);
        let holding = Holding { holdings: self.clone(), number, share };
        holding.set(0);
        holding
    }

    /// Has connections end until the sum is `more` below the bound: those that hold the most.
    fn relieve(&self, more: usize) {
        let shares = self.lock();
        let mut excess = (self.used() + more).saturating_sub(self.bytes_max);
        let mut others = Vec::new();
        for share in shares.values() {
            let bytes = share.bytes.load(Ordering::Relaxed);
            if share.gives_way.load(Ordering::Relaxed) {
                excess = excess.saturating_sub(bytes);
            } else {
                others.push((bytes, share));
            }
        }
        others.sort_unstable_by_key(|(bytes, _)| Reverse(*bytes));
        for (bytes, share) in others {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(bytes);
            share.gives_way.store(true, Ordering::Relaxed);
            share.mailbox.give_way();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Share>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holding {
    /// The connection holds so many bytes beside itself.
    pub(crate) fn set(&self, bytes: usize) {
        let bytes = (CONNECTION_BYTES + bytes).next_multiple_of(GRAIN_BYTES);
        let before = self.share.bytes.swap(bytes, Ordering::Relaxed);
        let used = &self.holdings.used;
        if bytes > before {
            let used = used.fetch_add(bytes - before, Ordering::Relaxed) + bytes - before;
            if used > self.holdings.bytes_max {
                self.holdings.relieve(0);
            }
        } else if bytes < before {
            used.fetch_sub(before - bytes, Ordering::Relaxed);
        }
    }

    /// Whether the connection is to take no more before it has got rid of some: half of the room is
    /// used, and it holds more than an equal part of that half.
    pub(crate) fn is_greedy(&self) -> bool {
        let half = self.holdings.bytes_max / 2;
        let sharers = self.holdings.sharers.load(Ordering::Relaxed).max(1);
        self.holdings.used() > half && self.share.bytes.load(Ordering::Relaxed) > half / sharers
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.holdings.lock().remove(&self.number);
        self.holdings.sharers.fetch_sub(1, Ordering::Relaxed);
        let bytes = self.share.bytes.load(Ordering::Relaxed);
        self.holdings.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn holdings(bytes_max: usize) -> Arc<Holdings> {
        Arc::new(Holdings::new(bytes_max))
    }

    fn join(holdings: &Arc<Holdings>, number: u64) -> Holding {
        holdings.join(number, &Arc::default())
    }

    fn gives_way(holding: &Holding) -> bool {
        holding.share.gives_way.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_let_go_of() {
        let holdings = holdings(MIB);
        let one = join(&holdings, 1);
        let other = join(&holdings, 2);
        one.set(100_000);
        other.set(1);
        assert!((100_000..200_000).contains(&holdings.used()), "{}", holdings.used());
        one.set(0);
        drop(other);
        assert_eq!(holdings.used(), CONNECTION_BYTES);
        drop(one);
        assert_eq!(holdings.used(), 0);
    }

    #[test]
    fn who_holds_the_most_gives_way_and_nobody_else() {
        let holdings = holdings(10 * MIB);
        let all: Vec<_> = (0..5).map(|number| join(&holdings, number)).collect();
        for (holding, halves) in all.iter().zip([2, 7, 4, 2, 2]) {
            holding.set(halves * MIB / 2);
        }
        assert!(!all.iter().any(gives_way));
        all[3].set(2 * MIB + MIB / 2);
        let gave: Vec<_> = all.iter().map(gives_way).collect();
        assert_eq!(gave, [false, true, false, false, false]);
        // As long as it has not gone, what it holds counts as given back.
        all[4].set(2 * MIB);
        assert_eq!(all.iter().filter(|holding| gives_way(holding)).count(), 1);
    }

    #[test]
    fn only_who_holds_more_than_a_fair_part_is_greedy_and_only_if_there_is_little_room() {
        let holdings = holdings(10 * MIB);
        let (large, small) = (join(&holdings, 1), join(&holdings, 2));
        large.set(4 * MIB);
        assert!(!large.is_greedy(), "there is room");
        small.set(MIB);
        large.set(5 * MIB);
        assert!(large.is_greedy() && !small.is_greedy());
    }

    #[test]
    fn a_connection_that_finds_no_room_makes_some_for_the_next() {
        let holdings = holdings(MIB);
        let large = join(&holdings, 1);
        large.set(MIB - 2 * CONNECTION_BYTES);
        assert!(holdings.has_room());
        let _small = join(&holdings, 2);
        assert!(!holdings.has_room() && gives_way(&large));
        drop(large);
        assert!(holdings.has_room());
    }
}
