//! PROTOCOL.md says what the code does: its examples, its limits and its close codes.

use crate::pieces::{FRAGMENT, LAST_FRAGMENT};
use crate::samples::{DOWNLINKS, UPLINKS, encoded_down, encoded_up};
use crate::vectors;
use std::collections::BTreeMap;
use tautline_protocol::client::{self, Client};
use tautline_protocol::downlink::{self, Downlink, EncodedEntry, Entry, Welcome};
use tautline_protocol::resume::{Resolution, Resumption};
use tautline_protocol::session::{self, Session};
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{CloseCode, Format, Instant, Kind, Reaction, Seed, Start, limits};

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
fn every_example_of_a_frame_decodes_to_it() {
    let examples = examples();
    for (name, frame) in UPLINKS {
        let read: Vec<_> = uplink::Frames::new(&examples[*name], limits::MESSAGE_BYTES).collect();
        assert_eq!(read, [Ok(*frame)], "{name}");
    }
    for (name, frame) in DOWNLINKS {
        let read: Vec<_> = downlink::Frames::new(&examples[*name]).collect();
        assert_eq!(read, [Ok(*frame)], "{name}");
    }
}

#[test]
fn every_example_is_a_golden_vector() {
    let vectors = vectors::all();
    for (name, bytes) in examples() {
        let vector = vectors.iter().find(|vector| vector.name == name).map(|vector| &vector.bytes);
        assert_eq!(vector, Some(&bytes), "{name}");
    }
}

#[test]
fn every_row_of_a_layout_has_the_bytes_of_its_value() {
    for table in tables().iter().filter(|table| table[0].first() == Some(&"field")) {
        let name = table[0][3];
        for (at, row) in table.iter().enumerate().skip(1) {
            let expected = bytes(row[4]);
            assert_eq!(field(row[1], row[3]), expected, "{name}: {}", row[0]);
            if row[1] == "length" {
                let behind: usize = table[at + 1..].iter().map(|row| bytes(row[4]).len()).sum();
                assert_eq!(row[3], behind.to_string(), "{name}: {}", row[0]);
            }
        }
    }
}

/// One field as section 3 describes it, without the encoder of the crate.
fn field(kind: &str, value: &str) -> Vec<u8> {
    let plain = || match value.strip_prefix('"') {
        Some(text) => text.strip_suffix('"').unwrap().as_bytes().to_vec(),
        None => bytes(value),
    };
    match kind {
        "byte" => vec![match value.strip_prefix("0x") {
            Some(hex) => u8::from_str_radix(hex, 16).unwrap(),
            None => value.parse().unwrap(),
        }],
        "bits" => vec![u8::from_str_radix(&value.replace(' ', ""), 2).unwrap()],
        "number" | "length" => leb128(value.parse().unwrap()),
        "epoch" | "id" | "rest" => plain(),
        "bytes" | "text" => [leb128(plain().len() as u64), plain()].concat(),
        _ => panic!("section 3 has no type {kind:?}"),
    }
}

fn leb128(number: u64) -> Vec<u8> {
    if number < 128 {
        return vec![number as u8];
    }
    [vec![number as u8 | 128], leb128(number / 128)].concat()
}

// PROTOCOL.md C-1, F-9, F-10.
#[test]
fn the_packets_of_the_example_session_are_what_the_machines_transmit() {
    let (examples, now) = (examples(), Instant::from_millis(0));
    let message = |text: &'static [u8]| EncodedEntry::new(Format::Text, Entry::Message(text));
    let credentials = client::Credentials::Fixed(b"ann:1".to_vec());
    let config = client::Config { credentials, ..client::Config::default() };
    let mut client = Client::new(config, Seed { session: *b"0123456789abcdef", random: 1 }, now);
    let mut session = Session::new(session::Config::default(), now);

    client.subscribe("room", Start::Last(50)).unwrap();
    client.handle_input(client::Input::Woke, now);
    assert!(said_by_client(&mut client).is_empty());
    client.handle_input(client::Input::Opened, now);
    let joining = said_by_client(&mut client);
    assert_eq!(joining, examples["joining"]);

    session.handle_input(session::Input::Packet(joining.into()), now);
    let session::Output::Join(hello) = session.poll_output() else { panic!("no HELLO") };
    let Downlink::Subscribed { epoch, offset, .. } =
        DOWNLINKS.iter().find(|(name, _)| *name == "SUBSCRIBED").unwrap().1
    else {
        panic!()
    };
    let resumption = Resumption::New;
    session.join(&hello, &Resolution { resumption, epoch, accepted: 0, head: 0 });
    session.subscribed(1, epoch, offset);
    let joined = said_by_session(&mut session);
    assert_eq!(joined, examples["joined"]);

    session.deliver(1, offset + 1, &[message(b"hi all"), message(b"hi ann")]);
    assert_eq!(said_by_session(&mut session), examples["two entries"]);

    client.handle_input(client::Input::Packet(joined), now);
    assert!(said_by_client(&mut client).is_empty());
    client.send(Kind::Send, Format::Text, "", b"hi").unwrap();
    client.send(Kind::Publish, Format::Binary, "room", b"\xff").unwrap();
    let messages = said_by_client(&mut client);
    assert_eq!(messages, examples["two messages"]);

    session.handle_input(session::Input::Packet(messages.into()), now);
    assert_eq!(std::iter::from_fn(|| session.take_message()).count(), 2);
    let entry = Entry::Refusal { seq: 2, code: b"no", reason: b"not you" };
    session.deliver(0, 1, &[EncodedEntry::new(Format::Text, entry)]);
    session.handled(2, 1);
    assert_eq!(said_by_session(&mut session), examples["an answer, then the ack"]);
}

