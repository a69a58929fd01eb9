//! Lets actions happen.

use super::{Pages, World};
use crate::action::{Action, TOPICS};
use crate::network::{ConnectionId, Line, Route};
use crate::page::Page;
use crate::pair::Pair;
use crate::trace::Place;
use tautline_protocol::client::{Input, MessageId};
use tautline_protocol::{CloseCode, Kind, SessionId, Start, StreamId};

/// A server without room asks its clients to stay away for so long.
const FULL_MS: u64 = 2_000;

impl Pair {
    /// Lets an action happen.
    pub fn apply(&mut self, action: Action) {
        self.apply_to(0, 0, action);
    }
}

impl<P: Pages> World<P> {
    /// Lets an action happen to a page, or to a node.
    pub fn apply_to(&mut self, page: usize, node: usize, action: Action) {
        match action {
            Action::Send(count, size) => {
                let mut messages = vec![(Kind::Send, "m", size.into()); count.into()];
                // Seldom one of them is what no server takes.
                if let Some((_, word, _)) = messages.last_mut().filter(|_| size % 64 == 7) {
                    *word = "poison";
                }
                self.with(page, |page, around| {
                    drop(page.send_together_in(around, &messages, None));
                });
            }
            Action::SendExpiring(count, ttl) => {
                let messages = vec![(Kind::Send, "m", 0); count.into()];
                let ttl = Some(ttl.into());
                self.with(page, |page, around| drop(page.send_together_in(around, &messages, ttl)));
            }
            Action::Request => self.send_one(page, Kind::Request, "ask"),
            Action::SendRefused => self.send_one(page, Kind::Send, "refuse"),
            Action::Publish => self.send_one(page, Kind::Publish, "say"),
            Action::Volatile => self.with(page, Page::send_volatile_in).unwrap_or_default(),
            Action::Replace(back, ttl) => {
                let id = self.pages().get(page).and_then(|page| nth_open(page, back));
                let ttl = ttl.map(u64::from);
                self.with(page, |page, around| id.map(|id| page.replace_in(around, id, ttl)));
            }
            Action::Cancel(back) => {
                let id = self.pages().get(page).and_then(|page| nth_open(page, back));
                self.with(page, |page, around| id.map(|id| page.cancel_in(around, id)));
            }
            Action::Subscribe(topic, last) => {
                let (topic, start) = (TOPICS[usize::from(topic)], Start::Last(last.into()));
                self.with(page, |page, around| page.subscribe_in(around, topic, start));
            }
            Action::Unsubscribe(stream) => {
                let stream = StreamId::from(stream) + 1;
                self.with(page, |page, around| page.unsubscribe_in(around, stream));
            }
            Action::Push(count) => {
                for _ in 0..count {
                    self.with(page, |page, around| page.push_in(around, 0));
                }
            }
            Action::News(topic) => self.publish(TOPICS[usize::from(topic)]),
            Action::Buffers(kilobytes) => {
                self.with(page, |page, _| {
                    page.buffered = usize::from(kilobytes) * 1024;
                });
            }
            Action::Handles(handles) => {
                self.with(page, |page, around| {
                    page.handles = handles;
                    page.input_in(around, Input::Woke);
                });
            }
            Action::Close(millis) => {
                self.with(page, |page, around| page.close_in(around, millis.into()));
            }
            Action::Reload(store) => drop(self.with(page, |page, around| {
                page.reload_in(around, store);
            })),
            Action::Run(millis) => self.run(millis.into()),
            _ => self.trouble_server(page, node, action),
        }
        self.flush();
    }

    fn send_one(&mut self, page: usize, kind: Kind, word: &str) {
        self.with(page, |page, around| {
            drop(page.send_together_in(around, &[(kind, word, 0)], None));
        });
    }

    fn trouble_server(&mut self, page: usize, node: usize, action: Action) {
        let now = self.now;
        let session = self.session_of(page);
        let engine = &mut self.server.engine;
        match action {
            Action::TrimTopic(topic, but) => {
                engine.trim_topic(TOPICS[usize::from(topic)], but.into());
            }
            Action::ResetTopic(topic) => engine.reset_topic(TOPICS[usize::from(topic)]),
            Action::TrimDirect => engine.trim_direct(&session),
            Action::Crash(keep) => return self.crash(keep),
            Action::CrashNode => return self.crash_node(node),
            Action::Expire(tombstone) => return self.expire_page(page, tombstone),
            Action::HandlerTakes(millis) => self.server.behaviour.handler_ms = millis.into(),
            Action::Full(full) => {
                self.server.behaviour.refuse = full.then_some((CloseCode::FULL, FULL_MS));
            }
            _ => return self.trouble_line(page, node, action),
        }
        self.trace.note(now, Place::World, format_args!("{action:?}"));
        self.server.run(now);
    }

