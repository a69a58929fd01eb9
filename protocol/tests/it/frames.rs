//! Every frame survives its own encoding, alone and in company.

use crate::line::Line;
use crate::samples::{all_downlinks, all_uplinks, encoded_down, encoded_up};
use tautline_protocol::downlink::{self, Downlink, EncodedEntry, Entry};
use tautline_protocol::limits::MESSAGE_BYTES;
use tautline_protocol::uplink::{self, Message, Uplink};
use tautline_protocol::{Format, Kind};
use tautline_sim::network::Way;

#[test]
fn every_frame_of_the_client_survives_its_encoding() {
    for frame in all_uplinks() {
        let packet = encoded_up(&frame);
        let decoded: Vec<_> = uplink::Frames::new(&packet, MESSAGE_BYTES).collect();
        assert_eq!(decoded, [Ok(frame)]);
    }
}

#[test]
fn every_frame_of_the_server_survives_its_encoding() {
    for frame in all_downlinks() {
        let packet = encoded_down(&frame);
        let decoded: Vec<_> = downlink::Frames::new(&packet).collect();
        assert_eq!(decoded, [Ok(frame)]);
    }
}

#[test]
fn one_packet_holds_all_frames() {
    let ups: Vec<_> = all_uplinks().collect();
    let packet: Vec<u8> = ups.iter().flat_map(encoded_up).collect();
    let decoded: Result<Vec<_>, _> = uplink::Frames::new(&packet, MESSAGE_BYTES).collect();
    assert_eq!(decoded, Ok(ups));
    let downs: Vec<_> = all_downlinks().collect();
    let packet: Vec<u8> = downs.iter().flat_map(encoded_down).collect();
    let decoded: Result<Vec<_>, _> = downlink::Frames::new(&packet).collect();
    assert_eq!(decoded, Ok(downs));
}

#[test]
fn every_combination_of_a_message_s_bits_is_read_back() {
    for kind in [Kind::Send, Kind::Request, Kind::Publish] {
        for format in [Format::Text, Format::Binary, Format::EncodedText, Format::EncodedBinary] {
            for (seq_low, possible_duplicate) in [(Some(9), false), (Some(9), true), (None, false)]
            {
                if seq_low.is_none() && kind == Kind::Request {
                    continue;
                }
                let topic = if kind == Kind::Publish { "t" } else { "" };
                let payload = b"p";
                let message = Message { kind, format, possible_duplicate, seq_low, topic, payload };
                let frame = Uplink::Message(message);
                let mut packet = encoded_up(&frame);
                assert_eq!(uplink::Frames::new(&packet, 1).next(), Some(Ok(frame)));
                // The last frame of a packet goes without its length.
                let length_at = 1 + usize::from(seq_low.is_some());
                packet[0] |= 0x40;
                packet.remove(length_at);
                assert_eq!(uplink::Frames::new(&packet, 1).next(), Some(Ok(frame)));
            }
        }
    }
}

// PROTOCOL.md F-9.
#[test]
fn the_last_entry_of_a_packet_goes_without_its_length() {
    // 0 1 L C FF KK: a message in text on stream 1 at offset 2, to the end of the packet.
    let packet = [0x60, 1, 2, b'h', b'i'];
    let entry = Entry::Message(b"hi");
    let expected = Downlink::Entry { stream: 1, offset: 2, format: Format::Text, entry };
    assert_eq!(downlink::Frames::new(&packet).next(), Some(Ok(expected)));
}

// PROTOCOL.md F-9.
#[test]
fn a_continued_entry_is_the_next_of_the_same_stream() {
    let packet = [0x40, 1, 2, 1, b'a', 0x50, 1, b'b', 0x04, 9, 0x70, b'c'];
    let frames: Vec<_> = downlink::Frames::new(&packet).map(Result::unwrap).collect();
    let positions: Vec<_> = frames
        .iter()
        .filter_map(|frame| match frame {
            Downlink::Entry { stream, offset, entry: Entry::Message(payload), .. } => {
                Some((*stream, *offset, *payload))
            }
            _ => None,
        })
        .collect();
    // An ACK between them changes nothing.
    assert_eq!(positions, [(1, 2, &b"a"[..]), (1, 3, b"b"), (1, 4, b"c")]);
}

