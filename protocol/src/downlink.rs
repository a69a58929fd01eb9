//! Frames from the server to the client: PROTOCOL.md, "Frames from the server".

use crate::close::CloseCode;
use crate::error::DecodeError;
use crate::limits::{MESSAGE_BYTES_MAX, REASON_BYTES_MAX, REFUSAL_CODE_BYTES_MAX};
use crate::message::{Epoch, Format, Offset, Seq, StreamId};
use crate::resume::Resumption;
use crate::wire::{Reader, put_epoch, put_number, put_sized};
use alloc::vec::Vec;

pub use crate::encoded_entry::EncodedEntry;

pub(crate) const WELCOME: u8 = 0x02;
pub(crate) const REFUSE: u8 = 0x03;
pub(crate) const ACK: u8 = 0x04;
pub(crate) const SUBSCRIBED: u8 = 0x07;
pub(crate) const GAP: u8 = 0x09;
pub(crate) const PING: u8 = 0x0a;
pub(crate) const PONG: u8 = 0x0b;
pub(crate) const AUTH: u8 = 0x0c;
pub(crate) const GOAWAY: u8 = 0x0d;

/// Set in the head of every ENTRY, with the bit above it clear.
pub(crate) const ENTRY: u8 = 0x40;
const ENTRY_MASK: u8 = 0xc0;
pub(crate) const LAST: u8 = 0x20;
pub(crate) const CONTINUED: u8 = 0x10;
const KIND_MASK: u8 = 0x03;

/// What an entry may hold beside its payload: the number, code and reason of a refusal.
const ENTRY_OVERHEAD: usize = 16 + REFUSAL_CODE_BYTES_MAX + REASON_BYTES_MAX;

/// WELCOME: the server's answer to HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Whether the session is new, resumed or lost.
    pub resumption: Resumption,
    /// The incarnation of the session from now on.
    pub epoch: Epoch,
    /// The highest message accepted; the client goes on with the next.
    pub accepted: Seq,
    /// The last entry of the direct stream. After a loss: of the lost one, if it is known.
    pub head: Offset,
    /// An idle connection carries a PING this often.
    pub heartbeat_ms: u64,
    /// Largest payload of one message.
    pub message_bytes: u64,
    /// Most messages in flight.
    pub window_messages: u64,
    /// Most bytes in flight.
    pub window_bytes: u64,
}

/// What an ENTRY is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A message to whoever reads the stream.
    Message(&'a [u8]),
    /// The reply to a request.
    Reply {
        /// The request.
        seq: Seq,
        /// The reply's bytes.
        payload: &'a [u8],
    },
    /// The refusal of one message by the application.
    Refusal {
        /// The message.
        seq: Seq,
        /// Why, for programs: UTF-8, not validated.
        code: &'a [u8],
        /// Why, for people: UTF-8, not validated.
        reason: &'a [u8],
    },
}

/// A frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// As in `client::Input`: a tag in the niche of WELCOME takes more code to read. Fields then lie in
// their order here; where numbers of eight bytes overlap with others, they are taken in halves.
#[repr(u8)]
pub enum Downlink<'a> {
    /// The session stands.
    Welcome(Welcome),
    /// The connection is refused, or ends; the server closes it next.
    Refuse {
        /// What the client is to do.
        code: CloseCode,
        /// Not before this many milliseconds; 0 leaves it to the client.
        after_ms: u64,
        /// Why, for people: UTF-8, not validated.
        reason: &'a [u8],
    },
    /// Every message up to `seq` is processed.
    Ack {
        /// The highest message processed.
        seq: Seq,
    },
    /// One entry of a stream.
    Entry {
        /// What its payload is.
        format: Format,
        /// Which stream.
        stream: StreamId,
        /// Its position.
        offset: Offset,
        /// What it is.
        entry: Entry<'a>,
    },
    /// The subscription stands; entries behind `offset` follow.
    Subscribed {
        /// Which stream.
        stream: StreamId,
        /// The log's incarnation.
        epoch: Epoch,
        /// The position before the first entry to come.
        offset: Offset,
    },
    /// The subscription is refused.
    SubscribeRefused {
        /// Which stream.
        stream: StreamId,
        /// Why, for programs: UTF-8, not validated.
        code: &'a [u8],
        /// Why, for people: UTF-8, not validated.
        reason: &'a [u8],
    },
    /// The stream goes on behind `offset`; what lies before can no longer be read.
    Gap {
        /// Which stream.
        stream: StreamId,
        /// The log's incarnation.
        epoch: Epoch,
        /// The position before the next entry to come.
        offset: Offset,
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
    /// Asks for fresh credentials.
    Auth,
    /// The client is to connect anew.
    GoAway {
        /// Not before this many milliseconds ...
        after_ms: u64,
        /// ... plus a random time up to this.
        spread_ms: u64,
        /// Why, for people: UTF-8, not validated.
        reason: &'a [u8],
    },
}