    fn trouble_line(&mut self, page: usize, node: usize, action: Action) {
        let now = self.now;
        let (id, route) = (self.connection_of(page), Route { page, node });
        let session = self.session_of(page);
        let place = match action {
            Action::Pause(_) | Action::Detach(_) => Place::Node(node),
            _ => Place::Page(page),
        };
        self.trace.note(now, place, format_args!("{action:?}"));
        match (action, id) {
            (Action::Cut(client, server), Some(id)) => {
                self.network.cut(id, client.map(u64::from), server.map(u64::from), now);
            }
            (Action::Sever(millis), Some(id)) => self.network.sever(id, millis.into(), now),
            (Action::Stall, Some(id)) => self.network.stall(id),
            (Action::StallWay(way), Some(id)) => self.network.stall_way(id, way),
            (Action::Lose(way), Some(id)) => self.network.lose_next(id, way),
            (Action::Repeat(way), Some(id)) => self.network.repeat_next(id, way),
            (Action::Heal, _) => self.network.heal(),
            (Action::Reachable(reachable), _) => self.network.reachable = reachable,
            (Action::Partition(true), _) => drop(self.network.partitions.insert(route)),
            (Action::Partition(false), _) => self.network.partitions.clear(),
            (Action::Latency(millis), _) => self.network.latency_ms = millis.into(),
            (Action::Line(latency_ms, rate), _) => {
                let bytes_per_ms = rate.map(u64::from);
                let line = Line { latency_ms: latency_ms.into(), bytes_per_ms };
                self.network.lines.insert(page, line);
            }
            (Action::Pause(paused), _) => self.server.pause(node, paused, now),
            (Action::Detach(detached), _) => self.server.detach(node, detached, now),
            (Action::AskCredentials, _) => self.server.request_credentials(&session, now),
            (Action::GoAway(seconds), _) => {
                self.server.go_away(&session, u64::from(seconds) * 100, 500, now);
            }
            _ => self.trouble_page(page, action),
        }
    }

    fn trouble_page(&mut self, page: usize, action: Action) {
        match action {
            Action::Hint(hint) => drop(self.with(page, |page, around| page.hint_in(around, hint))),
            Action::Freeze(frozen) => drop(self.with(page, |page, _| page.frozen = frozen)),
            Action::Sleep(millis, stands_still) => {
                self.with(page, |page, _| page.frozen = true);
                self.run(millis.into());
                self.with(page, |page, around| {
                    page.frozen = false;
                    if stands_still {
                        page.clock.stood_still(millis.into());
                        page.input_in(around, Input::Woke);
                    }
                });
            }
            Action::ClockJump(millis) => drop(self.with(page, |page, around| {
                page.clock.jump(millis.into());
                page.input_in(around, Input::Woke);
            })),
            Action::Throttle(millis) => drop(self.with(page, |page, around| {
                page.clock.throttle(millis.into());
                page.input_in(around, Input::Woke);
            })),
            Action::ExpireTokens(fresh) => self.expire_tokens(fresh),
            Action::RefreshTokens => self.refresh_tokens(),
            _ => {}
        }
    }

    /// All tokens expire, and connected clients are asked for new ones.
    fn expire_tokens(&mut self, fresh: bool) {
        self.server.behaviour.oldest_token += 1;
        if fresh {
            self.refresh_tokens();
        }
        for page in 0..self.pages().len() {
            let session = self.session_of(page);
            self.server.request_credentials(&session, self.now);
        }
        self.flush();
    }

    /// There are new tokens for everybody who asks.
    pub(crate) fn refresh_tokens(&mut self) {
        let token = self.server.behaviour.oldest_token;
        self.pages.all_mut().iter_mut().for_each(|page| page.set_token(token));
    }

    pub(crate) fn session_of(&self, page: usize) -> SessionId {
        self.pages().get(page).map_or([0; 16], |page| page.session)
    }

    fn connection_of(&self, page: usize) -> Option<ConnectionId> {
        self.pages().get(page).and_then(Page::connection)
    }

    /// Breaks the present connection of a page.
    pub(crate) fn cut_page(&mut self, page: usize, client: Option<u64>, server: Option<u64>) {
        if let Some(id) = self.connection_of(page) {
            let words = format_args!("cut: {client:?} {server:?}");
            self.trace.note(self.now, Place::Page(page), words);
            self.network.cut(id, client, server, self.now);
        }
    }

    /// Stalls the present connection of a page.
    pub(crate) fn stall_page(&mut self, page: usize) {
        if let Some(id) = self.connection_of(page) {
            self.trace.note(self.now, Place::Page(page), format_args!("stall"));
            self.network.stall(id);
        }
    }

    /// The session of a page expires on the server.
    pub(crate) fn expire_page(&mut self, page: usize, tombstone: bool) {
        let session = self.session_of(page);
        let words = format_args!("its session expires, tombstone: {tombstone}");
        self.trace.note(self.now, Place::Page(page), words);
        self.server.expire(&session, tombstone, self.now);
        self.flush();
    }
}

fn nth_open(page: &Page, back: u8) -> Option<MessageId> {
    page.ledger.pending().nth(back.into())
}
