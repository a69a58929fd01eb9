//! The end of a line: on request after the outbox has drained, or by the server for good.

use crate::line::Line;
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::{HELLO, LoneSession};
use tautline_protocol::client::{Config, End, Failure, Input, SendError, State, SubscribeError};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, Epoch, Format, Kind, Start};
use tautline_sim::ledger::Fate;

// PROTOCOL.md C-26, S-17.
#[test]
fn closing_delivers_everything_first_and_says_bye() {
    let mut line = Line::new();
    line.may_end = true;
    let ids = [line.say("m"), line.ask(), line.send(Kind::Send, "refuse", 0).unwrap()];
    line.command(|client| client.close(10_000));
    assert_eq!(line.send(Kind::Send, "late", 0), Err(SendError::Closed));
    assert_eq!(line.subscribe("room", Start::Last(0)), Err(SubscribeError::Closed));
    let volatile = line.command(|client| client.send_volatile(Format::Text, None, b"v"));
    assert_eq!(volatile, Err(SendError::Closed));
    line.run(200);
    assert_eq!(line.ledger.closed, Some((End::Requested, Vec::new())));
    assert_eq!(line.client.state(), State::Closed);
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
    assert_eq!(line.hang_ups, [CloseCode::NORMAL]);
    let session = line.session;
    assert!(line.server.engine.direct(&session).is_none(), "BYE: the session is forgotten");
    assert_eq!(line.next_at(), None, "nothing is left to do");
}

// PROTOCOL.md C-26.
#[test]
fn what_the_server_has_for_it_comes_before_bye() {
    let mut lone = LoneClient::live();
    lone.reconnects();
    lone.client.close(5_000);
    let resumed = Welcome { resumption: Resumption::Resumed, head: 1, ..welcome() };
    assert!(!lone.gets(&[Downlink::Welcome(resumed)]).transmitted("Bye"));
    let entry = Downlink::Entry {
        stream: 0,
        offset: 1,
        format: Format::Text,
        entry: Entry::Message(b"news"),
    };
    let done = lone.gets(&[entry]);
    assert!(done.told("Message") && done.transmitted("Bye"), "{done:?}");
}

// PROTOCOL.md C-26.
#[test]
fn after_a_loss_nothing_of_the_lost_direct_stream_is_waited_for() {
    for (resumption, head) in [(Resumption::LostAcceptedKnown, 7), (Resumption::Lost, 0)] {
        let mut lone = LoneClient::live();
        lone.reconnects();
        lone.client.close(5_000);
        let lost = Welcome { resumption, head, epoch: Epoch(0xe2), ..welcome() };
        let done = lone.gets(&[Downlink::Welcome(lost)]);
        assert!(done.told("Lost") && done.transmitted("Bye"), "{done:?}");
        assert_eq!(done.hung_up, Some(CloseCode::NORMAL));
    }
}

// PROTOCOL.md C-26.
#[test]
fn closing_goes_on_over_cuts_until_all_is_delivered() {
    let mut line = Line::live();
    line.may_end = true;
    line.server.behaviour.handler_ms = 100;
    let ids: Vec<_> = (0..20).map(|_| line.say("m")).collect();
    line.command(|client| client.close(60_000));
    for _ in 0..5 {
        line.run(300);
        line.cut(Some(0), Some(0));
    }
    assert!(line.run_until(60_000, |pair| pair.ledger.closed.is_some()));
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Acknowledged));
}

// PROTOCOL.md C-26, C-27.
#[test]
fn closing_with_a_timeout_fails_the_rest_truthfully() {
    let mut line = Line::live();
    line.may_end = true;
    line.server.behaviour.config.window_messages = 2;
    line.reconnect();
    line.stall();
    let ids: Vec<_> = (0..4).map(|_| line.say("m")).collect();
    line.command(|client| client.close(1_000));
    line.run(999);
    assert_eq!(line.ledger.closed, None);
    line.run(1);
    assert_eq!(line.ledger.closed, Some((End::Requested, Vec::new())));
    for id in &ids[..2] {
        assert_eq!(line.fate(*id), Fate::Failed(Failure::OutcomeUnknown), "in flight");
    }
    for id in &ids[2..] {
        assert_eq!(line.fate(*id), Fate::Failed(Failure::Closed), "never transmitted");
    }
    line.network.heal();
    line.run(5_000);
}

