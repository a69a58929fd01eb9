//! Frames as the golden vectors write them down: see protocol/tests/vectors/README.md.

use serde_json::{Value, json};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{Epoch, Format, Kind, Start};

fn number(number: impl Into<u64>) -> String {
    number.into().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn epoch(epoch: Epoch) -> String {
    format!("{:016x}", epoch.0)
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

const fn format_name(format: Format) -> &'static str {
    match format {
        Format::Text => "text",
        Format::Binary => "binary",
        Format::EncodedText => "encoded text",
        Format::EncodedBinary => "encoded binary",
    }
}

pub(crate) fn uplink_fields(frame: &Uplink<'_>) -> Value {
    match *frame {
        Uplink::Hello(hello) => hello_fields(&hello),
        Uplink::Message(message) => message_fields(&message),
        Uplink::Received { stream, offset } => json!({
            "frame": "RECEIVED", "stream": number(stream), "offset": number(offset),
        }),
        Uplink::Subscribe { stream, topic, start: Start::Last(count) } => json!({
            "frame": "SUBSCRIBE", "stream": number(stream), "topic": topic, "start": "last",
            "count": number(count),
        }),
        Uplink::Subscribe { stream, topic, start: Start::After(cursor) } => json!({
            "frame": "SUBSCRIBE", "stream": number(stream), "topic": topic, "start": "after",
            "epoch": epoch(cursor.epoch), "received": number(cursor.received),
            "handled": number(cursor.handled),
        }),
        Uplink::Unsubscribe { stream } => {
            json!({ "frame": "UNSUBSCRIBE", "stream": number(stream) })
        }
        Uplink::Ping { nonce } => json!({ "frame": "PING", "nonce": number(nonce) }),
        Uplink::Pong { nonce } => json!({ "frame": "PONG", "nonce": number(nonce) }),
        Uplink::Auth { credentials } => {
            json!({ "frame": "AUTH", "credentials": hex(credentials) })
        }
        Uplink::Bye => json!({ "frame": "BYE" }),
    }
}

fn hello_fields(hello: &Hello<'_>) -> Value {
    json!({
        "frame": "HELLO",
        "session": hex(&hello.session),
        "epoch": epoch(hello.epoch),
        "connection": number(hello.connection),
        "acknowledged": number(hello.acknowledged),
        "restart": number(hello.restart),
        "received": number(hello.received),
        "handled": number(hello.handled),
        "credentials": hex(hello.credentials),
    })
}

fn message_fields(message: &Message<'_>) -> Value {
    let kind = match message.kind {
        Kind::Send => "send",
        Kind::Request => "request",
        Kind::Publish => "publish",
    };
    let mut fields = json!({
        "frame": "MESSAGE",
        "kind": kind,
        "format": format_name(message.format),
        "duplicate": message.possible_duplicate,
        "volatile": message.seq_low.is_none(),
        "payload": hex(message.payload),
    });
    if let Some(low) = message.seq_low {
        fields["seq"] = number(low).into();
    }
    if message.kind == Kind::Publish {
        fields["topic"] = message.topic.into();
    }
    fields
}

pub(crate) fn downlink_fields(frame: &Downlink<'_>) -> Value {
    match *frame {
        Downlink::Welcome(welcome) => welcome_fields(&welcome),
        Downlink::Refuse { code, after_ms, reason } => json!({
            "frame": "REFUSE", "code": number(code.0), "after": number(after_ms),
            "reason": text(reason),
        }),
        Downlink::Ack { seq } => json!({ "frame": "ACK", "seq": number(seq) }),
        Downlink::Entry { stream, offset, format, entry } => {
            let mut fields = entry_fields(&entry);
            fields["stream"] = number(stream).into();
            fields["offset"] = number(offset).into();
            fields["format"] = format_name(format).into();
            fields
        }
        Downlink::Subscribed { stream, epoch: log, offset } => json!({
            "frame": "SUBSCRIBED", "stream": number(stream), "verdict": "0", "epoch": epoch(log),
            "offset": number(offset),
        }),
        Downlink::SubscribeRefused { stream, code, reason } => json!({
            "frame": "SUBSCRIBED", "stream": number(stream), "verdict": "1", "code": text(code),
            "reason": text(reason),
        }),
        Downlink::Gap { stream, epoch: log, offset } => json!({
            "frame": "GAP", "stream": number(stream), "epoch": epoch(log),
            "offset": number(offset),
        }),
        Downlink::Ping { nonce } => json!({ "frame": "PING", "nonce": number(nonce) }),
        Downlink::Pong { nonce } => json!({ "frame": "PONG", "nonce": number(nonce) }),
        Downlink::Auth => json!({ "frame": "AUTH" }),
        Downlink::GoAway { after_ms, spread_ms, reason } => json!({
            "frame": "GOAWAY", "after": number(after_ms), "spread": number(spread_ms),
            "reason": text(reason),
        }),
    }
}

fn entry_fields(entry: &Entry<'_>) -> Value {
    match *entry {
        Entry::Message(payload) => {
            json!({ "frame": "ENTRY", "kind": "message", "payload": hex(payload) })
        }
        Entry::Reply { seq, payload } => json!({
            "frame": "ENTRY", "kind": "reply", "seq": number(seq), "payload": hex(payload),
        }),
        Entry::Refusal { seq, code, reason } => json!({
            "frame": "ENTRY", "kind": "refusal", "seq": number(seq), "code": text(code),
            "payload": hex(reason),
        }),
    }
}

fn welcome_fields(welcome: &Welcome) -> Value {
    json!({
        "frame": "WELCOME",
        "resumption": (welcome.resumption as u8).to_string(),
        "epoch": epoch(welcome.epoch),
        "accepted": number(welcome.accepted),
        "head": number(welcome.head),
        "heartbeat": number(welcome.heartbeat_ms),
        "message_bytes": number(welcome.message_bytes),
        "window_messages": number(welcome.window_messages),
        "window_bytes": number(welcome.window_bytes),
    })
}
