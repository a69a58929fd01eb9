//! One of each frame, with small numbers and with the largest; PROTOCOL.md's examples are among them.

use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{CloseCode, Epoch, Format, Kind, Start};

const EPOCH: Epoch = Epoch(0x0123_4567_89ab_cdef);

/// Frames from the client, by the name of their example in PROTOCOL.md.
pub(crate) const UPLINKS: &[(&str, Uplink<'static>)] = &[
    (
        "HELLO first",
        Uplink::Hello(Hello {
            session: *b"0123456789abcdef",
            epoch: Epoch::NONE,
            connection: 1,
            acknowledged: 0,
            restart: 1,
            received: 0,
            handled: 0,
            credentials: b"ann:1",
        }),
    ),
    (
        "HELLO resuming",
        Uplink::Hello(Hello {
            session: *b"0123456789abcdef",
            epoch: EPOCH,
            connection: 2,
            acknowledged: 300,
            restart: 301,
            received: 17,
            handled: 16,
            credentials: b"",
        }),
    ),
    ("MESSAGE send", message(Kind::Send, Format::Text, false, Some(1), "", b"hi")),
    ("MESSAGE request", message(Kind::Request, Format::EncodedText, true, Some(0x2c), "", b"[7]")),
    ("MESSAGE publish", message(Kind::Publish, Format::Binary, false, Some(2), "room", b"\xff")),
    ("MESSAGE volatile", message(Kind::Send, Format::EncodedBinary, false, None, "", b"\x00")),
    ("RECEIVED", Uplink::Received { stream: 0, offset: 300 }),
    ("SUBSCRIBE last", Uplink::Subscribe { stream: 1, topic: "room", start: Start::Last(50) }),
    (
        "SUBSCRIBE after",
        Uplink::Subscribe {
            stream: 1,
            topic: "room",
            start: Start::After(Cursor { epoch: EPOCH, received: 17, handled: 16 }),
        },
    ),
    ("UNSUBSCRIBE", Uplink::Unsubscribe { stream: 1 }),
    ("PING up", Uplink::Ping { nonce: 1 }),
    ("PONG up", Uplink::Pong { nonce: 128 }),
    ("AUTH up", Uplink::Auth { credentials: b"ann:2" }),
    ("BYE", Uplink::Bye),
];

const fn message(
    kind: Kind,
    format: Format,
    possible_duplicate: bool,
    seq_low: Option<u8>,
    topic: &'static str,
    payload: &'static [u8],
) -> Uplink<'static> {
    Uplink::Message(Message { kind, format, possible_duplicate, seq_low, topic, payload })
}

/// Frames from the server, by the name of their example in PROTOCOL.md.
pub(crate) const DOWNLINKS: &[(&str, Downlink<'static>)] = &[
    (
        "WELCOME",
        Downlink::Welcome(Welcome {
            resumption: Resumption::Resumed,
            epoch: EPOCH,
            accepted: 300,
            head: 18,
            heartbeat_ms: 15_000,
            message_bytes: 1_048_576,
            window_messages: 16_384,
            window_bytes: 2_097_152,
        }),
    ),
    (
        "REFUSE",
        Downlink::Refuse { code: CloseCode::FULL, after_ms: 5_000, reason: b"come back later" },
    ),
    ("ACK", Downlink::Ack { seq: 300 }),
    ("ENTRY message", entry(1, 18, Format::Text, Entry::Message(b"hi all"))),
    ("ENTRY reply", entry(0, 18, Format::EncodedText, Entry::Reply { seq: 300, payload: b"42" })),
    (
        "ENTRY refusal",
        entry(0, 19, Format::Text, Entry::Refusal { seq: 301, code: b"no", reason: b"not you" }),
    ),
    ("SUBSCRIBED", Downlink::Subscribed { stream: 1, epoch: EPOCH, offset: 17 }),
    (
        "SUBSCRIBED refused",
        Downlink::SubscribeRefused { stream: 1, code: b"forbidden", reason: b"members only" },
    ),
    ("GAP", Downlink::Gap { stream: 1, epoch: EPOCH, offset: 40 }),
    ("PING down", Downlink::Ping { nonce: 1 }),
    ("PONG down", Downlink::Pong { nonce: 128 }),
    ("AUTH down", Downlink::Auth),
    ("GOAWAY", Downlink::GoAway { after_ms: 1_000, spread_ms: 30_000, reason: b"maintenance" }),
];

const fn entry(
    stream: u32,
    offset: u64,
    format: Format,
    entry: Entry<'static>,
) -> Downlink<'static> {
    Downlink::Entry { stream, offset, format, entry }
}

/// The same with fields at their ends.
pub(crate) const EXTREME_UPLINKS: &[Uplink<'static>] = &[
    Uplink::Hello(Hello {
        session: [0xff; 16],
        epoch: Epoch(u64::MAX),
        connection: u64::MAX,
        acknowledged: u64::MAX - 1,
        restart: u64::MAX,
        received: u64::MAX,
        handled: u64::MAX,
        credentials: &[0; 16 * 1024],
    }),
    message(Kind::Send, Format::Text, true, Some(0), "", b""),
    message(Kind::Publish, Format::Text, false, None, "t", b""),
    Uplink::Received { stream: u32::MAX, offset: u64::MAX },
    Uplink::Subscribe { stream: u32::MAX, topic: "\u{10ffff}", start: Start::Last(u64::MAX) },
    Uplink::Unsubscribe { stream: u32::MAX },
    Uplink::Ping { nonce: u64::MAX },
    Uplink::Pong { nonce: 0 },
    Uplink::Auth { credentials: b"" },
];

/// The same with fields at their ends.
pub(crate) const EXTREME_DOWNLINKS: &[Downlink<'static>] = &[
    Downlink::Welcome(Welcome {
        resumption: Resumption::Lost,
        epoch: Epoch(1),
        accepted: u64::MAX,
        head: u64::MAX,
        heartbeat_ms: u64::MAX,
        message_bytes: u64::MAX,
        window_messages: u64::MAX,
        window_bytes: u64::MAX,
    }),
    Downlink::Refuse { code: CloseCode(u16::MAX), after_ms: u64::MAX, reason: &[b'r'; 1024] },
    Downlink::Ack { seq: u64::MAX },
    entry(u32::MAX, u64::MAX, Format::EncodedBinary, Entry::Message(b"")),
    entry(0, 1, Format::Binary, Entry::Reply { seq: u64::MAX, payload: b"" }),
    entry(
        0,
        1,
        Format::Text,
        Entry::Refusal { seq: u64::MAX, code: &[b'c'; 64], reason: &[b'r'; 1024] },
    ),
    Downlink::GoAway { after_ms: u64::MAX, spread_ms: u64::MAX, reason: b"" },
];

/// Every frame of the client, one by one.
pub(crate) fn all_uplinks() -> impl Iterator<Item = Uplink<'static>> {
    UPLINKS.iter().map(|(_, frame)| *frame).chain(EXTREME_UPLINKS.iter().copied())
}

/// Every frame of the server, one by one.
pub(crate) fn all_downlinks() -> impl Iterator<Item = Downlink<'static>> {
    DOWNLINKS.iter().map(|(_, frame)| *frame).chain(EXTREME_DOWNLINKS.iter().copied())
}

pub(crate) fn encoded_up(frame: &Uplink<'_>) -> Vec<u8> {
    let mut packet = Vec::new();
    frame.encode(&mut packet);
    packet
}

pub(crate) fn encoded_down(frame: &Downlink<'_>) -> Vec<u8> {
    let mut packet = Vec::new();
    frame.encode(&mut packet);
    packet
}
