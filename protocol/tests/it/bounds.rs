//! What frames of a few bytes may have the server do, and hold.

use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry, Frames};
use tautline_protocol::limits::{NOTICES_MAX, PACKET_BYTES};
use tautline_protocol::uplink::{Message, Uplink};
use tautline_protocol::{CloseCode, DIRECT, Format, Kind, Start, session};

use crate::lone_session::{LoneSession, message};

const AUTH: Uplink<'static> = Uplink::Auth { credentials: b"new" };

const fn subscribe(stream: u32) -> Uplink<'static> {
    Uplink::Subscribe { stream, topic: "a", start: Start::Last(0) }
}

const fn handled(offset: u64) -> Uplink<'static> {
    Uplink::Received { stream: DIRECT, offset }
}

/// A live session that has sent so many entries of its direct stream.
fn with_entries(count: usize) -> LoneSession {
    let mut lone = LoneSession::live();
    let entry = EncodedEntry::new(Format::Text, Entry::Message(b"e"));
    lone.session.deliver(DIRECT, 1, &vec![entry; count]);
    lone.drain();
    lone
}

// PROTOCOL.md S-13.
#[test]
fn a_report_that_moves_nothing_is_no_work() {
    let mut lone = with_entries(3);
    assert_eq!(lone.gets(&[handled(0)]).others, Vec::<String>::new());
    assert_eq!(lone.gets(&[handled(2)]).others, ["Trim { offset: 2 }"]);
    for offset in [0, 1, 2] {
        let wanted = lone.gets(&vec![handled(offset); 10_000]);
        assert_eq!((wanted.others.len(), wanted.hung_up), (0, None), "{offset}");
    }
}

// PROTOCOL.md S-16.
#[test]
fn of_many_reports_and_credentials_in_a_packet_the_newest_count() {
    let mut lone = with_entries(1_000);
    let turns =
        (1..=1_000).flat_map(|offset| [handled(offset), Uplink::Auth { credentials: b"old" }]);
    let mut frames: Vec<_> = turns.collect();
    frames.push(AUTH);
    let wanted = lone.gets(&frames);
    assert_eq!(wanted.others, ["Authenticate(b\"new\")", "Trim { offset: 1000 }"]);
    assert_eq!(wanted.hung_up, None);
    let wanted = lone.gets(&vec![AUTH; 10_000]);
    assert_eq!((wanted.others.len(), wanted.hung_up), (1, None));
}

#[test]
fn what_waits_for_an_end_is_no_work() {
    let mut lone = with_entries(1);
    let wanted = lone.gets(&[handled(1), AUTH, message(9, b"a hole")]);
    assert_eq!((wanted.others.len(), wanted.hung_up), (0, Some(CloseCode::VIOLATION)));
}

// PROTOCOL.md F-13.
#[test]
fn a_packet_of_nothing_but_requests_is_a_violation() {
    let ping = Uplink::Ping { nonce: 1 };
    let nobody_s = Uplink::Unsubscribe { stream: 7 };
    for (request, what) in [(ping, "PING"), (nobody_s, "UNSUBSCRIBE")] {
        let mut lone = LoneSession::live();
        assert_eq!(lone.gets(&vec![request; NOTICES_MAX]).hung_up, None, "{what}");
        let wanted = lone.gets(&vec![request; NOTICES_MAX + 1]);
        assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION), "{what}");
    }
    let mut lone = LoneSession::live();
    let pairs = |first: u32, count: u32| -> Vec<_> {
        let streams = first..first + count;
        streams.flat_map(|stream| [subscribe(stream), Uplink::Unsubscribe { stream }]).collect()
    };
    let most = NOTICES_MAX as u32 / 2;
    assert_eq!(lone.gets(&pairs(1, most)).hung_up, None);
    assert_eq!(lone.gets(&pairs(most + 1, most + 1)).hung_up, Some(CloseCode::VIOLATION));
}

