//! Replies, refusals and acknowledgements: which comes first, and what is true when some are lost.

use crate::lone_client::{EPOCH, LoneClient, welcome};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{DIRECT, Format, Kind};

#[test]
fn an_answer_does_not_count_the_messages_before_it_as_handled() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Request, Format::Text, "", b"ask".to_vec()).unwrap();
    lone.drain();
    let format = Format::Text;
    let message = |offset| {
        let entry = Entry::Message(b"unhandled");
        Downlink::Entry { stream: DIRECT, offset, format, entry }
    };
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    let reply = Downlink::Entry { stream: DIRECT, offset: 3, format, entry };
    lone.gets(&[message(1), message(2), reply]);
    assert!(!lone.wait(1_000).transmitted("Received"), "the application has handled nothing");
    lone.client.handled(DIRECT, 1);
    lone.drain();
    assert!(lone.wait(1_000).transmitted("Received { stream: 0, offset: 1 }"));
    lone.client.handled(DIRECT, 2);
    lone.drain();
    let done = lone.wait(1_000);
    assert!(done.transmitted("Received { stream: 0, offset: 3 }"), "{:?}", done.frames());
}

#[test]
fn an_answer_behind_handled_messages_is_handled_at_once() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Request, Format::Text, "", b"ask".to_vec()).unwrap();
    lone.drain();
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    lone.gets(&[Downlink::Entry { stream: DIRECT, offset: 1, format: Format::Text, entry }]);
    assert!(lone.wait(1_000).transmitted("Received { stream: 0, offset: 1 }"));
}

#[test]
fn an_acknowledgement_behind_a_gap_of_answers_is_not_taken_for_success() {
    let mut lone = LoneClient::live();
    for _ in 0..3 {
        lone.client.send(Kind::Send, Format::Text, "", b"x".to_vec()).unwrap();
    }
    lone.drain();
    // The reader was too slow: the server has dropped direct entries, answers among them.
    let done = lone.gets(&[
        Downlink::Gap { stream: DIRECT, epoch: EPOCH, offset: 5 },
        Downlink::Ack { seq: 3 },
    ]);
    assert!(done.told("Gap"));
    assert!(done.told("Failed { first: 1, last: 3, failure: AnswerLost }"), "{done:?}");
    assert!(!done.told("Acknowledged"), "{done:?}");
    // What is sent from now on is not concerned.
    lone.client.send(Kind::Send, Format::Text, "", b"y".to_vec()).unwrap();
    lone.drain();
    assert!(lone.gets(&[Downlink::Ack { seq: 4 }]).told("Acknowledged { through: 4 }"));
}

#[test]
fn the_doubt_about_lost_answers_outlives_the_connection() {
    let mut lone = LoneClient::live();
    for _ in 0..3 {
        lone.client.send(Kind::Send, Format::Text, "", b"x".to_vec()).unwrap();
    }
    lone.drain();
    lone.gets(&[Downlink::Gap { stream: DIRECT, epoch: EPOCH, offset: 5 }]);
    lone.reconnects();
    let resumption = Resumption::Resumed;
    let done = lone.gets(&[
        Downlink::Welcome(Welcome { resumption, accepted: 2, head: 5, ..welcome() }),
        Downlink::Ack { seq: 3 },
    ]);
    // Two were processed before or around the gap; the third was certainly not.
    assert!(done.told("Failed { first: 1, last: 2, failure: AnswerLost }"), "{done:?}");
    assert!(!done.told("Acknowledged"), "the third has not been transmitted yet: {done:?}");
}