/// How far a packet has been decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    read: Option<usize>,
    /// Stream and offset of the ENTRY before, for one that continues it.
    previous: Option<(StreamId, Offset)>,
}

/// Decodes one packet, frame by frame; ends after the first error.
pub struct Frames<'a> {
    packet: &'a [u8],
    progress: Progress,
}

impl<'a> Frames<'a> {
    /// Reads `packet`.
    #[must_use]
    pub fn new(packet: &'a [u8]) -> Self {
        Self { packet, progress: Progress::default() }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Downlink<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = next_frame(self.packet, &mut self.progress);
        if matches!(frame, Some(Err(_))) {
            self.packet = &[];
        }
        frame
    }
}

/// As [`Frames`], for who keeps packet and progress in different places, and asks for nothing after an
/// error.
pub(crate) fn next_frame<'a>(
    packet: &'a [u8],
    progress: &mut Progress,
) -> Option<Result<Downlink<'a>, DecodeError>> {
    let mut reader = Reader::new(packet.get(progress.read.unwrap_or(0)..)?);
    if reader.rest().is_empty() {
        if progress.read.is_some() {
            return None;
        }
        reader.fail(DecodeError::Empty);
    }
    let frame = frame(&mut reader, &mut progress.previous);
    progress.read = Some(packet.len() - reader.rest().len());
    match reader.check() {
        Err(fault) => Some(Err(fault)),
        Ok(()) => frame.map(Ok),
    }
}

/// A frame, or `None` with a fault of the reader. `previous` names stream and offset of the ENTRY
/// before.
fn frame<'a>(
    reader: &mut Reader<'a>,
    previous: &mut Option<(StreamId, Offset)>,
) -> Option<Downlink<'a>> {
    let head = reader.byte();
    if head & ENTRY_MASK == ENTRY {
        return entry(reader, head, previous);
    }
    Some(match head {
        WELCOME => Downlink::Welcome(welcome(reader)?),
        REFUSE => Downlink::Refuse {
            code: CloseCode(reader.number_u16()),
            after_ms: reader.number(),
            reason: reader.sized(REASON_BYTES_MAX),
        },
        ACK => Downlink::Ack { seq: reader.number() },
        SUBSCRIBED => subscribed(reader)?,
        GAP => Downlink::Gap {
            stream: reader.number_u32(),
            epoch: reader.known_epoch(),
            offset: reader.number(),
        },
        PING => Downlink::Ping { nonce: reader.number() },
        PONG => Downlink::Pong { nonce: reader.number() },
        AUTH => Downlink::Auth,
        GOAWAY => Downlink::GoAway {
            after_ms: reader.number(),
            spread_ms: reader.number(),
            reason: reader.sized(REASON_BYTES_MAX),
        },
        unknown => return reader.refuse(DecodeError::UnknownFrame(unknown)),
    })
}

fn entry<'a>(
    reader: &mut Reader<'a>,
    head: u8,
    previous: &mut Option<(StreamId, Offset)>,
) -> Option<Downlink<'a>> {
    let (stream, offset) = if head & CONTINUED != 0 {
        let Some((stream, offset)) = *previous else {
            return reader.refuse(DecodeError::NoPrecedingEntry);
        };
        let Some(offset) = offset.checked_add(1) else {
            return reader.refuse(DecodeError::BadField);
        };
        (stream, offset)
    } else {
        (reader.number_u32(), reader.number())
    };
    *previous = Some((stream, offset));
    // Before the length: PROTOCOL.md F-17.
    let kind = head & KIND_MASK;
    if kind == KIND_MASK || (kind > 0 && stream != crate::DIRECT) {
        return reader.refuse(DecodeError::BadField);
    }
    let body = reader.body(head & LAST != 0, MESSAGE_BYTES_MAX + ENTRY_OVERHEAD);
    let rest = reader.enter(body);
    let entry = match kind {
        0 => Entry::Message(reader.body(true, MESSAGE_BYTES_MAX)),
        1 => Entry::Reply { seq: reader.number(), payload: reader.body(true, MESSAGE_BYTES_MAX) },
        _ => Entry::Refusal {
            seq: reader.number(),
            code: reader.sized(REFUSAL_CODE_BYTES_MAX),
            reason: reader.body(true, REASON_BYTES_MAX),
        },
    };
    reader.enter(rest);
    Some(Downlink::Entry { stream, offset, format: Format::from_bits(head >> 2), entry })
}

