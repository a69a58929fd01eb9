//! Scripts on the server's machine: a client that does anything, and a shell that mostly does as it
//! should.

mod client;
mod ledger;

use arbitrary::Result;
use bytes::Bytes;
use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::limits::{NOTICES_MAX, PACKET_BYTES};
use tautline_protocol::resume::{Record, Tombstone, resolve};
use tautline_protocol::session::{Config, Hello, Input, Output};
use tautline_protocol::{CloseCode, Epoch, Format, Instant, Session};

use self::client::Client;
use self::ledger::Ledger;
use crate::client::{END_OF_TIME, later};
use crate::memory::Peak;
use crate::script::Script;

/// A machine, the longest packets in and out, the windows, and what the harness keeps of them.
const MEMORY_MAX: usize = 8 * 1024 * 1024;
const WAKES_MAX: usize = 4;

/// Plays a script on the server's machine.
pub fn session(script: &[u8]) {
    let peak = Peak::begin();
    // It ends where the bytes do.
    let _ = play(&mut Script::new(script));
    peak.must_be_below(MEMORY_MAX);
}

fn play(script: &mut Script<'_>) -> Result<()> {
    let settings = script.byte()?;
    let config = Config {
        message_bytes: 10_000,
        window_messages: 1 + usize::from(settings & 0x0f) * 16,
        window_bytes: 20_000,
        streams: 4,
        stream_window_entries: 1 + u64::from(settings >> 4),
        stream_window_bytes: 1_000,
        ..Config::default()
    };
    let now = Instant::from_millis(script.number()?).min(END_OF_TIME);
    let mut shell = Shell {
        machine: Session::new(config, now),
        config,
        now,
        wake_at: None,
        hello: None,
        client: Client::default(),
        ledger: Ledger::new(config),
        // A shell that breaks the rules itself may get nonsense, but no panic.
        is_careless: settings == 0xff,
    };
    shell.input(Input::Woke, 0);
    loop {
        shell.step(script)?;
    }
}

/// The connection around the machine.
struct Shell {
    machine: Session,
    config: Config,
    now: Instant,
    wake_at: Option<Instant>,
    /// It waits for an answer.
    hello: Option<Hello>,
    client: Client,
    ledger: Ledger,
    is_careless: bool,
}

impl Shell {
    fn step(&mut self, script: &mut Script<'_>) -> Result<()> {
        match script.step(26)? {
            0 => self.packet(script.bytes()?.to_vec()),
            1 => self.packet(script.repeated()?),
            kind @ 2..=9 => {
                let mut packet = Vec::new();
                // Several frames share a packet.
                self.client.put(kind, script, &mut packet)?;
                while script.byte()? & 1 == 1 {
                    let kind = 2 + script.step(8)?;
                    self.client.put(kind, script, &mut packet)?;
                }
                self.packet(packet);
            }
            10 => self.input(Input::Text, 0),
            11 => {
                self.ledger.closed();
                self.input(Input::Closed, 0);
            }
            12 => {
                self.now = later(self.now, script.number()?);
                self.input(Input::Woke, 0);
            }
            13 => {
                let back = script.number()?;
                self.now = Instant::from_millis(self.now.as_millis().saturating_sub(back));
            }
            14 => {
                self.now = self.wake_at.map_or(self.now, |at| at.max(self.now));
                self.input(Input::Woke, 0);
            }
            kind => self.command(kind, script)?,
        }
        Ok(())
    }

    /// What the shell says to the machine.
    fn command(&mut self, kind: u8, script: &mut Script<'_>) -> Result<()> {
        match kind {
            15 | 16 => self.join(script)?,
            17 => {
                for _ in 0..script.byte()? {
                    let Some(incoming) = self.machine.take_message() else { break };
                    self.ledger.taken(&incoming);
                }
            }
            18 => {
                let has_answer = script.byte()? & 1 == 1;
                let mut handled = self.ledger.handle_all(has_answer);
                if self.is_careless {
                    handled = Some((script.number()?, script.number()?));
                }
                if let Some((through, head)) = handled {
                    self.machine.handled(through, head);
                }
            }
            19 => {
                let stream = u32::from(script.byte()? % 6);
                let (epoch, offset) = (a_log(script)?, script.number()?);
                // The shell confirms what was asked for, and once.
                if self.ledger.confirms(stream, epoch, offset) || self.is_careless {
                    self.machine.subscribed(stream, epoch, offset);
                }
            }
            20 => {
                let stream = u32::from(script.byte()? % 6);
                if self.ledger.refuses(stream) || self.is_careless {
                    self.machine.refuse_subscription(stream, "no", "not you");
                }
            }
            21 => self.deliver(script)?,
            22 => {
                let stream = u32::from(script.byte()? % 6);
                let mut gap = self.ledger.gap(stream, script)?;
                if self.is_careless {
                    gap = Some((a_log(script)?, script.number()?));
                }
                if let Some((epoch, offset)) = gap {
                    self.machine.gap(stream, epoch, offset);
                }
            }
            23 => self.machine.request_credentials(),
            24 => self.machine.authorized(),
            _ => match script.byte()? % 3 {
                0 => self.machine.go_away(script.number()?, script.number()?, "away"),
                1 => self.machine.refuse(CloseCode::FULL, script.number()?, "full"),
                _ => self.machine.hang_up(CloseCode::SUPERSEDED),
            },
        }
        self.input(Input::Woke, 0);
        Ok(())
    }