// PROTOCOL.md C-26, C-27.
#[test]
fn closing_at_once_fails_what_is_queued_wherever_the_line_stands() {
    let dialing = || {
        let mut lone = LoneClient::new(Config::default());
        lone.input(Input::Woke);
        lone
    };
    let waiting = || {
        let mut lone = dialing();
        lone.input(Input::Closed(CloseCode(1006)));
        lone
    };
    let suspended = || {
        let mut lone = dialing();
        lone.input(Input::Hint(tautline_protocol::client::Hint::Suspended));
        lone
    };
    let joining = || LoneClient::joining(Config::default());
    let fresh = || LoneClient::new(Config::default());
    for (mut lone, connected) in [
        (fresh(), false),
        (dialing(), true),
        (joining(), true),
        (waiting(), false),
        (suspended(), false),
    ] {
        lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
        lone.client.close(0);
        let done = lone.drain();
        assert!(done.told("Failed { failure: Closed, first: 1, last: 1 }"), "{done:?}");
        assert!(done.events.last().unwrap().starts_with("Closed { end: Requested"), "{done:?}");
        assert_eq!(done.hung_up.is_some(), connected || done.dialed);
        assert_eq!(done.wake_at, None);
    }
}

#[test]
fn a_later_shorter_patience_counts() {
    let mut lone = LoneClient::live();
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.client.close(60_000);
    lone.client.close(500);
    lone.client.close(5_000);
    lone.drain();
    assert!(!lone.wait(499).told("Closed"));
    assert!(lone.wait(1).told("Closed"));
}

#[test]
fn nothing_happens_after_the_end() {
    let mut lone = LoneClient::live();
    lone.client.close(0);
    assert!(lone.drain().told("Closed"));
    for input in [
        Input::Woke,
        Input::Opened,
        Input::Packet(vec![0x0a, 1]),
        Input::Packet(vec![0x7f]),
        Input::Text,
        Input::Closed(CloseCode(1006)),
        Input::Hint(tautline_protocol::client::Hint::Awake),
        Input::Hint(tautline_protocol::client::Hint::Suspended),
    ] {
        let done = lone.input(input);
        let quiet = done.events.is_empty() && done.packets.is_empty() && !done.dialed;
        assert!(quiet && done.hung_up.is_none() && done.wake_at.is_none(), "{done:?}");
    }
    let sent = lone.client.send(Kind::Send, Format::Text, "", Vec::new());
    assert_eq!(sent, Err(SendError::Closed));
    lone.client.close(0);
    lone.client.unsubscribe(1);
    lone.client.handled(0, 1);
    lone.client.authorize(0, None);
    assert!(lone.drain().events.is_empty());
}

// PROTOCOL.md C-27, C-30.
#[test]
fn a_stop_code_ends_the_line_and_fails_everything() {
    for code in [CloseCode::SUPERSEDED, CloseCode::VERSION, CloseCode::ENDED, CloseCode(4399)] {
        let mut lone = LoneClient::live();
        lone.client.send(Kind::Send, Format::Text, "", b"flown").unwrap();
        lone.drain();
        let done = lone.input(Input::Closed(code));
        assert!(done.told("failure: OutcomeUnknown"), "{done:?}");
        assert!(done.told(&format!("Closed {{ end: Stopped({code:?})")), "{done:?}");
        assert_eq!(done.wake_at, None);
        assert_eq!(done.hung_up, None, "it is closed already");
    }
}

// PROTOCOL.md C-36.
#[test]
fn before_welcome_too_large_is_for_good() {
    let mut lone = LoneClient::joining(Config::default());
    let done = lone.input(Input::Closed(CloseCode::TOO_LARGE));
    assert!(done.told("Closed { end: Stopped(CloseCode(4304))"), "{done:?}");
}

#[test]
fn a_refusal_for_good_tells_the_server_s_words() {
    let mut lone = LoneClient::joining(Config::default());
    lone.client.send(Kind::Send, Format::Text, "", b"queued").unwrap();
    let code = CloseCode::ENDED;
    let done = lone.gets(&[Downlink::Refuse { code, after_ms: 0, reason: b"bye" }]);
    assert!(done.told("failure: Closed"), "{done:?}");
    assert!(done.told("reason: [98, 121, 101]"), "{done:?}");
    assert!(done.hung_up.is_some());
}

