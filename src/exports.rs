//! The protocol for the npm package: numbers and bytes across the border, one door each way.
//!
//! The package's own JavaScript owns the WebSocket, the timer and the page's events
//! (`pkg-template/driver.js`): objects, closures and their bookkeeping would cost more here than
//! all of that costs there. So nothing but numbers crosses, and bytes in a place that this side
//! reserves. `pkg-template/border.js` numbers commands and notes too.

#![allow(unreachable_pub, reason = "wasm-bindgen exports public functions only")]

#[cfg(feature = "durable")]
mod store;

use std::cell::RefCell;
use std::mem;
use tautline_protocol::client::{
    Client, Config, Credentials, End, Event, Hint, Input, Missing, Output, Place, SendError,
    SubscribeError, WhenUncertain,
};
use tautline_protocol::message::Cursor;
use tautline_protocol::{CloseCode, Epoch, Format, Instant, Kind, Seed, Start, backoff};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "border")]
extern "C" {
    /// Tells a line's driver what has happened or is to be done: numbers, and where two pieces of
    /// bytes are. It must not call back. Of [`TRANSMIT`] it returns how many bytes the socket holds
    /// that it has not sent yet.
    fn note(
        line: usize,
        kind: u8,
        a: f64,
        bytes: *const u8,
        length: usize,
        reason: *const u8,
        reason_length: usize,
        b: f64,
        c: f64,
        d: f64,
    ) -> f64;
}

/// What is more than noted.
const TRANSMIT: u8 = 13;
const IDLE: u8 = 15;

struct Border {
    /// What the next command is about.
    bytes: Vec<u8>,
    /// The lines by their number. One that was let go leaves its place empty.
    lines: Vec<Option<Client>>,
}

thread_local! {
    static BORDER: RefCell<Border> =
        const { RefCell::new(Border { bytes: Vec::new(), lines: Vec::new() }) };
}

/// Makes a place for the bytes of the next command.
#[wasm_bindgen]
pub fn reserve(length: usize) -> *mut u8 {
    BORDER.with_borrow_mut(|border| {
        border.bytes = vec![0; length];
        border.bytes.as_mut_ptr()
    })
}

/// Opens a line and returns its number. In place are the credentials, if they are not to be asked
/// for, and 24 random bytes.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "an object would be taken apart in the wasm")]
pub fn open(
    now: f64,
    ask: bool,
    resend: bool,
    outbox_messages: f64,
    outbox_bytes: f64,
    base_ms: f64,
    cap_ms: f64,
    connect_timeout_ms: f64,
) -> usize {
    BORDER.with_borrow_mut(|Border { bytes, lines }| {
        let mut credentials = mem::take(bytes);
        let (_, random) = credentials.split_at(credentials.len() - 24);
        let (session, random) = random.split_at(16);
        let seed = Seed {
            session: session.try_into().unwrap_or_default(),
            random: u64::from_le_bytes(random.try_into().unwrap_or_default()),
        };
        credentials.truncate(credentials.len() - 24);
        let config = Config {
            credentials: if ask { Credentials::Ask } else { Credentials::Fixed(credentials) },
            when_uncertain: if resend { WhenUncertain::Resend } else { WhenUncertain::Fail },
            outbox_messages: outbox_messages as usize,
            outbox_bytes: outbox_bytes as usize,
            backoff: backoff::Config { base_ms: base_ms as u64, cap_ms: cap_ms as u64 },
            connect_timeout_ms: connect_timeout_ms as u64,
        };
        lines.push(Some(Client::new(config, seed, moment(now))));
        lines.len() - 1
    })
}

const fn moment(now: f64) -> Instant {
    Instant::from_millis(now as u64)
}

