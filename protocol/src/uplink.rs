//! Frames from the client to the server: PROTOCOL.md, "Frames from the client".

use crate::error::DecodeError;
use crate::limits::{CREDENTIALS_BYTES_MAX, HELLO_BYTES_MAX, TOPIC_BYTES_MAX};
use crate::message::{Cursor, Epoch, Format, Kind, Offset, Seq, SessionId, Start, StreamId};
use crate::wire::{Reader, put_byte, put_epoch, put_number, put_sized};
use alloc::vec::Vec;
use core::str;

pub(crate) const HELLO: u8 = 0x01;
pub(crate) const RECEIVED: u8 = 0x05;
pub(crate) const SUBSCRIBE: u8 = 0x06;
pub(crate) const UNSUBSCRIBE: u8 = 0x08;
pub(crate) const PING: u8 = 0x0a;
pub(crate) const PONG: u8 = 0x0b;
pub(crate) const AUTH: u8 = 0x0c;
pub(crate) const BYE: u8 = 0x0e;

/// Set in the head of every MESSAGE, and in no other frame of the client.
pub(crate) const MESSAGE: u8 = 0x80;
const LAST: u8 = 0x40;
pub(crate) const POSSIBLE_DUPLICATE: u8 = 0x02;
const VOLATILE: u8 = 0x01;
/// Of the head of a MESSAGE with a number only [`MESSAGE`] is set in this.
pub(crate) const NUMBERED_MASK: u8 = MESSAGE | VOLATILE;

/// HELLO: the first frame of every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The session to make or to resume.
    pub session: SessionId,
    /// The incarnation of the session that the client knows; [`Epoch::NONE`] before the first.
    pub epoch: Epoch,
    /// Counts the client's connections of this session, from 1. A HELLO that was under way for so
    /// long that a newer connection came first must not take the session over from that one: it is
    /// refused with [`CloseCode::REPLACED`](crate::CloseCode::REPLACED).
    pub connection: u64,
    /// Every message up to this one is settled; the client no longer holds it.
    pub acknowledged: Seq,
    /// The first number the client will send should the server have lost the session.
    pub restart: Seq,
    /// How far the client has come in the direct stream of `epoch`.
    pub received: Offset,
    /// How far the application has handled it.
    pub handled: Offset,
    /// What proves who the client is.
    pub credentials: &'a [u8],
}

/// MESSAGE: one message of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What to do with it.
    pub kind: Kind,
    /// What the payload is.
    pub format: Format,
    /// It may have been handled before, by an incarnation of the session that is lost.
    pub possible_duplicate: bool,
    /// The low byte of its sequence number; `None` if it is volatile, without a number.
    pub seq_low: Option<u8>,
    /// The topic to append to; empty unless it is a publish.
    pub topic: &'a str,
    /// The application's bytes.
    pub payload: &'a [u8],
}

/// A frame from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink<'a> {
    /// Opens the connection.
    Hello(Hello<'a>),
    /// Carries a message.
    Message(Message<'a>),
    /// The reader's cursor: all up to `offset` of `stream` is handled.
    Received {
        /// Which stream.
        stream: StreamId,
        /// The last entry that is handled.
        offset: Offset,
    },
    /// Begins, or carries on, to read a topic as `stream`.
    Subscribe {
        /// The stream's name from now on.
        stream: StreamId,
        /// The topic to read.
        topic: &'a str,
        /// Where to start.
        start: Start,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// Which stream.
        stream: StreamId,
    },
    /// Asks for a PONG.
    Ping {
        /// Comes back in the PONG.
        nonce: u64,
    },
    /// Answers a PING.
    Pong {
        /// The number of the PING.
        nonce: u64,
    },
    /// New credentials on a live connection.
    Auth {
        /// What proves who the client is.
        credentials: &'a [u8],
    },
    /// The client ends the session.
    Bye,
}

/// Decodes one packet, frame by frame; ends after the first error.
#[derive(Clone)]
pub struct Frames<'a> {
    reader: Reader<'a>,
    message_bytes_max: usize,
    started: bool,
}

impl<'a> Frames<'a> {
    /// Reads `packet`; a message over `message_bytes_max` is an error.
    #[must_use]
    pub const fn new(packet: &'a [u8], message_bytes_max: usize) -> Self {
        Self { reader: Reader::new(packet), message_bytes_max, started: false }
    }

