//! The golden vectors: decoded they are the fields they name, encoded they are their bytes.

use crate::lone_client::LoneClient;
use crate::lone_session::{EPOCH, LoneSession};
use crate::vector_fields::{downlink_fields, uplink_fields};
use serde_json::Value;
use std::collections::BTreeSet;
use tautline_protocol::downlink::{self, Downlink, EncodedEntry};
use tautline_protocol::fragment::{Arriving, Part};
use tautline_protocol::limits::MESSAGE_BYTES;
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{DIRECT, DecodeError, Start};

const FILES: [(&str, &str); 5] = [
    ("uplink", include_str!("../vectors/uplink.json")),
    ("downlink", include_str!("../vectors/downlink.json")),
    ("packets", include_str!("../vectors/packets.json")),
    ("malformed-uplink", include_str!("../vectors/malformed-uplink.json")),
    ("malformed-downlink", include_str!("../vectors/malformed-downlink.json")),
];

/// One packet and what is in it.
pub(crate) struct Vector {
    pub(crate) name: String,
    from_client: bool,
    pub(crate) bytes: Vec<u8>,
    frames: Vec<Value>,
    error: Option<String>,
    code: Option<String>,
}

/// All vectors, in the order of their files.
pub(crate) fn all() -> Vec<Vector> {
    let parse = |(file, text): (&str, &str)| -> Vec<Vector> {
        let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
        assert!(!vectors.is_empty(), "{file}");
        vectors.iter().map(vector).collect()
    };
    FILES.into_iter().flat_map(parse).collect()
}

fn vector(value: &Value) -> Vector {
    let text = |key: &str| value.get(key).map(|value| value.as_str().unwrap().to_owned());
    let from = text("from").unwrap();
    assert!(from == "client" || from == "server", "{from}");
    Vector {
        name: text("name").unwrap(),
        from_client: from == "client",
        bytes: bytes(&text("bytes").unwrap()),
        frames: value["frames"].as_array().unwrap().clone(),
        error: text("error"),
        code: text("code"),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(pair).collect()
}

/// What says how a frame is written, and not what it says.
const SPELLING: [&str; 3] = ["last", "continued", "more"];

fn meaning(frame: &Value) -> Value {
    let mut fields = frame.as_object().unwrap().clone();
    fields.retain(|key, _| !SPELLING.contains(&key.as_str()));
    Value::Object(fields)
}

fn is_spelled(frame: &Value) -> bool {
    frame["last"] == true || frame["continued"] == true || frame.get("more").is_some()
}

fn read(vector: &Vector) -> (Vec<Value>, Option<DecodeError>) {
    let read: Vec<Result<Value, DecodeError>> = if vector.from_client {
        let frames = uplink::Frames::new(&vector.bytes, MESSAGE_BYTES);
        frames.map(|frame| frame.map(|frame| uplink_fields(&frame))).collect()
    } else {
        let frames = downlink::Frames::new(&vector.bytes);
        frames.map(|frame| frame.map(|frame| downlink_fields(&frame))).collect()
    };
    let error = read.iter().find_map(|frame| frame.as_ref().err().copied());
    (read.into_iter().filter_map(Result::ok).collect(), error)
}

// PROTOCOL.md F-3, F-4, F-5, F-6, F-7, F-9, F-17, F-20.
#[test]
fn every_vector_decodes_to_its_fields_or_its_error() {
    for vector in all() {
        let (frames, error) = read(&vector);
        let expected: Vec<Value> = vector.frames.iter().map(meaning).collect();
        assert_eq!(frames, expected, "{}", vector.name);
        let words = error.map(|error| format!("{error:?}"));
        let name = words.as_ref().map(|words| words.split('(').next().unwrap());
        assert_eq!(name, vector.error.as_deref(), "{}", vector.name);
        let code = error.map(|error| error.close_code().0.to_string());
        assert_eq!(code, vector.code, "{}", vector.name);
    }
}

#[test]
fn every_sound_vector_is_what_the_encoder_or_a_machine_writes() {
    let (vectors, mut others) = (all(), Vec::new());
    for vector in vectors.iter().filter(|vector| vector.error.is_none()) {
        let written = if vector.frames.iter().any(is_spelled) {
            if vector.from_client { messages_by_client(vector) } else { entries_by_session(vector) }
        } else {
            Some(encoded(vector))
        };
        match written {
            Some(written) => assert_eq!(written, vector.bytes, "{}", vector.name),
            None => others.push(vector.name.as_str()),
        }
    }
    let written_by_others = [
        "HELLO with newer fields",
        "MESSAGE volatile to the end of the packet",
        "WELCOME with newer fields",
        "a continued entry behind another frame",
    ];
    assert_eq!(others, written_by_others, "the rest is what this implementation writes");
}

fn encoded(vector: &Vector) -> Vec<u8> {
    let mut packet = Vec::new();
    if vector.from_client {
        let frames = uplink::Frames::new(&vector.bytes, MESSAGE_BYTES);
        frames.for_each(|frame| frame.unwrap().encode(&mut packet));
    } else {
        let frames = downlink::Frames::new(&vector.bytes);
        frames.for_each(|frame| frame.unwrap().encode(&mut packet));
    }
    packet
}

/// The packet of a client that has sent nothing before: it leaves out the last length.
fn messages_by_client(vector: &Vector) -> Option<Vec<u8>> {
    let mut lone = LoneClient::live();
    for frame in uplink::Frames::new(&vector.bytes, MESSAGE_BYTES) {
        let Ok(Uplink::Message(message)) = frame else { return None };
        message.seq_low?;
        let payload = message.payload.to_vec();
        lone.client.send(message.kind, message.format, message.topic, payload).unwrap();
    }
    Some(lone.drain().packets.concat())
}

/// The packet of a server whose readers stand before the first entries of the vector.
fn entries_by_session(vector: &Vector) -> Option<Vec<u8>> {
    let frames = downlink::Frames::new(&vector.bytes).map(Result::unwrap);
    let frames: Vec<Downlink<'_>> = frames.collect();
    let mut lone = LoneSession::live();
    let mut placed = BTreeSet::new();
    for frame in &frames {
        if let Downlink::Entry { stream, offset, .. } = *frame
            && placed.insert(stream)
        {
            stand_before(&mut lone, stream, offset);
        }
    }
    for frame in &frames {
        match *frame {
            Downlink::Entry { stream, offset, format, entry } => {
                lone.session.deliver(stream, offset, &[EncodedEntry::new(format, entry)]);
            }
            Downlink::Ack { seq } => lone.session.handled(seq, lone.session.room(DIRECT).after),
            _ => return None,
        }
    }
    Some(lone.drain().packets.concat())
}

fn stand_before(lone: &mut LoneSession, stream: u32, offset: u64) {
    if stream == DIRECT {
        lone.session.gap(DIRECT, EPOCH, offset - 1);
    } else {
        lone.gets(&[Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) }]);
        lone.session.subscribed(stream, EPOCH, offset - 1);
    }
    lone.drain();
}

