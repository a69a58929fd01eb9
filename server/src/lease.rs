//! Who holds a session: one connection at a time, the newest, after the one before has finished.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tautline_protocol::SessionId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::identity::Identity;
use crate::mailbox::Mailbox;

/// The sessions that connections of this process hold or wait for.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    seats: Mutex<HashMap<SessionId, Seat>>,
}

#[derive(Debug)]
struct Seat {
    identity: Arc<str>,
    /// The newest claim's connection.
    claimant: Arc<Mailbox>,
    /// Its number, as the client counts its connections (HELLO).
    connection: u64,
    /// One permit: its owner holds the session.
    turn: Arc<Semaphore>,
    claims: usize,
}

/// A connection's claim to a session; every older claim is superseded.
#[derive(Debug)]
pub(crate) struct Claim {
    leases: Arc<Leases>,
    session: SessionId,
    turn: Arc<Semaphore>,
}

/// Holds a session until dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    _permit: OwnedSemaphorePermit,
    _claim: Claim,
}

/// Why a session cannot be claimed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClaimError {
    /// It is held by another identity.
    HeldByAnother,
    /// A newer connection of the same client has it: this one's HELLO was under way for too long.
    Stale,
}

impl Leases {
    /// Claims a session and fences the connection that holds it or waits for it.
    /// PROTOCOL.md S-4, S-5.
    pub(crate) fn claim(
        self: &Arc<Self>,
        session: SessionId,
        connection: u64,
        identity: &Identity,
        claimant: &Arc<Mailbox>,
    ) -> Result<Claim, ClaimError> {
        let mut seats = self.lock();
        let seat = seats.entry(session).or_insert_with(|| Seat {
            identity: identity.shared_name(),
            claimant: claimant.clone(),
            connection: 0,
            turn: Arc::new(Semaphore::new(1)),
            claims: 0,
        });
        if *seat.identity != *identity.name() {
            return Err(ClaimError::HeldByAnother);
        }
        if connection <= seat.connection {
            return Err(ClaimError::Stale);
        }
        seat.connection = connection;
        seat.claims += 1;
        let turn = seat.turn.clone();
        let before = std::mem::replace(&mut seat.claimant, claimant.clone());
        drop(seats);
        if !Arc::ptr_eq(&before, claimant) {
            before.supersede();
        }
        Ok(Claim { leases: self.clone(), session, turn })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Seat>> {
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
        if let Some(seat) = seats.get_mut(&self.session) {
            seat.claims -= 1;
            if seat.claims == 0 {
                seats.remove(&self.session);
            }
        }
    }
}
