//! What the application of a page does, and what the server does for this page alone.

use super::{Page, Pushed, Surroundings, name_of_session};
use crate::ledger::Ledger;
use crate::words;
use tautline_protocol::client::{Client, Input, MessageId, SendError, SubscribeError};
use tautline_protocol::{CloseCode, Format, Kind, Seed, Start, StreamId};

impl Page {
    /// A text that no other message of any page has; the first page's are short.
    fn text(&mut self, word: &str) -> String {
        self.sends += 1;
        match self.number {
            0 => format!("{word} {}", self.sends),
            number => format!("{word} {}-{number}", self.sends),
        }
    }

    /// Sends several messages in one turn, as one run of the event loop does.
    pub(crate) fn send_together_in(
        &mut self,
        around: &mut Surroundings<'_>,
        messages: &[(Kind, &str, usize)],
        ttl_ms: Option<u64>,
    ) -> Vec<Result<MessageId, SendError>> {
        let mut results = Vec::new();
        self.input_in(around, Input::Woke);
        for (kind, word, size) in messages {
            let mut payload = self.text(word).into_bytes();
            payload.resize(payload.len().max(*size), b'.');
            let copy = payload.clone();
            let result = self.client.send_with_ttl(*kind, Format::Text, "room", copy, ttl_ms);
            let words = format_args!("{kind:?} {word} {size} {ttl_ms:?}: {result:?}");
            around.trace.note(around.now, self.place(), words);
            if let Ok(id) = result {
                let name = self.ledger.name(id);
                self.ledger.send(name, *kind, ttl_ms.is_some(), payload);
            }
            results.push(result);
        }
        self.drain_in(around);
        results
    }

    /// Sends a volatile message.
    pub(crate) fn send_volatile_in(&mut self, around: &mut Surroundings<'_>) {
        let payload = self.text("v").into_bytes();
        let send = |client: &mut Client| client.send_volatile(Format::Text, None, &payload);
        let result = self.command_in(around, send);
        around.trace.note(around.now, self.place(), format_args!("volatile: {result:?}"));
        self.ledger.volatile.insert(payload);
    }

    /// Takes a message back; whether that was still possible.
    pub(crate) fn cancel_in(&mut self, around: &mut Surroundings<'_>, id: MessageId) -> bool {
        self.input_in(around, Input::Woke);
        let cancelled = self.ledger.id_of(id).is_some_and(|id| self.client.cancel(id));
        around.trace.note(around.now, self.place(), format_args!("cancel m{id}: {cancelled}"));
        if cancelled {
            self.ledger.cancel(id);
        }
        self.drain_in(around);
        cancelled
    }

    /// Sends another message of the same kind in the place of one; whether that was still possible.
    pub(crate) fn replace_in(
        &mut self,
        around: &mut Surroundings<'_>,
        id: MessageId,
        ttl_ms: Option<u64>,
    ) -> Result<bool, SendError> {
        self.input_in(around, Input::Woke);
        let kind = self.ledger.sent.get(&id).map_or(Kind::Send, |sent| sent.kind);
        let word = match kind {
            Kind::Send => "m",
            Kind::Request => "ask",
            Kind::Publish => "say",
        };
        let payload = self.text(word).into_bytes();
        let copy = payload.clone();
        let place = self.ledger.id_of(id).unwrap_or(0);
        let result = self.client.replace(place, kind, Format::Text, "room", copy, ttl_ms);
        let words = format_args!("replace m{id} {ttl_ms:?}: {result:?}");
        around.trace.note(around.now, self.place(), words);
        if result == Ok(true) {
            self.ledger.replace(id, kind, ttl_ms.is_some(), payload);
        }
        self.drain_in(around);
        result
    }

