//! A client alone, against a server that the test plays frame by frame.

use crate::pieces::Gathered;
use tautline_protocol::client::{Client, Config, Input, Output};
use tautline_protocol::downlink::{Downlink, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Frames, Hello, Uplink};
use tautline_protocol::{CloseCode, Epoch, Instant, Seed};

/// What the client did in one drain, with its events as text.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) dialed: bool,
    pub(crate) packets: Vec<Vec<u8>>,
    /// The WebSocket messages that they leave in.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) hung_up: Option<CloseCode>,
    pub(crate) asked: Option<u32>,
    pub(crate) events: Vec<String>,
    pub(crate) wake_at: Option<Instant>,
}

impl Done {
    /// The frames of everything transmitted, as text.
    pub(crate) fn frames(&self) -> Vec<String> {
        let frames = self.packets.iter().flat_map(|packet| Frames::new(packet, 1 << 24));
        frames.map(|frame| format!("{:?}", frame.unwrap())).collect()
    }

    /// Whether something like that was told.
    pub(crate) fn told(&self, what: &str) -> bool {
        self.events.iter().any(|event| event.contains(what))
    }

    pub(crate) fn transmitted(&self, what: &str) -> bool {
        self.frames().iter().any(|frame| frame.contains(what))
    }
}

pub(crate) struct LoneClient {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    said: Gathered,
}

pub(crate) const EPOCH: Epoch = Epoch(0xe1);

/// A WELCOME to a new session.
pub(crate) const fn welcome() -> Welcome {
    Welcome {
        resumption: Resumption::New,
        epoch: EPOCH,
        accepted: 0,
        head: 0,
        heartbeat_ms: 15_000,
        message_bytes: 1 << 20,
        window_messages: 1_000,
        window_bytes: 1 << 20,
    }
}

impl LoneClient {
    pub(crate) fn new(config: Config) -> Self {
        let now = Instant::from_millis(0);
        let client = Client::new(config, Seed { session: [1; 16], random: 1 }, now);
        Self { client, now, said: Gathered::default() }
    }

    /// Dialing has succeeded, and HELLO has left.
    pub(crate) fn joining(config: Config) -> Self {
        let mut lone = Self::new(config);
        assert!(lone.input(Input::Woke).dialed);
        let done = lone.input(Input::Opened);
        assert_eq!(done.packets.len(), 1, "HELLO and nothing else");
        lone
    }

    /// Welcomed as `welcome` says.
    pub(crate) fn live_with(config: Config, welcome: Welcome) -> Self {
        let mut lone = Self::joining(config);
        let done = lone.gets(&[Downlink::Welcome(welcome)]);
        assert!(done.told("Open"), "{done:?}");
        lone
    }

    pub(crate) fn live() -> Self {
        Self::live_with(Config::default(), welcome())
    }

    /// As [`live`](Self::live), with other random numbers.
    pub(crate) fn seeded(random: u64) -> Self {
        let mut lone = Self::new(Config::default());
        lone.client = Client::new(Config::default(), Seed { session: [1; 16], random }, lone.now);
        lone.input(Input::Woke);
        lone.input(Input::Opened);
        lone.gets(&[Downlink::Welcome(welcome())]);
        lone
    }

    pub(crate) fn input(&mut self, input: Input) -> Done {
        self.client.handle_input(input, self.now);
        self.drain()
    }

    pub(crate) fn wait(&mut self, millis: u64) -> Done {
        self.now = self.now.after(millis);
        self.input(Input::Woke)
    }

    /// The server sends one packet of these frames.
    pub(crate) fn gets(&mut self, frames: &[Downlink<'_>]) -> Done {
        let mut packet = Vec::new();
        for frame in frames {
            frame.encode(&mut packet);
        }
        self.input(Input::Packet(packet))
    }

    /// What was dialed opens, and the server resumes the session at once.
    pub(crate) fn opens(&mut self) {
        self.input(Input::Opened);
        let welcome = Welcome { resumption: Resumption::Resumed, ..welcome() };
        let done = self.gets(&[Downlink::Welcome(welcome)]);
        assert!(done.told("Open"), "{done:?}");
    }

    /// The connection breaks; the next one opens. Returns what HELLO's packet holds.
    pub(crate) fn reconnects(&mut self) -> Vec<u8> {
        self.input(Input::Closed(CloseCode(1006)));
        assert!(self.wait(20_000).dialed);
        let mut done = self.input(Input::Opened);
        done.packets.remove(0)
    }

    pub(crate) fn drain(&mut self) -> Done {
        let mut done = Done::default();
        loop {
            match self.client.poll_output() {
                Output::Authorize { attempt } => done.asked = Some(attempt),
                Output::Dial => {
                    self.said = Gathered::default();
                    done.dialed = true;
                }
                Output::Transmit(message) => {
                    done.packets.extend(self.said.take(message));
                    done.messages.push(message.to_vec());
                }
                Output::HangUp(code) => {
                    assert_eq!(done.hung_up, None, "one connection ends once");
                    done.hung_up = Some(code);
                }
                Output::Event(event) => done.events.push(format!("{event:?}")),
                Output::Idle { wake_at } => {
                    done.wake_at = wake_at;
                    return done;
                }
            }
        }
    }
}

/// The HELLO that a packet begins with.
pub(crate) fn hello(packet: &[u8]) -> Hello<'_> {
    match Frames::new(packet, 1 << 24).next() {
        Some(Ok(Uplink::Hello(hello))) => hello,
        other => panic!("expected HELLO first, got {other:?}"),
    }
}
