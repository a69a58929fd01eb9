//! Every promise settles exactly once, at the latest when the line ends.

use crate::ledger::{Fate, Ledger, Sent};
use tautline_protocol::Kind;
use tautline_protocol::client::{End, Failure, MessageId};

impl Ledger {
    /// The application has sent a message.
    pub fn send(&mut self, id: MessageId, kind: Kind, expires: bool, payload: Vec<u8>) {
        self.open += 1;
        let (fate, settled_at) = (Fate::Pending, 0);
        let sent = Sent { kind, expires, payload, fate, settled_at, told: None };
        if self.sent.insert(id, sent).is_some() {
            self.violate(format!("message id {id} was given twice"));
        }
    }

    /// The application has taken a message back.
    pub fn cancel(&mut self, id: MessageId) {
        self.settle(id, Fate::Cancelled);
    }

    /// The application has replaced a message.
    pub fn replace(&mut self, id: MessageId, kind: Kind, expires: bool, payload: Vec<u8>) {
        self.settle(id, Fate::Superseded);
        self.superseded.extend(self.sent.remove(&id).map(|sent| (id, sent)));
        self.send(id, kind, expires, payload);
        self.first_open = self.first_open.min(id);
    }

    pub(crate) fn settle(&mut self, id: MessageId, fate: Fate) {
        self.compare(id, &fate);
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

    /// Holds what is told against what an earlier life of the page was told.
    fn compare(&mut self, id: MessageId, fate: &Fate) {
        let sent = self.sent.get(&id).filter(|sent| sent.fate == Fate::Pending);
        if let Some(sent) = sent.filter(|sent| self.contradicts(sent, fate)) {
            let told = sent.told.clone();
            self.violate(format!("message {id} was told to be {told:?}, and then {fate:?}"));
        }
    }

    /// Finds the first message that is open.
    fn advance(&mut self) {
        let is_open = |sent: &Sent| sent.fate == Fate::Pending;
        let mut open = self.sent.range(self.first_open..);
        let last = self.sent.last_key_value().map_or(0, |(id, _)| *id);
        self.first_open = open.find(|(_, sent)| is_open(sent)).map_or(last + 1, |(id, _)| *id);
    }

    pub(crate) fn acknowledged(&mut self, through: MessageId) {
        let open: Vec<_> = self.pending().take_while(|id| *id <= through).collect();
        open.iter().for_each(|id| self.compare(*id, &Fate::Acknowledged));
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
        let (mut twice, mut early) = (Vec::new(), Vec::new());
        for (id, sent) in self.sent.range_mut(first..=last.max(first)) {
            match sent.fate {
                Fate::Pending => {
                    if failure == Failure::Expired && !sent.expires {
                        early.push(*id);
                    }
                    sent.fate = Fate::Failed(failure);
                    sent.settled_at = self.handled;
                    self.open -= 1;
                }
                Fate::Acknowledged => twice.push(*id),
                // Settled in another way within the range.
                _ => {}
            }
        }
        for id in early {
            self.violate(format!("message {id} has no ttl, and expired"));
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
