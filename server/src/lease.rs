//! Who holds a session: one connection at a time, the newest, after the one before has finished.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::SessionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::identity::Identity;
use crate::mailbox::Mailbox;

/// Session and identity. Claims of different identities do not compete here: only the engine knows who
/// owns the session, and refuses the others, so a stranger's claim cannot displace the owner's.
type Key = (SessionId, Arc<str>);

/// The sessions that connections of this process hold or wait for.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    seats: Mutex<HashMap<Key, Seat>>,
}

#[derive(Debug)]
struct Seat {
    /// The newest claim's connection.
    claimant: Arc<Mailbox>,
    /// The connections that claim it, as the client counts them (HELLO).
    claims: BTreeSet<u64>,
    /// One permit: its owner holds the session.
    turn: Arc<Semaphore>,
}

/// A connection's claim to a session; every older claim is superseded. Dropped, it leaves nothing.
#[derive(Debug)]
pub(crate) struct Claim {
    leases: Arc<Leases>,
    key: Key,
    connection: u64,
    turn: Arc<Semaphore>,
}

/// Holds a session until dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    _permit: OwnedSemaphorePermit,
    _claim: Claim,
}

/// A newer connection of the same client has the session: this one's HELLO was under way for too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stale;

impl Leases {
    /// Claims a session and fences the connection that holds it or waits for it.
    /// PROTOCOL.md S-4, S-5.
    pub(crate) fn claim(
        self: &Arc<Self>,
        session: SessionId,
        connection: u64,
        identity: &Identity,
        claimant: &Arc<Mailbox>,
    ) -> Result<Claim, Stale> {
        let key = (session, identity.shared_name());
        let mut seats = self.lock();
        let newest = seats.get(&key).and_then(|seat| seat.claims.last());
        if newest.is_some_and(|newest| connection <= *newest) {
            return Err(Stale);
        }
        let seat = seats.entry(key.clone()).or_insert_with(|| Seat {
            claimant: claimant.clone(),
            claims: BTreeSet::new(),
            turn: Arc::new(Semaphore::new(1)),
        });
        seat.claims.insert(connection);
        let turn = seat.turn.clone();
        let before = std::mem::replace(&mut seat.claimant, claimant.clone());
        drop(seats);
        if !Arc::ptr_eq(&before, claimant) {
            before.supersede();
        }
        Ok(Claim { leases: self.clone(), key, connection, turn })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Waits until the connection before has finished the message that it was handling.
    pub(crate) async fn hold(self) -> Lease {
        let turn = self.turn.clone();
        match turn.acquire_owned().await {
            Ok(permit) => Lease { _permit: permit, _claim: self },
            // Nobody closes these semaphores.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut seats = self.leases.lock();
        if let Some(seat) = seats.get_mut(&self.key) {
            seat.claims.remove(&self.connection);
            if seat.claims.is_empty() {
                seats.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(leases: &Arc<Leases>, connection: u64, name: &str) -> Result<Claim, Stale> {
        leases.claim([1; 16], connection, &Identity::new(name), &Arc::default())
    }

    // PROTOCOL.md S-5.
    #[test]
    fn a_claim_that_is_refused_or_dropped_leaves_nothing() {
        let leases = Arc::new(Leases::default());
        let held = claim(&leases, 5, "ann").unwrap();
        for late in [0, 1, 5] {
            assert_eq!(claim(&leases, late, "ann").unwrap_err(), Stale, "connection {late}");
        }
        // It came and went; what it counted binds nobody.
        drop(claim(&leases, 100, "ann").unwrap());
        let newer = claim(&leases, 6, "ann").unwrap();
        drop((held, newer));
        assert!(leases.lock().is_empty());
        drop(claim(&leases, 0, "ann"));
        assert!(leases.lock().is_empty());
    }

    // PROTOCOL.md S-3.
    #[test]
    fn a_claim_to_what_belongs_to_somebody_else_is_not_in_the_owner_s_way() {
        let leases = Arc::new(Leases::default());
        let mailbox = Arc::new(Mailbox::default());
        let owner = leases.claim([1; 16], 1, &Identity::new("ann"), &mailbox).unwrap();
        let stranger = claim(&leases, u64::MAX, "mallory").unwrap();
        assert!(!mailbox.is_fenced());
        let next = claim(&leases, 2, "ann").unwrap();
        assert!(mailbox.is_fenced());
        drop((owner, stranger, next));
        assert!(leases.lock().is_empty());
    }
}
