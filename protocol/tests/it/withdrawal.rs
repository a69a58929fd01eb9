//! What was never transmitted can expire, be replaced or wait for the transport: no hole is left.

use crate::line::Line;
use crate::lone_client::{Done, LoneClient, welcome};
use tautline_protocol::client::{Config, Failure, SendError};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::uplink::{Frames, Uplink};
use tautline_protocol::{Format, Kind, limits};
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

const EXPIRED: Fate = Fate::Failed(Failure::Expired);

// PROTOCOL.md C-31.
#[test]
fn a_message_that_is_not_transmitted_in_time_is_withdrawn_and_leaves_no_hole() {
    let mut line = Line::live();
    line.cut(Some(0), Some(0));
    line.network.reachable = false;
    line.run(10);
    let ttls = [1_000, 60_000, 1_000, 1_000, 2_000];
    let ids = ttls.map(|ttl| line.send_with_ttl(Kind::Send, "m", ttl).unwrap());
    let plain = line.say("m");
    line.run(900);
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Pending));
    line.run(200);
    let pending = Fate::Pending;
    let expected = [&EXPIRED, &pending, &EXPIRED, &EXPIRED, &pending];
    assert_eq!(ids.each_ref().map(|id| line.fate(*id)).each_ref(), expected);
    assert_eq!(line.client.stats().expired, 3);
    line.run(1_000);
    assert_eq!(line.fate(ids[4]), EXPIRED);
    line.network.reachable = true;
    line.settle();
    assert_eq!([line.fate(ids[1]), line.fate(plain)], [Fate::Acknowledged, Fate::Acknowledged]);
    assert_eq!(ids.map(|id| line.handled(id)), [0, 1, 0, 0, 0]);
    assert_eq!(line.client.stats().queued, 0);
}

// PROTOCOL.md C-31.
#[test]
fn a_message_that_was_transmitted_is_delivered_however_late() {
    let mut line = Line::live();
    line.stall();
    let id = line.send_with_ttl(Kind::Send, "m", 100).unwrap();
    line.run(1_000);
    assert_eq!(line.fate(id), Fate::Pending);
    line.reconnect();
    line.settle();
    assert_eq!((line.fate(id), line.handled(id)), (Fate::Acknowledged, 1));
}

#[test]
fn a_ttl_wakes_the_machine_and_one_that_is_over_is_looked_at_no_more() {
    let mut lone = LoneClient::new(Config::default());
    let send = |lone: &mut LoneClient, ttl| {
        lone.client.send_with_ttl(Kind::Send, Format::Text, "", b"m", ttl).unwrap()
    };
    send(&mut lone, Some(700));
    send(&mut lone, None);
    send(&mut lone, Some(300));
    assert_eq!(lone.drain().wake_at, Some(lone.now), "it is to dial first");
    assert_eq!(lone.wait(0).wake_at, Some(lone.now.after(300)));
    let done = lone.wait(300);
    assert_eq!(done.events, ["Failed { failure: Expired, first: 3, last: 3 }"]);
    assert_eq!(done.wake_at, Some(lone.now.after(400)));
    assert_eq!(lone.wait(400).events, ["Failed { failure: Expired, first: 1, last: 1 }"]);
    assert_eq!(lone.client.stats().queued, 1);
    assert_eq!(lone.client.stats().outbox_bytes, 1);
}

#[test]
fn messages_that_expire_together_are_told_in_their_order() {
    let mut lone = LoneClient::new(Config::default());
    for ttl in [Some(5), Some(5), None, Some(5), Some(9), Some(5), Some(5)] {
        lone.client.send_with_ttl(Kind::Send, Format::Text, "", b"m", ttl).unwrap();
    }
    lone.drain();
    let told = lone.wait(5).events;
    let told: Vec<_> = told.iter().filter(|told| told.contains("Expired")).collect();
    let failed = |id| format!("Failed {{ failure: Expired, first: {id}, last: {id} }}");
    assert_eq!(told, [1, 2, 4, 6, 7].map(failed).each_ref());
}

