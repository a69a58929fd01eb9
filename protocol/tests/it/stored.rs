//! A line with a store: nothing leaves before it is stored, and a new life goes on from what is.

use crate::lone_client::{Done, EPOCH, LoneClient, hello, welcome};
use tautline_protocol::client::{Config, Input, Saved};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{CloseCode, Format, Kind};

const SESSION: [u8; 16] = [7; 16];

/// A client whose store has `saved`, and so many messages.
fn restored(saved: &Saved, messages: usize) -> LoneClient {
    let mut lone = LoneClient::new(Config::default());
    lone.client.restore(SESSION, 5 << 20, saved, messages);
    for number in 1..=messages {
        send(&mut lone, &format!("kept {number}"));
    }
    lone
}

fn send(lone: &mut LoneClient, text: &str) -> u64 {
    lone.client.send(Kind::Send, Format::Text, "", text).unwrap()
}

/// Dials and says HELLO, whose packet it returns.
fn joins(lone: &mut LoneClient) -> Vec<u8> {
    lone.input(Input::Woke);
    lone.input(Input::Opened).packets.remove(0)
}

fn release(lone: &mut LoneClient, through: u64) -> Done {
    let saved = lone.client.saved();
    lone.client.release(through, &saved);
    lone.drain()
}

fn carries(done: &Done, text: &str) -> bool {
    done.packets.iter().any(|packet| packet.ends_with(text.as_bytes()))
}

fn resumed(accepted: u64, head: u64) -> Welcome {
    Welcome { resumption: Resumption::Resumed, accepted, head, ..welcome() }
}

const SAVED: Saved = Saved {
    epoch: EPOCH,
    acknowledged: 10,
    transmitted: 2,
    uncertain: 0,
    doubtful: 0,
    direct: 4,
    holds: 9,
};

// PROTOCOL.md C-33.
#[test]
fn a_new_life_says_hello_for_the_session_with_what_is_stored() {
    let mut lone = restored(&SAVED, 3);
    let packet = joins(&mut lone);
    let said = hello(&packet);
    assert_eq!((said.session, said.epoch), (SESSION, EPOCH));
    assert_eq!((said.acknowledged, said.restart), (10, 11));
    assert_eq!((said.received, said.handled), (4, 4));
    assert!(said.connection > 5 << 20);
}

// PROTOCOL.md C-33.
#[test]
fn nothing_is_transmitted_before_it_is_stored() {
    let mut lone = restored(&Saved::default(), 0);
    joins(&mut lone);
    let first = send(&mut lone, "first");
    assert_eq!(lone.gets(&[Downlink::Welcome(welcome())]).packets.len(), 0);
    assert!(carries(&release(&mut lone, first), "first"));
    let second = send(&mut lone, "second");
    assert_eq!(lone.drain().packets.len(), 0);
    assert!(carries(&release(&mut lone, second), "second"));
}

// PROTOCOL.md C-33.
#[test]
fn what_was_released_before_a_withdrawal_or_a_connection_is_released_anew() {
    let mut lone = restored(&Saved::default(), 0);
    joins(&mut lone);
    lone.gets(&[Downlink::Welcome(welcome())]);
    let ids = ["a", "b", "c"].map(|text| send(&mut lone, text));
    let before = lone.client.saved();
    assert!(lone.client.cancel(ids[0]));
    lone.client.release(ids[2], &before);
    assert_eq!(lone.drain().packets.len(), 0, "the store does not know of the withdrawal");
    assert!(carries(&release(&mut lone, ids[1]), "b"));
    let before = lone.client.saved();
    lone.reconnects();
    lone.gets(&[Downlink::Welcome(resumed(0, 0))]);
    lone.client.release(ids[2], &before);
    assert_eq!(lone.drain().packets.len(), 0, "the store does not know of the connection");
    assert_eq!(release(&mut lone, ids[2]).packets.len(), 1);
}

// PROTOCOL.md C-33.
#[test]
fn what_is_handled_is_reported_once_it_is_stored() {
    let mut lone = restored(&SAVED, 0);
    joins(&mut lone);
    let payload = b"news";
    let entry = Downlink::Entry {
        stream: 0,
        offset: 5,
        format: Format::Text,
        entry: Entry::Message(payload),
    };
    lone.gets(&[Downlink::Welcome(resumed(10, 4)), entry]);
    lone.client.handled(0, 5);
    assert!(!lone.wait(1_000).transmitted("Received"));
    let packet = lone.reconnects();
    assert_eq!((hello(&packet).received, hello(&packet).handled), (5, 4));
    lone.gets(&[Downlink::Welcome(resumed(10, 5))]);
    release(&mut lone, 0);
    assert!(lone.wait(1_000).transmitted("Received"));
}