fn said_by_client(client: &mut Client) -> Vec<u8> {
    let mut said = Vec::new();
    loop {
        match client.poll_output() {
            client::Output::Transmit(packet) => said.extend_from_slice(packet),
            client::Output::Idle { .. } => return said,
            _ => {}
        }
    }
}

fn said_by_session(session: &mut Session) -> Vec<u8> {
    let mut said = Vec::new();
    loop {
        match session.poll_output() {
            session::Output::Transmit(packet) => said.extend_from_slice(packet),
            session::Output::Idle { .. } => return said,
            _ => {}
        }
    }
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
    let entry = Entry::Message(b"hi ann");
    let second = Downlink::Entry { stream: 1, offset: 19, format: Format::Text, entry };
    assert_eq!(up("joining"), [sent("HELLO first"), sent("SUBSCRIBE last")]);
    let Downlink::Welcome(welcome) = told("WELCOME") else { panic!() };
    let welcome = Welcome { resumption: Resumption::New, accepted: 0, head: 0, ..welcome };
    assert_eq!(down("joined"), [Downlink::Welcome(welcome), told("SUBSCRIBED")]);
    assert_eq!(down("two entries"), [told("ENTRY message"), second]);
    assert_eq!(up("two messages"), [sent("MESSAGE send"), sent("MESSAGE publish")]);
    let refusal = Entry::Refusal { seq: 2, code: b"no", reason: b"not you" };
    let answer = Downlink::Entry { stream: 0, offset: 1, format: Format::Text, entry: refusal };
    assert_eq!(down("an answer, then the ack"), [answer, Downlink::Ack { seq: 2 }]);
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

// PROTOCOL.md C-30, V-2.
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
        MESSAGE_BYTES MESSAGE_BYTES_MAX PACKET_BYTES FRAGMENT_BYTES PACKET_OVERHEAD_BYTES
        DOWNLINK_PACKET_BYTES_MAX TOPIC_BYTES_MAX CREDENTIALS_BYTES_MAX HELLO_BYTES_MAX UPLINK_BYTES_MAX REASON_BYTES_MAX REFUSAL_CODE_BYTES_MAX CLOSE_REASON_BYTES_MAX
        STREAMS STREAMS_MAX NOTICES_MAX OUTBOX_MESSAGES OUTBOX_BYTES WINDOW_MESSAGES WINDOW_BYTES
        BUFFERED_BYTES BUFFERED_LOOK_MS VOLATILE_BYTES
        STREAM_WINDOW_ENTRIES STREAM_WINDOW_BYTES RECEIVED_ENTRIES RECEIVED_BYTES RECEIVED_DELAY_MS
        HEARTBEAT_MS HEARTBEAT_MS_MIN HEARTBEAT_MS_MAX PROBE_MS_MIN ANSWER_MS_MIN
        SLOWEST_BYTES_PER_MS PATIENCE_LEVEL_MAX PATIENCE_LEVEL_JOINING_MAX PATIENCE_CHECK_MS
        LIFE_SIGN_BYTES LIFE_SIGN_MS SILENCE_MS LATE_MS CONNECT_TIMEOUT_MS HELLO_TIMEOUT_MS HELLO_TIMEOUTS_MAX
        MESSAGE_MS_MAX AUTH_TIMEOUT_MS
        BACKOFF_FIRST_MS BACKOFF_BASE_MS BACKOFF_CAP_MS STABLE_MS DELAY_MS_MAX
        CREDENTIALS_REFUSED_MAX FAULTS_MAX
    };
    let rows = table(&["name", "value", "of"]);
    let said: BTreeMap<&str, u64> =
        rows.iter().map(|row| (row[0], row[1].replace(',', "").parse().unwrap())).collect();
    assert_eq!(said, BTreeMap::from(expected));
    assert_eq!(LIMITS.matches("pub const ").count(), said.len(), "one is in the code alone");
}

