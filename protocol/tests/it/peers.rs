//! Flaws of well-known peers, each as the story of what must not happen here.

use crate::line::{Line, asking};
use crate::lone_client::{LoneClient, hello, welcome};
use crate::lone_session::{LoneSession, message};
use tautline_protocol::client::{Config, Hint, State};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::{CloseCode, DIRECT, Format, Kind};
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

/// socket.io#4880: the session is written when the server notices the disconnect, so a client that
/// is back before that finds none, and recovery works only once.
#[test]
fn socketio_4880_a_client_back_before_the_server_noticed_is_resumed_every_time() {
    let mut line = Line::live();
    for _ in 0..5 {
        line.push();
        line.say("m");
        line.cut(Some(0), None);
        line.push();
        line.settle();
    }
    line.must_converge();
    assert!(line.ledger.losses.is_empty());
    assert_eq!(line.ledger.payloads(DIRECT), line.pushed());
}

/// socket.io#5538, #4888: a session that has not seen a server event yet cannot be recovered.
#[test]
fn socketio_5538_a_session_without_any_event_is_resumed() {
    let mut line = Line::live();
    line.cut(Some(0), None);
    line.push();
    line.must_converge();
    assert!(line.ledger.losses.is_empty());
    assert_eq!(line.ledger.payloads(DIRECT), line.pushed());
}

/// socket.io's Redis adapter takes the session with GETDEL: a second cut during the resume has
/// nothing left to resume.
#[test]
fn socketio_getdel_a_cut_during_the_resume_does_not_use_the_session_up() {
    let mut line = Line::live();
    line.push();
    for down in 0..3 {
        line.reconnect();
        let budget = tautline_sim::network::Budget::Packets(tautline_sim::network::Way::Down, down);
        line.network.budgets.push_back(Some(budget));
        line.say("m");
        line.push();
        line.cut(Some(0), Some(0));
        line.run(2_000);
    }
    line.must_converge();
    assert!(line.ledger.losses.is_empty());
}

/// socket.io#4897: with retries, packets go one at a time, each waiting for its round trip.
#[test]
fn socketio_4897_messages_do_not_wait_for_each_other() {
    let mut line = Line::live();
    line.network.latency_ms = 200;
    let began = line.now;
    line.send_together(&[(Kind::Send, "m", 0); 500]);
    line.settle();
    assert!(line.now.since(began) <= 400, "one round trip for all");
}

/// socket.io#4318: an emit that has timed out is sent later all the same.
#[test]
fn socketio_4318_what_was_taken_back_is_not_sent_later() {
    let mut line = Line::new();
    line.network.reachable = false;
    let id = line.say("m");
    line.run(5_000);
    assert!(line.cancel(id));
    line.network.reachable = true;
    line.settle();
    line.must_converge();
    assert_eq!(line.handled(id), 0);
}

/// socket.io's skipMiddlewares: a resume skips the check of who it is, and the banned are back in.
// PROTOCOL.md S-3.
#[test]
fn socketio_middlewares_a_resume_checks_the_credentials_again() {
    let mut line = Line::live_with(asking(), Behaviour::default());
    line.may_end = true;
    line.server.behaviour.credentials = Some(b"nobody".to_vec());
    line.cut(Some(0), Some(0));
    line.settle();
    assert!(line.run_until(60_000, |pair| pair.client.state() == State::Closed));
}

/// SignalR makes a new buffer when its one attempt to reconnect has failed, and drops the old one:
/// messages vanish, and promises of senders that waited never settle.
#[test]
fn signalr_a_failed_reconnect_keeps_the_buffer() {
    let mut line = Line::live();
    let ids: Vec<_> = (0..10).map(|_| line.say("m")).collect();
    line.network.reachable = false;
    line.cut(Some(0), Some(0));
    line.run(120_000);
    assert!(line.dials.len() > 5, "attempt after attempt fails");
    assert_eq!(line.ledger.pending().count(), 10);
    line.network.reachable = true;
    line.settle();
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

/// aspnetcore#55575: numbers are implied by counting; pre-serialised messages skipped the counter,
/// and both ends disagreed silently.
#[test]
fn signalr_55575_a_miscount_is_found_and_not_built_upon() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"1")]);
    let wanted = lone.gets(&[message(3, b"the client has counted one that it did not send")]);
    assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
    assert_eq!(lone.takes().len(), 0, "the connection is over");
}

