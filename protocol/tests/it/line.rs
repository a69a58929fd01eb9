//! A client and a server joined under virtual time, checked when the test lets go of them.

use std::ops::{Deref, DerefMut};
use tautline_protocol::Kind;
use tautline_protocol::client::{Config, Credentials, MessageId, State, WhenUncertain};
use tautline_sim::ledger::Fate;
use tautline_sim::pair::Pair;
use tautline_sim::server::Behaviour;

/// A pair whose books are checked at the end of the test.
pub(crate) struct Line(Pair);

impl Line {
    /// Client and server with their defaults; nothing has happened yet.
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Behaviour::default())
    }

    pub(crate) fn with(config: Config, behaviour: Behaviour) -> Self {
        Self(Pair::new(config, behaviour, 7))
    }

    /// As [`new`](Self::new), and live.
    pub(crate) fn live() -> Self {
        let mut line = Self::new();
        assert!(line.connect());
        line
    }

    pub(crate) fn live_with(config: Config, behaviour: Behaviour) -> Self {
        let mut line = Self::with(config, behaviour);
        assert!(line.connect());
        line
    }

    /// Sends one message of kind [`Kind::Send`].
    pub(crate) fn say(&mut self, word: &str) -> MessageId {
        self.send(Kind::Send, word, 0).unwrap()
    }

    pub(crate) fn ask(&mut self) -> MessageId {
        self.send(Kind::Request, "ask", 0).unwrap()
    }

    pub(crate) fn fate(&self, id: MessageId) -> Fate {
        self.ledger.fate(id)
    }

    /// Runs until every message is settled and the line is live or closed.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        let settled = self.run_until(120_000, |pair| {
            pair.ledger.pending().next().is_none() && pair.client.state() != State::Waiting
        });
        let pending: Vec<_> = self.ledger.pending().collect();
        assert!(settled, "{:?}, and not settled: {pending:?}", self.client.state());
    }

    /// Ends all trouble; everything has to come out right.
    #[track_caller]
    pub(crate) fn must_converge(&mut self) {
        let wrong = self.converge();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// The connection breaks, both ends notice, and the next one is live.
    #[track_caller]
    pub(crate) fn reconnect(&mut self) {
        self.cut(Some(0), Some(0));
        assert!(self.run_until(1_000, |pair| pair.client.state() != State::Open));
        assert!(self.connect());
    }

    /// How often the server has handled this message.
    pub(crate) fn handled(&self, id: MessageId) -> usize {
        let payload = &self.ledger.sent[&id].payload;
        self.server.journal.iter().filter(|handled| handled.payload == *payload).count()
    }
}

impl Deref for Line {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        &self.0
    }
}

impl DerefMut for Line {
    fn deref_mut(&mut self) -> &mut Pair {
        &mut self.0
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let wrong = self.wrong();
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
    }
}

pub(crate) fn asking() -> Config {
    Config { credentials: Credentials::Ask, ..Config::default() }
}

pub(crate) fn failing_when_uncertain() -> Config {
    Config { when_uncertain: WhenUncertain::Fail, ..Config::default() }
}
