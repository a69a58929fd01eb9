//! The logs that a connection reads, and which of them have something for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tautline_protocol::{Epoch, Session, StreamId};

use crate::engine::{Bell, Engine, EngineError, Position, Read, ReadLimit};
use crate::mailbox::Mailbox;

/// Read in one go at most, so that streams take turns and little waits for a slow connection.
const READ_BYTES: usize = 64 * 1024;

pub(super) struct Streams<E: Engine> {
    mailbox: Arc<Mailbox>,
    readers: BTreeMap<StreamId, Reader<E::Topic>>,
    /// To be read next, in this order.
    ready: VecDeque<StreamId>,
    /// Those that the client has no room for.
    full: Vec<StreamId>,
}

struct Reader<T> {
    /// `None`: the direct stream.
    topic: Option<T>,
    epoch: Epoch,
    bell: Bell,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The bell will ring.
    CaughtUp,
    Ready,
    Full,
}

impl<E: Engine> Streams<E> {
    pub(super) const fn new(mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox, readers: BTreeMap::new(), ready: VecDeque::new(), full: Vec::new() }
    }

    /// Reads a log from now on: a topic, or without one the direct stream.
    pub(super) fn add(&mut self, stream: StreamId, topic: Option<E::Topic>, epoch: Epoch) {
        let bell = Bell::new(self.mailbox.clone(), stream);
        self.readers.insert(stream, Reader { topic, epoch, bell, state: State::Ready });
        self.ready.push_back(stream);
    }

    pub(super) fn remove(&mut self, stream: StreamId) {
        self.readers.remove(&stream);
        self.ready.retain(|ready| *ready != stream);
    }

    /// There is something new in a stream.
    pub(super) fn rung(&mut self, stream: StreamId) {
        if let Some(reader) = self.readers.get_mut(&stream)
            && reader.state == State::CaughtUp
        {
            reader.state = State::Ready;
            self.ready.push_back(stream);
        }
    }

    /// The client has told how far it is: there may be room again.
    pub(super) fn room_may_have_grown(&mut self) {
        for stream in self.full.drain(..) {
            if let Some(reader) = self.readers.get_mut(&stream)
                && reader.state == State::Full
            {
                reader.state = State::Ready;
                self.ready.push_back(stream);
            }
        }
    }

    /// Memory that it takes, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        self.readers.len() * size_of::<(StreamId, Reader<E::Topic>)>()
    }

    /// Lets go of memory that was needed once.
    pub(super) fn give_back(&mut self) {
        self.full.shrink_to_fit();
        self.ready.shrink_to_fit();
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Gives the machine what it has room for of the next stream.
    pub(super) async fn deliver_next(
        &mut self,
        machine: &mut Session,
        engine: &E,
        session: &E::Session,
    ) -> Result<(), EngineError> {
        let Some(stream) = self.ready.pop_front() else { return Ok(()) };
        let Some(reader) = self.readers.get_mut(&stream) else { return Ok(()) };
        let room = machine.room(stream);
        if room.entries == 0 || room.bytes == 0 {
            reader.state = State::Full;
            self.full.push(stream);
            return Ok(());
        }
        let limit = ReadLimit { entries: room.entries, bytes: room.bytes.min(READ_BYTES) };
        let (bell, found) = (&reader.bell, &mut Vec::new());
        let read = match &reader.topic {
            None => engine.read_direct(session, room.after, limit, bell, found).await?,
            Some(topic) => {
                let after = Position { epoch: reader.epoch, offset: room.after };
                engine.read_topic(topic, after, limit, bell, found).await?
            }
        };
        machine.deliver(stream, room.after + 1, found);
        // What the machine did not take has no room yet.
        let is_full = machine.room(stream).after != room.after + found.len() as u64;
        reader.state = match read {
            Read::Gap(position) => {
                reader.epoch = position.epoch;
                machine.gap(stream, position.epoch, position.offset);
                State::Ready
            }
            _ if is_full => State::Full,
            Read::CaughtUp => State::CaughtUp,
            Read::More => State::Ready,
        };
        match reader.state {
            State::CaughtUp => {}
            State::Ready => self.ready.push_back(stream),
            State::Full => self.full.push(stream),
        }
        Ok(())
    }
}
