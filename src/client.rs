//! The line for Rust applications: commands, and a stream of events.

mod event;

pub use event::{Event, Payload};

use crate::driver::{Application, Driver};
use futures_core::Stream;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tautline_protocol::client::{
    Config, Event as ProtocolEvent, MessageId, SendError, State, Stats, SubscribeError,
};
use tautline_protocol::{Format, Instant, Kind, Start, StreamId};

/// A line to a server. Dropping it and its [`Events`] lets go of the connection; the session then
/// ends on the server in its own time. [`close`](Self::close) ends it properly.
pub struct Client {
    driver: Rc<Driver<Inbox>>,
}

impl Client {
    /// Opens a line to a `ws://` or `wss://` URL. Returns at once; what is sent meanwhile waits.
    #[must_use]
    pub fn connect(url: &str, config: Config) -> (Self, Events) {
        let driver = Driver::new(url.into(), config, Inbox::default());
        (Self { driver: driver.clone() }, Events { driver, unhandled: None })
    }

    /// Puts a text message into the outbox; [`Event::Acknowledged`] tells when it is processed.
    ///
    /// # Errors
    /// It is too large, the outbox is full, or the line is closed. Nothing was taken.
    pub fn send_text(&self, text: impl Into<String>) -> Result<MessageId, SendError> {
        self.send(Kind::Send, Format::Text, "", text.into().into_bytes())
    }

    /// Puts a binary message into the outbox; [`Event::Acknowledged`] tells when it is processed.
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text).
    pub fn send_bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<MessageId, SendError> {
        self.send(Kind::Send, Format::Binary, "", bytes.into())
    }

    /// Puts a message of any kind and format into the outbox. `topic` is for [`Kind::Publish`];
    /// a [`Kind::Request`] is answered by [`Event::Reply`].
    ///
    /// # Errors
    /// As [`send_text`](Self::send_text), or the topic's name is empty or too long.
    pub fn send(
        &self,
        kind: Kind,
        format: Format,
        topic: &str,
        payload: Vec<u8>,
    ) -> Result<MessageId, SendError> {
        self.driver.command(|protocol| protocol.send(kind, format, topic, payload))
    }

    /// As [`send`](Self::send), but with a `ttl_ms` the message is withdrawn if it is not
    /// transmitted, for the first time, before so many milliseconds are over: then it fails with
    /// [`Failure::Expired`](tautline_protocol::client::Failure::Expired).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with_ttl(
        &self,
        kind: Kind,
        format: Format,
        topic: &str,
        payload: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<MessageId, SendError> {
        self.driver.command(|protocol| protocol.send_with_ttl(kind, format, topic, payload, ttl_ms))
    }

    /// Puts a newer message in the place of one that was not transmitted yet; false if it is too
    /// late for that, and nothing was taken. The newer one has the name of the older, of which
    /// nothing more is told: for values of which only the latest counts.
    ///
    /// # Errors
    /// As [`send`](Self::send); the older message stays as it was.
    pub fn replace(
        &self,
        id: MessageId,
        kind: Kind,
        format: Format,
        topic: &str,
        payload: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, SendError> {
        self.driver.command(|protocol| protocol.replace(id, kind, format, topic, payload, ttl_ms))
    }

    /// Transmits a text message if the line is live, without confirmation or retry.
    ///
    /// # Errors
    /// The line is not live, or the message is too large.
    pub fn send_volatile(&self, text: &str) -> Result<(), SendError> {
        let payload = text.as_bytes();
        self.driver.command(|protocol| protocol.send_volatile(Format::Text, None, payload))
    }

    /// Puts a typed message into the outbox, as JSON.
    ///
    /// # Errors
    /// The value cannot be JSON, or as [`send_text`](Self::send_text).
    #[cfg(feature = "json")]
    pub fn send_json(
        &self,
        kind: Kind,
        topic: &str,
        value: &impl serde::Serialize,
    ) -> Result<MessageId, event::JsonError> {
        let payload = serde_json::to_vec(value).map_err(event::JsonError::Json)?;
        self.send(kind, Format::EncodedText, topic, payload).map_err(event::JsonError::Send)
    }

    /// Takes a message back that was not transmitted yet; false if it is too late.
    pub fn cancel(&self, id: MessageId) -> bool {
        self.driver.command(|protocol| protocol.cancel(id))
    }

    /// Reads a topic; its entries come as [`Event::Message`] of the returned stream.
    ///
    /// # Errors
    /// The topic's name is empty or too long, there are too many subscriptions, or the line is
    /// closed.
    pub fn subscribe(&self, topic: &str, start: Start) -> Result<StreamId, SubscribeError> {
        self.driver.command(|protocol| protocol.subscribe(topic, start))
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, stream: StreamId) {
        self.driver.command(|protocol| protocol.unsubscribe(stream));
    }

    /// Answers [`Event::Authorize`]; `None` if no credentials are to be had.
    pub fn authorize(&self, attempt: u32, credentials: Option<&[u8]>) {
        self.driver.command(|protocol| protocol.authorize(attempt, credentials));
    }

    /// The line's state.
    #[must_use]
    pub fn state(&self) -> State {
        self.driver.read(tautline_protocol::Client::state)
    }

    /// Counters since the line began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.driver.read(tautline_protocol::Client::stats)
    }

    /// Ends the line once the outbox is delivered, or after `timeout_ms`; [`Event::Closed`] is the
    /// last event.
    pub fn close(&self, timeout_ms: u64) {
        self.driver.command(|protocol| protocol.close(timeout_ms));
    }
}

/// The events of a [`Client`], in order; ends after [`Event::Closed`].
///
/// A message counts as handled when the next event is asked for: a reader that stops makes the
/// server hold back, so that no more than a window of each stream waits in here.
pub struct Events {
    driver: Rc<Driver<Inbox>>,
    unhandled: Option<(StreamId, u64)>,
}

impl Events {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some((stream, offset)) = self.unhandled.take() {
            self.driver.command(|protocol| protocol.handled(stream, offset));
        }
        let next = self.driver.application().poll(context);
        if let Poll::Ready(Some(Event::Message { stream, offset, .. })) = &next {
            self.unhandled = Some((*stream, *offset));
        }
        next
    }
}

/// Where events wait for the application.
#[derive(Default)]
struct Inbox {
    events: RefCell<VecDeque<Event>>,
    waker: RefCell<Option<Waker>>,
    ended: Cell<bool>,
}

impl Inbox {
    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        if let Some(event) = self.events.borrow_mut().pop_front() {
            return Poll::Ready(Some(event));
        }
        if self.ended.get() {
            return Poll::Ready(None);
        }
        *self.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Application for Inbox {
    fn event(&self, event: ProtocolEvent<'_>, _now: Instant) {
        if matches!(event, ProtocolEvent::Closed { .. }) {
            self.ended.set(true);
        }
        self.events.borrow_mut().push_back(event.into());
    }

    fn authorize(&self, attempt: u32) {
        self.events.borrow_mut().push_back(Event::Authorize { attempt });
    }

    fn flush(&self) {
        if self.events.borrow().is_empty() {
            return;
        }
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
