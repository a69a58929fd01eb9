//! A world with one page and one node, seen as its two ends: what the protocol's own tests use.

use crate::page::{Page, Surroundings};
use crate::server::Behaviour;
use crate::world::World;
use std::ops::{Deref, DerefMut};
use tautline_protocol::client::{
    Client, Config, Hint, Input, MessageId, SendError, State, SubscribeError,
};
use tautline_protocol::{Instant, Kind, Start, StreamId};

/// A client, a server, and what lies between them.
pub type Pair = World<Page>;

impl Deref for Pair {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.pages
    }
}

impl DerefMut for Pair {
    fn deref_mut(&mut self) -> &mut Page {
        &mut self.pages
    }
}

impl Pair {
    /// A pair at time 0; the client dials with the first step.
    #[must_use]
    pub fn new(config: Config, behaviour: Behaviour, seed: u64) -> Self {
        let page = Page::new(0, config, seed, Instant::from_millis(0));
        Self::of(page, 1, behaviour, seed)
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Page, &mut Surroundings<'_>) -> T) -> T {
        let Self { now, server, network, trace, pages, .. } = self;
        let result = act(pages, &mut Surroundings { now: *now, server, network, trace });
        self.flush();
        result
    }

    /// Gives the client an input, and drains it.
    pub fn input(&mut self, input: Input) {
        self.act(|page, around| page.input_in(around, input));
    }

    /// Gives the client a hint from its page.
    pub fn hint(&mut self, hint: Hint) {
        self.act(|page, around| page.hint_in(around, hint));
    }

    /// Runs a command of the application at the present time, and drains.
    pub fn command<T>(&mut self, command: impl FnOnce(&mut Client) -> T) -> T {
        self.act(|page, around| page.command_in(around, command))
    }

    /// Carries out everything the client wants, until it is idle.
    pub fn drain(&mut self) {
        self.act(Page::drain_in);
    }

    /// Sends a message; its text begins with `word` and is different every time.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send(&mut self, kind: Kind, word: &str, size: usize) -> Result<MessageId, SendError> {
        let mut sent = self.send_together(&[(kind, word, size)]);
        sent.pop().unwrap_or(Err(SendError::Closed))
    }

    /// Sends several messages in one turn, as one run of the event loop does.
    pub fn send_together(
        &mut self,
        messages: &[(Kind, &str, usize)],
    ) -> Vec<Result<MessageId, SendError>> {
        self.act(|page, around| page.send_together_in(around, messages, None))
    }

    /// Sends a message that expires.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send_with_ttl(
        &mut self,
        kind: Kind,
        word: &str,
        ttl_ms: u64,
    ) -> Result<MessageId, SendError> {
        let message = [(kind, word, 0)];
        let mut sent =
            self.act(|page, around| page.send_together_in(around, &message, Some(ttl_ms)));
        sent.pop().unwrap_or(Err(SendError::Closed))
    }

    /// Puts another message of the same kind in the place of one; whether that was still possible.
    ///
    /// # Errors
    /// As [`Client::replace`].
    pub fn replace(&mut self, id: MessageId, ttl_ms: Option<u64>) -> Result<bool, SendError> {
        self.act(|page, around| page.replace_in(around, id, ttl_ms))
    }

    /// Takes a message back; whether that was still possible.
    pub fn cancel(&mut self, id: MessageId) -> bool {
        self.act(|page, around| page.cancel_in(around, id))
    }

    /// Subscribes to a topic.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub fn subscribe(&mut self, topic: &str, start: Start) -> Result<StreamId, SubscribeError> {
        self.act(|page, around| page.subscribe_in(around, topic, start))
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, stream: StreamId) {
        self.act(|page, around| page.unsubscribe_in(around, stream));
    }

    /// The server sends a direct message, if it has the session.
    pub fn push(&mut self) {
        self.act(|page, around| page.push_in(around, 0));
    }

    /// Breaks the present connection; each end notices after so many milliseconds, or never.
    pub fn cut(&mut self, client_after: Option<u64>, server_after: Option<u64>) {
        self.cut_page(0, client_after, server_after);
    }

    /// Nothing moves any more on the present connection, and nobody is told.
    pub fn stall(&mut self) {
        self.stall_page(0);
    }

    /// The session expires on the server.
    pub fn expire(&mut self, tombstone: bool) {
        self.expire_page(0, tombstone);
    }

    /// Runs until the line is live; whether it came to that within a minute.
    pub fn connect(&mut self) -> bool {
        self.run_until(60_000, |pair| pair.client.state() == State::Open)
    }
}
