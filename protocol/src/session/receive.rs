//! What arrives from the client: every frame, and what it changes.

use super::inbox::Verdict;
use super::reader::Reader;
use super::{Hello, Notice, Session, State, silent_after};
use crate::DIRECT;
use crate::close::CloseCode;
use crate::downlink::Downlink;
use crate::fragment::Part;
use crate::life_sign;
use crate::limits::{NOTICES_MAX, PACKET_OVERHEAD_BYTES, STREAMS_MAX};
use crate::message::{Offset, Start, StreamId};
use crate::mutation::Mutation;
use crate::uplink::{self, Frames, Message, Uplink};
use bytes::Bytes;

/// A smaller payload is copied out of its packet, and out of the buffer that it was read into.
const SHARED_BYTES_MIN: usize = 16 * 1024;

impl Session {
    /// Takes a WebSocket message: a packet, or a part of one. PROTOCOL.md F-11, F-15.
    pub(super) fn websocket_message(&mut self, message: Bytes) {
        self.heard_at = self.now;
        self.silent = silent_after(self.now, &self.config);
        self.pinged = false;
        if self.state != State::Live {
            return self.packet(&message);
        }
        if life_sign::is_due(message.len(), self.now.since(self.sent_at)) {
            life_sign::put(self.urgent.packet());
        }
        let max = self.config.message_bytes.saturating_add(PACKET_OVERHEAD_BYTES);
        match self.arriving.take(message, max) {
            Part::Whole(packet) => self.packet(&packet),
            Part::Some => {}
            Part::TooLarge => self.hang_up(CloseCode::TOO_LARGE),
        }
    }

    fn packet(&mut self, packet: &Bytes) {
        self.requests = 0;
        for frame in Frames::new(packet, self.config.message_bytes) {
            match frame {
                Ok(frame) => self.frame(packet, frame),
                Err(error) => self.hang_up(error.close_code()),
            }
            if matches!(self.state, State::Ending(_) | State::Closed) {
                return;
            }
        }
    }

    /// PROTOCOL.md S-1.
    fn frame(&mut self, packet: &Bytes, frame: Uplink<'_>) {
        match (self.state, frame) {
            (State::Opening { .. }, Uplink::Hello(hello)) => self.hello(&hello),
            (State::Joining | State::Live, Uplink::Subscribe { stream, topic, start }) => {
                self.subscribe(stream, topic, start);
            }
            (State::Live, Uplink::Bye) => {
                self.notices.push_back(Notice::Bye);
                self.notices.push_back(Notice::HangUp(CloseCode::NORMAL));
                self.state = State::Closed;
                self.drop_what_waits();
            }
            (State::Live, Uplink::Message(message)) => self.message(packet, &message),
            (State::Live, Uplink::Received { stream, offset }) => self.received(stream, offset),
            (State::Live, Uplink::Unsubscribe { stream }) => self.unsubscribe(stream),
            (State::Live, Uplink::Auth { credentials }) => {
                // They came in time. Newer ones do not make the time longer that is there to check them.
                self.credentials_by = None;
                self.verdict_by = self.verdict_by.or(Some(self.auth_deadline()));
                self.fresh_credentials = Some(Bytes::copy_from_slice(credentials));
            }
            (State::Live, Uplink::Ping { nonce }) => {
                if self.is_asked() {
                    self.urgent.put(&Downlink::Pong { nonce });
                }
            }
            (State::Live, Uplink::Pong { .. }) => {}
            _ => self.hang_up(CloseCode::VIOLATION),
        }
    }

    fn hello(&mut self, hello: &uplink::Hello<'_>) {
        self.state = State::Joining;
        self.notices.push_back(Notice::Join(Hello {
            session: hello.session,
            epoch: hello.epoch,
            connection: hello.connection,
            acknowledged: hello.acknowledged,
            restart: hello.restart,
            received: hello.received,
            handled: hello.handled,
            // Copied: checking them may take long, and the packet may be large.
            credentials: Bytes::copy_from_slice(hello.credentials),
        }));
    }

