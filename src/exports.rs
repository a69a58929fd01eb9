//! The line for the npm package: numbers and bytes across the border, one door each way.
//!
//! Every function that crosses costs some hundred bytes of wasm and JavaScript, so commands share
//! one and events share another. The facade is the only user: `pkg-template/border.js` numbers
//! them too.

#![allow(unreachable_pub, reason = "wasm-bindgen exports public functions only")]

use crate::driver::{Application, Driver};
use js_sys::Uint8Array;
use std::cell::RefCell;
use std::rc::Rc;
use tautline_protocol::client::{
    Client, Config, Credentials, End, Event, Missing, SendError, SubscribeError, WhenUncertain,
};
use tautline_protocol::message::Cursor;
use tautline_protocol::{CloseCode, Epoch, Format, Instant, Kind, Start, backoff};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The facade's end.
    pub type Listener;

    /// Takes note of what has happened; [`FLUSH`] alone hands over, and runs the application's code.
    #[wasm_bindgen(method)]
    fn note(this: &Listener, kind: u8, a: f64, bytes: &[u8], reason: &[u8], b: f64, c: f64, d: f64);
}

/// What is noted; the kinds before these are events, in the order of [`Event`].
const AUTHORIZE: u8 = 11;
const FLUSH: u8 = 12;

impl Application for Listener {
    fn event(&self, event: Event<'_>, now: Instant) {
        let nothing: &[u8] = &[];
        let (kind, a, bytes, reason, [b, c, d]) = match event {
            Event::State { state, reason, retry_at } => {
                let retry_in = retry_at.map_or(-1.0, |at| at.since(now) as f64);
                (0, f64::from(state as u8), reason.as_bytes(), nothing, [retry_in, 0.0, 0.0])
            }
            Event::Lost { accepted_known, direct_missing } => {
                let missing = direct_missing.into();
                (1, accepted_known.into(), nothing, nothing, [missing, 0.0, 0.0])
            }
            Event::Acknowledged { through } => (2, through as f64, nothing, nothing, [0.0; 3]),
            Event::Reply { id, format, payload } => {
                (3, id as f64, payload, nothing, [f64::from(format as u8), 0.0, 0.0])
            }
            Event::Refused { id, code, reason } => (4, id as f64, code, reason, [0.0; 3]),
            Event::Failed { first, last, failure } => {
                let failure = f64::from(failure as u8);
                (5, first as f64, nothing, nothing, [last as f64, failure, 0.0])
            }
            Event::Message { stream, offset, format, payload } => {
                let format = f64::from(format as u8);
                (6, stream.into(), payload, nothing, [offset as f64, format, 0.0])
            }
            Event::Subscribed { stream, epoch, offset } => {
                let (high, low) = ((epoch.0 >> 32) as u32, epoch.0 as u32);
                (7, stream.into(), nothing, nothing, [offset as f64, high.into(), low.into()])
            }
            Event::SubscribeRefused { stream, code, reason } => {
                (8, stream.into(), code, reason, [0.0; 3])
            }
            Event::Gap { stream, missing } => {
                let Missing { from, to, reset } = missing;
                (9, stream.into(), nothing, nothing, [from as f64, to as f64, reset.into()])
            }
            Event::Closed { end, reason } => {
                let (end, code) = match end {
                    End::Requested => (0, CloseCode::NORMAL),
                    End::Unauthorized(code) => (1, code),
                    End::Stopped(code) => (2, code),
                };
                (10, end.into(), reason, nothing, [code.0.into(), 0.0, 0.0])
            }
        };
        self.note(kind, a, bytes, reason, b, c, d);
    }

    fn authorize(&self, attempt: u32) {
        self.note(AUTHORIZE, attempt.into(), &[], &[], 0.0, 0.0, 0.0);
    }

    fn flush(&self) {
        self.note(FLUSH, 0.0, &[], &[], 0.0, 0.0, 0.0);
    }
}

thread_local! {
    /// The lines by their number. One that was let go leaves its place empty.
    static LINES: RefCell<Vec<Option<Rc<Driver<Listener>>>>> = const { RefCell::new(Vec::new()) };
}