#[test]
fn a_full_outbox_has_room_again_when_what_is_in_it_expires() {
    let config = Config { outbox_messages: 2, ..Config::default() };
    let mut line = Line::with(config, Behaviour::default());
    line.network.reachable = false;
    line.send_with_ttl(Kind::Send, "m", 100).unwrap();
    let second = line.say("m");
    assert_eq!(line.send(Kind::Send, "m", 0), Err(SendError::OutboxFull));
    line.run(200);
    let third = line.say("m");
    line.network.reachable = true;
    line.settle();
    assert_eq!([line.handled(second), line.handled(third)], [1, 1]);
}

// PROTOCOL.md C-31.
#[test]
fn a_newer_message_takes_the_place_of_one_that_was_not_transmitted() {
    let mut line = Line::live();
    line.cut(Some(0), Some(0));
    line.run(10);
    let ids = [0; 3].map(|_| line.say("m"));
    let before = line.ledger.sent[&ids[1]].payload.clone();
    assert_eq!(line.replace(ids[1], None), Ok(true));
    assert_eq!(line.replace(ids[1], None), Ok(true));
    assert_ne!(line.ledger.sent[&ids[1]].payload, before);
    assert_eq!(line.client.stats().superseded, 2);
    line.settle();
    assert_eq!(ids.map(|id| line.handled(id)), [1, 1, 1]);
    let handled: Vec<_> = line.server.journal.iter().map(|it| it.payload.clone()).collect();
    let sent: Vec<_> = ids.iter().map(|id| line.ledger.sent[id].payload.clone()).collect();
    assert_eq!(handled, sent, "in the place of the older one, which was never handled");
}

#[test]
fn what_was_transmitted_is_not_replaced() {
    let mut line = Line::live();
    line.stall();
    let id = line.say("m");
    assert_eq!(line.replace(id, None), Ok(false));
    assert_eq!(line.replace(id + 1, None), Ok(false), "nor what never was");
    assert_eq!(line.replace(0, None), Ok(false));
    line.reconnect();
    line.settle();
    assert_eq!((line.handled(id), line.replace(id, None)), (1, Ok(false)));
}

#[test]
fn the_newer_message_s_ttl_holds() {
    let mut line = Line::with(Config::default(), Behaviour::default());
    line.network.reachable = false;
    let [longer, shorter] = [100, 100].map(|ttl| line.send_with_ttl(Kind::Send, "m", ttl).unwrap());
    assert_eq!(line.replace(longer, None), Ok(true));
    assert_eq!(line.replace(shorter, Some(50)), Ok(true));
    line.run(60);
    assert_eq!([line.fate(longer), line.fate(shorter)], [Fate::Pending, EXPIRED]);
    line.network.reachable = true;
    line.settle();
    assert_eq!(line.fate(longer), Fate::Acknowledged);
}

#[test]
fn a_larger_message_finds_no_room_in_a_full_outbox_and_changes_nothing() {
    let config = Config { outbox_bytes: 10, ..Config::default() };
    let mut lone = LoneClient::new(config);
    let client = &mut lone.client;
    let id = client.send(Kind::Publish, Format::Text, "t", b"aa").unwrap();
    let mut replace =
        |payload: &[u8]| client.replace(id, Kind::Publish, Format::Text, "t", payload, None);
    assert_eq!(replace(&[b'b'; 100]), Ok(true), "one alone may be larger");
    assert_eq!(replace(b"cccc"), Ok(true));
    client.send(Kind::Send, Format::Text, "", b"dddd").unwrap();
    let mut replace =
        |payload: &[u8]| client.replace(id, Kind::Publish, Format::Text, "t", payload, None);
    assert_eq!(replace(b"ccccc"), Err(SendError::OutboxFull));
    assert_eq!(replace(b"eeee"), Ok(true));
    assert_eq!(client.stats().outbox_bytes, 10);
    let max = limits::MESSAGE_BYTES_MAX;
    let large = vec![0; max + 1];
    let result = client.replace(id, Kind::Send, Format::Binary, "", large, None);
    assert_eq!(result, Err(SendError::TooLarge { size: max + 1, max }));
}

fn lone_with_wide_window() -> LoneClient {
    let welcome = Welcome { window_bytes: 1 << 24, ..welcome() };
    LoneClient::live_with(Config::default(), welcome)
}

fn say(lone: &mut LoneClient) {
    lone.client.send(Kind::Send, Format::Binary, "", vec![0; 1_000]).unwrap();
}

