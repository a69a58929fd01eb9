//! A server that mostly knows what it may say, so that scripts get far; and then says otherwise.

use arbitrary::Result;
use tautline_protocol::client::MessageId;
use tautline_protocol::downlink::{Downlink, Entry, Welcome};
use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Frames, Hello, Uplink};
use tautline_protocol::{CloseCode, Epoch, Format};

use crate::script::Script;

#[derive(Default)]
pub(super) struct Server {
    /// Of the last HELLO: acknowledged, restart and received.
    acknowledged: u64,
    restart: u64,
    received: u64,
    epoch: u64,
    /// The epoch that WELCOME has said.
    current: u64,
    accepted: u64,
    /// The last entry sent of each of the first streams.
    heads: [u64; 4],
}

impl Server {
    /// Notes what the client said.
    pub(super) fn hears(&mut self, packet: &[u8]) {
        for frame in Frames::new(packet, 1 << 24).flatten() {
            match frame {
                Uplink::Hello(Hello { epoch, acknowledged, restart, received, .. }) => {
                    self.epoch = epoch.0;
                    (self.acknowledged, self.restart) = (acknowledged, restart);
                    self.received = received;
                    self.heads[0] = received;
                }
                Uplink::Message(message) if message.seq_low.is_some() => self.accepted += 1,
                _ => {}
            }
        }
    }

    /// A packet of one sort of frame.
    pub(super) fn packet(
        &mut self,
        kind: u8,
        script: &mut Script<'_>,
        last_id: MessageId,
    ) -> Result<Vec<u8>> {
        let mut packet = Vec::new();
        let stream = usize::from(script.byte()? % 4);
        let epoch = Epoch(self.current.wrapping_add((script.byte()? & 1).into()));
        match kind {
            2 | 3 => self.welcome(script)?.encode(&mut packet),
            4 | 5 => self.entries(script, stream, &mut packet)?,
            6 => {
                let seq = script.number_near(self.accepted)?;
                Downlink::Ack { seq }.encode(&mut packet);
            }
            7 | 8 => {
                let offset = script.number_near(self.heads[stream])?;
                self.heads[stream] = offset;
                let stream = stream as u32;
                match kind {
                    7 => Downlink::Subscribed { stream, epoch, offset }.encode(&mut packet),
                    _ => Downlink::Gap { stream, epoch, offset }.encode(&mut packet),
                }
            }
            _ => control(script, stream as u32, last_id)?.encode(&mut packet),
        }
        Ok(packet)
    }

    fn welcome(&mut self, script: &mut Script<'_>) -> Result<Downlink<'static>> {
        let fresh = Epoch(self.epoch.wrapping_add(1).max(1));
        let resumption = match (script.byte()? % 4, self.epoch) {
            (0, 0) => Resumption::New,
            (0 | 1, _) => Resumption::Resumed,
            (2, _) => Resumption::LostAcceptedKnown,
            _ => Resumption::Lost,
        };
        let (epoch, accepted) = match resumption {
            Resumption::Resumed => (Epoch(self.epoch.max(1)), self.acknowledged),
            Resumption::LostAcceptedKnown => (fresh, self.acknowledged),
            Resumption::New | Resumption::Lost => (fresh, self.restart.saturating_sub(1)),
        };
        self.current = epoch.0;
        let accepted = script.number_near(accepted)?;
        self.accepted = accepted;
        Ok(Downlink::Welcome(Welcome {
            resumption,
            epoch,
            accepted,
            head: script.number_near(self.received)?,
            heartbeat_ms: script.number()?,
            message_bytes: script.number()?.saturating_mul(16),
            window_messages: script.number()?.max(1),
            window_bytes: script.number()?.saturating_mul(16),
        }))
    }

    fn entries(&mut self, script: &mut Script<'_>, stream: usize, out: &mut Vec<u8>) -> Result<()> {
        let (count, kind) = (script.byte()? % 32, script.byte()?);
        let first = script.number_near(self.heads[stream].saturating_add(1))?;
        let seq = script.number_near(self.acknowledged.saturating_add(1))?;
        let payload = script.bytes()?;
        for offset in (first..=u64::MAX).take(count.into()) {
            self.heads[stream] = offset;
            let seq = seq.saturating_add(offset - first);
            let entry = match kind % 4 {
                0 | 1 => Entry::Message(payload),
                2 => Entry::Reply { seq, payload },
                _ => Entry::Refusal { seq, code: b"no", reason: payload },
            };
            let format = Format::from_bits(kind >> 2);
            Downlink::Entry { stream: stream as u32, offset, format, entry }.encode(out);
        }
        Ok(())
    }
}

fn control(script: &mut Script<'_>, stream: u32, last_id: MessageId) -> Result<Downlink<'static>> {
    let kind = script.byte()?;
    let number = script.number_near(last_id)?;
    Ok(match kind % 6 {
        0 => Downlink::Ping { nonce: number },
        1 => Downlink::Pong { nonce: number },
        2 => Downlink::Auth,
        3 => Downlink::GoAway { after_ms: number, spread_ms: script.number()?, reason: b"away" },
        4 => {
            let code = CloseCode(script.number()? as u16);
            Downlink::Refuse { code, after_ms: number, reason: b"no" }
        }
        _ => Downlink::SubscribeRefused { stream, code: b"no", reason: b"no" },
    })
}
