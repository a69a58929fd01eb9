//! One step: an action, and whatever both ends do about it at once.

use super::World;
use crate::action::{Action, Notices};
use crate::bounds::{Ask, Bounds};
use crate::client::Deadline;
use crate::engine::Keep;
use crate::ledger::{Broken, Facts};
use crate::link::{Link, LinkId};
use crate::server::{Server, Surroundings};
use crate::story::Story;
use std::sync::Arc;
use tautline_protocol::client::{Event, Input, Output};
use tautline_protocol::{CloseCode, Epoch, Format, Kind};

/// A connection that broke ends so (RFC 6455, 7.1.5).
const BROKEN: CloseCode = CloseCode(1006);

impl World {
    pub(super) fn apply(
        &mut self,
        action: Action,
        bounds: &Bounds,
        story: &mut Story,
    ) -> Result<(), Broken> {
        match action {
            Action::Send => return self.send(bounds, story),
            Action::Cancel => return self.cancel(bounds, story),
            Action::Handle => {
                Arc::make_mut(&mut self.client).handle();
                return self.drain_client(bounds, story);
            }
            Action::Push => {
                self.left.pushes -= 1;
                let number = bounds.pushes - self.left.pushes;
                self.on_server(bounds, story, |server, around| server.push(number, around));
            }
            Action::Publish => {
                self.left.news -= 1;
                let number = bounds.news - self.left.news;
                self.on_server(bounds, story, |server, around| server.publish(number, around));
            }
            Action::Trim(stream) => {
                self.left.trims -= 1;
                self.on_server(bounds, story, |server, around| server.trim_oldest(stream, around));
            }
            Action::ArriveUp(id) => self.arrive_up(id, bounds, story),
            Action::ArriveDown(id) => return self.arrive_down(id, bounds, story),
            Action::Finish => return self.on_server(bounds, story, Server::finish),
            Action::Deadline => return self.deadline(bounds, story),
            Action::Cut(id, notices) => {
                self.left.cuts -= 1;
                match notices {
                    Notices::Client => return self.close_client(id, bounds, story),
                    Notices::Server => self.close_server(id, bounds, story),
                    Notices::Nobody => self.link(id).into_iter().for_each(Link::kill),
                }
            }
            Action::ServerNotices(id) => self.close_server(id, bounds, story),
            Action::ClientNotices(id) => return self.close_client(id, bounds, story),
            Action::Crash(keep) => self.crash(keep),
        }
        Ok(())
    }

    fn arrive_up(&mut self, id: LinkId, bounds: &Bounds, story: &mut Story) {
        if let Some(packet) = self.link(id).and_then(|link| link.up.pop_front()) {
            story.packet_up("it says", &packet);
            self.on_server(bounds, story, |server, around| server.arrive(id, packet, around));
        }
    }

    fn arrive_down(
        &mut self,
        id: LinkId,
        bounds: &Bounds,
        story: &mut Story,
    ) -> Result<(), Broken> {
        let packet = self.link(id).and_then(|link| link.down.pop_front());
        let Some(packet) = packet else { return Ok(()) };
        story.packet_down("it says", &packet);
        Arc::make_mut(&mut self.client).probing = false;
        self.on_client(Input::Packet(packet.to_vec()), bounds, story)
    }

    fn crash(&mut self, keep: Keep) {
        match keep {
            Keep::Everything => self.left.crashes -= 1,
            Keep::Tombstones | Keep::Nothing => self.left.losses -= 1,
        }
        Arc::make_mut(&mut self.server).crash(keep);
        for link in Arc::make_mut(&mut self.links).values_mut() {
            link.close_server(BROKEN);
        }
    }

