//! The line for the npm package: numbers and strings across the border, one call each way a packet.
//!
//! The facade in `pkg-template/` is the only user; `Listener` there takes what comes out.

use crate::driver::{Application, Driver};
use js_sys::Float64Array;
use std::rc::Rc;
use tautline_protocol::client::{
    Config, Credentials, End, Event, SendError, SubscribeError, WhenUncertain,
};
use tautline_protocol::message::Cursor;
use tautline_protocol::{Epoch, Format, Instant, Kind, Start, backoff};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The facade's end. Its methods only take note, until `flush`.
    pub type Listener;

    #[wasm_bindgen(method)]
    fn state(this: &Listener, state: u8, reason: &str, retry_in: f64);
    #[wasm_bindgen(method)]
    fn lost(this: &Listener, accepted_known: bool, direct_missing: bool);
    #[wasm_bindgen(method)]
    fn acknowledged(this: &Listener, through: f64);
    #[wasm_bindgen(method)]
    fn reply(this: &Listener, id: f64, format: u8, payload: &[u8]);
    #[wasm_bindgen(method)]
    fn refused(this: &Listener, id: f64, code: &[u8], reason: &[u8]);
    #[wasm_bindgen(method)]
    fn failed(this: &Listener, first: f64, last: f64, failure: u8);
    #[wasm_bindgen(method)]
    fn message(this: &Listener, stream: u32, offset: f64, format: u8, payload: &[u8]);
    #[wasm_bindgen(method)]
    fn subscribed(this: &Listener, stream: u32, epoch: u64, offset: f64);
    #[wasm_bindgen(method, js_name = subscribeRefused)]
    fn subscribe_refused(this: &Listener, stream: u32, code: &[u8], reason: &[u8]);
    #[wasm_bindgen(method)]
    fn gap(this: &Listener, stream: u32, from: f64, to: f64, reset: bool);
    #[wasm_bindgen(method)]
    fn closed(this: &Listener, end: u8, code: u16, reason: &[u8]);
    #[wasm_bindgen(method)]
    fn authorize(this: &Listener, attempt: u32);
    #[wasm_bindgen(method)]
    fn flush(this: &Listener);
}

impl Application for Listener {
    fn event(&self, event: Event<'_>, now: Instant) {
        match event {
            Event::State { state, reason, retry_at } => {
                let retry_in = retry_at.map_or(-1.0, |at| at.since(now) as f64);
                self.state(state as u8, reason, retry_in);
            }
            Event::Lost { accepted_known, direct_missing } => {
                self.lost(accepted_known, direct_missing);
            }
            Event::Acknowledged { through } => self.acknowledged(through as f64),
            Event::Reply { id, format, payload } => self.reply(id as f64, format as u8, payload),
            Event::Refused { id, code, reason } => self.refused(id as f64, code, reason),
            Event::Failed { first, last, failure } => {
                self.failed(first as f64, last as f64, failure as u8);
            }
            Event::Message { stream, offset, format, payload } => {
                self.message(stream, offset as f64, format as u8, payload);
            }
            Event::Subscribed { stream, epoch, offset } => {
                self.subscribed(stream, epoch.0, offset as f64);
            }
            Event::SubscribeRefused { stream, code, reason } => {
                self.subscribe_refused(stream, code, reason);
            }
            Event::Gap { stream, missing } => {
                self.gap(stream, missing.from as f64, missing.to as f64, missing.reset);
            }
            Event::Closed { end, reason } => {
                let (end, code) = match end {
                    End::Requested => (0, 1000),
                    End::Unauthorized(code) => (1, code.0),
                    End::Stopped(code) => (2, code.0),
                };
                self.closed(end, code, reason);
            }
        }
    }

    fn authorize(&self, attempt: u32) {
        self.authorize(attempt);
    }

    fn flush(&self) {
        self.flush();
    }
}

/// A line, for the facade. Commands that take a message return its id, or a negative code.
#[wasm_bindgen]
pub struct Core {
    driver: Rc<Driver<Listener>>,
}