    /// Subscribes to a topic.
    pub(crate) fn subscribe_in(
        &mut self,
        around: &mut Surroundings<'_>,
        topic: &str,
        start: Start,
    ) -> Result<StreamId, SubscribeError> {
        self.input_in(around, Input::Woke);
        let result = self.client.subscribe(topic, start);
        if let Ok(stream) = result {
            let cursor = match start {
                Start::After(cursor) => Some(cursor),
                Start::Last(_) => None,
            };
            self.ledger.subscribe(stream, topic, cursor);
        }
        around.trace.note(
            around.now,
            self.place(),
            format_args!("subscribes to {topic} {}: {result:?}", words::start(start)),
        );
        self.drain_in(around);
        result
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe_in(&mut self, around: &mut Surroundings<'_>, stream: StreamId) {
        around.trace.note(around.now, self.place(), format_args!("unsubscribe {stream}"));
        self.command_in(around, |client| client.unsubscribe(stream));
        self.ledger.unsubscribe(stream);
    }

    /// The application ends the line; what is not delivered within `timeout_ms` fails.
    pub(crate) fn close_in(&mut self, around: &mut Surroundings<'_>, timeout_ms: u64) {
        if self.is_durable() {
            // What is stored is for the next line of its name.
            return self.reload_in(around, true);
        }
        around.trace.note(around.now, self.place(), format_args!("closes within {timeout_ms}"));
        self.may_end = true;
        self.command_in(around, |client| client.close(timeout_ms));
    }

    /// The page is loaded anew, and its client with it. With `store` the page has what it has stored: a
    /// durable one its line, any other the cursors that an application can keep. Else the page begins
    /// with a new session, which knows nothing of the messages of the old one.
    pub(crate) fn reload_in(&mut self, around: &mut Surroundings<'_>, store: bool) {
        around.trace.note(around.now, self.place(), format_args!("reloads, store: {store}"));
        self.detach(around, CloseCode(1001));
        let topics = match store.then(|| self.begin_life()).flatten() {
            Some(snapshot) => {
                self.begin_client(around);
                self.restore(&snapshot);
                snapshot.topics.into_iter().map(|(topic, it)| (topic, Start::After(it))).collect()
            }
            None => {
                let topics = self.begin_session(store);
                self.begin_client(around);
                if self.is_durable() {
                    self.make_durable(around.now.as_millis());
                }
                topics
            }
        };
        self.unhandled.clear();
        self.unhandled_of.clear();
        self.may_end = false;
        self.input_in(around, Input::Woke);
        for (topic, start) in topics {
            let _ = self.subscribe_in(around, &topic, start);
        }
    }

    fn begin_client(&mut self, around: &Surroundings<'_>) {
        let random = around.now.as_millis() ^ (self.number as u64) << 32;
        let seed = Seed { session: self.session, random };
        self.client = Client::new(self.config.clone(), seed, self.clock.reads(around.now));
    }

    /// New books; returns where the application goes on reading if it has kept its cursors.
    fn begin_session(&mut self, store: bool) -> Vec<(String, Start)> {
        self.session = name_of_session(self.number, self.past.len() + 1);
        let ledger = Ledger { session: self.session, ..Ledger::default() };
        let past = std::mem::replace(&mut self.ledger, ledger);
        let kept = past.topics.iter().filter(|(stream, _)| store && past.reads(**stream));
        let start = |stream| past.cursor(stream).map_or(Start::Last(3), Start::After);
        let topics = kept.map(|(stream, topic)| (topic.clone(), start(*stream))).collect();
        self.past.push(past);
        topics
    }

    /// The server sends this page's client a direct message of so many bytes, or a few more, if it has the
    /// session.
    pub(crate) fn push_in(&mut self, around: &mut Surroundings<'_>, size: usize) {
        let mut text = format!("push {}", self.pushed.len() + 1);
        around.trace.note(around.now, self.place(), format_args!("is sent {text}"));
        text.extend(std::iter::repeat_n('.', size.saturating_sub(text.len())));
        if let Some(direct) = around.server.engine.direct(&self.session) {
            let (epoch, offset) = (direct.epoch, direct.head() + 1);
            let (session, payload) = (self.session, text.clone());
            self.pushed.push(Pushed { session, epoch, offset, payload });
            around.server.push(&self.session, text.as_bytes(), around.now);
        }
    }
}
