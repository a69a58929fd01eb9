//! Deliberate faults, to prove that the simulation finds them: none exists without the feature
//! `mutations`, which nothing that is shipped switches on.

macro_rules! mutations {
    ($(#[doc = $doc:literal] $name:ident,)+) => {
        /// A rule that is broken on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Mutation {
            $(#[doc = $doc] $name,)+
        }

        #[cfg(feature = "mutations")]
        impl Mutation {
            /// All there are, with what each of them does.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $doc)),+];
        }
    };
}

mutations! {
    /// A number behind a hole is accepted.
    AcceptHole,
    /// A number below the next one is handled again.
    ForgetDuplicate,
    /// Messages are acknowledged when they arrive.
    AcknowledgeBeforeHandling,
    /// Messages are acknowledged when their effect is written and not yet committed.
    AcknowledgeBeforeCommit,
    /// A message's number is committed before its effect.
    SplitCommit,
    /// An acknowledgement does not wait for the answers before it.
    AcknowledgeBeforeAnswer,
    /// Of messages that wait the newest is handled first.
    HandleOutOfOrder,
    /// What WELCOME says is accepted settles before the replay.
    SettleOnWelcome,
    /// What is sent again after WELCOME gets new numbers.
    RenumberOnResend,
    /// An acknowledgement is told twice.
    SettleTwice,
    /// A refusal settles its message without a word.
    LoseRefusal,
    /// Answers that were lost in a gap count as if there had been none.
    IgnoreLostAnswers,
    /// What a lost incarnation may have handled is sent again without a mark.
    ForgetPossibleDuplicate,
    /// The server does not look at HELLO's `restart`.
    IgnoreRestart,
    /// Subscriptions resume like new ones, at the newest entry.
    ForgetCursor,
    /// Entries that are gone are not reported.
    SkipGap,
    /// An entry behind a hole is delivered.
    AcceptEntryHole,
    /// An entry that comes again is delivered again.
    DeliverTwice,
    /// A reader gets whatever there is, handled or not.
    IgnoreStreamWindow,
    /// The outbox takes whatever the application sends.
    IgnoreOutboxLimit,
    /// The message transmitted last can still expire.
    ExpireTransmitted,
    /// A message that was transmitted can still be replaced.
    ReplaceTransmitted,
    /// Messages are handed over however much the transport still holds.
    IgnoreBuffered,
    /// A dead connection is never given up.
    NeverCondemn,
    /// A line that is too slow for the usual patience gets no more of it.
    StayImpatient,
    /// Patience that was needed once stays.
    StayPatient,
    /// Whoever receives something large does not say that it is there.
    ReceiveInSilence,
    /// The engine takes commits of connections that were taken over.
    SkipFencing,
    /// A HELLO that was under way for too long takes the session over from a newer one.
    AdmitStaleHello,
    /// The engine forgets every eighth accepted number.
    ForgetAccepted,
    /// Messages leave before the page's store has them.
    TransmitBeforeStored,
    /// The server is told what was handled, and forgets it, before the page's store knows.
    ReportBeforeStored,
    /// However often connections end in a fault, the next one carries the same.
    NeverIsolate,
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

    const NONE: u8 = u8::MAX;
    static ON: AtomicU8 = AtomicU8::new(NONE);

    impl Mutation {
        /// Whether this fault is in force, in the whole process.
        #[must_use]
        pub fn is_on(self) -> bool {
            ON.load(Ordering::Relaxed) == self as u8
        }

        /// Puts one fault, or none, in force, in the whole process.
        pub fn switch(to: Option<Self>) {
            ON.store(to.map_or(NONE, |mutation| mutation as u8), Ordering::Relaxed);
        }
    }
}