/// Azure Web PubSub: each internal retry of a message registers a new ackId, so that the service
/// cannot tell the second from the first.
// PROTOCOL.md C-4, R-12.
#[test]
fn webpubsub_a_retried_message_keeps_its_number() {
    let mut lone = LoneClient::live();
    for payload in [&b"first"[..], b"second"] {
        lone.client.send(Kind::Send, Format::Text, "", payload).unwrap();
    }
    let first = lone.drain().frames();
    for _ in 0..3 {
        lone.reconnects();
        let resumed = Welcome { resumption: Resumption::Resumed, ..welcome() };
        let done = lone.gets(&[Downlink::Welcome(resumed)]);
        assert_eq!(done.frames(), first, "the same numbers, and no mark: the session goes on");
    }
}

/// Azure Web PubSub rejects everything pending when its connection closes, even if it recovers.
#[test]
fn webpubsub_a_cut_rejects_nothing() {
    let mut line = Line::live();
    let ids: Vec<_> = (0..10).map(|_| line.say("m")).collect();
    line.cut(Some(0), Some(0));
    line.run(10);
    assert_eq!(line.ledger.pending().count(), 10);
    line.settle();
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Acknowledged));
}

/// slozhn and Web PubSub accept a number beyond the next, and what lies between is lost silently.
// PROTOCOL.md C-10, S-6.
#[test]
fn slozhn_a_hole_is_accepted_by_neither_end() {
    let mut lone = LoneSession::live();
    assert_eq!(lone.gets(&[message(2, b"m")]).hung_up, Some(CloseCode::VIOLATION));
    let mut lone = LoneClient::live();
    let entry = tautline_protocol::downlink::Entry::Message(b"m");
    let frame = Downlink::Entry { stream: DIRECT, offset: 2, format: Format::Text, entry };
    assert_eq!(lone.gets(&[frame]).hung_up, Some(CloseCode::VIOLATION));
}

/// slozhn trims its buffer by whatever acknowledgement comes; XEP-0198 calls one that is too high
/// an error.
#[test]
fn slozhn_an_acknowledgement_from_the_future_settles_nothing() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"kept").unwrap();
    lone.drain();
    lone.gets(&[Downlink::Ack { seq: u64::MAX }]);
    let packet = lone.reconnects();
    assert_eq!((hello(&packet).acknowledged, hello(&packet).restart), (0, 1));
    assert_eq!(lone.client.stats().outbox_bytes, 4);
}

/// Ably renumbers what is pending after a failed resume, without a word to the application: what
/// the lost connection had taken arrives twice (RTN19a2).
#[test]
fn ably_renumbering_after_a_loss_is_told_and_marked() {
    let mut line = Line::live();
    let id = line.say("m");
    line.run(11);
    line.cut(Some(0), Some(0));
    line.run(1);
    line.expire(false);
    line.settle();
    assert_eq!(line.ledger.losses.len(), 1, "the application knows");
    assert_eq!(line.handled(id), 2);
    assert!(line.server.journal[1].possible_duplicate, "and so does the handler");
}

/// Phoenix keeps what is pushed while disconnected for ten seconds, then skips it silently; what
/// was sent just before the cut is never sent again.
#[test]
fn phoenix_messages_outlive_any_time_without_a_connection() {
    let mut line = Line::live();
    let before = line.say("m");
    line.network.reachable = false;
    line.cut(Some(0), Some(0));
    let during = line.say("m");
    line.run(3_600_000);
    line.network.reachable = true;
    line.settle();
    assert_eq!((line.handled(before), line.handled(during)), (1, 1));
}

