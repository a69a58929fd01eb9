//! From no connection to a live one, and back.

use super::super::Hint;
use super::super::liveness::Verdict;
use super::{Core, End, NO_CODE, Output, State};
use crate::close::{CloseCode, Reaction};
use crate::life_sign;
use crate::limits::{
    BACKOFF_FIRST_MS, CREDENTIALS_BYTES_MAX, CREDENTIALS_REFUSED_MAX, PATIENCE_LEVEL_JOINING_MAX,
    STABLE_MS,
};
use crate::time::earliest;
use crate::uplink::Uplink;

impl Core {
    /// Starts an attempt: with fresh credentials if they are to be asked for.
    pub(super) fn begin_attempt(&mut self, reason: &'static str, code: CloseCode) {
        self.not_before = None;
        self.state = State::Authorizing;
        self.leave_at = Some(self.now.after(self.connect_timeout_ms));
        self.tell_state(reason, code);
        if self.asks {
            self.ask_for_credentials();
        } else {
            self.dial();
        }
    }

    pub(super) fn ask_for_credentials(&mut self) {
        self.attempt = self.attempt.wrapping_add(1);
        self.notices.push(Output::Authorize { attempt: self.attempt });
    }

    fn dial(&mut self) {
        self.connection += 1;
        self.buffered = 0;
        self.state = State::Dialing;
        self.notices.push(Output::Dial);
    }

    pub(in super::super) fn authorize(&mut self, attempt: u32, credentials: Option<&[u8]>) {
        let is_live = match self.state {
            State::Authorizing => false,
            State::Live(_) => true,
            _ => return,
        };
        if attempt != self.attempt {
            return;
        }
        let credentials = credentials.filter(|bytes| bytes.len() <= CREDENTIALS_BYTES_MAX);
        if let Some(credentials) = credentials {
            self.credentials.clear();
            self.credentials.extend_from_slice(credentials);
            if is_live {
                self.put_auth();
            } else {
                self.dial();
            }
        } else if !is_live {
            self.retry("no usable credentials", NO_CODE);
        }
    }

    /// Brings credentials on a live connection.
    pub(super) fn put_auth(&mut self) {
        Uplink::Auth { credentials: &self.credentials }.encode(&mut self.control);
    }

    /// The line carries something: on a slow one HELLO and WELCOME get more time. PROTOCOL.md C-18.
    pub(in super::super) fn opened(&mut self) {
        if matches!(self.state, State::Dialing) {
            self.state = State::Joining { hello_sent_at: None };
            for _ in 1..1 << self.patience.level.min(PATIENCE_LEVEL_JOINING_MAX) {
                self.leave_at = self.leave_at.map(|at| at.after(self.connect_timeout_ms));
            }
        }
    }

    /// The peer, or the network, has closed the connection.
    pub(in super::super) fn closed_by_peer(&mut self, code: CloseCode) {
        match self.state {
            State::Dialing => self.lost_connection("could not connect", code),
            State::Joining { .. } => {
                self.lost_connection("the connection closed before it was ready", code);
            }
            State::Live(_) => self.lost_connection("connection lost", code),
            State::Authorizing | State::Waiting { .. } | State::Closed => {}
        }
    }

    /// The peer has sent something that must not be.
    pub(in super::super) fn violated(&mut self, code: CloseCode) {
        if matches!(self.state, State::Joining { .. } | State::Live(_)) {
            self.retry("the server broke the protocol", code);
        }
    }

    /// Hangs up with `code`, if there is a connection, and waits for the next attempt.
    pub(super) fn retry(&mut self, reason: &'static str, code: CloseCode) {
        self.hang_up(if code == NO_CODE { CloseCode::NORMAL } else { code });
        self.wait(reason, Reaction::Retry, code);
    }

    /// The connection is gone; `code` says what to do about it. PROTOCOL.md C-22, C-30.
    pub(super) fn lost_connection(&mut self, reason: &'static str, code: CloseCode) {
        if code.is_fault() {
            self.count_fault(code);
        }
        match code.reaction() {
            // Of what was sent something is too large. PROTOCOL.md C-36.
            _ if code == CloseCode::TOO_LARGE && matches!(self.state, State::Live(_)) => {
                self.wait(reason, Reaction::Retry, code);
            }
            Reaction::Stop => self.end(End::Stopped(code)),
            Reaction::Reauthenticate => {
                self.credentials_refused += 1;
                if !self.asks || self.credentials_refused >= CREDENTIALS_REFUSED_MAX {
                    self.end(End::Unauthorized(code));
                } else {
                    self.wait("the server refused the credentials", Reaction::Retry, code);
                }
            }
            reaction => self.wait(reason, reaction, code),
        }
    }

