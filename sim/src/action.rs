//! What can happen to a pair, as data: random schedules are lists of these.

use crate::engine::Keep;
use crate::pair::Pair;
use crate::random::Random;
use tautline_protocol::client::{Hint, Input};
use tautline_protocol::{Format, Kind, Start};

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The application sends so many messages at once, of a size.
    Send(u8, u16),
    /// It sends a request.
    Request,
    /// It sends something that the server will refuse.
    SendRefused,
    /// It publishes.
    Publish,
    /// It sends a volatile message.
    Volatile,
    /// It takes back the message that it sent so many messages ago.
    Cancel(u8),
    /// It subscribes.
    Subscribe,
    /// It ends the subscription that it began so many ago.
    Unsubscribe(u8),
    /// The server sends so many direct messages.
    Push(u8),
    /// The server publishes.
    News,
    /// The server trims the topic down to nothing.
    TrimTopic,
    /// The server begins the topic anew.
    ResetTopic,
    /// Time passes.
    Run(u16),
    /// The connection breaks; each end notices after so many milliseconds, or never.
    Cut(Option<u16>, Option<u16>),
    /// Nothing moves any more on the connection.
    Stall,
    /// What was stalled moves again.
    Heal,
    /// Dialing fails from now on, or no longer does.
    Reachable(bool),
    /// The server dies and comes back.
    Crash(Keep),
    /// The session expires on the server.
    Expire(bool),
    /// Handlers take so long from now on.
    HandlerTakes(u16),
    /// Everything takes so long from now on.
    Latency(u8),
    /// The page is frozen, or is no longer.
    Freeze(bool),
    /// The page learns something.
    Hint(Hint),
    /// The server asks for new credentials.
    AskCredentials,
    /// The server sends its client away for so long.
    GoAway(u8),
    /// The application handles nothing for a while, or does again.
    Handles(bool),
}

impl Action {
    /// Draws one. Losses of sessions only if `losses`.
    #[must_use]
    pub fn draw(random: &mut Random, losses: bool) -> Self {
        let short = random.below(2_000) as u16;
        let notice = |random: &mut Random| match random.below(4) {
            0 => None,
            1 => Some(0),
            _ => Some(random.below(3_000) as u16),
        };
        match random.below(100) {
            0..=22 => Self::Send(1 + random.below(20) as u8, random.below(300) as u16),
            23..=24 => Self::Send(3, 30_000),
            25..=30 => Self::Request,
            31..=33 => Self::SendRefused,
            34..=36 => Self::Publish,
            37 => Self::Volatile,
            38..=39 => Self::Cancel(random.below(5) as u8),
            40..=41 => Self::Subscribe,
            42 => Self::Unsubscribe(random.below(3) as u8),
            43..=47 => Self::Push(1 + random.below(10) as u8),
            48..=50 => Self::News,
            51 => Self::TrimTopic,
            52 => Self::ResetTopic,
            53..=72 => Self::Run(short),
            73..=80 => Self::Cut(notice(random), notice(random)),
            81..=82 => Self::Stall,
            83 => Self::Heal,
            84 => Self::Reachable(random.one_in(2)),
            85 if losses => {
                Self::Crash([Keep::Tombstones, Keep::Nothing][random.below(2) as usize])
            }
            86 if losses => Self::Expire(random.one_in(2)),
            85..=87 => Self::Crash(Keep::Everything),
            88..=89 => Self::HandlerTakes(random.below(400) as u16),
            90 => Self::Latency(random.below(200) as u8),
            91..=92 => Self::Freeze(random.one_in(2)),
            93..=96 => Self::Hint(
                [Hint::Online, Hint::Offline, Hint::Awake, Hint::Asleep, Hint::Suspended]
                    [random.below(5) as usize],
            ),
            97 => Self::AskCredentials,
            98 => Self::GoAway(random.below(50) as u8),
            _ => Self::Handles(random.one_in(2)),
        }
    }
}

impl Pair {
    /// Lets an action happen.
    pub fn apply(&mut self, action: Action) {
        self.trace.note(self.now, format_args!("{action:?}"));
        match action {
            Action::Send(count, size) => {
                let messages = vec![(Kind::Send, "m", size.into()); count.into()];
                self.send_together(&messages);
            }
            Action::Request => drop(self.send(Kind::Request, "ask", 0)),
            Action::SendRefused => drop(self.send(Kind::Send, "refuse", 0)),
            Action::Publish => drop(self.send(Kind::Publish, "say", 0)),
            Action::Volatile => {
                let _ = self.command(|client| client.send_volatile(Format::Text, None, b"v"));
            }
            Action::Cancel(back) => {
                let id = self.ledger.pending().nth(back.into());
                if let Some(id) = id {
                    self.cancel(id);
                }
            }
            Action::Subscribe => drop(self.subscribe("room", Start::Last(3))),
            Action::Unsubscribe(stream) => self.unsubscribe(u32::from(stream) + 1),
            Action::Push(count) => (0..count).for_each(|_| self.push()),
            Action::News => self.publish("room"),
            Action::TrimTopic => self.server.engine.topic("room").trim_through(u64::MAX),
            Action::ResetTopic => {
                self.server.engine.reset_topic("room");
                self.server.run(self.now);
            }
            Action::Handles(handles) => {
                self.handles = handles;
                self.input(Input::Woke);
            }
            _ => self.trouble(action),
        }
        self.flush();
    }

    fn trouble(&mut self, action: Action) {
        match action {
            Action::Run(millis) => self.run(millis.into()),
            Action::Cut(client, server) => self.cut(client.map(u64::from), server.map(u64::from)),
            Action::Stall => self.stall(),
            Action::Heal => self.network.heal(),
            Action::Reachable(reachable) => self.network.reachable = reachable,
            Action::Crash(keep) => self.crash(keep),
            Action::Expire(tombstone) => self.expire(tombstone),
            Action::HandlerTakes(millis) => self.server.behaviour.handler_ms = millis.into(),
            Action::Latency(millis) => self.network.latency_ms = millis.into(),
            Action::Freeze(frozen) => self.frozen = frozen,
            Action::Hint(hint) => self.hint(hint),
            Action::AskCredentials => self.server.request_credentials(&self.session, self.now),
            Action::GoAway(seconds) => {
                let after_ms = u64::from(seconds) * 100;
                self.server.go_away(&self.session, after_ms, 500, self.now);
            }
            _ => {}
        }
    }
}
