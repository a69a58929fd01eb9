//! A line with a store: what it keeps there, and what waits until it is kept. PROTOCOL.md C-33.

use super::super::{MessageId, Saved};
use super::{Core, Stream};
use crate::message::SessionId;

impl Core {
    pub(in super::super) fn saved(&self) -> Saved {
        Saved {
            epoch: self.epoch,
            acknowledged: self.outbox.acknowledged(),
            transmitted: self.outbox.numbered() as u64,
            uncertain: self.outbox.uncertain() as u64,
            doubtful: self.doubtful,
            direct: self.streams.first().map_or(0, |direct| direct.cursor().handled),
            holds: self.outbox.holds(),
        }
    }

    pub(in super::super) fn restore(
        &mut self,
        session: SessionId,
        connection: u64,
        saved: &Saved,
        count: usize,
    ) {
        self.session = session;
        self.connection = connection;
        self.epoch = saved.epoch;
        self.doubtful = saved.doubtful;
        let (transmitted, uncertain) = (saved.transmitted as usize, saved.uncertain as usize);
        self.outbox.restore(saved.acknowledged, transmitted, uncertain, count);
        if let Some(direct) = self.streams.first_mut() {
            *direct = Stream::restored(saved.epoch, saved.direct);
        }
    }

    pub(in super::super) fn release(&mut self, through: MessageId, saved: &Saved) {
        let now = self.now;
        if self.outbox.release(through, saved.holds)
            && let Some(direct) = self.streams.first_mut()
        {
            direct.stored_up_to(saved.direct, now);
        }
    }
}