    fn wait(&mut self, reason: &'static str, reaction: Reaction, code: CloseCode) {
        self.end_connection(code);
        let delay = match reaction {
            Reaction::RetryLater => self.backoff.next_delay_later_ms(),
            _ => self.backoff.next_delay_ms(),
        };
        let asked = self.not_before.take();
        let firm = asked.is_some() || reaction == Reaction::RetryLater;
        self.state = State::Waiting { firm };
        self.leave_at = asked.max(Some(self.now.after(delay)));
        self.tell_state(reason, code);
    }

    /// Closes the WebSocket, if there is one.
    // In a page the notice itself takes more code than the call.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn hang_up(&mut self, code: CloseCode) {
        if matches!(self.state, State::Dialing | State::Joining { .. } | State::Live(_)) {
            self.notices.push(Output::HangUp(code));
        }
    }

    fn end_connection(&mut self, code: CloseCode) {
        let live_ms = self.live_ms();
        let fails_again = code.is_fault() || code == CloseCode::INTERNAL;
        if matches!(self.state, State::Live(_)) && (live_ms >= STABLE_MS || !fails_again) {
            self.backoff.ended(live_ms);
        }
        self.control.clear();
        self.leaving.clear();
        self.arriving.clear();
        self.processed = 0;
        self.replay_to = 0;
        self.said_bye = false;
    }

    /// Replaces a live connection at once. PROTOCOL.md C-17, C-24.
    pub(super) fn redial(&mut self, reason: &'static str, code: CloseCode) {
        self.end_connection(code);
        self.hang_up(code);
        self.begin_attempt(reason, code);
    }

    pub(super) fn check_live(&mut self) {
        let State::Live(live) = &self.state else { return };
        match live.liveness.verdict(self.now, &self.patience) {
            Verdict::Alive => {}
            Verdict::Probe => self.probe(),
            Verdict::ShowLife => life_sign::put(&mut self.control),
            Verdict::Dead => {
                self.patience.grow();
                let (reason, code) = ("nothing heard from the server", CloseCode::SILENT);
                if self.not_before.is_some() {
                    // GOAWAY has said when to come back.
                    self.retry(reason, code);
                } else {
                    // It has waited long enough, and finding the next one dead takes as long again.
                    self.redial(reason, code);
                }
            }
        }
    }

    /// PROTOCOL.md C-14.
    pub(super) fn probe(&mut self) {
        let State::Live(live) = &mut self.state else { return };
        let nonce = live.liveness.probe(self.now);
        Uplink::Ping { nonce }.encode(&mut self.control);
    }

    pub(in super::super) fn hint(&mut self, hint: Hint) {
        match hint {
            Hint::Online | Hint::Awake => self.kick(),
            Hint::Offline => self.probe_unless_probing(),
            Hint::Asleep => {}
            Hint::Suspended => self.suspend(),
        }
    }

    /// The network or the page is back: waiting ends, a live connection has to prove itself.
    /// PROTOCOL.md C-15, C-21.
    fn kick(&mut self) {
        let soon = self.now.after(self.backoff.up_to(BACKOFF_FIRST_MS));
        let soon = self.not_before.max(Some(soon));
        match self.state {
            State::Waiting { firm: false } => self.leave_at = earliest(self.leave_at, soon),
            State::Live(_) => self.probe_unless_probing(),
            _ => {}
        }
    }

    fn probe_unless_probing(&mut self) {
        if let State::Live(live) = &self.state
            && !live.liveness.is_probing()
        {
            self.probe();
        }
    }

    /// PROTOCOL.md C-25.
    fn suspend(&mut self) {
        match self.state {
            State::Waiting { firm: true } => self.not_before = self.leave_at,
            State::Closed => return,
            _ => {}
        }
        self.end_connection(CloseCode::SUSPENDED);
        self.hang_up(CloseCode::SUSPENDED);
        self.state = State::Waiting { firm: false };
        self.leave_at = None;
        self.tell_state("the page was put aside", CloseCode::SUSPENDED);
    }
}
