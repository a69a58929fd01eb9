//! Deliberate faults, to prove that the simulation finds them: none exists without the feature
//! `mutations`, which nothing that is shipped switches on.

/// A rule that is broken on purpose. The simulator's README says which rule each one breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutation {
    /// A number behind a hole is accepted.
    AcceptHole = 1,
    /// A number below the next is handled again.
    ForgetDuplicate,
    /// Messages are acknowledged when they arrive.
    AcknowledgeBeforeHandling,
    /// An acknowledgement does not wait for the answers before it.
    AcknowledgeBeforeAnswer,
    /// Messages are handled newest first.
    HandleOutOfOrder,
    /// What WELCOME says is accepted settles before the replay.
    SettleOnWelcome,
    /// What is sent again after WELCOME gets new numbers.
    RenumberOnResend,
    /// An acknowledged message stays in the outbox.
    SettleTwice,
    /// A refusal settles its message without a word.
    LoseRefusal,
    /// Answers that were lost in a gap count as if they had been none.
    IgnoreLostAnswers,
    /// What a lost incarnation may have handled is sent again without a mark.
    ForgetPossibleDuplicate,
    /// HELLO's `restart` is not looked at.
    IgnoreRestart,
    /// Subscriptions resume where they once started.
    ForgetCursor,
    /// Entries that are gone are not reported.
    SkipGap,
    /// An entry behind a hole is delivered.
    AcceptEntryHole,
    /// An entry that has been delivered is delivered again.
    DeliverTwice,
    /// A reader gets whatever there is, handled or not.
    IgnoreStreamWindow,
    /// The outbox takes whatever the application sends.
    IgnoreOutboxLimit,
    /// A dead connection is never given up.
    NeverCondemn,
    /// The engine takes commits of connections that were taken over.
    SkipFencing,
    /// A HELLO that was under way for too long takes the session over from a newer one.
    AdmitStaleHello,
    /// The engine forgets some accepted numbers.
    ForgetAccepted,
    /// The tombstone of a session that its client never knew replaces that of its predecessor.
    BuryTombstone,
}

#[cfg(not(feature = "mutations"))]
impl Mutation {
    /// Never: the code that asks is as if it were not there.
    #[must_use]
    #[inline]
    pub const fn is_on(self) -> bool {
        false
    }
}

#[cfg(feature = "mutations")]
mod switched {
    use super::Mutation;
    use core::sync::atomic::{AtomicU8, Ordering};

    /// The one that is on; 0: none.
    static ON: AtomicU8 = AtomicU8::new(0);

    impl Mutation {
        /// All there are.
        pub const ALL: [Self; 23] = [
            Self::AcceptHole,
            Self::ForgetDuplicate,
            Self::AcknowledgeBeforeHandling,
            Self::AcknowledgeBeforeAnswer,
            Self::HandleOutOfOrder,
            Self::SettleOnWelcome,
            Self::RenumberOnResend,
            Self::SettleTwice,
            Self::LoseRefusal,
            Self::IgnoreLostAnswers,
            Self::ForgetPossibleDuplicate,
            Self::IgnoreRestart,
            Self::ForgetCursor,
            Self::SkipGap,
            Self::AcceptEntryHole,
            Self::DeliverTwice,
            Self::IgnoreStreamWindow,
            Self::IgnoreOutboxLimit,
            Self::NeverCondemn,
            Self::SkipFencing,
            Self::AdmitStaleHello,
            Self::ForgetAccepted,
            Self::BuryTombstone,
        ];

        /// Whether this fault is in force, in the whole process.
        #[must_use]
        pub fn is_on(self) -> bool {
            ON.load(Ordering::Relaxed) == self as u8
        }

        /// Puts one fault, or none, in force, in the whole process.
        pub fn switch(to: Option<Self>) {
            ON.store(to.map_or(0, |mutation| mutation as u8), Ordering::Relaxed);
        }
    }
}