// PROTOCOL.md F-7, V-2.
#[test]
fn newer_fields_of_hello_and_welcome_are_skipped() {
    for frame in all_uplinks().filter(|frame| matches!(frame, Uplink::Hello(_))) {
        let packet = with_more_fields(&encoded_up(&frame));
        let decoded: Vec<_> = uplink::Frames::new(&packet, 0).collect();
        assert_eq!(decoded, [Ok(frame)]);
    }
    for frame in all_downlinks().filter(|frame| matches!(frame, Downlink::Welcome(_))) {
        let packet = with_more_fields(&encoded_down(&frame));
        let decoded: Vec<_> = downlink::Frames::new(&packet).collect();
        assert_eq!(decoded, [Ok(frame)]);
    }
}

/// A frame of head, length and fields, with three more bytes of fields.
fn with_more_fields(packet: &[u8]) -> Vec<u8> {
    let length_bytes = 1 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    let fields = &packet[1 + length_bytes..];
    let mut length = fields.len() + 3;
    let mut longer = vec![packet[0]];
    while length > 0x7f {
        longer.push(length as u8 | 0x80);
        length >>= 7;
    }
    longer.push(length as u8);
    longer.extend_from_slice(fields);
    longer.extend_from_slice(&[1, 2, 3]);
    longer
}

#[test]
fn too_long_a_refusal_is_cut_between_characters() {
    let (code, reason) = ("\u{e9}".repeat(100), "\u{20ac}".repeat(1000));
    let refusal = Entry::Refusal { seq: 1, code: code.as_bytes(), reason: reason.as_bytes() };
    let entry = EncodedEntry::new(Format::Text, refusal);
    // As an explicit ENTRY, which is what `encode` writes of the same.
    let packet = encoded_down(&Downlink::Entry {
        stream: 0,
        offset: 1,
        format: Format::Text,
        entry: refusal,
    });
    assert_eq!(packet.len(), entry.size() + 2);
    match downlink::Frames::new(&packet).next() {
        Some(Ok(Downlink::Entry { entry: Entry::Refusal { code, reason, .. }, .. })) => {
            assert_eq!(code.len(), 64);
            assert_eq!(str::from_utf8(reason).map(str::len), Ok(1023));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_burst_costs_at_most_four_bytes_a_message_and_a_lone_one_eight() {
    let mut line = Line::live();
    line.network.capture = true;
    line.send_together(&[(Kind::Send, "m", 64); 100]);
    line.run(1_000);
    let up = packets(&line, Way::Up);
    assert!(up[0].len() <= 100 * (64 + 4), "{} bytes for 100 messages", up[0].len());
    line.network.captured.clear();
    line.send(Kind::Send, "m", 64).unwrap();
    line.run(1_000);
    let up = packets(&line, Way::Up);
    assert!(up[0].len() <= 64 + 8, "{} bytes for one message", up[0].len());
    line.network.captured.clear();
    let session = line.session;
    for _ in 0..100 {
        let direct = line.server.engine.direct(&session).unwrap();
        direct.append(EncodedEntry::new(Format::Text, Entry::Message(&[b'e'; 64])));
    }
    let now = line.now;
    line.server.run(now);
    line.flush();
    line.run(1_000);
    let down: usize = packets(&line, Way::Down).iter().map(|packet| packet.len()).sum();
    assert!(down <= 100 * (64 + 4), "{down} bytes for 100 entries");
}

fn packets(line: &Line, of: Way) -> Vec<&Vec<u8>> {
    line.network.captured.iter().filter(|(way, _)| *way == of).map(|(_, packet)| packet).collect()
}
