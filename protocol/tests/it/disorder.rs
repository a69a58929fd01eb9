//! Sound frames at a moment when they have no place, or once too often.

use crate::lone_client::{EPOCH, LoneClient, hello, welcome};
use crate::lone_session::{self, LoneSession, message};
use tautline_protocol::client::{Config, Input};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Message, Uplink};
use tautline_protocol::{CloseCode, DIRECT, Format, Kind, Start, StreamId, limits, session};

const SUBSCRIBED: Downlink<'static> = Downlink::Subscribed { stream: 1, epoch: EPOCH, offset: 5 };
const REFUSED: Downlink<'static> =
    Downlink::SubscribeRefused { stream: 1, code: b"no", reason: b"" };
const NEXT: Downlink<'static> =
    Downlink::Entry { stream: 1, offset: 6, format: Format::Text, entry: Entry::Message(b"x") };
const GAP: Downlink<'static> = Downlink::Gap { stream: 1, epoch: EPOCH, offset: 9 };

const fn subscribe(stream: StreamId) -> Uplink<'static> {
    Uplink::Subscribe { stream, topic: "t", start: Start::Last(0) }
}

// PROTOCOL.md F-17.
#[test]
fn a_malformed_frame_is_called_so_wherever_it_comes() {
    let malformed = [0x80, 1, 1, 0xff];
    let mut hello = Vec::new();
    Uplink::Hello(lone_session::HELLO).encode(&mut hello);
    for before in [&[][..], &hello] {
        let mut lone = LoneSession::new(session::Config::default());
        let wanted = lone.gets_bytes([before, &malformed].concat());
        assert_eq!(wanted.hung_up, Some(CloseCode::MALFORMED));
        // Well formed it has no place there, but frames are taken one by one: what is wrong first counts.
        let mut lone = LoneSession::new(session::Config::default());
        let wanted = lone.gets_bytes([before, &[0x0a, 1], &malformed].concat());
        assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
    }
    let mut lone = LoneClient::joining(Config::default());
    assert_eq!(lone.input(Input::Packet(vec![0x40, 0])).hung_up, Some(CloseCode::MALFORMED));
}