    fn cancel(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        self.left.cancels -= 1;
        let newest = self.ledger.fates.len() as u64;
        if Arc::make_mut(&mut self.client).machine.cancel(newest) {
            story.tell(format_args!("message {newest} will not be sent"));
            Arc::make_mut(&mut self.ledger).cancel(newest);
        }
        self.drain_client(bounds, story)
    }

    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        Arc::make_mut(&mut self.links).get_mut(&id)
    }

    fn send(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        self.left.messages -= 1;
        let expected = Arc::make_mut(&mut self.ledger).send();
        let kind = match bounds.ask(expected) {
            Ask::Request => Kind::Request,
            Ask::Send | Ask::Refuse => Kind::Send,
        };
        let client = Arc::make_mut(&mut self.client);
        let sent = client.machine.send(kind, Format::Binary, "", vec![expected as u8]);
        if sent != Ok(expected) {
            return Err(Broken::Outcome);
        }
        self.drain_client(bounds, story)
    }

    fn deadline(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        if self.deadline_is_rationed() {
            self.left.takeovers -= 1;
        }
        let client = Arc::make_mut(&mut self.client);
        client.probing |= client.deadline() == Some(Deadline::Patience);
        client.now = client.wake_at.unwrap_or(client.now);
        self.on_client(Input::Woke, bounds, story)
    }

    fn close_client(
        &mut self,
        id: LinkId,
        bounds: &Bounds,
        story: &mut Story,
    ) -> Result<(), Broken> {
        let Some(link) = self.link(id) else { return Ok(()) };
        // The server's reason comes behind everything else it has sent, if at all.
        let code = link.server_closed.filter(|_| link.down.is_empty()).unwrap_or(BROKEN);
        link.close_client(BROKEN);
        Arc::make_mut(&mut self.client).link = None;
        self.on_client(Input::Closed(code), bounds, story)
    }

    fn close_server(&mut self, id: LinkId, bounds: &Bounds, story: &mut Story) {
        if let Some(link) = self.link(id) {
            link.close_server(BROKEN);
        }
        self.on_server(bounds, story, |server, around| server.closed(id, around));
    }

    fn on_server<T>(
        &mut self,
        bounds: &Bounds,
        story: &mut Story,
        act: impl FnOnce(&mut Server, &mut Surroundings<'_>) -> T,
    ) -> T {
        let links = Arc::make_mut(&mut self.links);
        let mut around = Surroundings { links, ledger: &self.ledger, bounds, story };
        act(Arc::make_mut(&mut self.server), &mut around)
    }

    fn on_client(
        &mut self,
        input: Input,
        bounds: &Bounds,
        story: &mut Story,
    ) -> Result<(), Broken> {
        let client = Arc::make_mut(&mut self.client);
        client.machine.handle_input(input, client.now);
        self.drain_client(bounds, story)
    }

    /// Hands out whatever the client's machine wants done. A link that is dialed is open at once;
    /// what can go wrong with it still can.
    fn drain_client(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        let client = Arc::make_mut(&mut self.client);
        let links = Arc::make_mut(&mut self.links);
        let mut result = Ok(());
        let mut opened = false;
        loop {
            match client.machine.poll_output() {
                Output::Dial => {
                    client.dialed += 1;
                    client.probing = false;
                    links.insert(client.dialed, Link::default());
                    client.link = Some(client.dialed);
                    opened = true;
                    story.tell(format_args!("the client dials link {}", client.dialed));
                }
                Output::Transmit(packet) => {
                    story.packet_up("the client sends", packet);
                    if let Some(link) = client.link.and_then(|link| links.get_mut(&link)) {
                        link.send_up(packet);
                    }
                }
                Output::HangUp(code) => {
                    let link = client.link.take();
                    story.tell(format_args!("the client hangs up its link: {code}"));
                    if let Some(link) = link.and_then(|link| links.get_mut(&link)) {
                        link.close_client(code);
                    }
                }
                Output::Event(event) => {
                    story.event(&event);
                    if let Event::Message { stream, offset, .. } = event {
                        client.unhandled.push_back((stream, offset));
                    }
                    let link = client.link.and_then(|link| links.get(&link));
                    let facts = Facts {
                        truth: &self.server.truth,
                        trimmed: trimmed(&self.server),
                        epoch: link.map_or(Epoch::NONE, |link| link.epoch),
                        bounds,
                    };
                    let noted = Arc::make_mut(&mut self.ledger).note(&event, facts);
                    result = result.and(noted);
                }
                // The model's client has its credentials from the start.
                Output::Authorize { .. } => {}
                Output::Idle { .. } if std::mem::take(&mut opened) => {
                    client.machine.handle_input(Input::Opened, client.now);
                }
                Output::Idle { .. } if !bounds.handle_later && !client.unhandled.is_empty() => {
                    client.handle();
                }
                Output::Idle { wake_at } => {
                    client.wake_at = wake_at;
                    return result;
                }
            }
        }
    }
}

/// Up to where the direct stream and the topic are trimmed.
fn trimmed(server: &Server) -> [(Epoch, u64); 2] {
    let topic = (server.engine.topic.epoch, server.engine.topic.trimmed);
    let direct =
        server.engine.session.as_ref().map(|kept| (kept.direct.epoch, kept.direct.trimmed));
    [topic, direct.unwrap_or((Epoch::NONE, 0))]
}