/// Carries out a command of the facade's list, with what it needs of the rest; the first `split`
/// bytes in place are a topic. What takes a message or a subscription returns its number, or a
/// negative code. A line that was let go takes nothing.
#[wasm_bindgen]
pub fn command(line: usize, kind: u8, split: usize, a: f64, b: f64, c: f64) -> f64 {
    let answer: i64 = BORDER.with_borrow_mut(|border| {
        let mut bytes = mem::take(&mut border.bytes);
        let (topic, payload) = bytes.split_at(split);
        let Some(place) = border.lines.get_mut(line) else { return 0 };
        let Some(client) = place else { return 0 };
        let format = Format::from_bits(a as u32 as u8);
        match kind {
            SEND | REQUEST | PUBLISH | VOLATILE => {
                let place = match kind {
                    VOLATILE => Place::Past,
                    _ if c > 0.0 => Place::Of(c as u64),
                    _ => Place::Last,
                };
                let kind = match kind {
                    SEND => Kind::Send,
                    REQUEST => Kind::Request,
                    VOLATILE if topic.is_empty() => Kind::Send,
                    _ => Kind::Publish,
                };
                let ttl_ms = (!b.is_nan()).then_some(b as u64);
                return client
                    .put(place, kind, format, topic, payload, ttl_ms)
                    .map_or_else(error_code, |id| id as i64);
            }
            CANCEL => return client.cancel(a as u64).into(),
            LAST | AFTER => {
                let received = a as u64;
                let epoch = Epoch((b as u64) << 32 | c as u64);
                let start = match kind {
                    LAST => Start::Last(received),
                    _ => Start::After(Cursor { epoch, received, handled: received }),
                };
                return match client.subscribe_unchecked(topic, start) {
                    Ok(stream) => stream.into(),
                    Err(SubscribeError::TooMany) => 0,
                    Err(SubscribeError::Closed) => error_code(SendError::Closed),
                    Err(_) => error_code(SendError::BadTopic),
                };
            }
            STAT => return stat(client, a as usize),
            UNSUBSCRIBE => client.unsubscribe(a as u32),
            HANDLED => client.handled(a as u32, b as u64),
            CREDENTIALS | NO_CREDENTIALS => {
                client.authorize(a as u32, (kind == CREDENTIALS).then_some(payload));
            }
            CLOSE => client.close(a as u64),
            FREE => *place = None,
            #[cfg(feature = "durable")]
            store::RELEASE => store::release(client, a, payload),
            #[cfg(feature = "durable")]
            store::RESTORE => store::restore(client, topic, a, payload, b),
            _ => {
                let now = moment(a);
                client.buffers(c as usize);
                client.handle_input(input(kind, b, &mut bytes), now);
                if kind != NOW {
                    pump(line, client, now);
                }
            }
        }
        0
    });
    answer as f64
}

/// Commands.
const SEND: u8 = 0;
const REQUEST: u8 = 1;
const PUBLISH: u8 = 2;
const VOLATILE: u8 = 3;
const CANCEL: u8 = 4;
const LAST: u8 = 5;
const AFTER: u8 = 6;
const UNSUBSCRIBE: u8 = 7;
const HANDLED: u8 = 8;
const CREDENTIALS: u8 = 9;
const NO_CREDENTIALS: u8 = 10;
const CLOSE: u8 = 11;
const STAT: u8 = 12;
/// The line has ended; its number means nothing any more.
const FREE: u8 = 13;
/// The rest are inputs, which come with the time and with what the socket has not sent yet, and are
/// followed by a drain.
const OPENED: u8 = 14;
const PACKET: u8 = 15;
const TEXT: u8 = 16;
const CLOSED: u8 = 17;
const HINT: u8 = 18;
/// Only the time and what the socket holds, without a drain: what commands count from.
const NOW: u8 = 20;

fn input(kind: u8, about: f64, bytes: &mut Vec<u8>) -> Input {
    match kind {
        OPENED => Input::Opened,
        PACKET => Input::Packet(mem::take(bytes)),
        TEXT => Input::Text,
        CLOSED => Input::Closed(CloseCode(about as u32 as u16)),
        HINT => match about as u32 {
            1 => Input::Hint(Hint::Online),
            2 => Input::Hint(Hint::Offline),
            3 => Input::Hint(Hint::Awake),
            4 => Input::Hint(Hint::Asleep),
            _ => Input::Hint(Hint::Suspended),
        },
        _ => Input::Woke,
    }
}

/// The number of what is noted. In the order of declaration it is what tells them apart in memory.
const fn kind(output: &Output<'_>) -> u8 {
    match output {
        Output::Event(event) => match event {
            Event::State { .. } => 0,
            Event::Lost { .. } => 1,
            Event::Acknowledged { .. } => 2,
            Event::Reply { .. } => 3,
            Event::Refused { .. } => 4,
            Event::Failed { .. } => 5,
            Event::Message { .. } => 6,
            Event::Subscribed { .. } => 7,
            Event::SubscribeRefused { .. } => 8,
            Event::Gap { .. } => 9,
            Event::Closed { .. } => 10,
        },
        Output::Authorize { .. } => 11,
        Output::Dial => 12,
        Output::Transmit(_) => TRANSMIT,
        Output::HangUp(_) => 14,
        Output::Idle { .. } => IDLE,
    }
}