    fn join(&mut self, script: &mut Script<'_>) -> Result<()> {
        let found = script.byte()?;
        let (accepted, head) = (script.number()?, script.number()?);
        let Some(hello) = self.hello.take() else { return Ok(()) };
        let epoch = if found & 4 == 0 { hello.epoch } else { Epoch(9) };
        let record = Record { epoch, accepted, head };
        let stone = Tombstone { epoch, accepted, head };
        let resolution = resolve(
            &hello.as_frame(),
            Some(record).filter(|_| found & 1 == 1 && epoch != Epoch::NONE),
            Some(stone).filter(|_| found & 2 == 2 && epoch != Epoch::NONE),
            Epoch(7),
        );
        self.client.accepted = resolution.accepted;
        self.ledger.joined(&hello, &resolution);
        self.machine.join(&hello, &resolution);
        Ok(())
    }

    fn deliver(&mut self, script: &mut Script<'_>) -> Result<()> {
        let (stream, count) = (u32::from(script.byte()? % 6), script.byte()? % 32);
        let payload = vec![b'x'; usize::from(script.byte()?) * 8];
        let entry = EncodedEntry::new(Format::Binary, Entry::Message(&payload));
        let after = self.machine.room(stream).after;
        let offset = if self.is_careless { script.number()? } else { after.saturating_add(1) };
        self.machine.deliver(stream, offset, &vec![entry; count.into()]);
        Ok(())
    }

    fn packet(&mut self, packet: Vec<u8>) {
        self.ledger.hears(&packet, self.config.message_bytes);
        let size = packet.len();
        self.input(Input::Packet(Bytes::from(packet)), size);
        self.ledger.must_have_ended();
    }

    /// Brings an input, drains, and wakes the machine until what is due is done.
    fn input(&mut self, input: Input, packet_bytes: usize) {
        self.machine.handle_input(input, self.now);
        self.drain(packet_bytes);
        for _ in 0..WAKES_MAX {
            if self.wake_at.is_none_or(|at| at > self.now) {
                return;
            }
            self.machine.handle_input(Input::Woke, self.now);
            self.drain(0);
        }
        panic!("it wants to be woken again and again at {:?}", self.now);
    }

    fn drain(&mut self, packet_bytes: usize) {
        let mut patience = 2 * NOTICES_MAX;
        let before = self.ledger.sent_bytes;
        loop {
            patience = patience.checked_sub(1).expect("the drain comes to an end");
            match self.machine.poll_output() {
                Output::Join(hello) => {
                    assert!(self.hello.is_none(), "one HELLO");
                    self.hello = Some(hello);
                }
                Output::Transmit(packet) => self.ledger.transmitted(packet, self.is_careless),
                Output::HangUp(code) => self.ledger.hung_up(code),
                Output::Subscribe { stream, .. } => self.ledger.requested(stream),
                Output::Unsubscribe { stream } => self.ledger.unsubscribed(stream),
                Output::Authenticate(_) | Output::Trim { .. } | Output::Bye => {
                    assert!(!self.ledger.is_over, "asked for something after the end");
                }
                Output::Idle { wake_at } => {
                    assert!(wake_at.is_none() || !self.ledger.is_over, "woken after the end");
                    self.wake_at = wake_at;
                    break;
                }
            }
        }
        let sent = self.ledger.sent_bytes - before;
        // An answer to each frame, a refusal to each request, and what the windows hold.
        let most = 2 * packet_bytes + NOTICES_MAX * 64 + 8 * PACKET_BYTES;
        assert!(sent <= most, "{packet_bytes} bytes came, {sent} left");
    }
}

/// The epoch of a log, as engines have them: not that of none.
fn a_log(script: &mut Script<'_>) -> Result<Epoch> {
    Ok(Epoch(script.number()?.max(1)))
}