    fn frame(&mut self) -> Result<Uplink<'a>, DecodeError> {
        let reader = &mut self.reader;
        let head = reader.byte();
        if head & MESSAGE != 0 {
            return message(reader, head, self.message_bytes_max).map(Uplink::Message);
        }
        Ok(match head {
            HELLO => Uplink::Hello(hello(reader)?),
            RECEIVED => Uplink::Received { stream: reader.number_u32(), offset: reader.number() },
            SUBSCRIBE => subscribe(reader)?,
            UNSUBSCRIBE => Uplink::Unsubscribe { stream: reader.number_u32() },
            PING => Uplink::Ping { nonce: reader.number() },
            PONG => Uplink::Pong { nonce: reader.number() },
            AUTH => Uplink::Auth { credentials: reader.sized(CREDENTIALS_BYTES_MAX) },
            BYE => Uplink::Bye,
            unknown => return Err(DecodeError::UnknownFrame(unknown)),
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Uplink<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = match (self.reader.rest().is_empty(), self.started) {
            (true, true) => return None,
            (true, false) => Err(DecodeError::Empty),
            (false, _) => {
                let frame = self.frame();
                // A field that could not be read explains whatever else is wrong.
                self.reader.check().and(frame)
            }
        };
        self.started = true;
        if frame.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(frame)
    }
}

fn hello<'a>(reader: &mut Reader<'a>) -> Result<Hello<'a>, DecodeError> {
    // A newer client may append fields: what follows the known ones is skipped.
    let mut fields = Reader::new(reader.sized(HELLO_BYTES_MAX));
    let session = fields.array();
    let epoch = fields.epoch();
    let connection = fields.number();
    let acknowledged = fields.number();
    let restart = fields.number();
    let received = fields.number();
    let handled = fields.number();
    fields.check()?;
    // Without an incarnation there is nothing that it can have acknowledged or delivered.
    let knows_more = epoch == Epoch::NONE && (acknowledged > 0 || received > 0);
    let backwards = restart <= acknowledged || handled > received;
    // Before the credentials, which come behind: PROTOCOL.md F-17.
    if connection == 0 || knows_more || backwards {
        return Err(DecodeError::BadField);
    }
    let credentials = fields.sized(CREDENTIALS_BYTES_MAX);
    fields.check()?;
    Ok(Hello { session, epoch, connection, acknowledged, restart, received, handled, credentials })
}

fn message<'a>(
    reader: &mut Reader<'a>,
    head: u8,
    message_bytes_max: usize,
) -> Result<Message<'a>, DecodeError> {
    let kind = match (head >> 4) & 3 {
        0 => Kind::Send,
        1 => Kind::Request,
        2 => Kind::Publish,
        _ => return Err(DecodeError::BadField),
    };
    let format = Format::from_bits(head >> 2);
    let possible_duplicate = head & POSSIBLE_DUPLICATE != 0;
    let volatile = head & VOLATILE != 0;
    if volatile && (possible_duplicate || kind == Kind::Request) {
        return Err(DecodeError::BadField);
    }
    let seq_low = if volatile { None } else { Some(reader.byte()) };
    let body_max = message_bytes_max.saturating_add(TOPIC_BYTES_MAX + 2);
    let mut body = Reader::new(reader.body(head & LAST != 0, body_max));
    reader.check()?;
    let topic = if kind == Kind::Publish { topic(&mut body)? } else { "" };
    let payload = body.rest();
    if payload.len() > message_bytes_max {
        return Err(DecodeError::TooLong);
    }
    if format.is_text() && str::from_utf8(payload).is_err() {
        return Err(DecodeError::NotText);
    }
    Ok(Message { kind, format, possible_duplicate, seq_low, topic, payload })
}

fn topic<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let name = reader.sized(TOPIC_BYTES_MAX);
    reader.check()?;
    if name.is_empty() {
        return Err(DecodeError::BadField);
    }
    str::from_utf8(name).map_err(|_| DecodeError::NotText)
}

fn subscribe<'a>(reader: &mut Reader<'a>) -> Result<Uplink<'a>, DecodeError> {
    let stream = reader.number_u32();
    reader.check()?;
    if stream == crate::DIRECT {
        return Err(DecodeError::BadField);
    }
    let topic = topic(reader)?;
    let start = match reader.byte() {
        0 => Start::Last(reader.number()),
        1 => {
            let epoch = reader.epoch();
            let received = reader.number();
            Start::After(Cursor { epoch, received, handled: reader.number() })
        }
        _ => return Err(DecodeError::BadField),
    };
    reader.check()?;
    let backwards = matches!(start, Start::After(cursor) if cursor.handled > cursor.received);
    if backwards {
        return Err(DecodeError::BadField);
    }
    Ok(Uplink::Subscribe { stream, topic, start })
}