    fn message(&mut self, packet: &Bytes, message: &Message<'_>) {
        let payload = payload_of(packet, message);
        match self.inbox.accept(message, payload, &self.config) {
            Verdict::Accepted if Mutation::AcknowledgeBeforeHandling.is_on() => {
                self.acknowledgement.handled(self.inbox.accepted, 0);
            }
            Verdict::Accepted | Verdict::Dropped => {}
            Verdict::Duplicate => self.acknowledgement.repeat(),
            Verdict::Violation => self.hang_up(CloseCode::VIOLATION),
        }
    }

    /// PROTOCOL.md S-13.
    fn received(&mut self, stream: StreamId, offset: Offset) {
        // Of a stream that has ended a report may still be under way.
        let handled = self.readers.change(stream, |reader| reader.handled(offset));
        let Some(handled) = handled else { return };
        match handled {
            None => self.hang_up(CloseCode::VIOLATION),
            Some(true) if stream == DIRECT => self.trim = Some(offset),
            Some(_) => {}
        }
    }

    /// Counts a frame that asks for something; false if its packet has more of them than any client
    /// needs, which ends the connection. Each costs a few bytes, and its answer many times as much.
    /// PROTOCOL.md F-13.
    fn is_asked(&mut self) -> bool {
        self.requests += 1;
        if self.requests > NOTICES_MAX {
            self.hang_up(CloseCode::VIOLATION);
        }
        self.requests <= NOTICES_MAX
    }

    /// PROTOCOL.md S-14, S-20.
    fn subscribe(&mut self, stream: StreamId, topic: &str, start: Start) {
        if !self.is_asked() {
            return;
        }
        if stream <= self.last_stream {
            self.hang_up(CloseCode::VIOLATION);
            return;
        }
        self.last_stream = stream;
        let subscriptions = self.readers.subscriptions();
        if subscriptions >= self.config.streams.min(STREAMS_MAX) {
            self.put_subscribe_refused(stream, "too-many", "too many subscriptions on this line");
            return;
        }
        self.readers.insert(stream, Reader::requested(start));
        self.notices.push_back(Notice::Subscribe { stream, topic: topic.into(), start });
    }

    /// PROTOCOL.md S-33.
    fn unsubscribe(&mut self, unwanted: StreamId) {
        if !self.is_asked() || unwanted == DIRECT || !self.readers.remove(unwanted) {
            return;
        }
        self.entries.remove(unwanted, |_, _| {});
        // One that the shell has not been told of is undone without it, so that no more gather than
        // there are subscriptions.
        let is_its = |notice: &Notice| matches!(notice, Notice::Subscribe { stream, .. } if *stream == unwanted);
        match self.notices.iter().position(is_its) {
            Some(index) => drop(self.notices.remove(index)),
            None => self.notices.push_back(Notice::Unsubscribe { stream: unwanted }),
        }
    }

    pub(super) fn put_subscribe_refused(&mut self, stream: StreamId, code: &str, reason: &str) {
        let code = crate::wire::clip(code, crate::limits::REFUSAL_CODE_BYTES_MAX).as_bytes();
        let reason = crate::wire::clip(reason, crate::limits::REASON_BYTES_MAX).as_bytes();
        self.control.put(&Downlink::SubscribeRefused { stream, code, reason });
    }
}

/// The payload as a waiting message keeps it. It must not hold much more memory than the window
/// counts: a few bytes may have come in a packet of a megabyte.
fn payload_of(packet: &Bytes, message: &Message<'_>) -> Bytes {
    let payload = message.payload;
    if payload.len() < SHARED_BYTES_MIN.max(packet.len() / 2) {
        Bytes::copy_from_slice(payload)
    } else {
        packet.slice_ref(payload)
    }
}