/// Opens a line and returns its number. Without `credentials` they are asked for with a note.
#[wasm_bindgen]
#[expect(clippy::too_many_arguments, reason = "an object would be taken apart in the wasm")]
pub fn open(
    listener: Listener,
    url: &Uint8Array,
    credentials: Option<Uint8Array>,
    resend: bool,
    outbox_messages: f64,
    outbox_bytes: f64,
    base_ms: f64,
    cap_ms: f64,
    connect_timeout_ms: f64,
) -> usize {
    let credentials =
        credentials.map_or(Credentials::Ask, |bytes| Credentials::Fixed(bytes.to_vec()));
    let config = Config {
        credentials,
        when_uncertain: if resend { WhenUncertain::Resend } else { WhenUncertain::Fail },
        outbox_messages: outbox_messages as usize,
        outbox_bytes: outbox_bytes as usize,
        backoff: backoff::Config { base_ms: base_ms as u64, cap_ms: cap_ms as u64 },
        connect_timeout_ms: connect_timeout_ms as u64,
    };
    // A URL is ASCII.
    let url = url.to_vec().into_iter().map(char::from).collect();
    let driver = Driver::new(url, config, listener);
    LINES.with_borrow_mut(|lines| {
        lines.push(Some(driver));
        lines.len() - 1
    })
}

/// Carries out a command of the facade's list, with what it needs of the rest. What takes a
/// message or a subscription returns its number, or a negative code.
#[wasm_bindgen]
pub fn command(
    line: usize,
    kind: u8,
    a: f64,
    b: f64,
    c: f64,
    topic: &Uint8Array,
    payload: &Uint8Array,
) -> f64 {
    let format = Format::from_bits(a as u8);
    let (topic, payload) = (&*topic.to_vec(), payload.to_vec());
    let driver = LINES.with_borrow_mut(|lines| {
        let line = lines.get_mut(line)?;
        if kind == FREE { line.take() } else { line.clone() }
    });
    let Some(driver) = driver.filter(|_| kind != FREE) else { return 0.0 };
    driver.command(|protocol| match kind {
        SEND | REQUEST | PUBLISH => {
            let kind = match kind {
                SEND => Kind::Send,
                REQUEST => Kind::Request,
                _ => Kind::Publish,
            };
            protocol.send(kind, format, topic, payload).map_or_else(error_code, |id| id as f64)
        }
        VOLATILE => {
            let topic = (!topic.is_empty()).then_some(topic);
            protocol.send_volatile(format, topic, &payload).map_or_else(error_code, |()| 0.0)
        }
        CANCEL => protocol.cancel(a as u64).into(),
        LAST | AFTER => {
            let received = a as u64;
            let epoch = Epoch((b as u64) << 32 | c as u64);
            let start = match kind {
                LAST => Start::Last(received),
                _ => Start::After(Cursor { epoch, received, handled: received }),
            };
            match protocol.subscribe(topic, start) {
                Ok(stream) => stream.into(),
                Err(SubscribeError::TooMany) => 0.0,
                Err(SubscribeError::BadTopic) => error_code(SendError::BadTopic),
                Err(SubscribeError::Closed) => error_code(SendError::Closed),
            }
        }
        STAT => stat(protocol, a as usize),
        _ => {
            match kind {
                UNSUBSCRIBE => protocol.unsubscribe(a as u32),
                HANDLED => protocol.handled(a as u32, b as u64),
                CREDENTIALS | NO_CREDENTIALS => {
                    protocol.authorize(a as u32, (kind == CREDENTIALS).then_some(payload));
                }
                CLOSE => protocol.close(a as u64),
                _ => {}
            }
            0.0
        }
    })
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

/// One of the counters, by its place in the facade's list.
fn stat(protocol: &Client, place: usize) -> f64 {
    let stats = protocol.stats();
    let counts = [
        stats.round_trip_ms,
        stats.queued,
        stats.unacknowledged,
        stats.outbox_bytes,
        stats.settled,
        stats.retransmitted,
        stats.received,
        stats.duplicates,
        stats.connections,
        stats.bytes_sent,
        stats.bytes_received,
    ];
    counts.get(place).copied().unwrap_or_default() as f64
}

/// What the facade makes an error class of.
const fn error_code(error: SendError) -> f64 {
    match error {
        // Its limit goes along, for the error's sentence.
        SendError::TooLarge { max, .. } => -16.0 - max as f64,
        SendError::OutboxFull => -2.0,
        SendError::BadTopic => -3.0,
        SendError::Closed => -4.0,
        SendError::NotLive => -5.0,
    }
}
