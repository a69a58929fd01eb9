//! What does not parse: a named error, a close code, and the session left intact.

use crate::line::Line;
use crate::lone_client::{LoneClient, hello, welcome};
use crate::lone_session::LoneSession;
use crate::samples::{UPLINKS, all_downlinks, all_uplinks, encoded_down, encoded_up};
use tautline_protocol::client::{Config, Input};
use tautline_protocol::downlink::{self, Downlink};
use tautline_protocol::limits::{CREDENTIALS_BYTES_MAX, MESSAGE_BYTES, MESSAGE_BYTES_MAX};
use tautline_protocol::session;
use tautline_protocol::uplink;
use tautline_protocol::{CloseCode, DecodeError, Format, Kind};
use tautline_sim::network::{Cargo, Way};

#[track_caller]
fn refused_up(packet: &[u8], error: DecodeError) {
    let last = uplink::Frames::new(packet, MESSAGE_BYTES).last();
    assert_eq!(last, Some(Err(error)), "{}", packet.escape_ascii());
}

#[track_caller]
fn refused_down(packet: &[u8], error: DecodeError) {
    let last = downlink::Frames::new(packet).last();
    assert_eq!(last, Some(Err(error)), "{}", packet.escape_ascii());
}

#[test]
fn a_frame_cut_at_any_byte_is_an_error() {
    for frame in all_uplinks() {
        let packet = encoded_up(&frame);
        for end in 1..packet.len() {
            refused_up(&packet[..end], DecodeError::Truncated);
        }
    }
    for frame in all_downlinks() {
        let packet = encoded_down(&frame);
        for end in 1..packet.len() {
            refused_down(&packet[..end], DecodeError::Truncated);
        }
    }
}

#[test]
fn a_packet_cut_at_any_byte_gives_a_prefix_of_its_frames() {
    let frames: Vec<_> = UPLINKS.iter().map(|(_, frame)| *frame).collect();
    let packet: Vec<u8> = frames.iter().flat_map(encoded_up).collect();
    for end in 0..packet.len() {
        let decoded: Vec<_> = uplink::Frames::new(&packet[..end], MESSAGE_BYTES).collect();
        let whole = decoded.iter().take_while(|frame| frame.is_ok()).count();
        let read: Vec<_> = decoded[..whole].iter().map(|frame| (*frame).unwrap()).collect();
        assert_eq!(read, frames[..whole]);
        assert!(decoded.len() <= whole + 1, "nothing behind the fault is looked at");
    }
}

#[test]
fn an_empty_packet_is_an_error() {
    refused_up(&[], DecodeError::Empty);
    refused_down(&[], DecodeError::Empty);
}

// PROTOCOL.md V-3.
#[test]
fn unknown_types_are_named() {
    let known: Vec<u8> = all_uplinks().map(|frame| encoded_up(&frame)[0]).collect();
    for head in (0..0x80).filter(|head| !known.contains(head)) {
        refused_up(&[head], DecodeError::UnknownFrame(head));
    }
    let known: Vec<u8> = all_downlinks().map(|frame| encoded_down(&frame)[0]).collect();
    for head in (0..=0xff).filter(|head| !known.contains(head) && head & 0xc0 != 0x40) {
        refused_down(&[head], DecodeError::UnknownFrame(head));
    }
}

