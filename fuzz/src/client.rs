//! Scripts on the client's machine: a server, an application and a clock that do anything.

mod ledger;
mod server;

use arbitrary::Result;
use tautline_protocol::client::{
    Client, Config, Credentials, Hint, Input, Output, State, WhenUncertain,
};
use tautline_protocol::limits::DELAY_MS_MAX;
use tautline_protocol::{CloseCode, Format, Instant, Kind, Seed, Start, backoff};

use self::ledger::Ledger;
use self::server::Server;
use crate::memory::Peak;
use crate::script::Script;

/// Most bytes of messages, small, so that bounds are reached.
const OUTBOX_BYTES: usize = 64 * 1024;
const OUTBOX_MESSAGES: usize = 200;
/// A machine, the longest packets in and out, and what the harness itself keeps of them.
const MEMORY_MAX: usize = 8 * 1024 * 1024;
/// Where it would be reached, nothing could be later.
pub(crate) const END_OF_TIME: Instant = Instant::from_millis(1 << 62);
/// The moment `millis` later, unless that is the end of time.
pub(crate) fn later(now: Instant, millis: u64) -> Instant {
    now.max(now.after(millis).min(END_OF_TIME))
}

/// The longest that a server may ask for: `after` and `spread` of GOAWAY, and a little.
const WAIT_MAX_MS: u64 = 2 * DELAY_MS_MAX + 20_000;
/// However late it is, what is due is due once or twice.
const WAKES_MAX: usize = 4;

/// Plays a script on the client's machine.
pub fn client(script: &[u8]) {
    let peak = Peak::begin();
    // It ends where the bytes do.
    let _ = play(&mut Script::new(script));
    peak.must_be_below(MEMORY_MAX);
}

fn play(script: &mut Script<'_>) -> Result<()> {
    let settings = script.byte()?;
    let credentials = vec![b'c'; usize::from(settings >> 2) * 64];
    let config = Config {
        credentials: if settings & 1 == 0 {
            Credentials::Fixed(credentials)
        } else {
            Credentials::Ask
        },
        when_uncertain: if settings & 2 == 0 { WhenUncertain::Resend } else { WhenUncertain::Fail },
        outbox_messages: OUTBOX_MESSAGES,
        outbox_bytes: OUTBOX_BYTES,
        backoff: backoff::Config::default(),
        ..Config::default()
    };
    let now = Instant::from_millis(script.number()?).min(END_OF_TIME);
    let seed = Seed { session: [7; 16], random: now.as_millis() };
    let mut page = Page {
        client: Client::new(config, seed, now),
        now,
        wake_at: None,
        attempt: 0,
        ran_back: false,
        ledger: Ledger::default(),
        server: Server::default(),
    };
    page.input(Input::Woke);
    loop {
        page.step(script)?;
    }
}

/// The page around the machine: its driver, its application and its clock.
struct Page {
    client: Client,
    now: Instant,
    wake_at: Option<Instant>,
    attempt: u32,
    /// The clock has.
    ran_back: bool,
    ledger: Ledger,
    server: Server,
}

impl Page {
    fn step(&mut self, script: &mut Script<'_>) -> Result<()> {
        match script.step(29)? {
            0 => self.packet(script.bytes()?.to_vec()),
            1 => self.packet(script.repeated()?),
            kind @ 2..=9 => {
                let packet = self.server.packet(kind, script, self.ledger.last_id())?;
                self.packet(packet);
            }
            10 => self.input(Input::Opened),
            11 => self.input(Input::Text),
            12 => {
                let code = script.number()?;
                self.input(Input::Closed(CloseCode(code as u16)));
            }
            13 => {
                let hint = match script.byte()? % 5 {
                    0 => Hint::Online,
                    1 => Hint::Offline,
                    2 => Hint::Awake,
                    3 => Hint::Asleep,
                    _ => Hint::Suspended,
                };
                self.input(Input::Hint(hint));
            }
            // After a sleep, what has arrived meanwhile comes before the timer.
            14 => self.now = later(self.now, script.number()?),
            // Clocks have been seen to run backwards.
            15 => {
                let back = script.number()?;
                self.now = Instant::from_millis(self.now.as_millis().saturating_sub(back));
                self.ran_back |= back > 0;
            }
            16 | 17 => {
                self.now = self.wake_at.map_or(self.now, |at| at.max(self.now));
                self.input(Input::Woke);
            }
            kind => self.command(kind, script)?,
        }
        Ok(())
    }

