//! What the client's application was told, held against the truth as it comes in.

use crate::bounds::{Ask, Bounds};
use crate::truth::{Item, Truth};
use tautline_protocol::client::{Event, Failure, MessageId, Missing, State};
use tautline_protocol::{DIRECT, Epoch, Offset, StreamId};

/// A promise that does not hold. Each is a property of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A message was handled twice, out of order, or marked as a duplicate without need.
    Handling,
    /// The application was told of a message what is not true.
    Outcome,
    /// A message settled a second time.
    SettledTwice,
    /// A reader saw an entry twice, out of order or not at all, or was told a wrong gap.
    Reading,
    /// A loss was told without one, or not told.
    Loss,
    /// The client has dialed more often than it has lost connections, or a step has changed nothing.
    Restless,
    /// Nothing is left to do, and a message has not settled.
    Unsettled,
    /// Nothing is left to do, and the line is not live or an entry was not read.
    Unrested,
}

/// What became of a message, as the application was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing so far.
    Pending,
    /// Processed.
    Acknowledged,
    /// Processed, with a reply.
    Replied,
    /// Processed, and refused.
    Refused,
    /// Not confirmed, for this reason.
    Failed(u8),
    /// Taken back before it was transmitted.
    Cancelled,
}

impl Fate {
    const UNKNOWN: Self = Self::Failed(Failure::OutcomeUnknown as u8);
}

/// How far a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The incarnation of the log; none before it is known.
    pub epoch: Epoch,
    /// The last entry read, or told to be missing.
    pub at: Offset,
    /// A gap has to be told before anything else: up to here, in a log that began anew or not.
    owed: Option<(Offset, bool)>,
    /// A gap was told.
    pub gap: bool,
}

/// The books of the client's application.
#[derive(Clone, Debug, Default, Hash)]
pub struct Ledger {
    /// What became of each message: the first has the id 1.
    pub fates: Vec<Fate>,
    /// The direct stream.
    pub direct: Reading,
    /// The topic.
    pub topic: Reading,
    /// It was told that the session is lost, and what was accepted is not known.
    lost: bool,
    /// It was told that direct messages may be, or are, missing.
    direct_missing: bool,
}

/// What the ledger is held against.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What has happened on the server.
    pub truth: &'a Truth,
    /// Up to where the direct stream and the topic are trimmed, by their incarnation.
    pub trimmed: [(Epoch, Offset); 2],
    /// The incarnation that WELCOME named on the client's connection.
    pub epoch: Epoch,
    /// What the messages asked for.
    pub bounds: &'a Bounds,
}

impl Facts<'_> {
    /// Whether every entry of a log up to `offset` is gone.
    fn is_gone(&self, epoch: Epoch, offset: Offset) -> bool {
        self.trimmed.iter().all(|(log, trimmed)| *log != epoch || offset <= *trimmed)
    }
}

impl Ledger {
    /// What became of a message.
    #[must_use]
    pub fn fate(&self, id: MessageId) -> Option<Fate> {
        self.fates.get(usize::try_from(id.checked_sub(1)?).ok()?).copied()
    }

    /// Whether a message may be handled now: nothing definite was told of it.
    #[must_use]
    pub fn is_open(&self, id: MessageId) -> bool {
        matches!(self.fate(id), Some(Fate::Pending | Fate::UNKNOWN))
    }

    /// Whether a message may be left out: it was taken back, or told to be of unknown fate.
    #[must_use]
    pub fn may_be_left_out(&self, id: MessageId) -> bool {
        matches!(self.fate(id), Some(Fate::UNKNOWN | Fate::Cancelled))
    }

    /// The application sends its next message; returns the id that it has to get.
    pub fn send(&mut self) -> MessageId {
        self.fates.push(Fate::Pending);
        self.fates.len() as u64
    }

