//! PROTOCOL.md says what the code does: its examples, its limits and its close codes.

use crate::samples::{DOWNLINKS, UPLINKS, encoded_down, encoded_up};
use std::collections::BTreeMap;
use tautline_protocol::downlink::{self, Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{CloseCode, Format, Reaction, limits};

const SPECIFICATION: &str = include_str!("../../../PROTOCOL.md");
const CLOSE: &str = include_str!("../../src/close.rs");
const LIMITS: &str = include_str!("../../src/limits.rs");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn cells(row: &'static str) -> Vec<&'static str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The tables, each with its head, without the line below that.
fn tables() -> Vec<Vec<Vec<&'static str>>> {
    let is_table = |paragraph: &&'static str| paragraph.trim_start().starts_with('|');
    let rows = |paragraph: &'static str| paragraph.trim().lines().map(cells);
    let without_line = |(at, row): (usize, Vec<&'static str>)| (at != 1).then_some(row);
    let table = |paragraph| rows(paragraph).enumerate().filter_map(without_line).collect();
    SPECIFICATION.split("\n\n").filter(is_table).map(table).collect()
}

/// The table with this head.
fn table(head: &[&str]) -> Vec<Vec<&'static str>> {
    let found = tables().into_iter().find(|table| table[0] == head).unwrap();
    found[1..].to_vec()
}

/// The examples by name: the layouts' last columns, and what stands in `hex` blocks.
fn examples() -> BTreeMap<String, Vec<u8>> {
    let mut examples = BTreeMap::new();
    let mut add = |name: &str, bytes: Vec<u8>| {
        assert!(examples.insert(name.into(), bytes).is_none(), "{name} twice");
    };
    for table in tables().iter().filter(|table| table[0].first() == Some(&"field")) {
        let hex: String = table[1..].iter().map(|row| row[4]).collect();
        add(table[0][3], bytes(&hex));
    }
    for block in SPECIFICATION.split("```hex\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for example in block.trim_end().replace("\n  ", " ").lines() {
            let (name, hex) = example.split_once(": ").unwrap();
            add(name, bytes(hex));
        }
    }
    examples
}

#[test]
fn every_example_of_a_frame_is_its_encoding() {
    let examples = examples();
    for (name, frame) in UPLINKS {
        assert_eq!(examples.get(*name), Some(&encoded_up(frame)), "{name}");
    }
    for (name, frame) in DOWNLINKS {
        assert_eq!(examples.get(*name), Some(&encoded_down(frame)), "{name}");
    }
    let packets = ["joining", "joined", "two entries", "two messages", "an answer, then the ack"];
    let mut known: Vec<&str> = packets.to_vec();
    known.extend(UPLINKS.iter().map(|(name, _)| *name));
    known.extend(DOWNLINKS.iter().map(|(name, _)| *name));
    let unknown: Vec<_> = examples.keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "nothing proves {unknown:?}");
}

#[test]
fn the_packets_of_the_example_session_hold_what_is_said() {
    let examples = examples();
    let up = |name: &str| -> Vec<Uplink<'_>> {
        uplink::Frames::new(&examples[name], 100).map(Result::unwrap).collect()
    };
    let down = |name: &str| -> Vec<Downlink<'_>> {
        downlink::Frames::new(&examples[name]).map(Result::unwrap).collect()
    };
    let sent = |name: &str| UPLINKS.iter().find(|(of, _)| *of == name).unwrap().1;
    let told = |name: &str| DOWNLINKS.iter().find(|(of, _)| *of == name).unwrap().1;
    let entry = |stream, offset, payload| {
        let entry = Entry::Message(payload);
        Downlink::Entry { stream, offset, format: Format::Text, entry }
    };
    assert_eq!(up("joining"), [sent("HELLO first"), sent("SUBSCRIBE last")]);
    let Downlink::Welcome(welcome) = told("WELCOME") else { panic!() };
    let welcome = Welcome { resumption: Resumption::New, accepted: 0, head: 0, ..welcome };
    assert_eq!(down("joined"), [Downlink::Welcome(welcome), told("SUBSCRIBED")]);
    assert_eq!(down("two entries"), [told("ENTRY message"), entry(1, 19, b"hi ann")]);
    assert_eq!(up("two messages"), [sent("MESSAGE send"), sent("MESSAGE publish")]);
    let answer = [entry(0, 1, b"hello"), Downlink::Ack { seq: 2 }];
    assert_eq!(down("an answer, then the ack"), answer);
}