fn welcome(reader: &mut Reader<'_>) -> Option<Welcome> {
    // A newer server may append fields: what follows the known ones is skipped.
    let fields = reader.sized(1024);
    let rest = reader.enter(fields);
    let Some(resumption) = Resumption::from_byte(reader.byte()) else {
        return reader.refuse(DecodeError::BadField);
    };
    let welcome = Welcome {
        resumption,
        epoch: reader.known_epoch(),
        accepted: reader.number(),
        head: reader.number(),
        heartbeat_ms: reader.number(),
        message_bytes: reader.number(),
        window_messages: reader.number(),
        window_bytes: reader.number(),
    };
    reader.enter(rest);
    if welcome.window_messages == 0 {
        return reader.refuse(DecodeError::BadField);
    }
    Some(welcome)
}

fn subscribed<'a>(reader: &mut Reader<'a>) -> Option<Downlink<'a>> {
    let stream = reader.number_u32();
    Some(match reader.byte() {
        0 => Downlink::Subscribed { stream, epoch: reader.known_epoch(), offset: reader.number() },
        1 => Downlink::SubscribeRefused {
            stream,
            code: reader.sized(REFUSAL_CODE_BYTES_MAX),
            reason: reader.sized(REASON_BYTES_MAX),
        },
        _ => return reader.refuse(DecodeError::BadField),
    })
}

impl Downlink<'_> {
    /// Appends the frame to a packet. An ENTRY is written with its length, so that frames may
    /// follow; logs keep entries as [`EncodedEntry`] instead.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Welcome(welcome) => put_welcome(out, &welcome),
            Self::Refuse { code, after_ms, reason } => {
                out.push(REFUSE);
                put_number(out, code.0.into());
                put_number(out, after_ms);
                put_sized(out, reason);
            }
            Self::Ack { seq } => put_one(out, ACK, seq),
            Self::Entry { stream, offset, format, entry } => {
                EncodedEntry::new(format, entry).put(out, Some((stream, offset)), false);
            }
            Self::Subscribed { stream, epoch, offset } => {
                put_one(out, SUBSCRIBED, stream.into());
                out.push(0);
                put_epoch(out, epoch);
                put_number(out, offset);
            }
            Self::SubscribeRefused { stream, code, reason } => {
                put_one(out, SUBSCRIBED, stream.into());
                out.push(1);
                put_sized(out, code);
                put_sized(out, reason);
            }
            Self::Gap { stream, epoch, offset } => {
                put_one(out, GAP, stream.into());
                put_epoch(out, epoch);
                put_number(out, offset);
            }
            Self::Ping { nonce } => put_one(out, PING, nonce),
            Self::Pong { nonce } => put_one(out, PONG, nonce),
            Self::Auth => out.push(AUTH),
            Self::GoAway { after_ms, spread_ms, reason } => {
                put_one(out, GOAWAY, after_ms);
                put_number(out, spread_ms);
                put_sized(out, reason);
            }
        }
    }
}

fn put_one(out: &mut Vec<u8>, head: u8, number: u64) {
    out.push(head);
    put_number(out, number);
}

fn put_welcome(out: &mut Vec<u8>, welcome: &Welcome) {
    let mut fields = Vec::with_capacity(48);
    fields.push(welcome.resumption as u8);
    put_epoch(&mut fields, welcome.epoch);
    for number in [
        welcome.accepted,
        welcome.head,
        welcome.heartbeat_ms,
        welcome.message_bytes,
        welcome.window_messages,
        welcome.window_bytes,
    ] {
        put_number(&mut fields, number);
    }
    out.push(WELCOME);
    put_sized(out, &fields);
}