// PROTOCOL.md C-34.
#[test]
fn the_server_may_have_accepted_more_than_is_stored() {
    let mut lone = restored(&SAVED, 3);
    joins(&mut lone);
    let fresh = send(&mut lone, "fresh");
    let refusal = Downlink::Entry {
        stream: 0,
        offset: 5,
        format: Format::Text,
        entry: Entry::Refusal { seq: 12, code: b"no", reason: b"" },
    };
    let done = lone.gets(&[Downlink::Welcome(resumed(20, 6))]);
    assert_eq!((done.hung_up, done.told("Acknowledged")), (None, false), "{done:?}");
    assert_eq!(release(&mut lone, fresh).packets.len(), 0, "its number is not known yet");
    let done = lone.gets(&[refusal]);
    assert!(done.told("Acknowledged { through: 1 }") && done.told("Refused { id: 2"), "{done:?}");
    let reply = Downlink::Entry {
        stream: 0,
        offset: 6,
        format: Format::Text,
        entry: Entry::Reply { seq: 17, payload: b"nobody waits" },
    };
    let done = lone.gets(&[reply]);
    assert!(done.told("Acknowledged { through: 3 }"), "{done:?}");
    assert_eq!(lone.client.saved().acknowledged, 20);
    let done = release(&mut lone, fresh);
    assert!(carries(&done, "\u{15}fresh"), "its number is 21: {done:?}");
}

// PROTOCOL.md C-34.
#[test]
fn what_is_released_before_the_first_welcome_bounds_nothing() {
    // A store learns at once that its line has a new life: long before the server answers.
    for (transmitted, accepted) in [(2, 20), (0, 12)] {
        let mut lone = restored(&Saved { transmitted, ..SAVED }, 3);
        release(&mut lone, 0);
        joins(&mut lone);
        release(&mut lone, 3);
        let done = lone.gets(&[Downlink::Welcome(resumed(accepted, 4))]);
        let through = (accepted - 10).min(3);
        let settled = format!("Acknowledged {{ through: {through} }}");
        assert!(done.told(&settled) && done.hung_up.is_none(), "{done:?}");
    }
}

// PROTOCOL.md C-34.
#[test]
fn what_was_withdrawn_meanwhile_counts_no_new_message_as_accepted() {
    let mut lone = restored(&SAVED, 3);
    assert!(lone.client.cancel(3));
    joins(&mut lone);
    let fresh = send(&mut lone, "fresh");
    let done = lone.gets(&[Downlink::Welcome(resumed(13, 4))]);
    assert!(done.told("Acknowledged { through: 2 }"), "{done:?}");
    assert!(carries(&release(&mut lone, fresh), "\u{e}fresh"), "its number is 14");
}

// PROTOCOL.md C-34.
#[test]
fn with_a_tombstone_the_same_holds() {
    let mut lone = restored(&SAVED, 3);
    joins(&mut lone);
    let resumption = Resumption::LostAcceptedKnown;
    let epoch = tautline_protocol::Epoch(2);
    let lost = Welcome { resumption, epoch, accepted: 13, head: 4, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(lost)]);
    assert!(done.told("Acknowledged { through: 3 }"), "{done:?}");
    assert_eq!(lone.client.saved().acknowledged, 13);
}

// PROTOCOL.md C-34.
#[test]
fn with_a_tombstone_and_nothing_stored_numbers_go_on_too() {
    let mut lone = restored(&SAVED, 0);
    joins(&mut lone);
    let fresh = send(&mut lone, "fresh");
    let resumption = Resumption::LostAcceptedKnown;
    let epoch = tautline_protocol::Epoch(2);
    let lost = Welcome { resumption, epoch, accepted: 13, head: 6, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(lost)]);
    assert!(done.told("Lost") && done.hung_up.is_none(), "{done:?}");
    assert!(carries(&release(&mut lone, fresh), "\u{e}fresh"), "its number is 14");
}

#[test]
fn a_line_without_a_store_and_a_later_welcome_are_bounded_as_ever() {
    let mut lone = LoneClient::live();
    lone.reconnects();
    let done = lone.gets(&[Downlink::Welcome(resumed(5, 0))]);
    assert_eq!(done.hung_up, Some(CloseCode::VIOLATION));
    let mut lone = restored(&SAVED, 0);
    joins(&mut lone);
    lone.gets(&[Downlink::Welcome(resumed(10, 4))]);
    release(&mut lone, 0);
    lone.reconnects();
    let done = lone.gets(&[Downlink::Welcome(resumed(11, 4))]);
    assert_eq!(done.hung_up, Some(CloseCode::VIOLATION));
}

#[test]
fn whatever_a_store_and_a_server_say_nothing_overflows() {
    let all = u64::MAX;
    let saved = Saved {
        epoch: EPOCH,
        acknowledged: all,
        transmitted: all,
        uncertain: all,
        doubtful: all,
        direct: all,
        holds: all,
    };
    let mut lone = restored(&saved, 2);
    joins(&mut lone);
    lone.gets(&[Downlink::Welcome(resumed(all, all))]);
    let mut lone = restored(&SAVED, 2);
    joins(&mut lone);
    let done = lone.gets(&[Downlink::Welcome(resumed(all, 4))]);
    assert_eq!(done.hung_up, Some(CloseCode::VIOLATION));
}
