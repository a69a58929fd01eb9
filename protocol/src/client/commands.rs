//! Commands of applications whose bytes may be anything: what a server would have to refuse is refused
//! here, at once.

use super::{Client, MessageId, Place, SendError, SubscribeError};
use crate::message::{Format, Kind, Start, StreamId};
use core::str;

impl Client {
    /// Puts a message into the outbox. `topic` is for [`Kind::Publish`] and ignored else.
    ///
    /// # Errors
    /// The message is not taken if it is too large, called text and no UTF-8, the outbox full or the
    /// client closed.
    pub fn send(
        &mut self,
        kind: Kind,
        format: Format,
        topic: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<MessageId, SendError> {
        self.send_with_ttl(kind, format, topic, payload, None)
    }

    /// As [`send`](Self::send), but with a `ttl_ms` the message is withdrawn if it is not
    /// transmitted, for the first time, before so many milliseconds are over: then it fails with
    /// [`Failure::Expired`](super::Failure::Expired). They count from what the last
    /// [`handle_input`](Self::handle_input) has said of the time.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_with_ttl(
        &mut self,
        kind: Kind,
        format: Format,
        topic: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        ttl_ms: Option<u64>,
    ) -> Result<MessageId, SendError> {
        self.put_checked(Place::Last, kind, format, topic, payload, ttl_ms)
    }

    /// Puts a newer message in the place of one that was not yet transmitted, whose name it takes
    /// over; false if it is too late for that. Events of this name are about the newer one from
    /// then on, nothing more is told of the older.
    ///
    /// # Errors
    /// As [`send`](Self::send); the older message stays as it was.
    pub fn replace(
        &mut self,
        id: MessageId,
        kind: Kind,
        format: Format,
        topic: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, SendError> {
        let replaced = self.put_checked(Place::Of(id), kind, format, topic, payload, ttl_ms)?;
        Ok(replaced > 0)
    }

    /// Transmits a message if the line is live, without a number, an acknowledgement or a retry.
    ///
    /// # Errors
    /// The message is not taken if the line is not live or has much to transmit already, or if the
    /// message is too large or as [`send`](Self::send) says.
    pub fn send_volatile(
        &mut self,
        format: Format,
        topic: Option<&[u8]>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let kind = if topic.is_some() { Kind::Publish } else { Kind::Send };
        let topic = topic.unwrap_or_default();
        self.put_checked(Place::Past, kind, format, topic, payload, None).map(drop)
    }

    /// As [`put`](Self::put), after a look at whether the topic and what is called text are UTF-8.
    /// PROTOCOL.md F-5.
    fn put_checked(
        &mut self,
        place: Place,
        kind: Kind,
        format: Format,
        topic: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        ttl_ms: Option<u64>,
    ) -> Result<MessageId, SendError> {
        let (topic, payload) = (topic.as_ref(), payload.as_ref());
        if kind == Kind::Publish && str::from_utf8(topic).is_err() {
            return Err(SendError::BadTopic);
        }
        if format.is_text() && str::from_utf8(payload).is_err() {
            return Err(SendError::NotText);
        }
        self.put(place, kind, format, topic, payload, ttl_ms)
    }

    /// Reads a topic; its entries come as [`Event::Message`](super::Event::Message)
    /// of the returned stream.
    ///
    /// # Errors
    /// The topic's name is empty, too long or no UTF-8, more is said to be handled than was received, or
    /// there are too many subscriptions.
    pub fn subscribe(
        &mut self,
        topic: impl AsRef<[u8]>,
        start: Start,
    ) -> Result<StreamId, SubscribeError> {
        let topic = topic.as_ref();
        if str::from_utf8(topic).is_err() {
            return Err(SubscribeError::BadTopic);
        }
        if matches!(start, Start::After(cursor) if cursor.handled > cursor.received) {
            return Err(SubscribeError::BadPosition);
        }
        self.subscribe_unchecked(topic, start)
    }
}
