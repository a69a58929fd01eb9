//! Deadlines of the server's end: when to send PING, and when to end a connection that is silent or late.

use super::deadline::{Deadline, Look};
use super::{Session, State, silent_after};
use crate::close::CloseCode;
use crate::downlink::Downlink;
use crate::limits::{HELLO_TIMEOUTS_MAX, MESSAGE_MS_MAX};
use crate::time::{Instant, earliest};

impl Session {
    /// PROTOCOL.md S-1, S-15, S-16, S-29.
    pub(super) fn check_deadlines(&mut self) {
        let (now, put_off_ms) = (self.now, self.config.heartbeat_ms);
        let look = |deadline: &mut Option<Deadline>| match deadline {
            Some(deadline) => deadline.look(now, put_off_ms),
            None => Look::Pending,
        };
        match &mut self.state {
            State::Opening { give_up } => {
                if give_up.look(now, put_off_ms) == Look::Passed {
                    self.refuse(CloseCode::HELLO_TIMEOUT, 0, "no HELLO came in time");
                }
                return;
            }
            State::Live => {}
            State::Joining | State::Ending(_) | State::Closed => return,
        }
        match self.silent.look(now, put_off_ms) {
            Look::Pending => {}
            // A PING is sent once more, even if one is out already.
            Look::PutOff => self.pinged = false,
            Look::Passed => return self.hang_up(CloseCode::SILENT),
        }
        if look(&mut self.credentials_by) == Look::Passed {
            // It may have slept: whether its credentials are good is for its next HELLO to show.
            self.refuse(CloseCode::SILENT, 0, "no fresh credentials came in time");
        } else if look(&mut self.verdict_by) == Look::Passed {
            self.refuse(CloseCode::INTERNAL, 0, "the server took too long over the credentials");
        } else if !self.pinged && now >= self.ping_at() {
            // It has been quiet for a while, in one direction at least.
            self.pinged = true;
            self.nonce += 1;
            self.urgent.put(&Downlink::Ping { nonce: self.nonce });
        }
    }

    /// Bytes have moved on the connection at `at`, and no message has come of them yet: the client is slow,
    /// and not silent. PROTOCOL.md S-36.
    pub fn moved(&mut self, at: Instant) {
        let (config, heard_at) = (self.config, self.heard_at);
        let hello_ms = config.hello_timeout_ms;
        let (deadline, by, most_ms) = match &mut self.state {
            State::Opening { give_up } => {
                (give_up, at.after(hello_ms), hello_ms.saturating_mul(HELLO_TIMEOUTS_MAX))
            }
            State::Live => (&mut self.silent, silent_after(at, &config).at(), MESSAGE_MS_MAX),
            State::Joining | State::Ending(_) | State::Closed => return,
        };
        let by = by.min(heard_at.after(most_ms));
        if by > deadline.at() {
            *deadline = Deadline::new(by);
        }
    }

    /// Before the client misses a heartbeat; its own timers may be throttled, receiving is not.
    fn ping_at(&self) -> Instant {
        self.heard_at.min(self.sent_at).after(self.config.heartbeat_ms.saturating_mul(3) / 4)
    }

    /// The next deadline: when to call with [`Input::Woke`](super::Input::Woke).
    ///
    /// [`Output::Idle`](super::Output::Idle) says the same. This is for a server that cannot call
    /// [`poll_output`](super::Session::poll_output) until `Idle`, because its socket is full.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        match self.state {
            State::Opening { give_up } => Some(give_up.at()),
            State::Live => {
                let ping = if self.pinged { None } else { Some(self.ping_at()) };
                let auth = [self.credentials_by, self.verdict_by].map(|by| by.map(Deadline::at));
                let auth = earliest(auth[0], auth[1]);
                earliest(earliest(ping, Some(self.silent.at())), auth)
            }
            State::Joining | State::Ending(_) | State::Closed => None,
        }
    }
}