/// A refusal is many times as long as the request, and they were counted only if they were granted.
#[test]
fn requests_that_are_refused_count_like_others() {
    let config = session::Config { streams: 0, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let most = NOTICES_MAX as u32;
    let wanted = lone.gets(&(1..=most).map(subscribe).collect::<Vec<_>>());
    assert_eq!((wanted.hung_up, wanted.frames().len()), (None, NOTICES_MAX));
    let wanted = lone.gets(&(most + 1..=2 * most + 1).map(subscribe).collect::<Vec<_>>());
    assert_eq!((wanted.hung_up, wanted.packets.len()), (Some(CloseCode::VIOLATION), 0));
}

#[test]
fn a_subscription_that_is_taken_back_before_anybody_was_asked_is_no_work() {
    let mut lone = LoneSession::live();
    let frames: Vec<_> = (1..=2_000)
        .flat_map(|stream| [subscribe(stream), Uplink::Unsubscribe { stream }])
        .chain([subscribe(3_000)])
        .collect();
    let wanted = lone.gets(&frames);
    assert_eq!((wanted.others.len(), wanted.hung_up), (1, None), "{wanted:?}");
    assert!(wanted.wants("Subscribe { stream: 3000"));
    let wanted = lone.gets(&[Uplink::Unsubscribe { stream: 3_000 }]);
    assert_eq!(wanted.others, ["Unsubscribe { stream: 3000 }"]);
}

// PROTOCOL.md F-10, S-23.
#[test]
fn control_frames_travel_in_packets_of_a_bounded_size() {
    let config = session::Config { streams: 0, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let entry = EncodedEntry::new(Format::Text, Entry::Reply { seq: 1, payload: b"r" });
    lone.gets(&[message(1, b"m")]);
    // The entry waits when the GAP comes, and must not be overtaken by the ACK behind it.
    lone.session.handle_input(
        session::Input::Packet({
            let mut packet = Vec::new();
            (1..=NOTICES_MAX as u32).for_each(|stream| subscribe(stream).encode(&mut packet));
            packet.into()
        }),
        lone.now,
    );
    assert!(lone.session.is_congested(), "nothing more is read before they have left");
    lone.session.deliver(DIRECT, 1, &[entry]);
    lone.session.gap(DIRECT, crate::lone_session::EPOCH, 5);
    lone.session.handled(1, 1);
    let wanted = lone.drain();
    assert!(!lone.session.is_congested());
    assert!(wanted.packets.len() >= 3, "{} packets", wanted.packets.len());
    for packet in &wanted.packets {
        assert!(packet.len() < PACKET_BYTES + 100, "{} bytes", packet.len());
    }
    let frames = wanted.frames();
    assert_eq!(frames.len(), NOTICES_MAX + 3);
    let last: Vec<_> = frames.iter().rev().take(3).map(|frame| &frame[..4]).collect();
    assert_eq!(last, ["Ack ", "Gap ", "Entr"]);
}

#[test]
fn an_entry_that_fills_a_packet_is_not_put_behind_other_frames() {
    let mut lone = LoneSession::live();
    let large = vec![b'x'; PACKET_BYTES];
    let entry = EncodedEntry::new(Format::Text, Entry::Message(&large));
    lone.session.go_away(0, 0, "go");
    lone.session.deliver(DIRECT, 1, &[entry]);
    let wanted = lone.drain();
    let first = Frames::new(&wanted.packets[0]).next().unwrap().unwrap();
    assert!(matches!(first, Downlink::GoAway { .. }));
    assert_eq!(wanted.packets.len(), 2);
}

/// An empty publish to a topic of this name.
fn publish(seq_low: Option<u8>, topic: &str) -> Uplink<'_> {
    let (kind, format) = (Kind::Publish, Format::Text);
    Uplink::Message(Message {
        kind,
        format,
        possible_duplicate: false,
        seq_low,
        topic,
        payload: b"",
    })
}

// PROTOCOL.md S-18, C-5.
#[test]
fn topics_count_for_the_window() {
    let config = session::Config { window_bytes: 1_000, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let topic = "t".repeat(250);
    let four: Vec<_> = (1..=4).map(|seq| publish(Some(seq), &topic)).collect();
    assert_eq!(lone.gets(&four).hung_up, None);
    assert_eq!(lone.session.queued().message_bytes, 1_000);
    assert_eq!(lone.gets(&[publish(Some(5), "t")]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md S-19.
#[test]
fn topics_of_volatile_messages_count_for_their_window() {
    let config = session::Config { window_bytes: 1_000, ..session::Config::default() };
    let mut lone = LoneSession::live_with(config);
    let topic = "t".repeat(250);
    let wanted = lone.gets(&vec![publish(None, &topic); 100]);
    assert_eq!((wanted.hung_up, lone.session.queued().messages), (None, 4));
}

/// Whatever waits is in the sum, and when it is gone, so is the memory.
#[test]
fn what_is_held_is_counted_and_given_back_when_it_has_gone() {
    let mut lone = LoneSession::live();
    let idle = lone.session.held_bytes();
    let topic = "t".repeat(255);
    let publishes: Vec<_> =
        (1..=1_000_u32).map(|seq| publish(Some(seq.to_le_bytes()[0]), &topic)).collect();
    lone.gets(&publishes);
    let held = lone.session.held_bytes();
    assert!(held - idle > 1_000 * (255 + 64), "{held}");
    while lone.session.take_message().is_some() {}
    assert_eq!(lone.session.held_bytes(), idle);
    let entry = EncodedEntry::new(Format::Text, Entry::Message(&[b'e'; 50]));
    lone.session.deliver(DIRECT, 1, &vec![entry; 10_000]);
    let waiting = lone.session.held_bytes();
    lone.drain();
    let sent = lone.session.held_bytes();
    assert!(waiting - sent > 10_000 * 50, "{waiting}, {sent}");
    assert!(sent - idle > 10_000 * 16, "{sent}");
    lone.gets(&[handled(10_000)]);
    assert_eq!(lone.session.held_bytes(), idle, "{:?}", lone.session.queued());
}

/// Credentials wait for however long the application checks them; their packet does not.
#[test]
fn credentials_do_not_hold_their_packet() {
    let mut packet = Vec::new();
    AUTH.encode(&mut packet);
    (0..1_000).for_each(|nonce| Uplink::Pong { nonce }.encode(&mut packet));
    let packet = bytes::Bytes::from(packet);
    let mut lone = LoneSession::live();
    lone.session.handle_input(session::Input::Packet(packet.clone()), lone.now);
    let session::Output::Authenticate(credentials) = lone.session.poll_output() else {
        panic!("expected credentials")
    };
    assert!(packet.is_unique(), "{} bytes of {}", credentials.len(), packet.len());
}
