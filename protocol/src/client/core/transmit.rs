//! What leaves: HELLO, control frames, cursors, messages.

use super::{Core, State, Stream};
use crate::DIRECT;
use crate::limits::{FRAGMENT_BYTES, PACKET_BYTES, SILENCE_MS, TOPIC_BYTES_MAX};
use crate::message::Offset;
use crate::uplink::{Hello, MESSAGE, NUMBERED_MASK, Uplink, put_hello, put_subscribe};
use alloc::vec::Vec;
use core::mem;

/// No SUBSCRIBE is longer.
const SUBSCRIBE_BYTES_MAX: usize = TOPIC_BYTES_MAX + 64;

impl Core {
    /// Writes the next WebSocket message; false if nothing is to be transmitted.
    pub(in super::super) fn fill_message(&mut self, out: &mut Vec<u8>) -> bool {
        match &mut self.state {
            // A line that was closed while it was opening, with nothing to deliver, just ends.
            State::Joining { hello_sent_at: sent @ None }
                if self.close_by.is_none() || self.outbox.len() > 0 =>
            {
                *sent = Some(self.now);
                self.put_hello(out);
            }
            State::Live(_) => self.put_packet_or_part(out),
            _ => {}
        }
        if let State::Live(live) = &mut self.state
            && !out.is_empty()
        {
            live.liveness.sent(self.now);
        }
        self.stats.bytes_sent += out.len() as u64;
        !out.is_empty()
    }

    /// HELLO, then one SUBSCRIBE for each stream: all that resuming takes, in one packet if it fits.
    /// PROTOCOL.md C-1.
    fn put_hello(&mut self, out: &mut Vec<u8>) {
        let hello = Hello {
            session: self.session,
            epoch: self.epoch,
            connection: self.connection,
            acknowledged: self.outbox.acknowledged(),
            restart: self.restart(),
            received: self.direct_received(),
            handled: self.streams.first().map_or(0, Stream::reportable),
            credentials: &self.credentials,
        };
        put_hello(out, &hello);
        for stream in &mut self.streams {
            stream.unannounce();
        }
        self.put_subscriptions(out);
    }

    /// Tells the server of as many streams as fit, or of one alone. PROTOCOL.md C-37.
    fn put_subscriptions(&mut self, out: &mut Vec<u8>) {
        let alone = self.is_isolating();
        let is_live = matches!(self.state, State::Live(_));
        let mut waits = alone && (!is_live || self.streams.iter().any(Stream::is_asked));
        for stream in self.streams.iter_mut().filter(|stream| !stream.announced) {
            // HELLO has spoken for the direct stream.
            let is_direct = stream.id == DIRECT;
            let is_full = out.len() + SUBSCRIBE_BYTES_MAX > PACKET_BYTES;
            if is_full || waits && !is_direct {
                break;
            }
            stream.announce();
            if !is_direct {
                let start = stream.start();
                put_subscribe(out, stream.id, &stream.topic, start);
                waits = alone;
            }
        }
    }

    /// How far the direct stream has come.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub(super) fn direct_received(&self) -> Offset {
        self.streams.first().map_or(0, |direct| direct.cursor().received)
    }

    /// A packet too large for one message leaves in parts. While those of a message of the outbox wait
    /// until the transport has room, other frames may go: none of them has to be behind it.
    /// PROTOCOL.md F-14, C-32.
    fn put_packet_or_part(&mut self, out: &mut Vec<u8>) {
        let divided = !self.leaving.is_empty();
        let is_numbered = self.leaving.head() & NUMBERED_MASK == MESSAGE;
        if !divided || is_numbered {
            self.put_frames(out);
        }
        if out.len() > FRAGMENT_BYTES {
            if !divided {
                return self.leaving.split(out);
            }
            // The server could not tell fragments of two packets apart: this packet waits until the one
            // before has left.
            mem::swap(out, &mut self.control);
        }
        if divided && out.is_empty() && !(is_numbered && self.is_crowded()) {
            self.leaving.put_next(out);
        }
    }

    /// PROTOCOL.md C-15.
    fn put_frames(&mut self, out: &mut Vec<u8>) {
        let sends = self.leaving.is_empty()
            && self.may_send()
            && self.outbox.has_next(0)
            && !self.is_crowded();
        let silent = matches!(&self.state, State::Live(live)
            if live.liveness.silent_ms(self.now) > SILENCE_MS && !live.liveness.is_probing());
        if sends && silent {
            self.probe();
        }
        let now = self.now;
        let due = |stream: &Stream| {
            !stream.announced || stream.report_by(now).is_some_and(|by| by <= now)
        };
        if sends || !self.control.is_empty() || self.streams.iter().any(due) {
            // Nothing is in the packet yet, so that it is what control frames are gathered in next.
            mem::swap(out, &mut self.control);
            self.put_subscriptions(out);
            for stream in &mut self.streams {
                let report: Option<Offset> = stream.take_report();
                if let Some(offset) = report {
                    Uplink::Received { stream: stream.id, offset }.encode(out);
                }
            }
        }
        if sends {
            self.outbox.fill(out);
        }
        self.expect_answer();
    }

    /// Tells the watch what is in flight, at the end of every drain.
    fn expect_answer(&mut self) {
        let (in_flight, bytes) = (self.outbox.in_flight() > 0, self.outbox.in_flight_bytes());
        let bytes = if self.arriving.is_empty() { bytes } else { FRAGMENT_BYTES };
        if let State::Live(live) = &mut self.state {
            live.liveness.expects(in_flight, bytes, self.now);
        }
    }
}
