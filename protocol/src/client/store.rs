//! What a line keeps in its store, beside its messages, to go on after its page is gone: the feature
//! `store`.

use super::{Client, MessageId};
use crate::message::{Epoch, Offset, Seq, SessionId};

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
    /// What [`Client::release`] has to be given with this state.
    pub holds: u64,
}

impl Client {
    /// What a store has to keep of it, beside the messages in the outbox. To be asked between two
    /// drains, when all that has happened is told.
    #[must_use]
    pub fn saved(&self) -> Saved {
        self.core.saved()
    }

    /// Gives the line a store, before anything else. The next `count` messages are those that the
    /// store had, in their order. `connection` is not below any that the session has had.
    ///
    /// From now on no message is transmitted before [`release`](Self::release) has been told of it.
    pub fn restore(&mut self, session: SessionId, connection: u64, saved: &Saved, count: usize) {
        self.core.restore(session, connection, saved, count);
    }

    /// The store of a [restored](Self::restore) line has the outbox as it was at `saved`, whose last
    /// message was `through`, and takes all of them for transmitted. What has been withdrawn since
    /// makes this void.
    pub fn release(&mut self, through: MessageId, saved: &Saved) {
        self.core.release(through, saved);
    }
}
