//! A second connection takes the session over: at once, and from the first one for good.

use crate::line::Line;
use crate::lone_client::LoneClient;
use crate::lone_session::{HELLO, LoneSession, message};
use crate::samples::encoded_up;
use tautline_protocol::client::{Config, End, Input};
use tautline_protocol::uplink::{Hello, Uplink};
use tautline_protocol::{CloseCode, Epoch, Kind};
use tautline_sim::ledger::Fate;
use tautline_sim::network::{Cargo, ConnectionId, Way};
use tautline_sim::server::Behaviour;

/// Opens a connection beside the client's and sends this as its first packet.
fn intruder(line: &mut Line, hello: Hello<'_>) -> ConnectionId {
    let now = line.now;
    let id = line.network.dial(now);
    let packet = encoded_up(&Uplink::Hello(hello));
    line.network.send(id, Way::Up, Cargo::Packet(packet), now);
    id
}

fn same_session(line: &Line, connection: u64) -> Hello<'static> {
    Hello { session: line.session, connection, credentials: b"", ..HELLO }
}

// PROTOCOL.md S-4.
#[test]
fn the_older_connection_is_closed_at_once_and_the_newer_goes_on() {
    let mut line = Line::live();
    line.may_end = true;
    let hello = same_session(&line, 2);
    let id = intruder(&mut line, hello);
    line.run(100);
    let session = line.session;
    assert_eq!(line.server.owner(&session), Some(id));
    assert_eq!(line.server.hang_ups, [(1, CloseCode::SUPERSEDED)]);
    // For the older one's client this is the end: two would take the session from each other.
    let (end, _) = line.ledger.closed.clone().unwrap();
    assert_eq!(end, End::Stopped(CloseCode::SUPERSEDED));
}

// PROTOCOL.md S-4.
#[test]
fn a_handler_that_is_still_running_is_waited_for() {
    let behaviour = Behaviour { handler_ms: 1_000, ..Behaviour::default() };
    let mut line = Line::live_with(Config::default(), behaviour);
    let ids = [line.say("m"), line.ask(), line.say("m")];
    line.run(50);
    assert!(line.server.is_busy());
    // The client notices a cut that the server does not, and is back within the handler's second.
    line.cut(Some(0), None);
    line.run(700);
    assert_eq!(line.dials.len(), 2);
    assert_eq!(line.server.journal.len(), 0, "the first handler is still running");
    line.settle();
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
}

// PROTOCOL.md S-4.
#[test]
fn what_a_stale_connection_still_sends_is_not_taken() {
    let mut lone = LoneSession::live();
    lone.gets(&[message(1, b"taken")]);
    assert_eq!(lone.takes(), ["taken"]);
    lone.gets(&[message(2, b"arrived")]);
    lone.session.hang_up(CloseCode::SUPERSEDED);
    assert_eq!(lone.session.take_message(), None, "though it had arrived");
    let wanted = lone.gets(&[message(3, b"late"), Uplink::Bye]);
    assert_eq!(wanted.hung_up, Some(CloseCode::SUPERSEDED));
    assert!(wanted.others.is_empty() && wanted.packets.is_empty(), "{wanted:?}");
    assert_eq!(lone.session.take_message(), None);
}

// PROTOCOL.md S-4.
#[test]
fn a_stale_connection_says_nothing_any_more() {
    let mut lone = LoneSession::live();
    let start = tautline_protocol::Start::Last(0);
    lone.gets(&[Uplink::Subscribe { stream: 1, topic: "t", start }, message(1, b"m")]);
    lone.takes();
    lone.session.hang_up(CloseCode::SUPERSEDED);
    // The shell was about to answer.
    lone.session.subscribed(1, Epoch(9), 5);
    lone.session.refuse_subscription(1, "forbidden", "");
    lone.session.gap(0, Epoch(9), 5);
    lone.session.handled(1, 0);
    lone.session.request_credentials();
    lone.session.go_away(0, 0, "");
    lone.session.refuse(CloseCode::ENDED, 0, "");
    let wanted = lone.drain();
    assert!(wanted.packets.is_empty(), "{:?}", wanted.frames());
    assert_eq!(wanted.hung_up, Some(CloseCode::SUPERSEDED));
    assert_eq!(wanted.wake_at, None);
}

// PROTOCOL.md S-5.
#[test]
fn a_hello_that_comes_late_does_not_take_over_from_a_newer_connection() {
    let mut line = Line::new();
    line.run(1);
    line.stall();
    assert!(line.run_until(60_000, |pair| pair.dials.len() == 2), "the first attempt timed out");
    assert!(line.connect());
    let id = line.say("m");
    line.settle();
    // A HELLO of the first connection arrives after all.
    let hello = same_session(&line, 1);
    let late = intruder(&mut line, hello);
    line.run(1_000);
    assert_eq!(line.server.hang_ups, [(late, CloseCode::REPLACED)]);
    assert_eq!(line.fate(id), Fate::Acknowledged);
    line.must_converge();
    assert_eq!(line.dials.len(), 2);
}

// PROTOCOL.md C-2.
#[test]
fn connections_are_counted_in_hello() {
    let mut lone = LoneClient::joining(Config::default());
    for count in 2..5 {
        lone.input(Input::Closed(CloseCode(1006)));
        assert!(lone.wait(20_000).dialed);
        let done = lone.input(Input::Opened);
        assert!(done.transmitted(&format!("connection: {count},")), "{:?}", done.frames());
    }
}

// PROTOCOL.md C-17.
#[test]
fn late_packets_of_a_detached_connection_reach_nobody() {
    let mut line = Line::live();
    let id = line.send(Kind::Request, "ask", 0).unwrap();
    line.run(5);
    line.stall();
    // Found dead and replaced; then the old connection comes back to life.
    assert!(line.run_until(10_000, |pair| pair.dials.len() == 2));
    line.settle();
    line.network.heal();
    line.run(10_000);
    assert_eq!(line.handled(id), 1);
    line.must_converge();
}
