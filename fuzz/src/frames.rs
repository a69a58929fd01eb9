//! Packets into the decoders of both directions.

use tautline_protocol::downlink::{self, Downlink, Entry};
use tautline_protocol::limits::{
    CREDENTIALS_BYTES_MAX, MESSAGE_BYTES_MAX, REASON_BYTES_MAX, REFUSAL_CODE_BYTES_MAX,
    TOPIC_BYTES_MAX,
};
use tautline_protocol::uplink::{self, Uplink};
use tautline_protocol::{CloseCode, DecodeError, Format};

/// Above the payload of most packets here, and below that of some.
const MESSAGE_BYTES: usize = 100;

/// Decodes a packet from a client.
pub fn uplink(packet: &[u8]) {
    let decoded: Vec<_> = uplink::Frames::new(packet, MESSAGE_BYTES).collect();
    check_end(packet, &decoded);
    for frame in decoded.iter().filter_map(|frame| frame.as_ref().ok()) {
        check_uplink(frame);
        let mut again = Vec::new();
        frame.encode(&mut again);
        let mut decoded = uplink::Frames::new(&again, MESSAGE_BYTES);
        assert_eq!(decoded.next(), Some(Ok(*frame)), "encoded and decoded again");
        assert_eq!(decoded.next(), None);
    }
}

/// Decodes a packet from a server.
pub fn downlink(packet: &[u8]) {
    let decoded: Vec<_> = downlink::Frames::new(packet).collect();
    check_end(packet, &decoded);
    for frame in decoded.iter().filter_map(|frame| frame.as_ref().ok()) {
        check_downlink(frame);
        let mut again = Vec::new();
        frame.encode(&mut again);
        let mut decoded = downlink::Frames::new(&again);
        assert_eq!(decoded.next(), Some(Ok(without_format(*frame))), "encoded and decoded again");
        assert_eq!(decoded.next(), None);
    }
}

/// A refusal is text, whatever the bits of its head said.
fn without_format(frame: Downlink<'_>) -> Downlink<'_> {
    match frame {
        Downlink::Entry { stream, offset, entry: entry @ Entry::Refusal { .. }, .. } => {
            Downlink::Entry { stream, offset, format: Format::Text, entry }
        }
        other => other,
    }
}

/// A packet gives frames, and at most one error, which is the last and has a code that tells whether
/// the client may come back.
fn check_end<T>(packet: &[u8], decoded: &[Result<T, DecodeError>]) {
    let (last, before) = decoded.split_last().expect("at least a frame or an error");
    assert!(before.iter().all(Result::is_ok), "nothing behind a fault is looked at");
    assert!(decoded.len() <= packet.len().max(1), "every frame takes a byte");
    if let Err(error) = last {
        let expected = match error {
            DecodeError::TooLong => CloseCode::TOO_LARGE,
            _ => CloseCode::MALFORMED,
        };
        assert_eq!(error.close_code(), expected);
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(packet.is_empty(), matches!(last, Err(DecodeError::Empty)));
}

fn check_uplink(frame: &Uplink<'_>) {
    match frame {
        Uplink::Hello(hello) => {
            assert!(hello.restart > hello.acknowledged && hello.handled <= hello.received);
            assert!(hello.credentials.len() <= CREDENTIALS_BYTES_MAX);
        }
        Uplink::Message(message) => {
            assert!(message.payload.len() <= MESSAGE_BYTES);
            assert!(message.topic.len() <= TOPIC_BYTES_MAX);
            assert!(!message.format.is_text() || str::from_utf8(message.payload).is_ok());
        }
        Uplink::Subscribe { stream, topic, .. } => {
            assert!(*stream > 0 && (1..=TOPIC_BYTES_MAX).contains(&topic.len()));
        }
        Uplink::Auth { credentials } => assert!(credentials.len() <= CREDENTIALS_BYTES_MAX),
        _ => {}
    }
}

fn check_downlink(frame: &Downlink<'_>) {
    match frame {
        Downlink::Welcome(welcome) => assert!(welcome.epoch.0 > 0 && welcome.window_messages > 0),
        Downlink::Refuse { reason, .. } | Downlink::GoAway { reason, .. } => {
            assert!(reason.len() <= REASON_BYTES_MAX);
        }
        Downlink::Entry { stream, entry, .. } => match entry {
            Entry::Message(payload) => assert!(payload.len() <= MESSAGE_BYTES_MAX + 2048),
            Entry::Reply { .. } => assert_eq!(*stream, 0),
            Entry::Refusal { code, reason, .. } => {
                assert_eq!(*stream, 0);
                assert!(code.len() <= REFUSAL_CODE_BYTES_MAX && reason.len() <= REASON_BYTES_MAX);
            }
        },
        Downlink::SubscribeRefused { code, reason, .. } => {
            assert!(code.len() <= REFUSAL_CODE_BYTES_MAX && reason.len() <= REASON_BYTES_MAX);
        }
        _ => {}
    }
}