#[test]
fn the_table_of_close_codes_is_that_of_the_code() {
    let rows = table(&["code", "name", "reaction", "meaning"]);
    assert_eq!(rows.len(), CloseCode::TABLE.len());
    for (code, words) in CloseCode::TABLE {
        let reaction = match code.reaction() {
            Reaction::Retry => "retry",
            Reaction::RetryLater => "retry later",
            Reaction::Reauthenticate => "re-authenticate",
            Reaction::Stop => "stop",
        };
        let number = code.0.to_string();
        let row = rows.iter().find(|row| row[0] == number).unwrap();
        assert_eq!((row[2], row[3]), (reaction, *words));
        assert!(CLOSE.contains(&format!("    {} = {number}, ", row[1])), "{row:?}");
    }
}

#[test]
fn codes_newer_than_the_client_are_obeyed_by_their_class() {
    for code in 0..=u16::MAX {
        let expected = match code {
            1013 | 4100..=4199 => Reaction::RetryLater,
            4200..=4299 => Reaction::Reauthenticate,
            4300..=4399 => Reaction::Stop,
            _ => Reaction::Retry,
        };
        assert_eq!(CloseCode(code).reaction(), expected, "{code}");
    }
    assert_eq!(CloseCode::FULL.to_string(), "4100 (server full)");
    assert_eq!(CloseCode(4999).to_string(), "4999 (unknown code)");
}

macro_rules! values {
    ($($name:ident)+) => {
        [$((stringify!($name), limits::$name as u64)),+]
    };
}

#[test]
fn the_table_of_limits_is_that_of_the_code() {
    let expected = values! {
        MESSAGE_BYTES MESSAGE_BYTES_MAX PACKET_BYTES PACKET_OVERHEAD_BYTES TOPIC_BYTES_MAX
        CREDENTIALS_BYTES_MAX REASON_BYTES_MAX REFUSAL_CODE_BYTES_MAX CLOSE_REASON_BYTES_MAX
        STREAMS STREAMS_MAX NOTICES_MAX OUTBOX_MESSAGES OUTBOX_BYTES WINDOW_MESSAGES WINDOW_BYTES
        STREAM_WINDOW_ENTRIES STREAM_WINDOW_BYTES RECEIVED_ENTRIES RECEIVED_BYTES RECEIVED_DELAY_MS
        HEARTBEAT_MS HEARTBEAT_MS_MIN HEARTBEAT_MS_MAX PROBE_MS_MIN ANSWER_MS_MIN
        SLOWEST_BYTES_PER_MS SILENCE_MS LATE_MS CONNECT_TIMEOUT_MS HELLO_TIMEOUT_MS AUTH_TIMEOUT_MS
        BACKOFF_FIRST_MS BACKOFF_BASE_MS BACKOFF_CAP_MS STABLE_MS DELAY_MS_MAX
        CREDENTIALS_REFUSED_MAX
    };
    let rows = table(&["name", "value", "of"]);
    let said: BTreeMap<&str, u64> =
        rows.iter().map(|row| (row[0], row[1].replace(',', "").parse().unwrap())).collect();
    assert_eq!(said, BTreeMap::from(expected));
    assert_eq!(LIMITS.matches("pub const ").count(), said.len(), "one is in the code alone");
}

#[test]
fn the_specification_names_the_version_and_is_plain_text() {
    assert!(SPECIFICATION.contains(tautline_protocol::SUBPROTOCOL));
    assert!(SPECIFICATION.is_ascii());
}