    /// The application has taken a message back.
    pub fn cancel(&mut self, id: MessageId) {
        let index = usize::try_from(id.wrapping_sub(1)).unwrap_or(usize::MAX);
        if let Some(fate) = self.fates.get_mut(index) {
            *fate = Fate::Cancelled;
        }
    }

    /// Whether a message has failed so.
    #[must_use]
    pub fn has_failed(&self, failure: Failure) -> bool {
        self.fates.contains(&Fate::Failed(failure as u8))
    }

    /// The application was told something.
    ///
    /// # Errors
    /// It is not true.
    pub fn note(&mut self, event: &Event<'_>, facts: Facts<'_>) -> Result<(), Broken> {
        match *event {
            Event::State { state, .. } => self.state(state, facts),
            Event::Lost { accepted_known, direct_missing } => {
                self.session_lost(accepted_known, direct_missing, facts)
            }
            Event::Acknowledged { through } => self.acknowledged(through, facts),
            Event::Reply { id, payload, .. } => {
                let right = payload == [id as u8];
                self.settle(id, Fate::Replied, right, facts)
            }
            Event::Refused { id, code, .. } => {
                let right = code == [id as u8];
                self.settle(id, Fate::Refused, right, facts)
            }
            Event::Failed { first, last, failure } => self.failed(first, last, failure, facts),
            Event::Message { stream, offset, payload, .. } => {
                self.message(stream, offset, payload, facts)
            }
            Event::Subscribed { epoch, offset, .. } => self.subscribed(epoch, offset),
            Event::Gap { stream, missing } => self.gap(stream, missing, facts),
            // The model's server refuses no subscription and ends no line.
            Event::SubscribeRefused { .. } | Event::Closed { .. } => Err(Broken::Unrested),
        }
    }

    /// A connection that is live goes on with the incarnation that is known, or a loss was told.
    fn state(&mut self, state: State, facts: Facts<'_>) -> Result<(), Broken> {
        if state != State::Open {
            return Ok(());
        }
        if self.direct.epoch == Epoch::NONE {
            self.direct.epoch = facts.epoch;
        }
        if self.direct.epoch == facts.epoch { Ok(()) } else { Err(Broken::Loss) }
    }

    fn session_lost(
        &mut self,
        accepted_known: bool,
        direct_missing: bool,
        facts: Facts<'_>,
    ) -> Result<(), Broken> {
        let Reading { epoch, at, .. } = self.direct;
        let missing = facts.truth.has_messages(epoch, at, Offset::MAX);
        let true_loss = facts.truth.lost_sessions && (accepted_known || facts.truth.lost_all);
        self.direct = Reading { epoch: facts.epoch, ..Reading::default() };
        self.lost |= !accepted_known;
        self.direct_missing |= direct_missing;
        if true_loss && (direct_missing || !missing) { Ok(()) } else { Err(Broken::Loss) }
    }

    fn acknowledged(&mut self, through: MessageId, facts: Facts<'_>) -> Result<(), Broken> {
        for id in 1..=through {
            if self.fate(id) == Some(Fate::Pending) {
                // What has an answer settles by it; else the answer has been overtaken.
                let right = facts.bounds.ask(id) == Ask::Send;
                self.settle(id, Fate::Acknowledged, right, facts)?;
            }
        }
        Ok(())
    }

    fn failed(
        &mut self,
        first: MessageId,
        last: MessageId,
        failure: Failure,
        facts: Facts<'_>,
    ) -> Result<(), Broken> {
        for id in first..=last {
            match self.fate(id) {
                Some(Fate::Replied | Fate::Refused | Fate::Cancelled) => {}
                _ => {
                    let right = match failure {
                        Failure::OutcomeUnknown => self.lost && facts.bounds.fail_uncertain,
                        Failure::AnswerLost => self.direct_missing && facts.truth.is_handled(id),
                        // The model's application closes nothing, and sends nothing large.
                        Failure::Closed | Failure::TooLarge | Failure::Expired => false,
                    };
                    self.settle(id, Fate::Failed(failure as u8), right, facts)?;
                }
            }
        }
        Ok(())
    }

