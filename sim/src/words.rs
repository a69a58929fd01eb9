//! Packets and events in a few words, for people who read a chart.

use crate::network::Way;
use tautline_protocol::Start;
use tautline_protocol::client::Event;
use tautline_protocol::downlink::{self, Downlink, Entry};
use tautline_protocol::fragment::{FRAGMENT, LAST_FRAGMENT};
use tautline_protocol::uplink::{self, Uplink};

/// No payload is shown longer.
const PAYLOAD_BYTES: usize = 12;

/// The frames of a packet, runs of like ones together.
#[must_use]
pub fn packet(way: Way, packet: &[u8]) -> String {
    match packet.first() {
        Some(&FRAGMENT) => return format!("FRAGMENT of {} bytes", packet.len() - 1),
        Some(&LAST_FRAGMENT) => return format!("LAST FRAGMENT of {} bytes", packet.len() - 1),
        _ => {}
    }
    let frames: Vec<(String, String)> = match way {
        Way::Up => uplink::Frames::new(packet, usize::MAX)
            .map(|frame| frame.map_or_else(|error| bad(&error), |frame| up(&frame)))
            .collect(),
        Way::Down => downlink::Frames::new(packet)
            .map(|frame| frame.map_or_else(|error| bad(&error), |frame| down(&frame)))
            .collect(),
    };
    let mut words = Vec::new();
    for run in frames.chunk_by(|a, b| a.0 == b.0) {
        match run {
            [(name, one)] => words.push(format!("{name} {one}").trim_end().to_owned()),
            [(name, first), .., (_, last)] => {
                words.push(format!("{}x {name} {first} .. {last}", run.len()));
            }
            [] => {}
        }
    }
    words.join(", ")
}

fn bad(error: &tautline_protocol::DecodeError) -> (String, String) {
    ("FAULT".into(), error.to_string())
}

fn up(frame: &Uplink<'_>) -> (String, String) {
    match frame {
        Uplink::Hello(hello) => {
            let epoch = hello.epoch.0 & 0xffff;
            let (count, acknowledged, restart) =
                (hello.connection, hello.acknowledged, hello.restart);
            let (received, handled) = (hello.received, hello.handled);
            let text = format!(
                "connection {count}, epoch {epoch:04x}, acknowledged {acknowledged}, restart \
                 {restart}, received {received}, handled {handled}"
            );
            ("HELLO".into(), text)
        }
        Uplink::Message(message) => {
            let number = message.seq_low.map_or("volatile".into(), |low| format!("~{low}"));
            let again = if message.possible_duplicate { "?" } else { "" };
            let name = format!("{:?}", message.kind).to_uppercase();
            (name, format!("{number}{again} {}", shown(message.payload)))
        }
        Uplink::Received { stream, offset } => ("RECEIVED".into(), format!("{stream}/{offset}")),
        Uplink::Subscribe { stream, topic, start } => {
            ("SUBSCRIBE".into(), format!("{stream} to {topic} {}", self::start(*start)))
        }
        Uplink::Unsubscribe { stream } => ("UNSUBSCRIBE".into(), stream.to_string()),
        Uplink::Ping { nonce } => ("PING".into(), nonce.to_string()),
        Uplink::Pong { nonce } => ("PONG".into(), nonce.to_string()),
        Uplink::Auth { .. } => ("AUTH".into(), String::new()),
        Uplink::Bye => ("BYE".into(), String::new()),
    }
}

fn down(frame: &Downlink<'_>) -> (String, String) {
    match frame {
        Downlink::Welcome(welcome) => {
            let epoch = welcome.epoch.0 & 0xffff;
            let (accepted, head) = (welcome.accepted, welcome.head);
            let resumption = welcome.resumption;
            let text =
                format!("{resumption:?}, epoch {epoch:04x}, accepted {accepted}, head {head}");
            ("WELCOME".into(), text)
        }
        Downlink::Entry { stream, offset, entry, .. } => match entry {
            Entry::Message(payload) => {
                ("ENTRY".into(), format!("{stream}/{offset} {}", shown(payload)))
            }
            Entry::Reply { seq, .. } => ("REPLY".into(), format!("{stream}/{offset} to {seq}")),
            Entry::Refusal { seq, .. } => ("REFUSAL".into(), format!("{stream}/{offset} of {seq}")),
        },
        Downlink::Ack { seq } => ("ACK".into(), seq.to_string()),
        Downlink::Refuse { code, after_ms, .. } => {
            ("REFUSE".into(), format!("{code} after {after_ms}"))
        }
        Downlink::Subscribed { stream, epoch, offset } => {
            let epoch = epoch.0 & 0xffff;
            ("SUBSCRIBED".into(), format!("{stream} epoch {epoch:04x} at {offset}"))
        }
        Downlink::SubscribeRefused { stream, .. } => {
            ("SUBSCRIBED".into(), format!("{stream} refused"))
        }
        Downlink::Gap { stream, epoch, offset } => {
            let epoch = epoch.0 & 0xffff;
            ("GAP".into(), format!("{stream} epoch {epoch:04x} to {offset}"))
        }
        Downlink::Ping { nonce } => ("PING".into(), nonce.to_string()),
        Downlink::Pong { nonce } => ("PONG".into(), nonce.to_string()),
        Downlink::Auth => ("AUTH".into(), String::new()),
        Downlink::GoAway { after_ms, spread_ms, .. } => {
            ("GOAWAY".into(), format!("after {after_ms}, spread {spread_ms}"))
        }
    }
}

/// What the application is told.
#[must_use]
pub fn event(event: &Event<'_>) -> String {
    match *event {
        Event::State { state, reason, .. } => format!("is {state:?}: {reason}"),
        Event::Message { stream, offset, payload, .. } => {
            format!("reads {stream}/{offset} {}", shown(payload))
        }
        Event::Reply { id, payload, .. } => format!("has the reply to m{id}: {}", shown(payload)),
        Event::Refused { id, code, .. } => format!("has m{id} refused: {}", shown(code)),
        Event::Acknowledged { through } => format!("is acknowledged through m{through}"),
        Event::Failed { first, last, failure } => format!("fails m{first} to m{last}: {failure:?}"),
        Event::Subscribed { stream, epoch, offset } => {
            format!("reads stream {stream} of epoch {:04x} behind {offset}", epoch.0 & 0xffff)
        }
        Event::SubscribeRefused { stream, code, .. } => {
            format!("may not read stream {stream}: {}", shown(code))
        }
        Event::Gap { stream, missing } => {
            let anew = if missing.reset { ", which was begun anew" } else { "" };
            format!("misses {} to {} of stream {stream}{anew}", missing.from, missing.to)
        }
        Event::Lost { accepted_known, direct_missing } => {
            format!(
                "has lost its session; accepted known: {accepted_known}, direct messages missing: \
                 {direct_missing}"
            )
        }
        Event::Closed { end, reason } => {
            format!("has ended: {end:?} \"{}\"", String::from_utf8_lossy(reason))
        }
    }
}

/// Where a subscription starts.
#[must_use]
pub fn start(start: Start) -> String {
    match start {
        Start::Last(count) => format!("from the last {count} on"),
        Start::After(cursor) => {
            format!("behind {} of epoch {:04x}", cursor.received, cursor.epoch.0 & 0xffff)
        }
    }
}

fn shown(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    match text.char_indices().nth(PAYLOAD_BYTES) {
        Some((end, _)) => format!("`{}`...", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}