// PROTOCOL.md S-1, S-17.
#[test]
fn bye_ends_the_session_and_only_a_joined_client_may_say_it() {
    let mut lone = LoneSession::live();
    let wanted = lone.gets(&[Uplink::Bye]);
    assert_eq!(wanted.others, ["Bye"]);
    assert_eq!(wanted.hung_up, Some(CloseCode::NORMAL));
    assert!(lone.session.is_closed());
    // Before the server has checked who it is, it could be anybody.
    let mut lone = LoneSession::new(Default::default());
    let wanted = lone.gets(&[Uplink::Hello(HELLO), Uplink::Bye]);
    assert!(wanted.join.is_some() && !wanted.wants("Bye"), "{wanted:?}");
    assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md F-13, S-1, S-2.
#[test]
fn nothing_but_hello_opens_a_connection() {
    for (name, frame) in
        crate::samples::UPLINKS.iter().filter(|(name, _)| !name.starts_with("HELLO"))
    {
        let mut lone = LoneSession::new(Default::default());
        assert_eq!(lone.gets(&[*frame]).hung_up, Some(CloseCode::VIOLATION), "{name}");
        // Behind HELLO, only SUBSCRIBE may come before the server has answered.
        let mut lone = LoneSession::new(Default::default());
        let wanted = lone.gets(&[Uplink::Hello(HELLO), *frame]);
        let allowed = name.starts_with("SUBSCRIBE");
        assert_eq!(wanted.hung_up.is_none(), allowed, "{name}");
        assert!(wanted.packets.is_empty(), "nothing is said before WELCOME");
    }
    let mut lone = LoneSession::live();
    assert_eq!(lone.gets(&[Uplink::Hello(HELLO)]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md C-28, F-13.
#[test]
fn nothing_but_welcome_or_refuse_answers_hello() {
    for (name, frame) in crate::samples::DOWNLINKS {
        let mut lone = LoneClient::joining(Config::default());
        let done = lone.gets(&[*frame]);
        let code = match *name {
            "REFUSE" => CloseCode::NORMAL,
            _ => CloseCode::VIOLATION,
        };
        assert_eq!(done.hung_up, Some(code), "{name}: {done:?}");
    }
    let mut lone = LoneClient::live();
    let again = Downlink::Welcome(welcome());
    assert_eq!(lone.gets(&[again]).hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md S-1, S-2.
#[test]
fn hello_has_to_come_in_time() {
    let mut lone = LoneSession::new(Default::default());
    assert_eq!(lone.wait(9_999).hung_up, None);
    let wanted = lone.wait(1);
    assert!(wanted.transmitted("Refuse { code: CloseCode(4003)"), "{wanted:?}");
    assert_eq!(wanted.hung_up, Some(CloseCode::HELLO_TIMEOUT));
}

/// It said HELLO, and in it that a message was settled which no server had ever seen.
#[test]
fn a_line_whose_time_to_close_is_over_does_not_say_hello() {
    let mut lone = LoneClient::new(Config::default());
    assert!(lone.input(Input::Woke).dialed);
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    lone.client.close(100);
    lone.drain();
    lone.now = lone.now.after(100);
    let done = lone.input(Input::Opened);
    assert_eq!(done.frames(), [""; 0]);
    assert!(done.told("Failed { failure: Closed, first: 1, last: 1 }") && done.told("Closed {"));
}

// PROTOCOL.md C-28.
#[test]
fn nothing_behind_a_refusal_counts_nor_the_code_of_the_close_frame() {
    let mut lone = LoneClient::live();
    let (code, after_ms) = (CloseCode::INTERNAL, 60_000);
    let done = lone.gets(&[
        Downlink::Refuse { code, after_ms, reason: b"" },
        Downlink::Refuse { code: CloseCode::ENDED, after_ms: 0, reason: b"" },
        Downlink::Ack { seq: 77 },
    ]);
    assert_eq!(done.hung_up, Some(CloseCode::NORMAL));
    assert!(done.told("Waiting") && !done.told("Closed"), "{done:?}");
    assert!(lone.input(Input::Closed(CloseCode::ENDED)).events.is_empty(), "it is detached");
    assert!(!lone.wait(59_999).dialed);
    assert!(lone.wait(20_000).dialed);
}

/// Timers of a page in the background fire late: the time to close is up when the next packet comes.
// PROTOCOL.md C-26.
#[test]
fn a_line_that_is_given_up_while_joining_accuses_nobody() {
    let mut lone = LoneClient::joining(Config::default());
    let send = |lone: &mut LoneClient| lone.client.send(Kind::Send, Format::Text, "", vec![0]);
    send(&mut lone).unwrap();
    lone.client.close(1_000);
    lone.drain();
    lone.now = lone.now.after(2_000);
    let done = lone.gets(&[Downlink::Welcome(welcome())]);
    assert!(done.told("Failed { failure: Closed, first: 1, last: 1 }"), "{done:?}");
    assert!(done.told("Closed { end: Requested"), "{done:?}");
    assert_eq!(done.hung_up, Some(CloseCode::NORMAL));
    assert!(done.packets.is_empty(), "{done:?}");
}

// PROTOCOL.md C-26.
#[test]
fn a_line_that_is_given_up_while_dialing_says_no_hello() {
    let mut lone = LoneClient::new(Config::default());
    lone.input(Input::Woke);
    lone.client.send(Kind::Send, Format::Text, "", vec![0]).unwrap();
    lone.client.close(1_000);
    lone.drain();
    lone.now = lone.now.after(2_000);
    let done = lone.input(Input::Opened);
    assert!(done.told("Closed { end: Requested"), "{done:?}");
    assert!(done.packets.is_empty(), "it would say what the specification forbids: {done:?}");
}
