//! Faults in a row: the line finds what causes them, gives up that alone, and lives.

use crate::line::Line;
use crate::lone_client::{Done, LoneClient, welcome};
use tautline_protocol::client::{Config, Input, SendError, State, WhenUncertain};
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::message::Cursor;
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Frames, Uplink};
use tautline_protocol::{CloseCode, Epoch, Format, Kind, Start};
use tautline_sim::ledger::Fate;
use tautline_sim::server::Behaviour;

/// A server that ends a connection over whatever contains `poison`, and takes the rest.
struct Server {
    lone: LoneClient,
    poison: &'static str,
    code: CloseCode,
    accepted: u64,
    epoch: Epoch,
    head: u64,
    connections: u32,
    /// What has been taken, in order.
    taken: Vec<String>,
    events: Vec<String>,
}

impl Server {
    fn with(config: Config, code: u16, poison: &'static str) -> Self {
        Self {
            lone: LoneClient::new(config),
            poison,
            code: CloseCode(code),
            accepted: 0,
            epoch: Epoch::NONE,
            head: 0,
            connections: 0,
            taken: Vec::new(),
            events: Vec::new(),
        }
    }

    fn new(code: u16, poison: &'static str) -> Self {
        Self::with(Config::default(), code, poison)
    }

    fn send(&mut self, payload: &str) -> u64 {
        self.lone.client.send(Kind::Send, Format::Text, "", payload).unwrap()
    }

    fn subscribe(&mut self, topic: &str) -> u32 {
        self.lone.client.subscribe(topic, Start::Last(0)).unwrap()
    }

    /// Runs for so long.
    fn run(&mut self, millis: u64) {
        let until = self.lone.now.after(millis);
        while self.lone.now < until {
            let mut done = self.lone.wait(20);
            while let Some(next) = self.react(&done) {
                self.events.append(&mut done.events);
                done = next;
            }
            self.events.append(&mut done.events);
        }
    }

    /// What the client does next, if something came of what it has done.
    fn react(&mut self, done: &Done) -> Option<Done> {
        if done.dialed {
            self.connections += 1;
            return Some(self.lone.input(Input::Opened));
        }
        let mut answers = Vec::new();
        for packet in &done.packets {
            for frame in Frames::new(packet, 1 << 20) {
                let frame = frame.unwrap();
                if format!("{frame:?}").contains(&format!("{:?}", self.poison.as_bytes()))
                    || format!("{frame:?}").contains(&format!("{:?}", self.poison))
                    || matches!(frame, Uplink::Message(it) if it.payload.starts_with(self.poison.as_bytes()))
                {
                    if !answers.is_empty() {
                        let mut told = self.packet(&answers);
                        self.events.append(&mut told.events);
                    }
                    return Some(self.lone.input(Input::Closed(self.code)));
                }
                self.take(frame, &mut answers);
            }
        }
        (!answers.is_empty()).then(|| self.packet(&answers))
    }

    fn packet(&mut self, answers: &[u8]) -> Done {
        self.lone.input(Input::Packet(answers.to_vec()))
    }

    fn take(&mut self, frame: Uplink<'_>, answers: &mut Vec<u8>) {
        let answer = match frame {
            Uplink::Hello(hello) => {
                let is_new = hello.epoch == Epoch::NONE;
                let is_lost = !is_new && hello.epoch != self.epoch;
                let resumption = match (is_new, is_lost) {
                    (true, _) => Resumption::New,
                    (_, true) => Resumption::Lost,
                    _ => Resumption::Resumed,
                };
                if is_new || is_lost {
                    self.accepted = hello.restart - 1;
                    self.epoch = Epoch(self.epoch.0 + 1);
                }
                let (epoch, accepted, head) = (self.epoch, self.accepted, self.head);
                Downlink::Welcome(Welcome { resumption, epoch, accepted, head, ..welcome() })
            }
            Uplink::Message(message) => {
                self.taken.push(String::from_utf8_lossy(message.payload).into_owned());
                if message.seq_low.is_none() {
                    return;
                }
                self.accepted += 1;
                assert_eq!(message.seq_low, Some(self.accepted as u8), "no hole");
                Downlink::Ack { seq: self.accepted }
            }
            Uplink::Subscribe { stream, topic, .. } => {
                self.taken.push(topic.into());
                Downlink::Subscribed { stream, epoch: Epoch(9), offset: 0 }
            }
            Uplink::Ping { nonce } => Downlink::Pong { nonce },
            _ => return,
        };
        answer.encode(answers);
    }

    fn told(&self, what: &str) -> Vec<&String> {
        self.events.iter().filter(|event| event.contains(what)).collect()
    }
}

/// Codes that say so.
const FAULTS: [u16; 7] = [4001, 4002, 4304, 1002, 1003, 1007, 1009];