    /// What the application may ask for.
    fn command(&mut self, kind: u8, script: &mut Script<'_>) -> Result<()> {
        let client = &mut self.client;
        match kind {
            18 | 19 => {
                let (flags, payload) = (script.byte()?, script.bytes()?.to_vec());
                let kind = match flags % 3 {
                    0 => Kind::Send,
                    1 => Kind::Request,
                    _ => Kind::Publish,
                };
                if let Ok(id) = client.send(kind, Format::from_bits(flags >> 2), "t", payload) {
                    self.ledger.taken(id);
                }
            }
            20 => drop(client.send_volatile(Format::Binary, None, script.bytes()?)),
            21 => {
                let id = script.number()?;
                if client.cancel(id) {
                    self.ledger.settled(id);
                }
            }
            22 => drop(client.subscribe("topic", Start::Last(script.number()?))),
            23 => {
                let (stream, unsubscribes) = (script.byte()?, script.byte()? & 1 == 0);
                if unsubscribes {
                    client.unsubscribe(stream.into());
                    self.ledger.unsubscribed(stream.into());
                } else {
                    client.handled(stream.into(), script.number()?);
                }
            }
            24 => {
                let credentials = script.bytes()?;
                client.authorize(self.attempt, Some(credentials).filter(|bytes| bytes.len() != 1));
            }
            26 => {
                let (id, ttl_ms) = (script.number()?, script.number()? % WAIT_MAX_MS);
                let (ttl_ms, payload) = (Some(ttl_ms).filter(|ttl| *ttl > 0), script.bytes()?);
                let kind = Kind::Send;
                let replaced = client.replace(id, kind, Format::Text, "", payload, ttl_ms);
                if replaced == Ok(true) {
                    self.ledger.replaced(id);
                }
            }
            27 => {
                let (ttl_ms, payload) = (script.number()? % WAIT_MAX_MS, script.bytes()?);
                let (kind, ttl_ms) = (Kind::Publish, Some(ttl_ms));
                if let Ok(id) = client.send_with_ttl(kind, Format::Text, "t", payload, ttl_ms) {
                    self.ledger.taken(id);
                }
            }
            28 => client.buffers(usize::from(script.byte()?) * 4096),
            // What the application asks for is no longer than what a server may.
            _ => client.close(script.number()? % WAIT_MAX_MS),
        }
        self.input(Input::Woke);
        Ok(())
    }

    fn packet(&mut self, packet: Vec<u8>) {
        let size = packet.len();
        self.client.handle_input(Input::Packet(packet), self.now);
        self.settle(size);
    }

    fn input(&mut self, input: Input) {
        self.client.handle_input(input, self.now);
        self.settle(0);
    }

    /// Drains, and wakes the machine until what is due is done.
    fn settle(&mut self, packet_bytes: usize) {
        self.drain(packet_bytes);
        for _ in 0..WAKES_MAX {
            if self.wake_at.is_none_or(|at| at > self.now) {
                return self.must_wake_in_time();
            }
            self.client.handle_input(Input::Woke, self.now);
            self.drain(0);
        }
        panic!("it wants to be woken again and again at {:?}", self.now);
    }

    /// Whatever the server has done, a dead line is found, and a lost one dialed again.
    fn must_wake_in_time(&self) {
        let at = match self.client.state() {
            State::Open | State::Connecting => self.wake_at.expect("it watches the line"),
            State::Waiting => self.wake_at.unwrap_or(self.now),
            State::Closed => self.now,
        };
        let wait = at.since(self.now);
        assert!(wait <= WAIT_MAX_MS || self.ran_back, "it sleeps for {wait} ms");
    }

    fn drain(&mut self, packet_bytes: usize) {
        // A frame has a byte at least, and gives an event; a message leaves and settles.
        let mut patience = 1_000 + 3 * packet_bytes + 3 * self.ledger.unsettled();
        let before = self.ledger.sent_bytes();
        loop {
            patience = patience.checked_sub(1).expect("the drain comes to an end");
            match self.client.poll_output() {
                Output::Authorize { attempt } => self.attempt = attempt,
                Output::Dial => self.ledger.dialed(),
                Output::Transmit(packet) => {
                    self.ledger.transmitted(packet);
                    self.server.hears(packet);
                }
                Output::HangUp(code) => self.ledger.hung_up(code),
                Output::Event(event) => self.ledger.told(event),
                Output::Idle { wake_at } => {
                    self.wake_at = wake_at;
                    break;
                }
            }
        }
        let sent = self.ledger.sent_bytes() - before;
        // The outbox, the subscriptions, an answer to each frame, and credentials once.
        let most = OUTBOX_BYTES + 2 * packet_bytes + 512 * 1024;
        assert!(sent <= most, "{packet_bytes} bytes came, {sent} left");
        self.ledger.check(self.client.state(), self.client.stats());
    }
}