// PROTOCOL.md S-2.
#[test]
fn before_welcome_a_client_takes_refuse_alone_and_after_it_no_second_welcome() {
    let entry = Entry::Message(b"x");
    for frame in [
        Downlink::Ack { seq: 0 },
        Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry },
        SUBSCRIBED,
        REFUSED,
        GAP,
        Downlink::Ping { nonce: 1 },
        Downlink::Pong { nonce: 1 },
        Downlink::Auth,
        Downlink::GoAway { after_ms: 0, spread_ms: 0, reason: b"" },
    ] {
        let mut lone = LoneClient::joining(Config::default());
        assert_eq!(lone.gets(&[frame]).hung_up, Some(CloseCode::VIOLATION), "{frame:?}");
    }
    let mut lone = LoneClient::new(Config::default());
    lone.input(Input::Woke);
    lone.client.handle_input(Input::Opened, lone.now);
    let refuse = Downlink::Refuse { code: CloseCode::FULL, after_ms: 0, reason: b"full" };
    let done = lone.gets(&[refuse]);
    assert_eq!((done.hung_up, done.packets.len()), (Some(CloseCode::NORMAL), 0), "before HELLO");
    let mut lone = LoneClient::live();
    let again = Welcome { resumption: Resumption::Resumed, ..welcome() };
    assert_eq!(lone.gets(&[Downlink::Welcome(again)]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md C-3.
#[test]
fn a_client_that_holds_no_message_has_none_accepted_beyond_those_acknowledged() {
    for (accepted, code) in
        [(0, Some(CloseCode::VIOLATION)), (1, None), (2, Some(CloseCode::VIOLATION))]
    {
        let mut lone = LoneClient::live();
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
        lone.drain();
        lone.gets(&[Downlink::Ack { seq: 1 }]);
        // One that waits holds no seq: it was never transmitted.
        lone.reconnects();
        lone.client.send(Kind::Send, Format::Text, "", b"new").unwrap();
        let resumed = Welcome { resumption: Resumption::Resumed, accepted, ..welcome() };
        assert_eq!(lone.gets(&[Downlink::Welcome(resumed)]).hung_up, code, "{accepted}");
    }
}

// PROTOCOL.md C-10, C-41, S-10.
#[test]
fn nothing_of_a_stream_comes_before_its_subscribed_and_that_comes_once() {
    for resumes in [false, true] {
        for frames in [&[NEXT][..], &[GAP], &[SUBSCRIBED, SUBSCRIBED], &[SUBSCRIBED, NEXT, REFUSED]]
        {
            let mut lone = LoneClient::live();
            lone.client.subscribe("t", Start::Last(0)).unwrap();
            lone.drain();
            if resumes {
                // With a cursor, so that the entry would be the next one.
                assert_eq!(lone.gets(&[SUBSCRIBED]).hung_up, None);
                lone.reconnects();
                let resumed = Welcome { resumption: Resumption::Resumed, ..welcome() };
                lone.gets(&[Downlink::Welcome(resumed)]);
            }
            let done = lone.gets(frames);
            assert_eq!(done.hung_up, Some(CloseCode::VIOLATION), "{frames:?}");
            assert!(!done.told("Refused"), "{done:?}");
        }
    }
}

// PROTOCOL.md C-12, C-41.
#[test]
fn a_stream_that_this_connection_was_not_asked_for_is_not_answered() {
    for (frame, code) in [
        (SUBSCRIBED, Some(CloseCode::VIOLATION)),
        (REFUSED, Some(CloseCode::VIOLATION)),
        // One that never was cannot be ended.
        (Downlink::SubscribeRefused { stream: 9, code: b"no", reason: b"" }, None),
    ] {
        let mut lone = LoneClient::live();
        // Not drained: SUBSCRIBE has not left.
        lone.client.subscribe("t", Start::Last(0)).unwrap();
        assert_eq!(lone.gets(&[frame]).hung_up, code, "{frame:?}");
    }
}

// PROTOCOL.md C-40.
#[test]
fn a_stream_without_a_cursor_misses_nothing_and_one_with_a_cursor_does() {
    let last = Start::Last(0);
    let zero =
        Start::After(Cursor { epoch: tautline_protocol::Epoch::NONE, received: 0, handled: 0 });
    for (start, gap) in [(last, false), (zero, true)] {
        let mut lone = LoneClient::live();
        lone.client.subscribe("t", start).unwrap();
        lone.drain();
        // A cut before SUBSCRIBED leaves it as it was asked for.
        lone.reconnects();
        let resumed = Welcome { resumption: Resumption::Resumed, ..welcome() };
        lone.gets(&[Downlink::Welcome(resumed)]);
        assert_eq!(lone.gets(&[SUBSCRIBED]).told("Gap"), gap, "{start:?}");
        // From then on it has one.
        let packet = lone.reconnects();
        let subscribe = tautline_protocol::uplink::Frames::new(&packet, 0).nth(1).unwrap().unwrap();
        let cursor = Cursor { epoch: EPOCH, received: 5, handled: 5 };
        let start = Start::After(cursor);
        assert_eq!(subscribe, Uplink::Subscribe { stream: 1, topic: "t", start });
    }
}

// PROTOCOL.md C-12, S-20.
#[test]
fn the_ids_of_a_connection_rise() {
    for frames in [
        &[subscribe(1), subscribe(1)][..],
        &[subscribe(1), Uplink::Unsubscribe { stream: 1 }, subscribe(1)],
        &[subscribe(2), subscribe(1)],
    ] {
        let wanted = LoneSession::live().gets(frames);
        assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION), "{frames:?}");
    }
    let mut lone = LoneSession::live();
    lone.gets(&[subscribe(1)]);
    lone.session.refuse_subscription(1, "no", "");
    lone.drain();
    assert_eq!(lone.gets(&[subscribe(1)]).hung_up, Some(CloseCode::VIOLATION), "refused");
    let wanted = LoneSession::live().gets(&[subscribe(1), subscribe(7), subscribe(u32::MAX)]);
    assert_eq!(wanted.hung_up, None, "one topic, three streams");
}

// PROTOCOL.md F-13, S-33.
#[test]
fn unsubscribing_from_what_is_not_there_changes_nothing_but_counts() {
    for stream in [DIRECT, 1, 9] {
        let mut lone = LoneSession::live();
        lone.gets(&[subscribe(1), Uplink::Unsubscribe { stream: 1 }]);
        let unsubscribe = Uplink::Unsubscribe { stream };
        let wanted = lone.gets(&[unsubscribe].repeat(limits::NOTICES_MAX));
        assert_eq!((wanted.hung_up, wanted.others.len()), (None, 0), "{stream}");
        let wanted = lone.gets(&[unsubscribe].repeat(limits::NOTICES_MAX + 1));
        assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION), "{stream}");
    }
}