#[wasm_bindgen]
impl Core {
    /// Opens a line. Without `credentials` they are asked for with `Listener.authorize`.
    /// `settings` are numbers in the order of the facade's list.
    #[wasm_bindgen(constructor)]
    pub fn new(
        listener: Listener,
        url: String,
        credentials: Option<Vec<u8>>,
        settings: &Float64Array,
    ) -> Self {
        let setting = |index| settings.get_index(index);
        let config = Config {
            credentials: credentials.map_or(Credentials::Ask, Credentials::Fixed),
            when_uncertain: if setting(0) == 0.0 {
                WhenUncertain::Resend
            } else {
                WhenUncertain::Fail
            },
            outbox_messages: setting(1) as usize,
            outbox_bytes: setting(2) as usize,
            backoff: backoff::Config { base_ms: setting(3) as u64, cap_ms: setting(4) as u64 },
            connect_timeout_ms: setting(5) as u64,
        };
        Self { driver: Driver::new(url, config, listener) }
    }

    /// Takes a text message of `kind` 0 (send), 1 (request) or 2 (publish). A 3 is
    /// volatile, a publish if it has a topic: transmitted at once, which returns 0, or not at all.
    #[wasm_bindgen(js_name = sendText)]
    pub fn send_text(&self, kind: u8, format: u8, topic: &str, text: String) -> f64 {
        self.send_bytes(kind, format, topic, text.into_bytes())
    }

    /// As `sendText`, for bytes.
    #[wasm_bindgen(js_name = sendBytes)]
    pub fn send_bytes(&self, kind: u8, format: u8, topic: &str, bytes: Vec<u8>) -> f64 {
        let format = Format::from_bits(format);
        let taken = self.driver.command(|protocol| {
            let kind = match kind {
                0 => Kind::Send,
                1 => Kind::Request,
                2 => Kind::Publish,
                _ => {
                    let topic = (!topic.is_empty()).then_some(topic);
                    return protocol.send_volatile(format, topic, &bytes).map(|()| 0);
                }
            };
            protocol.send(kind, format, topic, bytes)
        });
        match taken {
            Ok(id) => id as f64,
            Err(error) => error_code(error),
        }
    }

    /// Takes a message back; false if it is too late.
    pub fn cancel(&self, id: f64) -> bool {
        self.driver.command(|protocol| protocol.cancel(id as u64))
    }

    /// Reads a topic: behind the position `offset` of `epoch`, or without one from its last
    /// `offset` entries. Returns the stream, 0 if there are too many, or a negative code.
    pub fn subscribe(&self, topic: &str, epoch: Option<u64>, offset: f64) -> f64 {
        let offset = offset as u64;
        let start = epoch.map_or(Start::Last(offset), |epoch| {
            Start::After(Cursor { epoch: Epoch(epoch), received: offset, handled: offset })
        });
        match self.driver.command(|protocol| protocol.subscribe(topic, start)) {
            Ok(stream) => stream.into(),
            Err(SubscribeError::TooMany) => 0.0,
            Err(SubscribeError::BadTopic) => error_code(SendError::BadTopic),
            Err(SubscribeError::Closed) => error_code(SendError::Closed),
        }
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, stream: u32) {
        self.driver.command(|protocol| protocol.unsubscribe(stream));
    }

    /// The application has handled a stream up to `offset`.
    pub fn handled(&self, stream: u32, offset: f64) {
        self.driver.command(|protocol| protocol.handled(stream, offset as u64));
    }

    /// Answers `Listener.authorize`.
    pub fn authorize(&self, attempt: u32, credentials: Option<Vec<u8>>) {
        self.driver.command(|protocol| protocol.authorize(attempt, credentials));
    }

    /// Ends the line, after at most `timeout` milliseconds.
    pub fn close(&self, timeout: f64) {
        self.driver.command(|protocol| protocol.close(timeout as u64));
    }

    /// One of the counters, by its place in the facade's list.
    pub fn stat(&self, place: usize) -> f64 {
        let stats = self.driver.read(tautline_protocol::Client::stats);
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