// PROTOCOL.md C-36, C-37, C-38, R-8.
#[test]
fn a_message_that_ends_every_connection_fails_alone() {
    for code in FAULTS {
        for place in 0..3 {
            let mut server = Server::new(code, "poison");
            server.subscribe("news");
            server.run(1_000);
            let ids: Vec<u64> =
                (0..3).map(|at| server.send(if at == place { "poison" } else { "fine" })).collect();
            server.run(60_000);
            let refused = server.told("Refused");
            assert_eq!(refused.len(), 1, "{code} {place}: {:?}", server.events);
            assert!(refused[0].contains(&format!("id: {}", ids[place])), "{refused:?}");
            let digits: Vec<u8> = code.to_string().into_bytes();
            assert!(refused[0].contains(&format!("code: {digits:?}")), "{refused:?}");
            assert_eq!(server.taken.iter().filter(|taken| *taken == "fine").count(), 2);
            assert!(server.connections <= 6, "{code} {place}: {}", server.connections);
            assert_eq!(server.lone.client.state(), State::Open);
            assert_eq!(server.lone.client.stats().settled, 2);
            // The line goes on as if nothing had been.
            server.send("later");
            server.run(1_000);
            assert_eq!(server.taken.last().map(String::as_str), Some("later"));
            assert_eq!(server.told("Subscribed").len() as u32, server.connections.min(5));
        }
    }
}

/// Each time the server drops what has come and is not handled yet.
// PROTOCOL.md C-37, C-38.
#[test]
fn a_message_behind_many_that_take_their_time_is_found_soon() {
    let behaviour = Behaviour { handler_ms: 100, ..Behaviour::default() };
    let mut line = Line::live_with(Config::default(), behaviour);
    let before: Vec<_> = (0..200).map(|_| line.say("m")).collect();
    let poison = line.say("poison");
    let behind = line.say("m");
    line.settle();
    assert_eq!(line.fate(poison), Fate::Refused(b"4001".to_vec()));
    for id in before.into_iter().chain([behind]) {
        assert_eq!(line.fate(id), Fate::Acknowledged, "{id}");
    }
    assert!(line.dials.len() < 20, "{}", line.dials.len());
}

// PROTOCOL.md C-37, C-38.
#[test]
fn one_message_after_the_other_may_be_poison() {
    let mut server = Server::new(4001, "poison");
    for _ in 0..5 {
        server.send("poison");
        server.send("fine");
    }
    server.run(600_000);
    assert_eq!(server.told("Refused").len(), 5);
    assert_eq!(server.taken.len(), 5, "{:?}", server.taken);
}

// PROTOCOL.md C-36, C-37, C-38.
#[test]
fn a_subscription_that_ends_every_connection_ends_alone() {
    for code in FAULTS {
        let mut server = Server::new(code, "poison");
        let streams: Vec<u32> = ["a", "poison", "b"].map(|topic| server.subscribe(topic)).into();
        // An application that always has something to say must not hide it.
        for _ in 0..600 {
            server.send("m");
            server.run(100);
        }
        if code == 4304 && server.lone.client.state() == State::Closed {
            // Before WELCOME it stops, C-30.
            continue;
        }
        let refused = server.told("SubscribeRefused");
        assert_eq!(refused.len(), 1, "{code}: {:?}", server.events);
        assert!(refused[0].contains(&format!("stream: {}", streams[1])), "{refused:?}");
        assert!(server.told("Failed").is_empty() && server.told(" Refused").is_empty());
        assert_eq!(server.taken.iter().filter(|taken| *taken == "m").count(), 600);
        assert!(server.connections <= 5, "{code}: {}", server.connections);
    }
}

// PROTOCOL.md C-19, C-38.
#[test]
fn where_nothing_can_be_the_cause_the_line_waits_longer_each_time_and_gives_nothing_up() {
    for live in [false, true] {
        let mut lone = LoneClient::new(Config::default());
        lone.client.subscribe("news", Start::Last(0)).unwrap();
        lone.client.send(Kind::Send, Format::Text, "", "kept").unwrap();
        let (mut dials, mut told, mut epoch) = (0, Vec::new(), false);
        let until = lone.now.after(600_000);
        while lone.now < until {
            let done = lone.wait(50);
            told.extend(done.events);
            if !done.dialed {
                continue;
            }
            dials += 1;
            lone.input(Input::Opened);
            if live {
                // It ends before it can have looked at anything: no blame is on what was sent.
                let resumption = if epoch { Resumption::Resumed } else { Resumption::New };
                let head = 0;
                let mut packet = Vec::new();
                Downlink::Welcome(Welcome { resumption, head, ..welcome() }).encode(&mut packet);
                packet.extend([0xff]);
                epoch = true;
                told.extend(lone.input(Input::Packet(packet)).events);
            } else {
                told.extend(lone.input(Input::Closed(CloseCode::VIOLATION)).events);
            }
        }
        assert!((60..200).contains(&dials), "live {live}: {dials} in ten minutes");
        assert!(!told.iter().any(|event| event.contains("Failed") || event.contains("Refused")));
        assert_eq!(lone.client.stats().queued, 1);
    }
}

