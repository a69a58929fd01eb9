//! What a line keeps in its store, beside its messages, to go on after its page is gone.

use crate::message::{Epoch, Offset, Seq};

/// The state of a line between two drains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The session's incarnation.
    pub epoch: Epoch,
    /// Every message up to this number is settled; the first in the outbox has the next one.
    pub acknowledged: Seq,
    /// How many of the first messages in the outbox may have been transmitted.
    pub transmitted: u64,
    /// How many of the first a lost incarnation may have handled.
    pub uncertain: u64,
    /// Up to this number answers may be gone.
    pub doubtful: Seq,
    /// The last entry of the direct stream that is handled.
    pub direct: Offset,
    /// What [`Client::release`](super::Client::release) has to be given with this state.
    pub holds: u64,
}
