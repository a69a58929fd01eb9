//! Every promise settles exactly once, at the latest when the line ends.

use crate::ledger::{Fate, Ledger, Sent};
use tautline_protocol::Kind;
use tautline_protocol::client::{End, Failure, MessageId};

impl Ledger {
    /// The application has sent a message.
    pub fn send(&mut self, id: MessageId, kind: Kind, payload: Vec<u8>) {
        self.open += 1;
        let sent = Sent { kind, payload, fate: Fate::Pending, settled_at: 0 };
        if self.sent.insert(id, sent).is_some() {
            self.violate(format!("message id {id} was given twice"));
        }
    }

    /// The application has taken a message back.
    pub fn cancel(&mut self, id: MessageId) {
        self.settle(id, Fate::Cancelled);
    }

    pub(crate) fn settle(&mut self, id: MessageId, fate: Fate) {
        match self.sent.get_mut(&id) {
            Some(sent) if sent.fate == Fate::Pending => {
                sent.fate = fate;
                sent.settled_at = self.handled;
                self.open -= 1;
            }
            Some(sent) => {
                let before = sent.fate.clone();
                self.violate(format!("message {id} settled as {before:?}, then as {fate:?}"));
            }
            None => self.violate(format!("{fate:?} of message {id}, which was never sent")),
        }
        self.advance();
    }

    /// Finds the first message that is open.
    fn advance(&mut self) {
        let is_open = |sent: &Sent| sent.fate == Fate::Pending;
        let mut open = self.sent.range(self.first_open..);
        let last = self.sent.last_key_value().map_or(0, |(id, _)| *id);
        self.first_open = open.find(|(_, sent)| is_open(sent)).map_or(last + 1, |(id, _)| *id);
    }

    pub(crate) fn acknowledged(&mut self, through: MessageId) {
        let mut overtaken = Vec::new();
        let mut settled = 0;
        let from = self.first_open.min(through);
        for (id, sent) in self.sent.range_mut(from..=through) {
            if sent.fate == Fate::Pending {
                sent.fate = Fate::Acknowledged;
                sent.settled_at = self.handled;
                settled += 1;
                if sent.kind == Kind::Request {
                    overtaken.push(*id);
                }
            }
        }
        self.open -= settled;
        if settled == 0 {
            self.violate(format!("acknowledged through message {through}, and none was open"));
        }
        for id in overtaken {
            self.violate(format!("request {id} acknowledged before its reply came"));
        }
        self.advance();
    }

    pub(crate) fn failed(&mut self, first: MessageId, last: MessageId, failure: Failure) {
        if first > last || !self.sent.contains_key(&first) || !self.sent.contains_key(&last) {
            self.violate(format!("{failure:?} of messages {first} to {last}"));
        }
        let mut twice = Vec::new();
        for (id, sent) in self.sent.range_mut(first..=last.max(first)) {
            match sent.fate {
                Fate::Pending => {
                    sent.fate = Fate::Failed(failure);
                    sent.settled_at = self.handled;
                    self.open -= 1;
                }
                Fate::Acknowledged => twice.push(*id),
                // Settled in another way within the range.
                _ => {}
            }
        }
        for id in twice {
            self.violate(format!("message {id} settled, then failed as {failure:?}"));
        }
        self.advance();
    }

    pub(crate) fn close(&mut self, end: End, reason: &[u8]) {
        let pending: Vec<_> = self.pending().collect();
        if !pending.is_empty() {
            self.violate(format!("the line ended, and {pending:?} are not settled"));
        }
        self.closed = Some((end, reason.to_vec()));
    }
}
