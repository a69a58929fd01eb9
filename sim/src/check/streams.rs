//! Of each stream every offset once, in order, or one gap that says exactly what is missing.

use crate::engine::Engine;
use crate::ledger::{Ledger, Received};
use tautline_protocol::client::Missing;
use tautline_protocol::message::Cursor;
use tautline_protocol::{DIRECT, Epoch, Offset, StreamId};

/// What is known of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) epoch: Option<Epoch>,
    /// The last entry received or reported missing; `None` before SUBSCRIBED.
    pub(crate) at: Option<Offset>,
    /// SUBSCRIBED went beyond that: a gap has to be told before anything else.
    pub(crate) gap_to: Option<Offset>,
    pub(crate) ended: bool,
}

impl From<Option<Cursor>> for Reading {
    fn from(cursor: Option<Cursor>) -> Self {
        let (epoch, at) = (cursor.map(|it| it.epoch), cursor.map(|it| it.received));
        Self { epoch, at, ..Self::default() }
    }
}

impl Reading {
    pub(crate) fn message(&mut self, stream: StreamId, offset: Offset) -> Result<(), String> {
        let expected = match (stream, self.at) {
            // Between direct messages there are answers, which only the machine counts.
            (DIRECT, at) => offset > at.unwrap_or(0),
            (_, Some(at)) => offset == at + 1 && self.gap_to.is_none(),
            (_, None) => false,
        };
        let before = self.at.replace(offset);
        if expected && !self.ended {
            return Ok(());
        }
        Err(format!("entry {offset} of stream {stream} behind {before:?}, {self:?}"))
    }

    pub(crate) fn subscribed(
        &mut self,
        stream: StreamId,
        epoch: Epoch,
        offset: Offset,
    ) -> Result<(), String> {
        let before = self.clone();
        match (self.epoch, self.at) {
            (Some(old), Some(at)) if old != epoch || offset != at => self.gap_to = Some(offset),
            // Which incarnation it was reading is not known here: a gap follows, or none is due.
            (None, Some(_)) => {}
            _ => self.at = Some(offset),
        }
        self.epoch = Some(epoch);
        if self.ended {
            return Err(format!("stream {stream} subscribed at {offset}, was {before:?}"));
        }
        Ok(())
    }

    pub(crate) fn gap(&mut self, stream: StreamId, missing: Missing) -> Result<(), String> {
        let before = self.clone();
        let at = self.at.unwrap_or(0);
        let promised = self.gap_to.take();
        let announced = promised.is_none_or(|to| to == missing.to);
        // Answers are not seen here, so a gap of the direct stream may begin behind the last entry.
        let begins =
            missing.from == at.saturating_add(1) || (stream == DIRECT && missing.from > at);
        let fits = if missing.reset { missing.from == 1 } else { begins && missing.to > at };
        self.at = Some(missing.to);
        if self.ended || !announced || !fits {
            return Err(format!("gap {missing:?} of stream {stream} at {before:?}"));
        }
        Ok(())
    }
}

/// Holds what a client has received against what was put into the logs.
#[must_use]
pub(crate) fn wrong(ledger: &Ledger, engine: &Engine) -> Vec<String> {
    let mut wrong = Vec::new();
    for received in ledger.received.iter().filter(|received| received.stream != DIRECT) {
        wrong.extend(never_put(ledger, engine, received));
    }
    wrong.extend(wrong_direct(ledger));
    wrong
}

/// An entry that is not what the log has, or had, at this place.
fn never_put(ledger: &Ledger, engine: &Engine, received: &Received) -> Option<String> {
    let topic = ledger.topics.get(&received.stream)?;
    let puts = engine.history.get(&received.payload).map(Vec::as_slice).unwrap_or_default();
    let is_there = puts.iter().any(|put| {
        put.topic == *topic
            && put.offset == received.offset
            && received.epoch.is_none_or(|epoch| epoch == put.epoch)
    });
    (!is_there).then(|| format!("{received:?} was put elsewhere: {puts:?}"))
}

/// Direct messages carry rising numbers (see [`Page::push`](crate::page::Page::push)).
fn wrong_direct(ledger: &Ledger) -> Option<String> {
    let received = ledger.payloads(DIRECT);
    let numbers: Vec<u64> = received.iter().filter_map(|payload| number(payload)).collect();
    let rising = numbers.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    (!rising).then(|| format!("direct messages came out of order or twice: {numbers:?}"))
}

/// Gaps of topics whose entries were there to be read after all: every one that is reported missing
/// must be gone. `epochs` has the incarnation that each gap is about, as far as it is known.
#[must_use]
pub(crate) fn readable_gap(
    engine: &mut Engine,
    topic: &str,
    reading: &Reading,
    missing: Missing,
) -> Option<String> {
    if missing.reset || missing.to < missing.from {
        return None;
    }
    let log = engine.topic(topic);
    let (epoch, gone) = (log.epoch, log.gone());
    let is_readable = reading.epoch == Some(epoch) && missing.to > gone;
    is_readable.then(|| format!("{missing:?} of {topic} was reported, and {gone} is the last gone"))
}

/// The number in `push 12`.
#[must_use]
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    let text = str::from_utf8(payload).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}