// PROTOCOL.md C-36, C-38.
#[test]
fn a_stream_that_always_breaks_the_protocol_ends_alone() {
    let mut server = Server::new(4001, "nothing");
    let (bad, good) = (server.subscribe("bad"), server.subscribe("good"));
    let entry = Entry::Message(b"x");
    let format = Format::Text;
    let hole = Downlink::Entry { stream: bad, offset: 7, format, entry };
    for _ in 0..20 {
        server.run(20_000);
        let done = server.lone.gets(&[hole]);
        server.events.extend(done.events);
    }
    let refused = server.told("SubscribeRefused");
    assert_eq!(refused.len(), 1, "{:?}", server.events);
    assert!(refused[0].contains(&format!("stream: {bad}")), "{refused:?}");
    let entry = Downlink::Entry { stream: good, offset: 1, format, entry };
    assert!(server.lone.gets(&[entry]).told(&format!("stream: {good}, offset: 1")));
    assert_eq!(server.connections, 5);
}

// PROTOCOL.md C-38.
#[test]
fn a_message_that_was_accepted_after_all_is_not_given_up() {
    let mut server = Server::new(4001, "poison");
    let id = server.send("poison");
    while server.connections < 4 {
        server.run(20);
    }
    server.run(20);
    // The fourth has found it; the server has taken it all the same, and looks no more.
    server.poison = "nothing";
    server.accepted = 1;
    server.run(20_000);
    assert!(server.told("Refused").is_empty(), "{:?}", server.events);
    assert_eq!(server.told(&format!("Acknowledged {{ through: {id} }}")).len(), 1);
}

// PROTOCOL.md C-38, R-8.
#[test]
fn a_message_that_a_lost_incarnation_may_have_handled_fails_as_unknown() {
    for when_uncertain in [WhenUncertain::Resend, WhenUncertain::Fail] {
        let config = Config { when_uncertain, ..Config::default() };
        let mut server = Server::with(config, 4001, "poison");
        server.run(1_000);
        server.send("poison");
        server.run(300);
        server.epoch = Epoch(server.epoch.0 + 1);
        server.run(60_000);
        let failed = server.told("Failed");
        assert_eq!(failed.len(), 1, "{:?}", server.events);
        assert!(failed[0].contains("OutcomeUnknown"), "{failed:?}");
        assert!(server.told("Refused").is_empty());
    }
}

// PROTOCOL.md C-36.
#[test]
fn cuts_and_other_ends_are_no_faults() {
    for code in [1000, 1001, 1006, 1008, 1011, 1013, 4000, 4003, 4004, 4005, 4006, 4100, 4999] {
        let mut server = Server::new(code, "poison");
        server.send("poison");
        server.run(120_000);
        assert!(server.told("Refused").is_empty() && server.told("Failed").is_empty(), "{code}");
        assert_eq!(server.lone.client.stats().queued, 1, "{code}");
    }
}

// PROTOCOL.md C-19.
#[test]
fn an_internal_error_of_the_server_is_not_tried_again_all_the_time() {
    let mut server = Server::new(4006, "poison");
    server.send("poison");
    server.run(600_000);
    assert!(server.connections < 200, "{} in ten minutes", server.connections);
}

// PROTOCOL.md C-37.
#[test]
fn nothing_volatile_goes_while_the_cause_is_looked_for() {
    let mut server = Server::new(4001, "poison");
    server.send("poison");
    while server.connections < 4 {
        server.run(20);
    }
    assert_eq!(server.lone.client.state(), State::Waiting);
    let mut lone = server.lone;
    assert!(lone.wait(60_000).dialed);
    lone.input(Input::Opened);
    lone.client.send_volatile(Format::Text, None, b"v").unwrap_err();
}

// PROTOCOL.md F-5.
#[test]
fn what_the_server_must_refuse_is_not_taken() {
    let mut lone = LoneClient::live();
    let bad = b"\xff";
    for format in [Format::Text, Format::EncodedText] {
        for kind in [Kind::Send, Kind::Request, Kind::Publish] {
            let client = &mut lone.client;
            assert_eq!(client.send(kind, format, "t", bad), Err(SendError::NotText));
            assert_eq!(client.send_with_ttl(kind, format, "t", bad, None), Err(SendError::NotText));
            assert_eq!(client.replace(1, kind, format, "t", bad, None), Err(SendError::NotText));
        }
        assert_eq!(lone.client.send_volatile(format, None, bad), Err(SendError::NotText));
    }
    let long = [b'x'; 256];
    for topic in [&bad[..], b"", &long, b"\xed\xa0\x80"] {
        let client = &mut lone.client;
        let result = client.send(Kind::Publish, Format::Binary, topic, b"");
        assert_eq!(result, Err(SendError::BadTopic), "{topic:?}");
        client.send_volatile(Format::Binary, Some(topic), b"").unwrap_err();
        client.subscribe(topic, Start::Last(0)).unwrap_err();
    }
    for (received, handled) in [(0, 1), (5, 6), (u64::MAX - 1, u64::MAX)] {
        let cursor = Cursor { epoch: Epoch(1), received, handled };
        let error = lone.client.subscribe("t", Start::After(cursor)).unwrap_err();
        assert!(error.to_string().contains("handled"), "{error}");
    }
    assert!(lone.drain().packets.is_empty(), "nothing of it leaves");
    let done = lone.client.send(Kind::Publish, Format::Binary, "t", bad);
    assert!(done.is_ok(), "bytes may be anything");
}
