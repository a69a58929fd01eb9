//! What becomes of a session at HELLO: the decision every engine shares.

use crate::message::{Epoch, Offset, Seq};
use crate::mutation::Mutation;
use crate::uplink::Hello;

/// What the server found of the session that a HELLO names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Resumption {
    /// Nothing, and the client expected nothing.
    New = 0,
    /// The session; it goes on.
    Resumed = 1,
    /// A tombstone: it is lost, but what it had accepted is known.
    LostAcceptedKnown = 2,
    /// Nothing: it is lost, and so is the fate of what was transmitted and not acknowledged.
    Lost = 3,
}

impl Resumption {
    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::New,
            1 => Self::Resumed,
            2 => Self::LostAcceptedKnown,
            3 => Self::Lost,
            _ => return None,
        })
    }
}

/// What an engine keeps of a session, as far as resuming is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The session's incarnation.
    pub epoch: Epoch,
    /// The highest message accepted.
    pub accepted: Seq,
    /// The last entry of its direct stream.
    pub head: Offset,
}

/// What an engine keeps of a session that it has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tombstone {
    /// The lost incarnation.
    pub epoch: Epoch,
    /// The highest message it had accepted.
    pub accepted: Seq,
    /// The last entry its direct stream had.
    pub head: Offset,
}

/// How a session stands after HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// What the client is told.
    pub resumption: Resumption,
    /// The session's incarnation from now on.
    pub epoch: Epoch,
    /// The highest message accepted.
    pub accepted: Seq,
    /// For [`Resumption::Resumed`] the direct stream's last entry; for
    /// [`Resumption::LostAcceptedKnown`] that of the lost one; else 0.
    pub head: Offset,
}

/// Whether a HELLO was under way for so long that a newer one of its client came first. `latest` is
/// the highest connection that has joined the session, and belongs to the session's record: the late
/// one may come when no connection is left to fence it off, and would end the session.
#[must_use]
pub const fn is_stale(hello: &Hello<'_>, latest: u64) -> bool {
    hello.connection <= latest
}

/// Decides what a HELLO gets, from what the engine still has and an epoch for a new incarnation.
///
/// A session is resumed only if the two ends provably overlap: the client holds every message that
/// the server has not accepted, and has received nothing that the server does not have. Anything
/// else is a loss, and said to be one (RSocket's resume positions, XEP-0198's `<failed h>`).
/// PROTOCOL.md.
#[must_use]
pub fn resolve(
    hello: &Hello<'_>,
    record: Option<Record>,
    tombstone: Option<Tombstone>,
    fresh: Epoch,
) -> Resolution {
    if let Some(record) = record {
        // A client that knows of no incarnation has transmitted nothing to any.
        let untouched =
            hello.epoch == Epoch::NONE && record.accepted == hello.restart.saturating_sub(1);
        let known = hello.epoch == record.epoch || untouched;
        if known && hello.acknowledged <= record.accepted && hello.received <= record.head {
            return Resolution {
                resumption: Resumption::Resumed,
                epoch: record.epoch,
                accepted: record.accepted,
                head: record.head,
            };
        }
    }
    if hello.epoch == Epoch::NONE {
        let accepted = hello.restart.saturating_sub(1);
        return Resolution { resumption: Resumption::New, epoch: fresh, accepted, head: 0 };
    }
    match tombstone {
        Some(stone) if stone.epoch == hello.epoch && hello.acknowledged <= stone.accepted => {
            Resolution {
                resumption: Resumption::LostAcceptedKnown,
                epoch: fresh,
                accepted: stone.accepted,
                head: stone.head,
            }
        }
        _ if Mutation::IgnoreRestart.is_on() => {
            let accepted = hello.acknowledged;
            Resolution { resumption: Resumption::Lost, epoch: fresh, accepted, head: 0 }
        }
        _ => {
            let accepted = hello.restart.saturating_sub(1);
            Resolution { resumption: Resumption::Lost, epoch: fresh, accepted, head: 0 }
        }
    }
}