/// NATS empties its outbound buffer at every dial.
#[test]
fn nats_dialing_empties_no_buffer() {
    let mut line = Line::new();
    line.network.reachable = false;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(line.send(Kind::Publish, "m", 0).unwrap());
        line.run(3_000);
    }
    line.network.reachable = true;
    line.settle();
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

/// XEP-0198 tells what had arrived even when a resume fails; almost nobody else does.
// PROTOCOL.md R-12.
#[test]
fn xep0198_a_failed_resume_still_tells_what_had_arrived() {
    let mut line = Line::live();
    line.server.behaviour.handler_ms = 100;
    let ids: Vec<_> = (0..4).map(|_| line.say("m")).collect();
    line.run(250);
    line.cut(Some(0), Some(0));
    line.run(1);
    line.server.behaviour.handler_ms = 0;
    let done = line.server.journal.len();
    line.expire(true);
    line.settle();
    assert!(line.ledger.losses[0].0);
    assert!(done > 0 && done < 4);
    assert!(ids.iter().all(|id| line.handled(*id) == 1), "exactly");
}

/// Discord: closing with 1000 or 1001 while meaning to resume kills the session (nyxx#592).
#[test]
fn discord_no_end_that_means_to_resume_closes_with_1000_or_1001() {
    let mut line = Line::live();
    line.hint(Hint::Suspended);
    line.hint(Hint::Awake);
    line.run(1_000);
    line.stall();
    line.say("m");
    line.settle();
    let (session, now) = (line.session, line.now);
    line.server.go_away(&session, 0, 0, now);
    line.flush();
    line.run(1_000);
    assert_eq!(line.hang_ups, [CloseCode::SUSPENDED, CloseCode::SILENT, CloseCode::REPLACED]);
    line.must_converge();
    assert!(line.ledger.losses.is_empty());
}

/// Pusher needs 150 s and NATS 4 to 6 minutes to find a half-open connection.
#[test]
fn pusher_a_half_open_connection_is_found_in_seconds_even_when_idle() {
    let mut line = Line::live();
    line.run(3_000);
    line.stall();
    let began = line.now;
    assert!(line.run_until(60_000, |pair| pair.dials.len() > 1));
    assert!(line.now.since(began) < 20_000);
}

/// espressif/esp-rainmaker-neo-firmware#1: a server that accepts and throws out at once is dialed
/// without a pause, because every success resets the delay.
#[test]
fn rainmaker_a_server_that_throws_clients_out_at_once_is_not_hammered() {
    let mut line = Line::live();
    let began = line.dials.len();
    let until = line.now.after(60_000);
    while line.now < until {
        assert!(line.connect());
        line.cut(Some(0), Some(0));
        line.run(1);
    }
    let dials = line.dials.len() - began;
    assert!(dials < 400, "{dials} in a minute");
}

/// River#206: one side forgot to tell the other about a mismatch, and reconnecting never worked
/// again.
#[test]
fn river_206_a_violation_is_answered_by_a_resume_that_works() {
    let mut line = Line::live();
    line.say("m");
    line.run(5);
    let (session, now) = (line.session, line.now);
    line.server.refuse(&session, CloseCode::VIOLATION, 0, now);
    // This accusation is the test's own.
    line.server.hang_ups.clear();
    line.flush();
    line.settle();
    line.server.hang_ups.clear();
    assert!(line.ledger.losses.is_empty());
}

/// MQTT and others: two tabs with one id take the connection from each other for ever.
#[test]
fn mqtt_two_clients_with_one_session_do_not_fight_over_it() {
    let mut lone = LoneClient::live_with(Config::default(), welcome());
    let done = lone.input(tautline_protocol::client::Input::Closed(CloseCode::SUPERSEDED));
    assert!(done.told("Closed { end: Stopped(CloseCode(4300))"), "{done:?}");
    assert!(!lone.wait(3_600_000).dialed);
}
