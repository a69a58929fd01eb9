//! The first epoch of a topic, computed from its name.
//!
//! A topic that nothing was published to is removed with its last reader. A reader that comes back must find
//! the same epoch, or it would be told that entries are missing; so the epoch is a hash of the topic's name
//! and a salt. When a topic that has had entries is removed, its name gets a new salt, so that the next topic
//! of this name has another epoch.

use std::collections::HashMap;

use tautline_protocol::Epoch;

use crate::engine::log::new_epoch;

/// Salts are kept for so many groups of names, so that they take a bounded amount of memory. The price:
/// when one name gets a new salt, empty topics of the other names in its group get a new epoch too.
const BUCKETS: u64 = 4_096;

/// The salts: one for all names, and those of groups that were given another.
#[derive(Debug)]
pub(in crate::engine) struct Incarnations {
    common: u64,
    changed: HashMap<u64, u64>,
}

impl Incarnations {
    pub(in crate::engine) fn new(common: u64, changed: HashMap<u64, u64>) -> Self {
        Self { common, changed }
    }

    /// A random one.
    pub(in crate::engine) fn salt() -> u64 {
        new_epoch().0
    }

    pub(in crate::engine) fn change(&mut self, name: &str, salt: u64) {
        self.changed.insert(bucket(name), salt);
    }

    pub(in crate::engine) fn epoch(&self, name: &str) -> Epoch {
        begin(name, self.changed.get(&bucket(name)).copied().unwrap_or(self.common))
    }
}

/// The group that a name belongs to.
pub(in crate::engine) fn bucket(name: &str) -> u64 {
    hash(name, 0) % BUCKETS
}

pub(in crate::engine) fn begin(name: &str, salt: u64) -> Epoch {
    Epoch(hash(name, salt).max(1))
}

/// FNV-1a, mixed at the end as `SplitMix64` does. It has to be the same in every process; that nobody
/// can guess it is not needed.
fn hash(name: &str, salt: u64) -> u64 {
    let bytes = salt.to_be_bytes().into_iter().chain(name.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    for multiplier in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
        hash = (hash ^ (hash >> 30)).wrapping_mul(multiplier);
    }
    hash ^ (hash >> 31)
}