#[test]
fn the_numbers_in_the_rules_are_those_of_the_code() {
    let rules = values! {
        RECEIVED_DELAY_MS RECEIVED_ENTRIES RECEIVED_BYTES HEARTBEAT_MS_MIN HEARTBEAT_MS_MAX
        PROBE_MS_MIN SILENCE_MS ANSWER_MS_MIN LATE_MS CONNECT_TIMEOUT_MS BACKOFF_FIRST_MS
        BACKOFF_BASE_MS BACKOFF_CAP_MS STABLE_MS DELAY_MS_MAX STREAM_WINDOW_ENTRIES
        STREAM_WINDOW_BYTES AUTH_TIMEOUT_MS STABLE_MS STABLE_MS
    };
    let places = [
        "C-13", "C-13", "C-13", "C-14", "C-14", "C-14", "C-15", "C-16", "C-16", "C-18", "C-19",
        "C-19", "C-19", "C-19", "C-23", "S-12", "S-12", "S-16", "C-19", "C-36",
    ];
    for ((name, value), rule) in rules.into_iter().zip(places) {
        let text = SPECIFICATION.split("\n- **").find(|text| text.starts_with(rule)).unwrap();
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != ',');
        let mut numbers = numbers.map(|number| number.replace(',', ""));
        assert!(numbers.any(|number| number == value.to_string()), "{rule}: {name} = {value}");
    }
}

#[test]
fn the_numbers_of_formats_and_resumptions_are_those_of_the_code() {
    let formats = [Format::Text, Format::Binary, Format::EncodedText, Format::EncodedBinary];
    let expected = formats.map(|format| (format as u8).to_string());
    let rows = table(&["FF", "format", "payload"]);
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), expected);
    let said = rows.iter().map(|row| row[2].starts_with("UTF-8"));
    assert_eq!(said.collect::<Vec<_>>(), formats.map(Format::is_text));
    let rows = table(&["found", "HELLO", "resumption", "epoch", "accepted", "head"]);
    let (resumed, new) = (Resumption::Resumed as u8, Resumption::New as u8);
    let (known, lost) = (Resumption::LostAcceptedKnown as u8, Resumption::Lost as u8);
    let expected = [
        format!("{resumed} resumed"),
        format!("{new} new"),
        format!("{known} lost, accepted known"),
        format!("{lost} lost"),
    ];
    assert_eq!(rows.iter().map(|row| row[2]).collect::<Vec<_>>(), expected);
}

#[test]
fn the_specification_names_the_version_and_is_plain_text() {
    assert!(SPECIFICATION.contains(tautline_protocol::SUBPROTOCOL));
    assert!(SPECIFICATION.is_ascii());
    assert_eq!(SPECIFICATION.lines().find(|line| line.len() > 110), None);
}

#[test]
fn every_requirement_stands_in_a_rule_with_a_number() {
    let rules = SPECIFICATION.split("\n- **").skip(1);
    let rules: String = rules.map(|rule| rule.split("\n\n").next().unwrap()).collect();
    let (_, body) = SPECIFICATION.split_once("## 1 Words").unwrap();
    for word in ["MUST", "SHOULD"] {
        assert!(rules.contains(word));
        assert_eq!(body.matches(word).count(), rules.matches(word).count(), "{word} outside");
    }
}

#[test]
fn the_table_of_heads_is_that_of_the_frames() {
    let mut frames: BTreeMap<u8, [&str; 2]> = BTreeMap::new();
    let mut add = |name: &'static str, packet: Vec<u8>, direction: usize| {
        let head = match packet[0] {
            message @ 0x80.. => message & 0x80,
            entry @ 0x40.. => entry & 0x40,
            head => head,
        };
        frames.entry(head).or_default()[direction] = name.split(' ').next().unwrap();
    };
    UPLINKS.iter().for_each(|(name, frame)| add(name, encoded_up(frame), 0));
    DOWNLINKS.iter().for_each(|(name, frame)| add(name, encoded_down(frame), 1));
    // Not of frames, but of what packets travel in.
    frames.insert(FRAGMENT, ["FRAGMENT"; 2]);
    frames.insert(LAST_FRAGMENT, ["LAST FRAGMENT"; 2]);
    let rows = table(&["head", "from the client", "from the server"]);
    let head = |row: &[&str]| u8::from_str_radix(&row[0][2..4], 16).unwrap();
    let said: BTreeMap<u8, [&str; 2]> =
        rows.iter().map(|row| (head(row), [row[1], row[2]])).collect();
    assert_eq!(said, frames);
}
