//! A client that mostly knows what it may say, so that scripts get far; and then says otherwise.

use arbitrary::Result;
use tautline_protocol::message::Cursor;
use tautline_protocol::uplink::{Hello, Message, Uplink};
use tautline_protocol::{Epoch, Format, Kind, Start};

use crate::script::Script;

#[derive(Default)]
pub(super) struct Client {
    pub(super) accepted: u64,
}

impl Client {
    /// Appends a frame to a packet.
    pub(super) fn put(
        &mut self,
        kind: u8,
        script: &mut Script<'_>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let stream = u32::from(script.byte()? % 6);
        match kind {
            2 => {
                let epoch = Epoch((script.byte()? & 1).into());
                let acknowledged = script.number()?;
                let received = script.number()?;
                let hello = Hello {
                    session: [1; 16],
                    epoch,
                    connection: script.number()?,
                    acknowledged,
                    restart: script.number_near(acknowledged.saturating_add(1))?,
                    received,
                    handled: script.number_near(received)?,
                    credentials: script.bytes()?,
                };
                Uplink::Hello(hello).encode(out);
            }
            3..=5 => self.message(script)?.encode(out),
            6 => {
                let start = if script.byte()? & 1 == 0 {
                    Start::Last(script.number()?)
                } else {
                    let (epoch, received) = (Epoch(script.number()?), script.number()?);
                    let handled = script.number_near(received)?;
                    Start::After(Cursor { epoch, received, handled })
                };
                Uplink::Subscribe { stream, topic: "topic", start }.encode(out);
            }
            7 => Uplink::Received { stream, offset: script.number()? }.encode(out),
            8 => Uplink::Unsubscribe { stream }.encode(out),
            _ => match script.byte()? % 4 {
                0 => Uplink::Ping { nonce: script.number()? }.encode(out),
                1 => Uplink::Pong { nonce: script.number()? }.encode(out),
                2 => Uplink::Auth { credentials: script.bytes()? }.encode(out),
                _ => Uplink::Bye.encode(out),
            },
        }
        Ok(())
    }

    fn message<'a>(&mut self, script: &mut Script<'a>) -> Result<Uplink<'a>> {
        let (flags, seq) = (script.byte()?, script.number_near(self.accepted.saturating_add(1))?);
        let payload = script.bytes()?;
        let kind = match flags & 3 {
            0 | 1 => Kind::Send,
            2 => Kind::Request,
            _ => Kind::Publish,
        };
        let is_volatile = flags & 0x70 == 0x70;
        if !is_volatile {
            self.accepted = seq;
        }
        Ok(Uplink::Message(Message {
            kind,
            format: Format::from_bits(flags >> 2),
            possible_duplicate: flags & 0x80 != 0,
            seq_low: (!is_volatile).then_some(seq as u8),
            topic: if kind == Kind::Publish { "topic" } else { "" },
            payload,
        }))
    }
}