#[test]
fn there_is_a_vector_for_every_frame_and_every_error() {
    let vectors = all();
    let names: BTreeSet<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(names.len(), vectors.len(), "two vectors have the same name");
    let frames = |from_client: bool| -> BTreeSet<&str> {
        let vectors = vectors.iter().filter(|vector| vector.from_client == from_client);
        vectors.flat_map(|vector| &vector.frames).map(|f| f["frame"].as_str().unwrap()).collect()
    };
    let up =
        ["AUTH", "BYE", "HELLO", "MESSAGE", "PING", "PONG", "RECEIVED", "SUBSCRIBE", "UNSUBSCRIBE"];
    assert_eq!(frames(true), BTreeSet::from(up));
    let down = [
        "ACK",
        "AUTH",
        "ENTRY",
        "GAP",
        "GOAWAY",
        "PING",
        "PONG",
        "REFUSE",
        "SUBSCRIBED",
        "WELCOME",
    ];
    assert_eq!(frames(false), BTreeSet::from(down));
    let errors: BTreeSet<&str> = vectors.iter().filter_map(|v| v.error.as_deref()).collect();
    let all = [
        "BadField",
        "Empty",
        "NoPrecedingEntry",
        "NotText",
        "Number",
        "TooLong",
        "Truncated",
        "UnknownFrame",
    ];
    assert_eq!(errors, BTreeSet::from(all));
}

// PROTOCOL.md F-14, F-15.
#[test]
fn what_travels_in_fragments_is_put_together() {
    let packets: Vec<Value> = serde_json::from_str(FILES[2].1).unwrap();
    let mut directions = BTreeSet::new();
    for vector in packets.iter().filter(|vector| !vector["messages"].is_null()) {
        let text = |value: &Value| bytes(value.as_str().unwrap());
        let messages: Vec<_> = vector["messages"].as_array().unwrap().iter().map(text).collect();
        let mut arriving = Arriving::default();
        let mut packets = Vec::new();
        for message in messages {
            if let Part::Whole(packet) = arriving.take(message, 100) {
                packets.push(packet);
            }
        }
        assert_eq!(packets, [text(&vector["bytes"])], "{}", vector["name"]);
        directions.insert(vector["from"].as_str().unwrap());
    }
    assert_eq!(directions.len(), 2);
}