/// Notes what follows from an input.
fn pump(line: usize, client: &mut Client, now: Instant) {
    const ZEROS: [f64; 3] = [0.0; 3];
    let nothing: &[u8] = &[];
    let until = |moment: Option<Instant>| moment.map_or(-1.0, |at| at.since(now) as f64);
    loop {
        let output = client.poll_output();
        let kind = kind(&output);
        let (a, bytes, reason, [b, c, d]) = match output {
            Output::Authorize { attempt } => (attempt.into(), nothing, nothing, ZEROS),
            Output::Dial => (0.0, nothing, nothing, ZEROS),
            Output::Transmit(packet) => (0.0, packet, nothing, ZEROS),
            Output::HangUp(code) => (code.0.into(), nothing, nothing, ZEROS),
            Output::Idle { wake_at } => (until(wake_at), nothing, nothing, ZEROS),
            Output::Event(event) => match event {
                Event::State { state, reason, code, words, retry_at } => {
                    let (state, code) = (state as u8, code.map_or(0, |code| code.0).into());
                    (state.into(), reason.as_bytes(), words, [until(retry_at), code, 0.0])
                }
                Event::Lost { accepted_known, direct_missing } => {
                    (accepted_known.into(), nothing, nothing, [direct_missing.into(), 0.0, 0.0])
                }
                Event::Acknowledged { through } => (through as f64, nothing, nothing, ZEROS),
                Event::Reply { id, format, payload } => {
                    (id as f64, payload, nothing, [f64::from(format as u8), 0.0, 0.0])
                }
                Event::Refused { id, code, reason } => (id as f64, code, reason, ZEROS),
                Event::Failed { first, last, failure } => {
                    let failure = f64::from(failure as u8);
                    (first as f64, nothing, nothing, [last as f64, failure, 0.0])
                }
                Event::Message { stream, offset, format, payload } => {
                    let format = f64::from(format as u8);
                    (stream.into(), payload, nothing, [offset as f64, format, 0.0])
                }
                Event::Subscribed { stream, epoch, offset } => {
                    let (high, low) = ((epoch.0 >> 32) as u32, epoch.0 as u32);
                    (stream.into(), nothing, nothing, [offset as f64, high.into(), low.into()])
                }
                Event::SubscribeRefused { stream, code, reason } => {
                    (stream.into(), code, reason, ZEROS)
                }
                Event::Gap { stream, missing } => {
                    let Missing { from, to, reset } = missing;
                    (stream.into(), nothing, nothing, [from as f64, to as f64, reset.into()])
                }
                Event::Closed { end, reason } => {
                    let code = end_code(end);
                    let end = match end {
                        End::Requested => 0,
                        End::Unauthorized(_) => 1,
                        End::Stopped(_) => 2,
                    };
                    (end.into(), reason, nothing, [code.0.into(), 0.0, 0.0])
                }
            },
        };
        let (at, reason_at) = (bytes.as_ptr(), reason.as_ptr());
        if kind == IDLE {
            #[cfg(feature = "durable")]
            let saved = store::saved(client);
            #[cfg(not(feature = "durable"))]
            let saved: [u64; 0] = [];
            let at = saved.as_ptr().cast();
            note(line, kind, a, at, size_of_val(&saved), reason_at, 0, b, c, d);
            return;
        }
        let held = note(line, kind, a, at, bytes.len(), reason_at, reason.len(), b, c, d);
        if kind == TRANSMIT {
            client.buffers(held as usize);
        }
    }
}

/// The code that a line ended with.
const fn end_code(end: End) -> CloseCode {
    match end {
        End::Requested => CloseCode::NORMAL,
        End::Unauthorized(code) | End::Stopped(code) => code,
    }
}

/// One of the counters, by its place in the facade's list.
fn stat(client: &Client, place: usize) -> i64 {
    let stats = client.stats();
    let count = match place {
        0 => stats.round_trip_ms,
        1 => stats.queued,
        2 => stats.unacknowledged,
        3 => stats.outbox_bytes,
        4 => stats.settled,
        5 => stats.retransmitted,
        6 => stats.received,
        7 => stats.duplicates,
        8 => stats.connections,
        9 => stats.bytes_sent,
        10 => stats.bytes_received,
        11 => stats.buffered,
        _ => 0,
    };
    count as i64
}

/// What the facade makes an error class of.
fn error_code(error: SendError) -> i64 {
    match error {
        // Its limit goes along, for the error's sentence.
        SendError::TooLarge { max, .. } => -16 - max as i64,
        SendError::OutboxFull => -2,
        SendError::BadTopic | SendError::NotText => -3,
        SendError::Closed => -4,
        SendError::NotLive => -5,
    }
}
