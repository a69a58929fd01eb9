//! What WELCOME may say to a client, given what the client has said and knows.

use crate::lone_client::{EPOCH, LoneClient, hello, welcome};
use tautline_protocol::client::{Config, WhenUncertain};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption::{self, Lost, LostAcceptedKnown, New, Resumed};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Format, Kind, Offset, Seq};

const ANOTHER: Epoch = Epoch(0xe2);

/// A client that says HELLO: two messages acknowledged, two transmitted, two direct entries
/// received, unless it was never live.
fn joining(was_live: bool, when_uncertain: WhenUncertain) -> (LoneClient, Seq) {
    let config = Config { when_uncertain, ..Config::default() };
    if !was_live {
        return (LoneClient::joining(config), 1);
    }
    let mut lone = LoneClient::live_with(config, welcome());
    for _ in 0..4 {
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    }
    lone.drain();
    let entry = |offset| {
        let entry = Entry::Message(b"x");
        Downlink::Entry { stream: DIRECT, offset, format: Format::Text, entry }
    };
    lone.gets(&[Downlink::Ack { seq: 2 }, entry(1), entry(2)]);
    let packet = lone.reconnects();
    let restart = hello(&packet).restart;
    (lone, restart)
}

/// Whether the client goes live with such a WELCOME, or calls it a violation.
#[track_caller]
fn fits(
    was_live: bool,
    when_uncertain: WhenUncertain,
    resumption: Resumption,
    epoch: Epoch,
    (accepted, head): (Seq, Offset),
) -> bool {
    let (mut lone, _) = joining(was_live, when_uncertain);
    let welcome = Welcome { resumption, epoch, accepted, head, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(welcome)]);
    assert!(matches!(done.hung_up, None | Some(CloseCode::VIOLATION)), "{done:?}");
    assert_eq!(done.hung_up.is_none(), done.told("state: Open"), "{done:?}");
    done.hung_up.is_none()
}

// PROTOCOL.md C-3.
#[test]
fn a_first_welcome_is_of_a_session_that_is_new_or_whose_welcome_was_lost() {
    let resend = WhenUncertain::Resend;
    for (resumption, numbers, expected) in [
        (New, (0, 0), true),
        (New, (1, 0), false),
        (Resumed, (0, 0), true),
        (Resumed, (0, 7), true),
        (Resumed, (1, 0), false),
        (LostAcceptedKnown, (0, 0), false),
        (Lost, (0, 0), false),
    ] {
        let found = fits(false, resend, resumption, EPOCH, numbers);
        assert_eq!(found, expected, "{resumption:?} {numbers:?}");
    }
}

// PROTOCOL.md C-3, R-12.
#[test]
fn a_later_welcome_contradicts_nothing_that_the_client_knows() {
    let (resend, fail) = (WhenUncertain::Resend, WhenUncertain::Fail);
    assert_eq!(joining(true, resend).1, 3, "what is not settled is sent again");
    assert_eq!(joining(true, fail).1, 5, "nothing that was transmitted is");
    for (policy, resumption, epoch, numbers, expected) in [
        (resend, New, ANOTHER, (2, 0), false),
        (resend, Resumed, EPOCH, (2, 2), true),
        (resend, Resumed, EPOCH, (4, 9), true),
        (resend, Resumed, ANOTHER, (2, 2), false),
        (resend, Resumed, EPOCH, (1, 2), false),
        (resend, Resumed, EPOCH, (5, 2), false),
        (resend, Resumed, EPOCH, (2, 1), false),
        (resend, LostAcceptedKnown, ANOTHER, (3, 1), true),
        (resend, LostAcceptedKnown, EPOCH, (3, 2), false),
        (resend, LostAcceptedKnown, ANOTHER, (1, 2), false),
        (resend, LostAcceptedKnown, ANOTHER, (5, 2), false),
        (resend, Lost, ANOTHER, (2, 0), true),
        (resend, Lost, EPOCH, (2, 0), false),
        (resend, Lost, ANOTHER, (4, 0), false),
        (fail, Lost, ANOTHER, (4, 0), true),
        (fail, Lost, ANOTHER, (2, 0), false),
    ] {
        let found = fits(true, policy, resumption, epoch, numbers);
        assert_eq!(found, expected, "{policy:?} {resumption:?} {epoch:?} {numbers:?}");
    }
}