impl Uplink<'_> {
    /// Appends the frame to a packet.
    ///
    /// A MESSAGE is written with its length, so that frames may follow; see `put_message`.
    // Each of the client's calls names its variant: inlined, the other arms fall away.
    #[inline(always)]
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Hello(ref hello) => put_hello(out, hello),
            Self::Message(message) => {
                let mut body = Vec::new();
                put_body(&mut body, message.kind, message.topic.as_bytes(), message.payload);
                let duplicate = message.possible_duplicate;
                let head = message_head(message.kind, message.format, duplicate);
                put_message(out, head, message.seq_low, &body, false);
            }
            Self::Received { stream, offset } => {
                put_one(out, RECEIVED, stream.into());
                put_number(out, offset);
            }
            Self::Subscribe { stream, topic, start } => {
                put_subscribe(out, stream, topic.as_bytes(), start);
            }
            Self::Unsubscribe { stream } => put_one(out, UNSUBSCRIBE, stream.into()),
            Self::Ping { nonce } => put_one(out, PING, nonce),
            Self::Pong { nonce } => put_one(out, PONG, nonce),
            Self::Auth { credentials } => {
                put_byte(out, AUTH);
                put_sized(out, credentials);
            }
            Self::Bye => put_byte(out, BYE),
        }
    }
}

pub(crate) fn put_hello(out: &mut Vec<u8>, hello: &Hello<'_>) {
    // Copied, so that the rest of it need not lie in memory.
    let session = hello.session;
    let mut fields = Vec::new();
    fields.extend_from_slice(&session);
    put_epoch(&mut fields, hello.epoch);
    put_number(&mut fields, hello.connection);
    put_number(&mut fields, hello.acknowledged);
    put_number(&mut fields, hello.restart);
    put_number(&mut fields, hello.received);
    put_number(&mut fields, hello.handled);
    put_sized(&mut fields, hello.credentials);
    put_byte(out, HELLO);
    put_sized(out, &fields);
}

pub(crate) fn put_subscribe(out: &mut Vec<u8>, stream: StreamId, topic: &[u8], start: Start) {
    put_one(out, SUBSCRIBE, stream.into());
    put_sized(out, topic);
    match start {
        Start::Last(count) => {
            put_byte(out, 0);
            put_number(out, count);
        }
        Start::After(cursor) => {
            put_byte(out, 1);
            put_epoch(out, cursor.epoch);
            put_number(out, cursor.received);
            put_number(out, cursor.handled);
        }
    }
}

/// What every frame with a number in front begins with.
fn put_one(out: &mut Vec<u8>, head: u8, number: u64) {
    put_byte(out, head);
    put_number(out, number);
}

/// The head of a numbered MESSAGE, to be completed by [`put_message`].
pub(crate) const fn message_head(kind: Kind, format: Format, possible_duplicate: bool) -> u8 {
    let duplicate = if possible_duplicate { POSSIBLE_DUPLICATE } else { 0 };
    MESSAGE | (kind as u8) << 4 | (format as u8) << 2 | duplicate
}

/// Writes what a MESSAGE holds behind its number: the topic of a publish, then the payload.
pub(crate) fn put_body(out: &mut Vec<u8>, kind: Kind, topic: &[u8], payload: &[u8]) {
    out.reserve(topic.len() + 2 + payload.len());
    if kind == Kind::Publish {
        put_sized(out, topic);
    }
    out.extend_from_slice(payload);
}

/// Writes a MESSAGE from its `head` and `body`; `last` leaves out the length, because the body then
/// reaches to the end of the packet. Without a number it is volatile.
pub(crate) fn put_message(
    out: &mut Vec<u8>,
    head: u8,
    seq_low: Option<u8>,
    body: &[u8],
    last: bool,
) {
    let volatile = if seq_low.is_none() { VOLATILE } else { 0 };
    put_byte(out, head | volatile | if last { LAST } else { 0 });
    if let Some(low) = seq_low {
        put_byte(out, low);
    }
    if !last {
        put_number(out, body.len() as u64);
    }
    out.extend_from_slice(body);
}
