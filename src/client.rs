//! The line for Rust applications: commands, and a stream of events.

mod compaction;
mod connect;
mod event;
mod inbox;

pub use connect::{ConnectError, CredentialsTooLong};
pub use event::{Event, Payload};

use self::inbox::Inbox;
use crate::driver::Driver;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tautline_protocol::client::{Config, MessageId, SendError, State, Stats, SubscribeError};
use tautline_protocol::{DIRECT, Format, Kind, Start, StreamId};

/// A line to a server.
///
/// It lives as long as this handle. When that is dropped the connection ends at once, what is not
/// confirmed by then fails, and the session ends on the server in its own time. After
/// [`close`](Self::close) the line first delivers what it has taken, whether the handle is still
/// there or not.
pub struct Client {
    driver: Rc<Driver<Inbox>>,
}

impl Client {
    /// Opens a line to a `ws://` or `wss://` URL; `http://` and `https://` mean the same, and a
    /// relative URL goes to the page's own server. Returns at once; what is sent meanwhile waits.
    ///
    /// # Errors
    /// There is no browser, no WebSocket can be opened at this URL, or a setting makes no sense.
    pub fn connect(url: &str, config: Config) -> Result<(Self, Events), ConnectError> {
        let url = connect::check(url, &config)?;
        let driver = Driver::new(url, config, Inbox::default());
        Ok((Self { driver: driver.clone() }, Events { driver, unhandled: None }))
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

    /// Ends a subscription: no event of it comes after this, not even one that waits already.
    pub fn unsubscribe(&self, stream: StreamId) {
        // The direct stream is no subscription.
        if stream != DIRECT {
            self.driver.command(|protocol| protocol.unsubscribe(stream));
            self.driver.application().forget(stream);
        }
    }

    /// Answers [`Event::Authorize`]; `None` if no credentials are to be had.
    ///
    /// # Errors
    /// The credentials are too long; the attempt still waits for others.
    pub fn authorize(
        &self,
        attempt: u32,
        credentials: Option<&[u8]>,
    ) -> Result<(), CredentialsTooLong> {
        credentials.map_or(Ok(()), CredentialsTooLong::check)?;
        self.driver.command(|protocol| protocol.authorize(attempt, credentials));
        Ok(())
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
    /// last event. The client may be dropped meanwhile.
    pub fn close(&self, timeout_ms: u64) {
        self.driver.close(timeout_ms);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.driver.let_go();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// The events of a [`Client`], in order; ends after [`Event::Closed`], also when the client is
/// dropped.
///
/// A message counts as handled when the next event is asked for: a reader that stops makes the
/// server hold back, so that no more than a window of each stream waits in here. While many events
/// wait, those about states and confirmations of which a newer one says all are left out. Once this
/// is dropped the line goes on, but keeps no events, and nothing more counts as handled.
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

impl Drop for Events {
    fn drop(&mut self) {
        self.driver.application().abandon();
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