// PROTOCOL.md C-32.
#[test]
fn no_messages_are_handed_to_a_transport_that_holds_much_and_control_frames_are() {
    let mut lone = lone_with_wide_window();
    lone.client.buffers(limits::BUFFERED_BYTES);
    say(&mut lone);
    let done = lone.gets(&[Downlink::Ping { nonce: 7 }]);
    assert_eq!(done.frames(), ["Pong { nonce: 7 }"]);
    assert_eq!(done.wake_at, Some(lone.now.after(limits::BUFFERED_LOOK_MS)));
    assert_eq!(lone.client.stats().unacknowledged, 0);
    assert!(lone.client.cancel(1), "it can still be taken back");
    say(&mut lone);
    assert!(lone.wait(limits::BUFFERED_LOOK_MS).packets.is_empty(), "it still holds as much");
    lone.client.buffers(limits::BUFFERED_BYTES - 1);
    let done = lone.wait(limits::BUFFERED_LOOK_MS);
    assert_eq!(done.frames().len(), 1);
    assert!(done.wake_at > Some(lone.now.after(limits::BUFFERED_LOOK_MS)), "nothing to look at");
}

// PROTOCOL.md C-32.
#[test]
fn volatile_messages_are_refused_while_the_transport_holds_a_packet_of_them() {
    let mut lone = LoneClient::live();
    let send = |lone: &mut LoneClient| {
        let sent = lone.client.send_volatile(Format::Binary, None, &[0; 1_000]);
        lone.drain();
        sent
    };
    lone.client.buffers(limits::VOLATILE_BYTES - 1_000);
    assert_eq!(send(&mut lone), Ok(()));
    lone.client.buffers(limits::VOLATILE_BYTES - 999);
    assert_eq!(send(&mut lone), Err(SendError::NotLive));
    lone.client.buffers(0);
    assert_eq!(send(&mut lone), Ok(()));
}

#[test]
fn a_new_connection_holds_nothing() {
    let mut lone = lone_with_wide_window();
    lone.client.buffers(limits::BUFFERED_BYTES);
    say(&mut lone);
    assert!(lone.drain().packets.is_empty());
    lone.reconnects();
    assert_eq!(lone.client.stats().buffered, 0);
}

/// A line that carries 33 bytes in a millisecond, and holds what it has not carried.
#[derive(Default)]
struct SlowLine {
    /// The size of each packet, and how many messages are in it and in those before.
    packets: Vec<(usize, u64)>,
    arrived: usize,
}

impl SlowLine {
    fn carry(&mut self, done: &Done) {
        for packet in &done.packets {
            let frames = Frames::new(packet, 1 << 20);
            let count = frames.filter(|frame| matches!(frame, Ok(Uplink::Message(_)))).count();
            let before = self.packets.last().map_or(0, |(_, count)| *count);
            self.packets.push((packet.len(), before + count as u64));
        }
    }

    fn held(&self) -> usize {
        self.packets.iter().map(|(size, _)| size).sum::<usize>() - self.arrived
    }

    /// The last message that is there, with the whole of its packet.
    fn wait(&mut self, millis: usize) -> u64 {
        self.arrived += self.held().min(33 * millis);
        let mut end = 0;
        let whole = self.packets.iter().take_while(|(size, _)| {
            end += size;
            end <= self.arrived
        });
        whole.last().map_or(0, |(_, count)| *count)
    }
}

#[test]
fn a_line_that_is_merely_slow_is_not_given_up_while_messages_are_held_back() {
    let mut lone = lone_with_wide_window();
    let mut line = SlowLine::default();
    let total = 900;
    for _ in 0..total {
        say(&mut lone);
    }
    let (mut acknowledged, mut most) = (0, 0);
    while acknowledged < total {
        lone.client.buffers(line.held());
        let done = lone.wait(10);
        assert_eq!(done.hung_up, None, "given up with {acknowledged} of {total} acknowledged");
        line.carry(&done);
        most = most.max(line.held());
        let through = line.wait(10);
        if through > acknowledged {
            acknowledged = through;
            lone.client.buffers(line.held());
            line.carry(&lone.gets(&[Downlink::Ack { seq: through }]));
        }
    }
    assert!(most >= limits::BUFFERED_BYTES, "the line was never full");
}
