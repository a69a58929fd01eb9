//! A session alone, against a client that the test plays frame by frame.

use crate::pieces::Gathered;
use bytes::Bytes;
use tautline_protocol::downlink::Frames;
use tautline_protocol::resume::{Resolution, Resumption};
use tautline_protocol::session::{Config, Hello, Input, Output, Session};
use tautline_protocol::uplink::{self, Message, Uplink};
use tautline_protocol::{CloseCode, Epoch, Format, Instant, Kind};

/// What the session wanted in one drain.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) join: Option<Hello>,
    pub(crate) packets: Vec<Vec<u8>>,
    /// The WebSocket messages that they leave in.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) hung_up: Option<CloseCode>,
    /// Everything else, as text.
    pub(crate) others: Vec<String>,
    pub(crate) wake_at: Option<Instant>,
}

impl Wanted {
    /// The frames of everything transmitted, as text.
    pub(crate) fn frames(&self) -> Vec<String> {
        let frames = self.packets.iter().flat_map(|packet| Frames::new(packet));
        frames.map(|frame| format!("{:?}", frame.unwrap())).collect()
    }

    pub(crate) fn transmitted(&self, what: &str) -> bool {
        self.frames().iter().any(|frame| frame.contains(what))
    }

    pub(crate) fn wants(&self, what: &str) -> bool {
        self.others.iter().any(|output| output.contains(what))
    }
}

pub(crate) struct LoneSession {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    said: Gathered,
}

pub(crate) const EPOCH: Epoch = Epoch(0xe1);

pub(crate) const HELLO: uplink::Hello<'static> = uplink::Hello {
    session: [1; 16],
    epoch: Epoch::NONE,
    connection: 1,
    acknowledged: 0,
    restart: 1,
    received: 0,
    handled: 0,
    credentials: b"ann:1",
};

/// A message of kind send with the next number's low byte.
pub(crate) const fn message(seq_low: u8, payload: &[u8]) -> Uplink<'_> {
    Uplink::Message(Message {
        kind: Kind::Send,
        format: Format::Text,
        possible_duplicate: false,
        seq_low: Some(seq_low),
        topic: "",
        payload,
    })
}

pub(crate) const fn volatile(payload: &[u8]) -> Uplink<'_> {
    Uplink::Message(Message {
        kind: Kind::Send,
        format: Format::Text,
        possible_duplicate: false,
        seq_low: None,
        topic: "",
        payload,
    })
}

impl LoneSession {
    pub(crate) fn new(config: Config) -> Self {
        let now = Instant::from_millis(0);
        Self { session: Session::new(config, now), now, said: Gathered::default() }
    }

    pub(crate) fn live() -> Self {
        Self::live_with(Config::default())
    }

    pub(crate) fn live_with(config: Config) -> Self {
        let mut lone = Self::new(config);
        lone.joins(HELLO, 0);
        lone
    }

    /// HELLO comes and is accepted, with everything up to `accepted` processed.
    pub(crate) fn joins(&mut self, hello: uplink::Hello<'_>, accepted: u64) -> Wanted {
        self.joins_with(&[Uplink::Hello(hello)], accepted)
    }

    /// The same, with what comes in one packet with HELLO.
    pub(crate) fn joins_with(&mut self, frames: &[Uplink<'_>], accepted: u64) -> Wanted {
        let hello = self.gets(frames).join.unwrap();
        let resumption = Resumption::New;
        let resolution = Resolution { resumption, epoch: EPOCH, accepted, head: 0 };
        self.session.join(&hello, &resolution);
        let wanted = self.drain();
        assert!(wanted.frames()[0].starts_with("Welcome"), "{wanted:?}");
        wanted
    }

    /// The client sends one packet of these frames.
    pub(crate) fn gets(&mut self, frames: &[Uplink<'_>]) -> Wanted {
        let mut packet = Vec::new();
        for frame in frames {
            frame.encode(&mut packet);
        }
        self.gets_bytes(packet)
    }

    pub(crate) fn gets_bytes(&mut self, packet: impl Into<Bytes>) -> Wanted {
        self.session.handle_input(Input::Packet(packet.into()), self.now);
        self.drain()
    }

    pub(crate) fn wait(&mut self, millis: u64) -> Wanted {
        self.now = self.now.after(millis);
        self.session.handle_input(Input::Woke, self.now);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Wanted {
        let mut wanted = Wanted::default();
        loop {
            match self.session.poll_output() {
                Output::Join(hello) => wanted.join = Some(hello),
                Output::Transmit(message) => {
                    wanted.packets.extend(self.said.take(message));
                    wanted.messages.push(message.to_vec());
                }
                Output::HangUp(code) => {
                    assert_eq!(wanted.hung_up, None, "one connection ends once");
                    wanted.hung_up = Some(code);
                }
                Output::Idle { wake_at } => {
                    wanted.wake_at = wake_at;
                    return wanted;
                }
                other => wanted.others.push(format!("{other:?}")),
            }
        }
    }

    /// The payloads that wait to be handled.
    pub(crate) fn takes(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.session.take_message()).map(|message| message.payload).collect()
    }
}
