//! Packets and the WebSocket messages that they travel in, as PROTOCOL.md F-14 has it.

pub(crate) const FRAGMENT: u8 = 0x0f;
pub(crate) const LAST_FRAGMENT: u8 = 0x10;

/// Puts packets together. Whole ones may come between the parts of another.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    half: Vec<u8>,
}

impl Gathered {
    /// Takes a WebSocket message; returns the packet that it is or ends.
    pub(crate) fn take(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        if !matches!(message[0], FRAGMENT | LAST_FRAGMENT) {
            return Some(message.to_vec());
        }
        self.half.extend_from_slice(&message[1..]);
        (message[0] == LAST_FRAGMENT).then(|| std::mem::take(&mut self.half))
    }
}

/// A packet in parts of so many bytes.
pub(crate) fn divided(packet: &[u8], bytes: usize) -> Vec<Vec<u8>> {
    let mut parts: Vec<_> =
        packet.chunks(bytes).map(|part| [&[FRAGMENT][..], part].concat()).collect();
    parts.last_mut().unwrap()[0] = LAST_FRAGMENT;
    parts
}