// PROTOCOL.md F-3.
#[test]
fn a_number_has_one_spelling() {
    let ping = 0x0a;
    for bad in [
        &[0x80, 0x00][..],
        &[0x81, 0x80, 0x00],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        &[0xff; 11],
    ] {
        let packet = [&[ping], bad].concat();
        refused_up(&packet, DecodeError::Number);
        refused_down(&packet, DecodeError::Number);
    }
    let largest = [ping, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let frame = downlink::Frames::new(&largest).next();
    assert_eq!(frame, Some(Ok(Downlink::Ping { nonce: u64::MAX })));
}

/// A number as it goes on the wire.
fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

// PROTOCOL.md C-8, F-4.
#[test]
fn a_length_over_its_limit_is_refused_before_it_is_believed() {
    // Of each only the head is there: the length alone decides.
    let most = number(u64::MAX);
    let over = |limit: usize| number(limit as u64 + 1);
    for (head, length) in [
        (&[0x01][..], &over(CREDENTIALS_BYTES_MAX + 1024)),
        (&[0x0c], &over(CREDENTIALS_BYTES_MAX)),
        (&[0x0c], &most),
        (&[0x06, 1], &over(255)),
        (&[0x80, 1], &over(MESSAGE_BYTES + 257)),
        (&[0x80, 1], &most),
    ] {
        refused_up(&[head, length].concat(), DecodeError::TooLong);
    }
    for (head, length) in [
        (&[0x02][..], &over(1024)),
        (&[0x03, 0xe8, 0x07, 0], &over(1024)),
        (&[0x40, 1, 1], &over(MESSAGE_BYTES_MAX + 16 + 64 + 1024)),
        (&[0x40, 1, 1], &most),
        (&[0x07, 1, 1], &over(64)),
        (&[0x07, 1, 1, 0], &over(1024)),
        (&[0x0d, 0, 0], &over(1024)),
    ] {
        refused_down(&[head, length].concat(), DecodeError::TooLong);
    }
    let refusal = [&[0x42, 0, 1, 67, 1, 65][..], &[b'c'; 65]].concat();
    refused_down(&refusal, DecodeError::TooLong);
    let topic = [&[0xe0, 1][..], &number(256), &[b't'; 256]].concat();
    refused_up(&topic, DecodeError::TooLong);
    // A payload may be over its limit although the frame is not, which has room for a topic.
    for over in [1, 257] {
        let payload = [&[0xc0, 1][..], &vec![b'x'; MESSAGE_BYTES + over]].concat();
        refused_up(&payload, DecodeError::TooLong);
        for head in [&[0x60, 0, 1][..], &[0x61, 0, 1, 9]] {
            let entry = [head, &vec![b'x'; MESSAGE_BYTES_MAX + over]].concat();
            refused_down(&entry, DecodeError::TooLong);
        }
    }
    let largest = [&[0x61, 0, 1, 9][..], &vec![b'x'; MESSAGE_BYTES_MAX]].concat();
    assert!(downlink::Frames::new(&largest).all(|frame| frame.is_ok()));
    let largest = [&[0xe0, 1, 1, b't'][..], &vec![b'x'; MESSAGE_BYTES]].concat();
    assert!(uplink::Frames::new(&largest, MESSAGE_BYTES).all(|frame| frame.is_ok()));
}

// PROTOCOL.md F-3, F-6, F-9, V-3.
#[test]
fn contradictions_are_refused() {
    let hello = |epoch: u8, numbers: &[u8]| {
        let fields = [&[7; 16][..], &[0, 0, 0, 0, 0, 0, 0, epoch], &[1], numbers, &[0]].concat();
        [&[0x01, fields.len() as u8][..], &fields].concat()
    };
    // Numbers: acknowledged, restart, received, handled.
    assert!(uplink::Frames::new(&hello(1, &[5, 6, 3, 3]), 0).all(|frame| frame.is_ok()));
    for (packet, what) in [
        (hello(1, &[5, 5, 0, 0]), "restarts with a number that is settled"),
        (hello(1, &[0, 0, 0, 0]), "restarts with no number"),
        (hello(1, &[0, 1, 3, 4]), "handled what it has not received"),
        (hello(0, &[1, 2, 0, 0]), "acknowledged by no incarnation"),
        (hello(0, &[0, 1, 3, 0]), "received from no incarnation"),
        (vec![0xb0, 1, 0], "a fourth kind of message"),
        (vec![0x83, 0], "a volatile possible duplicate"),
        (vec![0x91, 0], "a volatile request"),
        (vec![0xa0, 1, 1, 0], "a publish to a topic without a name"),
        (vec![0x06, 0, 1, b't', 0, 0], "subscribing as the direct stream"),
        (vec![0x06, 1, 0, 0, 0], "subscribing to a topic without a name"),
        (vec![0x06, 1, 1, b't', 2, 0], "a third way to start"),
        ([&[0x06, 1, 1, b't', 1][..], &[0; 8], &[1, 2]].concat(), "handled beyond received"),
        (vec![0x08, 0x80, 0x80, 0x80, 0x80, 0x10], "a stream id over 32 bits"),
    ] {
        let last = uplink::Frames::new(&packet, MESSAGE_BYTES).last();
        assert_eq!(last, Some(Err(DecodeError::BadField)), "{what}");
    }
    let welcome = |resumption: u8, epoch: u8, window: u8| {
        let fields = [&[resumption][..], &[0, 0, 0, 0, 0, 0, 0, epoch], &[0, 0, 1, 1, window, 1]];
        let fields = fields.concat();
        [&[0x02, fields.len() as u8][..], &fields].concat()
    };
    assert!(downlink::Frames::new(&welcome(0, 1, 1)).all(|frame| frame.is_ok()));
    for (packet, what) in [
        (welcome(4, 1, 1), "a fifth resumption"),
        (welcome(0, 0, 1), "no incarnation"),
        (welcome(0, 1, 0), "a window for no message"),
        (vec![0x43, 0, 1, 0], "a fourth kind of entry"),
        (vec![0x41, 1, 1, 1, 1], "a reply outside of the direct stream"),
        (vec![0x42, 1, 1, 2, 1, 0], "a refusal outside of the direct stream"),
        (vec![0x07, 1, 2], "a third answer to SUBSCRIBE"),
        (vec![0x03, 0x80, 0x80, 0x04, 0, 0], "a close code over 16 bits"),
    ] {
        let last = downlink::Frames::new(&packet).last();
        assert_eq!(last, Some(Err(DecodeError::BadField)), "{what}");
    }
    refused_down(&[0x50, 0], DecodeError::NoPrecedingEntry);
    let offset_ends = [&[0x40, 1][..], &number(u64::MAX), &[0, 0x50, 0]].concat();
    refused_down(&offset_ends, DecodeError::BadField);
}

// PROTOCOL.md F-5.
#[test]
fn text_is_utf8() {
    refused_up(&[0x80, 1, 1, 0xff], DecodeError::NotText);
    refused_up(&[0x88, 1, 2, 0xc3, 0x28], DecodeError::NotText);
    refused_up(&[0xa4, 1, 2, 1, 0xff], DecodeError::NotText);
    refused_up(&[0x06, 1, 1, 0xff, 0, 0], DecodeError::NotText);
    assert!(uplink::Frames::new(&[0x84, 1, 1, 0xff], 1).all(|frame| frame.is_ok()), "binary");
}

#[test]
fn every_decode_error_has_its_close_code_and_words() {
    use DecodeError::{
        BadField, Empty, NoPrecedingEntry, NotText, Number, TooLong, Truncated, UnknownFrame,
    };
    for error in [Empty, Truncated, Number, UnknownFrame(0x7f), BadField, NotText, NoPrecedingEntry]
    {
        assert_eq!(error.close_code(), CloseCode::MALFORMED);
        assert!(error.to_string().len() > 10);
    }
    assert_eq!(TooLong.close_code(), CloseCode::TOO_LARGE);
    assert_eq!(UnknownFrame(0x7f).to_string(), "no frame has type 0x7f in this direction");
}

// PROTOCOL.md F-2, F-12, F-13.
#[test]
fn the_session_closes_a_malformed_connection_with_a_code() {
    for (packet, code) in [
        (&b""[..], CloseCode::MALFORMED),
        (&[0x7f], CloseCode::MALFORMED),
        (&[0x0c, 0xff, 0xff, 0x7f], CloseCode::TOO_LARGE),
    ] {
        let mut lone = LoneSession::live();
        let wanted = lone.gets_bytes(packet.to_vec());
        assert_eq!(wanted.hung_up, Some(code));
        assert!(wanted.packets.is_empty(), "nothing is said before");
        assert!(lone.session.is_closed());
        assert!(lone.gets_bytes(vec![0x0a, 1]).packets.is_empty(), "nor after");
    }
    let mut lone = LoneSession::live();
    lone.session.handle_input(session::Input::Text, lone.now);
    assert_eq!(lone.drain().hung_up, Some(CloseCode::MALFORMED));
}

// PROTOCOL.md F-2, F-12, F-13.
#[test]
fn the_client_leaves_a_malformed_connection_and_keeps_its_messages() {
    for (packet, code) in [
        (&b""[..], CloseCode::MALFORMED),
        (&[0x7f], CloseCode::MALFORMED),
        (&[0x02, 0xff, 0xff, 0x7f], CloseCode::TOO_LARGE),
    ] {
        let mut lone = LoneClient::live();
        lone.client.send(Kind::Send, Format::Text, "", b"kept").unwrap();
        lone.drain();
        let done = lone.input(Input::Packet(packet.to_vec()));
        assert_eq!(done.hung_up, Some(code));
        assert!(done.told("Waiting"), "{done:?}");
        let packet = lone.reconnects();
        assert_eq!(hello(&packet).acknowledged, 0);
        let resumption = tautline_protocol::resume::Resumption::Resumed;
        let resumed = downlink::Welcome { resumption, ..welcome() };
        assert!(lone.gets(&[Downlink::Welcome(resumed)]).transmitted("[107, 101, 112, 116]"));
    }
    let mut lone = LoneClient::live();
    assert_eq!(lone.input(Input::Text).hung_up, Some(CloseCode::MALFORMED));
}

// PROTOCOL.md F-12.
#[test]
fn frames_before_a_fault_count_and_those_behind_it_do_not() {
    let mut lone = LoneClient::live_with(Config::default(), welcome());
    lone.client.send(Kind::Send, Format::Text, "", b"a").unwrap();
    lone.client.send(Kind::Send, Format::Text, "", b"b").unwrap();
    lone.drain();
    let done = lone.input(Input::Packet(vec![0x04, 1, 0x7f, 0x04, 2]));
    assert!(done.told("Acknowledged { through: 1 }"));
    assert!(!done.told("Acknowledged { through: 2 }"));
}

#[test]
fn a_session_survives_what_a_stranger_sends() {
    let mut line = Line::live();
    let id = line.say("before");
    line.settle();
    // Somebody else connects and sends rubbish: another connection, another machine.
    let now = line.now;
    let stranger = line.network.dial(now);
    line.run(100);
    let (rubbish, now) = (Cargo::Packet(vec![0x7f; 100]), line.now);
    line.network.send(stranger, Way::Up, rubbish, now);
    line.run(100);
    assert_eq!(line.server.hang_ups.pop(), Some((stranger, CloseCode::MALFORMED)));
    line.say("after");
    line.settle();
    assert_eq!(line.handled(id), 1);
    assert_eq!(line.dials.len(), 1);
}
