//! What is done with many messages takes time by their number, not by its square.
//!
//! There are so many of them that the square would take hours: such a test does not fail, it never ends.

use crate::lone_client::{LoneClient, hello, welcome};
use tautline_protocol::client::{Config, Input, MessageId};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{CloseCode, Format, Kind, Start};

const MANY: u64 = 400_000;

/// So many messages wait, each of `size` bytes and with a time to live.
fn waiting(mut lone: LoneClient, size: usize, ttl_ms: impl Fn(u64) -> Option<u64>) -> LoneClient {
    let payload = vec![0; size];
    for number in 0..MANY {
        let (format, ttl_ms) = (Format::Binary, ttl_ms(number));
        lone.client.send_with_ttl(Kind::Send, format, "", &payload, ttl_ms).unwrap();
    }
    lone
}

fn unbounded() -> Config {
    Config { outbox_messages: usize::MAX, outbox_bytes: usize::MAX, ..Config::default() }
}

fn dialing() -> LoneClient {
    LoneClient::new(unbounded())
}

fn cancels(order: impl Iterator<Item = MessageId>) {
    let mut lone = waiting(dialing(), 1, |_| None);
    for (cancelled, id) in order.enumerate() {
        assert!(lone.client.cancel(id), "{id}");
        assert!(!lone.client.cancel(id), "{id} is taken back once");
        assert_eq!(lone.client.stats().queued, MANY - cancelled as u64 - 1);
    }
    assert_eq!(lone.client.stats().outbox_bytes, 0);
}

// PROTOCOL.md C-31.
#[test]
fn many_are_taken_back_the_oldest_first() {
    cancels(1..=MANY);
}

// PROTOCOL.md C-31.
#[test]
fn many_are_taken_back_the_newest_first() {
    cancels((1..=MANY).rev());
}

// PROTOCOL.md C-31.
#[test]
fn many_are_taken_back_in_any_order() {
    // Every number once: the step has no factor in common with how many there are.
    cancels((0..MANY).map(|number| number * 7_919 % MANY + 1));
}

// PROTOCOL.md C-31.
#[test]
fn many_are_replaced_the_oldest_first() {
    let mut lone = waiting(dialing(), 1, |_| None);
    for id in 1..=MANY {
        let replaced = lone.client.replace(id, Kind::Send, Format::Binary, "", b"xy", None);
        assert_eq!(replaced, Ok(true));
    }
    assert_eq!(lone.client.stats().outbox_bytes, 2 * MANY);
}

// PROTOCOL.md C-31, C-6.
#[test]
fn every_second_one_is_taken_back_while_the_others_are_sent_one_by_one() {
    let one = Welcome { window_messages: 1, ..welcome() };
    let mut lone = waiting(dialing(), 1, |_| None);
    lone.input(Input::Woke);
    lone.input(Input::Opened);
    let mut done = lone.gets(&[Downlink::Welcome(one)]);
    for seq in 1..=MANY / 2 {
        assert_eq!(done.packets.len(), 1, "{seq}");
        assert!(lone.client.cancel(seq * 2));
        done = lone.gets(&[Downlink::Ack { seq }]);
    }
    assert_eq!(lone.client.stats().queued + lone.client.stats().unacknowledged, 0);
}

// PROTOCOL.md R-8.
#[test]
fn many_are_over_a_limit() {
    let mut lone = waiting(dialing(), 2, |_| None);
    lone.input(Input::Woke);
    lone.input(Input::Opened);
    let done = lone.gets(&[Downlink::Welcome(Welcome { message_bytes: 1, ..welcome() })]);
    let failed = done.events.iter().filter(|event| event.contains("TooLarge")).count();
    assert_eq!(failed as u64, MANY);
    assert_eq!(lone.client.stats().queued, 0);
}

// PROTOCOL.md C-31.
#[test]
fn many_expire_at_once_or_one_after_the_other() {
    for each_ms in [0, 1] {
        let mut lone = waiting(dialing(), 1, |number| Some(10 + number * each_ms));
        let mut expired = 0;
        while expired < MANY {
            let wake_at = lone.drain().wake_at.unwrap();
            lone.now = wake_at.max(lone.now);
            let done = lone.input(Input::Woke);
            if done.dialed {
                // Only what expires is to be waited for.
                lone.input(Input::Closed(CloseCode(1006)));
            }
            expired += done.events.iter().filter(|event| event.contains("Expired")).count() as u64;
        }
        assert_eq!(lone.client.stats().queued, 0);
    }
}

// PROTOCOL.md C-6.
#[test]
fn many_are_acknowledged_one_by_one_and_are_sent_again_over_cuts() {
    let wide = Welcome { window_messages: MANY, window_bytes: MANY, ..welcome() };
    let mut lone = waiting(LoneClient::joining(unbounded()), 1, |_| None);
    lone.gets(&[Downlink::Welcome(wide)]);
    for seq in 1..=MANY {
        let done = lone.gets(&[Downlink::Ack { seq }]);
        assert!(done.told("Acknowledged"), "{seq}");
        if seq % (MANY / 4) == 0 {
            let packet = lone.reconnects();
            assert_eq!(hello(&packet).acknowledged, seq);
            let resumption = Resumption::Resumed;
            lone.gets(&[Downlink::Welcome(Welcome { resumption, accepted: seq, ..wide })]);
        }
    }
}

// PROTOCOL.md C-29.
#[test]
fn many_subscriptions_come_and_go() {
    let mut lone = LoneClient::live();
    for _ in 0..MANY / 4 {
        let stream = lone.client.subscribe("t", Start::Last(0)).unwrap();
        lone.client.unsubscribe(stream);
    }
    assert!(lone.drain().packets.is_empty());
}

/// The time to live holds to the millisecond for what is about to be sent, however many there are.
// PROTOCOL.md C-31.
#[test]
fn what_has_expired_is_not_sent_though_there_are_too_many_to_look_at_each() {
    let mut lone = waiting(LoneClient::joining(unbounded()), 1, |number| Some(10 + number % 2));
    // They are looked at when the first ones expire, and not again so soon.
    lone.wait(10);
    assert_eq!(lone.client.stats().expired, MANY / 2);
    lone.wait(1);
    assert_eq!(lone.client.stats().expired, MANY / 2);
    let wide = Welcome { window_messages: MANY, window_bytes: MANY, ..welcome() };
    assert!(lone.gets(&[Downlink::Welcome(wide)]).packets.is_empty());
    lone.wait(1_000);
    assert_eq!(lone.client.stats().expired, MANY);
}
