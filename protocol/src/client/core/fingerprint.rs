//! What tells two states of a client apart, for the model checker.
//!
//! Left out is what cannot change what the application or the server sees. Everything is named, so
//! that a new field has to be thought about here before the model builds again.

use super::Core;
use crate::client::Client;
use core::hash::{Hash, Hasher};

impl Hash for Client {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Between two drains no packet is being read or written: the buffers hold what is over.
        let Self { core, inbound: _, progress: _, outbound: _ } = self;
        core.hash(state);
    }
}

impl Hash for Core {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            // All that counts is how far the deadlines are from it, and they are here.
            now: _,
            // Empty between two drains.
            notices: _,
            handed_out: _,
            outbox,
            // Words for people, and the settings, which stay as they are.
            words: _,
            when_uncertain: _,
            connect_timeout_ms: _,
            asks: _,
            credentials,
            credentials_refused,
            // Of the packet being read, and between two drains there is none.
            credentials_wanted: _,
            state: connection_state,
            leave_at,
            attempt,
            // These move deadlines and decide nothing else. The model lets a deadline come before
            // or after anything else that can happen, and sets the delays of the backoff to 0.
            backoff: _,
            patience: _,
            session,
            epoch,
            connection,
            streams,
            next_stream,
            processed,
            replay_to,
            doubtful,
            buffered,
            control,
            leaving,
            arriving,
            not_before,
            message_bytes_max,
            close_by,
            said_bye,
            faults,
            // Counters that are only shown.
            stats: _,
        } = self;
        outbox.hash(state);
        // Before the replay is over; from then on they are what is settled, and passed.
        self.is_replaying().then_some((processed, replay_to)).hash(state);
        (credentials, credentials_refused, connection_state, leave_at, attempt).hash(state);
        (session, epoch, connection, streams, next_stream, doubtful).hash(state);
        (leaving, arriving).hash(state);
        (buffered, control, not_before, message_bytes_max, close_by, said_bye).hash(state);
        faults.hash(state);
    }
}
