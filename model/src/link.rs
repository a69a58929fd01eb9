//! One connection of the network: packets under way in order, and two ends that close apart.

use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use tautline_protocol::{CloseCode, Epoch};

/// Counts the connections that the client dials, from 1.
pub type LinkId = u64;
/// The links that somebody still holds.
pub type Links = BTreeMap<LinkId, Link>;

/// One connection.
#[derive(Clone, Debug, Default, Hash)]
pub struct Link {
    /// Under way to the server.
    pub up: VecDeque<Bytes>,
    /// Under way to the client.
    pub down: VecDeque<Bytes>,
    /// How the client has ended it, if it has.
    pub client_closed: Option<CloseCode>,
    /// How the server has ended it, if it has.
    pub server_closed: Option<CloseCode>,
    /// Dead, though neither end has noticed: nothing moves any more.
    pub dead: bool,
    /// The incarnation of the session that WELCOME named on it.
    pub epoch: Epoch,
}

impl Link {
    /// The client transmits.
    pub fn send_up(&mut self, packet: &[u8]) {
        if !self.dead && self.server_closed.is_none() {
            self.up.push_back(Bytes::copy_from_slice(packet));
        }
    }

    /// The server transmits.
    pub fn send_down(&mut self, packet: &[u8]) {
        if !self.dead && self.client_closed.is_none() {
            self.down.push_back(Bytes::copy_from_slice(packet));
        }
    }

    /// The client's end is closed: nothing reaches it any more.
    pub fn close_client(&mut self, code: CloseCode) {
        self.client_closed = Some(code);
        self.down.clear();
    }

    /// The server's end is closed: nothing reaches it any more.
    pub fn close_server(&mut self, code: CloseCode) {
        self.server_closed = Some(code);
        self.up.clear();
    }

    /// Nothing moves any more, and nobody knows.
    pub fn kill(&mut self) {
        self.dead = true;
        self.up.clear();
        self.down.clear();
    }

    /// Whether both ends are closed, so that nothing can come of it any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.client_closed.is_some() && self.server_closed.is_some()
    }

    /// Whether it works, as far as both ends know and in truth.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        !self.dead && self.client_closed.is_none() && self.server_closed.is_none()
    }
}
