//! The server has lost the session: what is told, what is sent again, what is not.

use crate::line::{Line, failing_when_uncertain};
use crate::lone_client::{EPOCH, LoneClient, hello, welcome};
use tautline_protocol::client::{Config, Failure};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{DIRECT, Epoch, Format, Kind};
use tautline_sim::engine::Keep;
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

#[test]
fn an_answered_message_is_not_sent_again_after_a_loss() {
    let mut lone = LoneClient::live();
    let id = lone.client.send(Kind::Request, Format::Text, "", b"ask".to_vec()).unwrap();
    let other = lone.client.send(Kind::Send, Format::Text, "", b"tell".to_vec()).unwrap();
    lone.drain();
    let entry = Entry::Reply { seq: 1, payload: b"yes" };
    let format = Format::Text;
    let done = lone.gets(&[Downlink::Entry { stream: DIRECT, offset: 1, format, entry }]);
    assert!(done.told(&format!("Reply {{ id: {id}")));
    // The ACK behind the reply is lost with the connection, and the session with the server.
    let packet = lone.reconnects();
    let accepted = hello(&packet).restart - 1;
    let resumption = Resumption::Lost;
    let lost = Welcome { resumption, epoch: Epoch(2), accepted, ..welcome() };
    let done = lone.gets(&[Downlink::Welcome(lost)]);
    assert!(!done.transmitted("[97, 115, 107]"), "{:?}", done.frames());
    assert!(done.transmitted("possible_duplicate: true"), "{:?}", done.frames());
    let done = lone.gets(&[Downlink::Ack { seq: 1 }]);
    assert!(done.told(&format!("Acknowledged {{ through: {other} }}")), "{done:?}");
    assert_eq!(lone.client.stats().outbox_bytes, 0);
}