// PROTOCOL.md S-13.
#[test]
fn a_report_that_goes_back_changes_nothing() {
    let mut lone = LoneSession::live();
    let entry = tautline_protocol::downlink::EncodedEntry::new(Format::Text, Entry::Message(b"x"));
    lone.session.deliver(DIRECT, 1, &[entry.clone(), entry]);
    lone.drain();
    let received = |offset| [Uplink::Received { stream: DIRECT, offset }];
    assert!(lone.gets(&received(2)).wants("Trim { offset: 2 }"));
    let room = lone.session.room(DIRECT);
    for offset in [2, 1, 0] {
        assert_eq!(lone.gets(&received(offset)).hung_up, None, "{offset}");
        assert_eq!(lone.session.room(DIRECT), room);
    }
    // As soon as it is subscribed, and before SUBSCRIBED, nothing of a stream was sent.
    let early = [subscribe(1), Uplink::Received { stream: 1, offset: 0 }];
    assert_eq!(lone.gets(&early).hung_up, None);
    let wanted = lone.gets(&[Uplink::Received { stream: 1, offset: 1 }]);
    assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md S-17.
#[test]
fn nothing_behind_bye_is_looked_at() {
    for behind in [&[0xff, 0xff][..], &[0x0e], &[0x0a, 1], &[0x80, 1, 0]] {
        let mut lone = LoneSession::live();
        let wanted = lone.gets_bytes([&[0x80, 1, 0, 0x0e], behind].concat());
        assert_eq!(
            (&*wanted.others, wanted.hung_up),
            (&["Bye".into()][..], Some(CloseCode::NORMAL))
        );
        let wanted = lone.gets_bytes(behind.to_vec());
        assert_eq!((wanted.others.len(), wanted.packets.len(), wanted.hung_up), (0, 0, None));
        assert!(lone.takes().is_empty(), "what waits is not handled");
    }
}

// PROTOCOL.md S-34.
#[test]
fn a_possible_duplicate_is_taken_in_a_session_that_lost_nothing() {
    let mut lone = LoneSession::live();
    let Uplink::Message(sound) = message(1, b"m") else { panic!() };
    let wanted = lone.gets(&[Uplink::Message(Message { possible_duplicate: true, ..sound })]);
    assert_eq!(wanted.hung_up, None);
    assert!(lone.session.take_message().unwrap().possible_duplicate);
}

// PROTOCOL.md C-42.
#[test]
fn a_reply_to_what_is_no_request_settles_it_once() {
    for kind in [Kind::Send, Kind::Publish] {
        let mut lone = LoneClient::live();
        lone.client.send(kind, Format::Text, "t", b"m").unwrap();
        lone.drain();
        let entry = Entry::Reply { seq: 1, payload: b"thanks" };
        let reply = Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry };
        let done = lone.gets(&[reply, Downlink::Ack { seq: 1 }]);
        assert_eq!((done.hung_up, done.events.len()), (None, 1), "{done:?}");
        assert!(done.told("Reply"), "{done:?}");
        assert_eq!(hello(&lone.reconnects()).acknowledged, 1);
    }
}

// PROTOCOL.md C-5, C-45.
#[test]
fn a_welcome_at_the_ends_of_its_limits_is_taken() {
    let offered = Welcome { message_bytes: u64::MAX, window_bytes: 0, ..welcome() };
    let mut lone = LoneClient::live_with(Config::default(), offered);
    let max = limits::MESSAGE_BYTES_MAX;
    let over = lone.client.send(Kind::Send, Format::Binary, "", vec![0; max + 1]);
    assert!(over.is_err(), "over what any server may allow");
    for payload in [&b"one"[..], b"two"] {
        lone.client.send(Kind::Send, Format::Text, "", payload).unwrap();
    }
    assert_eq!(lone.drain().frames().len(), 1, "alone");
    assert_eq!(lone.gets(&[Downlink::Ack { seq: 1 }]).frames().len(), 1);
}

// PROTOCOL.md C-43.
#[test]
fn a_handshake_that_fails_is_a_cut_however_often() {
    let mut lone = LoneClient::new(Config::default());
    lone.client.send(Kind::Send, Format::Text, "", b"kept").unwrap();
    assert!(lone.input(Input::Woke).dialed);
    for _ in 0..20 {
        let done = lone.input(Input::Closed(CloseCode(1006)));
        assert!(done.told("state: Waiting") && !done.told("Failed"), "{done:?}");
        assert!(lone.wait(limits::BACKOFF_CAP_MS).dialed);
    }
    lone.input(Input::Opened);
    assert!(lone.gets(&[Downlink::Welcome(welcome())]).told("state: Open"));
}
