//! The end of a line: what is in the outbox first, then BYE, then nothing.

use super::{Core, End, Event, Failure, State};
use crate::close::CloseCode;
use crate::message::Seq;
use crate::mutation::Mutation;
use crate::time::earliest;
use crate::uplink::Uplink;

impl Core {
    pub(in super::super) fn close(&mut self, timeout_ms: u64) {
        // A later, shorter patience counts.
        self.close_by = earliest(self.close_by, Some(self.now.after(timeout_ms)));
        self.check_deadlines();
    }

    /// Ends the line if the application has closed it and nothing is left to deliver; true if
    /// that produced something to hand out. PROTOCOL.md C-26.
    pub(in super::super) fn finish(&mut self) -> bool {
        // With BYE the server forgets what it has for this client, and some of that is under way.
        if self.close_by.is_none() || self.outbox.len() > 0 || self.is_replaying() {
            return false;
        }
        match self.state {
            State::Closed => false,
            State::Live(_) if !self.said_bye => {
                self.said_bye = true;
                Uplink::Bye.encode(&mut self.control);
                true
            }
            _ => {
                self.stop();
                true
            }
        }
    }

    /// Ends the line without a BYE.
    pub(super) fn stop(&mut self) {
        self.hang_up(CloseCode::NORMAL);
        self.end(End::Requested);
    }

    /// Fails whatever is unsettled and closes; the connection is gone already.
    pub(super) fn end(&mut self, end: End) {
        self.fail_outbox();
        self.state = State::Closed;
        self.leave_at = None;
        self.close_by = Some(self.now);
        self.control.clear();
        self.tell(Event::Closed { end, reason: &[] });
    }

    /// PROTOCOL.md C-27.
    pub(super) fn fail_outbox(&mut self) {
        self.replay_to = 0;
        self.settle_through(self.outbox.last_numbered(), Some(Failure::OutcomeUnknown));
        self.settle_through(Seq::MAX, Some(Failure::Closed));
    }

    /// Settles the messages up to number `seq`: they are processed, or there is a `failure`.
    pub(super) fn settle_through(&mut self, seq: Seq, failure: Option<Failure>) {
        let Some((first, last)) = self.outbox.remove_through(seq) else { return };
        if failure.is_none() && Mutation::SettleTwice.is_on() {
            self.tell(Event::Acknowledged { through: last });
        }
        self.tell(match failure {
            Some(failure) => Event::Failed { first, last, failure },
            None => Event::Acknowledged { through: last },
        });
    }
}