    fn settle(
        &mut self,
        id: MessageId,
        fate: Fate,
        right: bool,
        facts: Facts<'_>,
    ) -> Result<(), Broken> {
        let index = usize::try_from(id.wrapping_sub(1)).unwrap_or(usize::MAX);
        let slot = self.fates.get_mut(index).ok_or(Broken::Outcome)?;
        if *slot != Fate::Pending {
            return Err(Broken::SettledTwice);
        }
        *slot = fate;
        let asked = facts.bounds.ask(id);
        let right = right
            && match fate {
                Fate::Pending | Fate::Cancelled => false,
                Fate::Acknowledged => facts.truth.is_handled(id),
                Fate::Replied => asked == Ask::Request && facts.truth.is_handled(id),
                Fate::Refused => asked == Ask::Refuse && facts.truth.is_handled(id),
                Fate::Failed(_) => true,
            };
        if right { Ok(()) } else { Err(Broken::Outcome) }
    }

    fn message(
        &mut self,
        stream: StreamId,
        offset: Offset,
        payload: &[u8],
        facts: Facts<'_>,
    ) -> Result<(), Broken> {
        let (epoch, at, owed) = self.reading(stream);
        // Answers stand between direct messages, and only the machine sees them.
        let follows = if stream == DIRECT {
            offset > at && !facts.truth.has_messages(epoch, at, offset)
        } else {
            offset == at + 1
        };
        let right = match (payload, facts.truth.item(epoch, offset)) {
            ([number], Some(Item::Message(written))) => *number == written,
            _ => false,
        };
        self.reading_mut(stream).at = offset;
        if follows && right && owed.is_none() { Ok(()) } else { Err(Broken::Reading) }
    }

    fn subscribed(&mut self, epoch: Epoch, offset: Offset) -> Result<(), Broken> {
        let before = self.topic;
        let first = before.epoch == Epoch::NONE;
        self.topic.epoch = epoch;
        if first {
            self.topic.at = offset;
        } else if before.epoch != epoch {
            self.topic.owed = Some((offset, true));
        } else if offset != before.at {
            self.topic.owed = Some((offset, false));
        }
        let backwards = !first && before.epoch == epoch && offset < before.at;
        if backwards || before.owed.is_some() { Err(Broken::Reading) } else { Ok(()) }
    }

    fn gap(&mut self, stream: StreamId, missing: Missing, facts: Facts<'_>) -> Result<(), Broken> {
        let (epoch, at, owed) = self.reading(stream);
        let begins = if missing.reset {
            missing.from == 1
        } else if stream == DIRECT {
            missing.from > at && !facts.truth.has_messages(epoch, at, missing.from)
        } else {
            missing.from == at + 1
        };
        let announced = owed.is_none_or(|owed| owed == (missing.to, missing.reset));
        // The model's topic begins anew only when the server dies, so that SUBSCRIBED says so.
        let reset_is_told = !missing.reset || owed.is_some();
        let real =
            facts.is_gone(epoch, missing.to) && (missing.reset || missing.to >= missing.from);
        if stream == DIRECT {
            self.direct_missing = true;
        }
        let reading = self.reading_mut(stream);
        reading.at = missing.to;
        reading.owed = None;
        reading.gap = true;
        let right = begins && announced && reset_is_told && real;
        if right { Ok(()) } else { Err(Broken::Reading) }
    }

    const fn reading(&self, stream: StreamId) -> (Epoch, Offset, Option<(Offset, bool)>) {
        let reading = if stream == DIRECT { &self.direct } else { &self.topic };
        (reading.epoch, reading.at, reading.owed)
    }

    const fn reading_mut(&mut self, stream: StreamId) -> &mut Reading {
        if stream == DIRECT { &mut self.direct } else { &mut self.topic }
    }
}
