//! What a connection makes of its mail, of answered requests, and of credentials that run out.

use std::sync::Arc;
use std::time::Duration;

use tautline_protocol::resume::Resumption;
use tautline_protocol::{CloseCode, DIRECT, Instant};

use super::requests::{Answer, Joined};
use super::{Connection, Held};
use crate::engine::Engine;
use crate::escaped::Escaped;
use crate::handler::{Caller, Handler, Identity};
use crate::mailbox::Signals;

impl<H: Handler, E: Engine> Connection<H, E> {
    pub(super) fn take_mail(&mut self, signals: Signals) {
        for stream in self.rung.drain(..) {
            self.streams.rung(stream);
        }
        if signals.superseded {
            tracing::info!("{}: superseded by a newer connection", self.label());
            self.machine.hang_up(CloseCode::SUPERSEDED);
        }
        if signals.give_way {
            tracing::warn!(
                "{}: ended: it holds the most of all, and memory is short",
                self.label()
            );
            let reason = "the server is short of memory, and this connection held the most";
            self.machine.refuse(CloseCode::FULL, 0, reason);
        }
        if signals.go_away {
            self.go_away();
        }
        if signals.hang_up {
            self.machine.hang_up(CloseCode::GOING_AWAY);
        }
    }

    fn go_away(&mut self) {
        let config = &self.shared.config;
        let (after, spread) = (millis(config.leave_after), millis(config.leave_spread));
        self.machine.go_away(after, spread, "the server is shutting down");
    }

    pub(super) fn take_answer(&mut self, answer: Answer<E>) {
        match answer {
            Answer::Joined { hello, joined: Ok(joined) } => {
                let Joined { identity, lease, opened } = *joined;
                let session = hello.session;
                let refresh_at = self.refresh_at(&identity);
                let peer = self.peer.address;
                let caller = Arc::new(Caller { session, identity, peer });
                let resolution = opened.resolution;
                self.intake.doubt(opened.doubtful);
                self.held = Some(Held { session: opened.session, caller, refresh_at, lease });
                tracing::info!("{}: {}", self.label(), describe(resolution.resumption));
                self.machine.join(&hello, &resolution);
                self.streams.add(DIRECT, None, resolution.epoch);
                if self.shared.leaving.is_cancelled() {
                    // It was asked before it could hear.
                    self.go_away();
                }
            }
            Answer::Joined { joined: Err(denied), .. } | Answer::Authenticated(Err(denied)) => {
                let reason = Escaped(&denied.reason);
                tracing::warn!("{}: {}: {reason}", self.label(), denied.code);
                self.machine.refuse(denied.code, millis(denied.after), &denied.reason);
            }
            Answer::Authenticated(Ok(identity)) => self.authenticated(identity),
            Answer::Subscribed { stream, subscribed: Ok((topic, position)) } => {
                self.streams.add(stream, Some(topic), position.epoch);
                self.machine.subscribed(stream, position.epoch, position.offset);
            }
            Answer::Subscribed { stream, subscribed: Err(refusal) } => {
                let (code, reason) = (&refusal.code, &refusal.reason);
                let (said, why) = (Escaped(code), Escaped(reason));
                tracing::debug!("{}: subscription refused: {said}: {why}", self.label());
                self.machine.refuse_subscription(stream, code, reason);
            }
        }
    }

    fn authenticated(&mut self, identity: Identity) {
        let refresh_at = self.refresh_at(&identity);
        let Some(held) = &mut self.held else { return };
        if identity.name() != held.caller.identity.name() {
            let reason = "the fresh credentials are of another identity";
            tracing::warn!("{}: {reason}", self.label());
            self.machine.refuse(CloseCode::WRONG_IDENTITY, 0, reason);
            return;
        }
        held.refresh_at = refresh_at;
        held.caller = Arc::new(Caller { identity, ..Caller::clone(&held.caller) });
        self.machine.authorized();
    }

    fn refresh_at(&self, identity: &Identity) -> Option<Instant> {
        identity.lifetime().map(|lifetime| self.shared.clock.now().after(millis(lifetime)))
    }

    pub(super) fn refresh_credentials(&mut self, now: Instant) {
        if let Some(held) = &mut self.held
            && held.refresh_at.is_some_and(|at| now >= at)
        {
            held.refresh_at = None;
            self.machine.request_credentials();
        }
    }
}

const fn describe(resumption: Resumption) -> &'static str {
    match resumption {
        Resumption::New => "new",
        Resumption::Resumed => "resumed",
        Resumption::LostAcceptedKnown => "lost, but what it had accepted is known",
        Resumption::Lost => "lost",
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
