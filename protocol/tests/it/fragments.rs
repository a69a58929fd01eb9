//! Packets too large for one WebSocket message: in parts, both ways, whole at the other end.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::{HELLO, LoneSession, message};
use crate::pieces::{FRAGMENT, LAST_FRAGMENT, divided};
use tautline_protocol::client::{Config, Credentials, Input};
use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry, Welcome};
use tautline_protocol::limits::{
    BUFFERED_BYTES, BUFFERED_LOOK_MS, CREDENTIALS_BYTES_MAX, DOWNLINK_PACKET_BYTES_MAX,
    FRAGMENT_BYTES, PACKET_BYTES, PACKET_OVERHEAD_BYTES, UPLINK_BYTES_MAX,
};
use tautline_protocol::session;
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, DIRECT, Format, Kind, Start};

const LARGE: usize = 100_000;

fn heads(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().map(|message| message[0]).collect()
}

fn sends(lone: &mut LoneClient, bytes: usize) {
    lone.client.send(Kind::Send, Format::Text, "", vec![b'x'; bytes]).unwrap();
}

fn encoded(frames: &[Uplink<'_>]) -> Vec<u8> {
    let mut packet = Vec::new();
    frames.iter().for_each(|frame| frame.encode(&mut packet));
    packet
}

fn entry(payload: &[u8]) -> EncodedEntry {
    EncodedEntry::new(Format::Text, Entry::Message(payload))
}

// PROTOCOL.md F-14.
#[test]
fn both_ends_divide_what_is_larger_than_a_fragment_and_nothing_else() {
    // The head of a message that reaches to the end of its packet is two bytes.
    for (bytes, parts) in [
        (FRAGMENT_BYTES - 2, 1),
        (FRAGMENT_BYTES - 1, 2),
        (2 * FRAGMENT_BYTES - 2, 2),
        (2 * FRAGMENT_BYTES - 1, 3),
        (LARGE, 7),
    ] {
        let mut lone = LoneClient::live();
        sends(&mut lone, bytes);
        let done = lone.drain();
        assert_eq!((done.messages.len(), done.packets.len()), (parts, 1), "{bytes} bytes up");
        assert_eq!(done.packets[0].len(), bytes + 2);
        assert!(done.messages.iter().all(|message| message.len() <= FRAGMENT_BYTES + 1));
        if parts > 1 {
            let mut expected = vec![FRAGMENT; parts];
            expected[parts - 1] = LAST_FRAGMENT;
            assert_eq!(heads(&done.messages), expected);
        }
    }
    let mut lone = LoneSession::live();
    lone.session.deliver(DIRECT, 1, &[entry(&[b'x'; LARGE])]);
    let wanted = lone.drain();
    assert_eq!((wanted.messages.len(), wanted.packets.len()), (7, 1));
    assert!(wanted.messages.iter().all(|message| message.len() <= FRAGMENT_BYTES + 1));
}

// PROTOCOL.md F-10.
#[test]
fn small_messages_and_entries_share_packets_that_need_no_fragments() {
    for size in [0, 1, 100, 5_000, 8_185, 8_186, 8_187, 16_000] {
        let mut lone = LoneClient::live();
        let mut session = LoneSession::live();
        for offset in 1..=30 {
            sends(&mut lone, size);
            session.session.deliver(DIRECT, offset, &[entry(&vec![b'x'; size])]);
        }
        session.session.handled(0, 0);
        for messages in [lone.drain().messages, session.drain().messages] {
            assert!(messages.iter().all(|it| it.len() <= PACKET_BYTES), "{size}");
            assert!(messages.iter().all(|it| !matches!(it[0], FRAGMENT | LAST_FRAGMENT)));
            assert!(
                messages.len() <= 1 + 30 * (size + 20) / 12_000 * 2,
                "{size}: {}",
                messages.len()
            );
        }
    }
}

// PROTOCOL.md F-15.
#[test]
fn a_packet_in_parts_of_any_size_is_the_packet() {
    let text = "x".repeat(1_000);
    let up = encoded(&[message(1, text.as_bytes()), message(2, b"hi")]);
    let mut down = Vec::new();
    let frame = Downlink::Entry {
        stream: DIRECT,
        offset: 1,
        format: Format::Text,
        entry: Entry::Message(text.as_bytes()),
    };
    frame.encode(&mut down);
    for bytes in [1, 7, 999, 5_000] {
        let mut lone = LoneSession::live();
        for part in divided(&up, bytes) {
            assert_eq!(lone.gets_bytes(part).hung_up, None);
        }
        assert_eq!(lone.takes(), [text.as_bytes(), b"hi"]);
        let mut lone = LoneClient::live();
        let parts = divided(&down, bytes);
        let (last, before) = parts.split_last().unwrap();
        for part in before {
            assert!(lone.input(Input::Packet(part.clone())).events.is_empty());
        }
        assert!(lone.input(Input::Packet(last.clone())).told("Message"));
    }
}

// PROTOCOL.md F-15.
#[test]
fn whole_packets_between_parts_are_read_at_once() {
    let parts = divided(&encoded(&[message(1, b"hello")]), 3);
    let mut lone = LoneSession::live();
    for part in parts {
        lone.gets_bytes(part);
        assert_eq!(lone.gets(&[Uplink::Ping { nonce: 7 }]).frames(), ["Pong { nonce: 7 }"]);
    }
    assert_eq!(lone.takes(), [b"hello".as_slice()]);
    let mut packet = Vec::new();
    Downlink::Ping { nonce: 8 }.encode(&mut packet);
    let mut lone = LoneClient::live();
    for part in divided(&packet, 1) {
        assert!(lone.gets(&[Downlink::Ping { nonce: 9 }]).transmitted("Pong { nonce: 9 }"));
        lone.input(Input::Packet(part));
    }
}

// PROTOCOL.md F-15, S-11.
#[test]
fn between_the_parts_of_a_packet_the_server_puts_ping_and_pong_and_nothing_that_may_not_overtake() {
    let mut lone = LoneSession::live();
    lone.session.deliver(DIRECT, 1, &[entry(&[b'x'; LARGE])]);
    let mut said = vec![next_of(&mut lone)];
    let ping = encoded(&[Uplink::Ping { nonce: 7 }, message(1, b"m")]);
    lone.session.handle_input(session::Input::Packet(ping.into()), lone.now);
    assert_eq!(lone.takes().len(), 1);
    lone.session.deliver(DIRECT, 2, &[entry(b"small")]);
    lone.session.gap(DIRECT, crate::lone_session::EPOCH, 5);
    lone.session.handled(1, 0);
    let wanted = lone.drain();
    said.extend(wanted.messages);
    let heads = heads(&said);
    assert_eq!(heads[..2], [FRAGMENT, 0x0b], "the PONG between the parts");
    assert_eq!(heads[heads.iter().position(|head| *head == LAST_FRAGMENT).unwrap()..].len(), 2);
    let last = said.last().unwrap();
    assert!(last[0] & 0xc0 == 0x40, "the entry before the GAP, behind the large one: {last:x?}");
}

/// The next WebSocket message of the session alone.
fn next_of(lone: &mut LoneSession) -> Vec<u8> {
    match lone.session.poll_output() {
        session::Output::Transmit(message) => message.to_vec(),
        other => panic!("{other:?}"),
    }
}

// PROTOCOL.md F-15, C-32.
#[test]
fn a_client_hands_over_the_rest_once_there_is_room_and_other_frames_meanwhile() {
    let mut lone = LoneClient::live();
    lone.client.buffers(BUFFERED_BYTES);
    sends(&mut lone, LARGE);
    assert!(lone.drain().messages.is_empty());
    lone.client.buffers(0);
    let mut said = vec![next_of_client(&mut lone)];
    lone.client.buffers(BUFFERED_BYTES);
    let done = lone.drain();
    assert!(done.messages.is_empty(), "the socket is full");
    assert_eq!(done.wake_at, Some(lone.now.after(BUFFERED_LOOK_MS)));
    sends(&mut lone, 1);
    lone.client.subscribe("room", Start::Last(1)).unwrap();
    let done = lone.gets(&[Downlink::Ping { nonce: 9 }]);
    assert_eq!(done.frames().len(), 2, "{done:?}");
    assert!(done.transmitted("Pong") && done.transmitted("Subscribe"), "{done:?}");
    lone.client.buffers(0);
    let done = lone.wait(BUFFERED_LOOK_MS);
    said.extend(done.messages);
    assert_eq!(heads(&said)[6..], [LAST_FRAGMENT, 0xc0], "the small message behind the large one");
}

fn next_of_client(lone: &mut LoneClient) -> Vec<u8> {
    match lone.client.poll_output() {
        tautline_protocol::client::Output::Transmit(message) => message.to_vec(),
        other => panic!("{other:?}"),
    }
}

// PROTOCOL.md F-14, F-15.
#[test]
fn control_frames_that_are_themselves_too_many_wait_for_the_end_of_a_divided_message() {
    let mut lone = LoneClient::live();
    sends(&mut lone, LARGE);
    let mut said = vec![next_of_client(&mut lone)];
    for _ in 0..30 {
        lone.client.send_volatile(Format::Binary, None, &[7; 1_000]).unwrap();
    }
    said.extend(lone.drain().messages);
    let mut ends = said.iter().enumerate().filter(|(_, it)| it[0] == LAST_FRAGMENT);
    assert_eq!(ends.next().unwrap().0, 6, "seven parts in a row");
    assert_eq!(ends.next().unwrap().0, 8, "then those of the other");
    assert_eq!(said.len(), 9);
}

// PROTOCOL.md F-11, F-15.
#[test]
fn a_packet_that_grows_over_its_limit_ends_the_connection_while_it_grows() {
    let config = session::Config { message_bytes: 50_000, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let part = [&[FRAGMENT][..], &[0x0a; FRAGMENT_BYTES]].concat();
    let fit = (50_000 + PACKET_OVERHEAD_BYTES) / FRAGMENT_BYTES;
    for _ in 0..fit {
        assert_eq!(lone.gets_bytes(part.clone()).hung_up, None);
    }
    assert_eq!(lone.gets_bytes(part.clone()).hung_up, Some(CloseCode::TOO_LARGE));
    let mut lone = LoneClient::live();
    for _ in 0..DOWNLINK_PACKET_BYTES_MAX / FRAGMENT_BYTES {
        assert_eq!(lone.input(Input::Packet(part.clone())).hung_up, None);
    }
    assert_eq!(lone.input(Input::Packet(part)).hung_up, Some(CloseCode::TOO_LARGE));
}

// PROTOCOL.md F-14.
#[test]
fn fragments_have_no_place_before_welcome_nor_in_fragments() {
    let mut lone = LoneSession::new(session::Config::default());
    let hello = divided(&encoded(&[Uplink::Hello(HELLO)]), 10);
    assert_eq!(lone.gets_bytes(hello[0].clone()).hung_up, Some(CloseCode::MALFORMED));
    let mut lone = LoneSession::live();
    let nested = divided(&divided(&encoded(&[message(1, b"m")]), 10)[0], 2);
    let wanted: Vec<_> = nested.into_iter().map(|part| lone.gets_bytes(part).hung_up).collect();
    assert_eq!(wanted.last(), Some(&Some(CloseCode::MALFORMED)));
    let mut lone = LoneClient::joining(Config::default());
    let done = lone.input(Input::Packet(vec![FRAGMENT, 0x02]));
    assert_eq!(done.hung_up, Some(CloseCode::MALFORMED));
    let mut lone = LoneClient::live();
    lone.input(Input::Packet(vec![FRAGMENT, LAST_FRAGMENT]));
    let done = lone.input(Input::Packet(vec![LAST_FRAGMENT]));
    assert_eq!(done.hung_up, Some(CloseCode::MALFORMED));
    let mut lone = LoneClient::live();
    let done = lone.input(Input::Packet(vec![LAST_FRAGMENT]));
    assert_eq!(done.hung_up, Some(CloseCode::MALFORMED), "a packet without a frame");
}

// PROTOCOL.md F-15.
#[test]
fn the_end_of_the_connection_drops_half_a_packet_at_both_ends() {
    let mut lone = LoneClient::live();
    sends(&mut lone, LARGE);
    next_of_client(&mut lone);
    lone.input(Input::Packet(vec![FRAGMENT, 0x0a]));
    lone.reconnects();
    let resumed =
        Welcome { resumption: tautline_protocol::resume::Resumption::Resumed, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(resumed)]);
    assert_eq!(done.packets.len(), 1, "the message from its beginning");
    assert_eq!(done.packets[0].len(), LARGE + 2);
    let done = lone.input(Input::Packet(vec![LAST_FRAGMENT, 0x0b, 0x01]));
    assert_eq!((done.hung_up, done.frames().len()), (None, 0), "a PONG, and no PING before it");
}

// PROTOCOL.md F-15, S-2.
#[test]
fn what_ends_a_connection_does_not_wait_for_the_rest_of_a_packet() {
    let mut lone = LoneSession::live();
    lone.session.deliver(DIRECT, 1, &[entry(&[b'x'; LARGE])]);
    next_of(&mut lone);
    lone.session.refuse(CloseCode::FULL, 0, "full");
    let wanted = lone.drain();
    assert_eq!(heads(&wanted.messages), [0x03]);
    assert_eq!(wanted.hung_up, Some(CloseCode::FULL));
}

// PROTOCOL.md C-1, F-14.
#[test]
fn hello_s_packet_is_small_whatever_the_client_reads_and_shows() {
    for bytes in [0, 8_000, CREDENTIALS_BYTES_MAX] {
        let credentials = Credentials::Fixed(vec![b'c'; bytes]);
        let mut lone = LoneClient::new(Config { credentials, ..Config::default() });
        for at in 0..128 {
            lone.client.subscribe(format!("{at:0>255}"), Start::Last(1)).unwrap();
        }
        lone.input(Input::Woke);
        let hello = lone.input(Input::Opened).messages;
        assert_eq!(hello.len(), 1);
        assert!(hello[0].len() <= PACKET_BYTES.max(bytes + 256), "{} bytes", hello[0].len());
        assert!(hello[0].len() <= UPLINK_BYTES_MAX);
        let done = lone.gets(&[Downlink::Welcome(welcome())]);
        let told = |packets: &[Vec<u8>]| packets.iter().map(|it| subscriptions(it)).sum::<usize>();
        assert_eq!(told(&hello) + told(&done.packets), 128);
        assert!(done.messages.iter().all(|it| it.len() <= PACKET_BYTES));
    }
}

fn subscriptions(packet: &[u8]) -> usize {
    let frames = tautline_protocol::uplink::Frames::new(packet, 0);
    frames.filter(|frame| matches!(frame, Ok(Uplink::Subscribe { .. }))).count()
}

#[test]
fn large_messages_arrive_both_ways_whole_and_in_order() {
    let mut line = Line::live();
    for size in [FRAGMENT_BYTES, 200_000, (1 << 20) - 10] {
        line.say("before");
        line.say(&"x".repeat(size));
        line.say("behind");
        line.settle();
    }
    line.must_converge();
    assert_eq!(line.dials.len(), 1);
}

// PROTOCOL.md F-14.
#[test]
fn welcome_comes_whole_whatever_is_said_with_it() {
    // What is refused beyond the 128 that a session may read fills more than a packet, to each byte of it.
    for count in 128..800 {
        let mut lone = LoneSession::new(session::Config::default());
        let mut frames = vec![Uplink::Hello(HELLO)];
        frames.extend((1..=count).map(|stream| Uplink::Subscribe {
            stream,
            topic: "t",
            start: Start::Last(0),
        }));
        let messages = lone.joins_with(&frames, 0).messages;
        assert_eq!(messages[0][0], 0x02, "{count}");
        assert!(messages[0].len() <= FRAGMENT_BYTES, "{count}: {} bytes", messages[0].len());
    }
}
