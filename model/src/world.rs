//! One client, one server and the links between them: a state of the model, and its steps.

use crate::action::{Action, Notices};
use crate::bounds::{Ask, Bounds, Left};
use crate::client::{ClientEnd, Deadline};
use crate::engine::Keep;
use crate::fingerprint::{ORIGIN, fingerprint};
use crate::ledger::{Broken, Facts, Fate, Ledger};
use crate::link::{Link, LinkId, Links};
use crate::server::{Server, Surroundings};
use crate::story::Story;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use tautline_protocol::client::{Event, Input, Output};
use tautline_protocol::{CloseCode, DIRECT, Epoch, Format, Kind, Start};

/// The topic that the client reads.
const TOPIC: &str = "room";
/// A connection that broke ends so (RFC 6455, 7.1.5).
const BROKEN: CloseCode = CloseCode(1006);

/// A state. Its parts are shared with its neighbours until they change.
#[derive(Clone)]
pub struct World {
    /// The client's end.
    pub client: Arc<ClientEnd>,
    /// The server.
    pub server: Arc<Server>,
    /// The network.
    pub links: Arc<Links>,
    /// What the client's application was told.
    pub ledger: Arc<Ledger>,
    /// What may still happen.
    pub left: Left,
    /// A promise that does not hold.
    pub broken: Option<Broken>,
    prints: [u64; 4],
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.prints, self.left, self.broken).hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        (self.prints, self.left, self.broken) == (other.prints, other.left, other.broken)
    }
}

impl World {
    /// The beginning: the client is about to dial.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let mut client = ClientEnd::new(bounds);
        if bounds.news > 0 {
            // The machine only refuses a name that is empty or too long.
            let subscribed = client.machine.subscribe(TOPIC, Start::Last(1));
            debug_assert!(subscribed.is_ok(), "{subscribed:?}");
        }
        let mut world = Self {
            client: Arc::new(client),
            server: Arc::default(),
            links: Arc::default(),
            ledger: Arc::default(),
            left: Left::of(bounds),
            broken: None,
            prints: [0; 4],
        };
        world.prints = world.fingerprints();
        world
    }

    /// Whether the client reads the topic.
    #[must_use]
    pub fn reads_topic(&self) -> bool {
        self.ledger.topic.epoch != Epoch::NONE
    }

    fn fingerprints(&self) -> [u64; 4] {
        [
            fingerprint(&*self.client, self.client.now),
            fingerprint(&*self.server, ORIGIN),
            fingerprint(&*self.links, ORIGIN),
            fingerprint(&*self.ledger, ORIGIN),
        ]
    }

    /// The state behind an action.
    #[must_use]
    pub fn after(&self, action: Action, bounds: &Bounds, story: &mut Story) -> Self {
        let mut next = self.clone();
        if let Err(broken) = next.apply(action, bounds, story) {
            next.broken = Some(broken);
        }
        Arc::make_mut(&mut next.links).retain(|_, link| !link.is_over());
        next.prints = next.fingerprints();
        if next.broken.is_none() && next.is_at_rest() {
            next.broken = crate::rest::broken_at_rest(&next);
        }
        next
    }

    fn apply(&mut self, action: Action, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        match action {
            Action::Send => {
                self.left.messages -= 1;
                self.send(bounds, story)
            }
            Action::Push => {
                self.left.pushes -= 1;
                let number = bounds.pushes - self.left.pushes;
                self.on_server(bounds, story, |server, around| server.push(number, around));
                Ok(())
            }
            Action::Publish => {
                self.left.news -= 1;
                let number = bounds.news - self.left.news;
                self.on_server(bounds, story, |server, around| server.publish(number, around));
                Ok(())
            }
            Action::Trim(stream) => {
                self.left.trims -= 1;
                self.on_server(bounds, story, |server, around| server.trim_oldest(stream, around));
                Ok(())
            }
            Action::ArriveUp(id) => {
                let packet = self.link(id).and_then(|link| link.up.pop_front());
                if let Some(packet) = packet {
                    story.packet_up("it says", &packet);
                    self.on_server(bounds, story, |server, around| {
                        server.arrive(id, packet, around);
                    });
                }
                Ok(())
            }
            Action::ArriveDown(id) => {
                let packet = self.link(id).and_then(|link| link.down.pop_front());
                let Some(packet) = packet else { return Ok(()) };
                story.packet_down("it says", &packet);
                Arc::make_mut(&mut self.client).probing = false;
                self.on_client(Input::Packet(packet.to_vec()), bounds, story)
            }
            Action::Finish => self.on_server(bounds, story, Server::finish),
            Action::Deadline => self.deadline(bounds, story),
            Action::Cut(id, notices) => {
                self.left.cuts -= 1;
                match notices {
                    Notices::Client => self.close_client(id, bounds, story),
                    Notices::Server => {
                        self.close_server(id, bounds, story);
                        Ok(())
                    }
                    Notices::Nobody => {
                        if let Some(link) = self.link(id) {
                            link.kill();
                        }
                        Ok(())
                    }
                }
            }
            Action::ServerNotices(id) => {
                self.close_server(id, bounds, story);
                Ok(())
            }
            Action::ClientNotices(id) => self.close_client(id, bounds, story),
            Action::Crash(keep) => {
                match keep {
                    Keep::Everything => self.left.crashes -= 1,
                    Keep::Tombstones | Keep::Nothing => self.left.losses -= 1,
                }
                Arc::make_mut(&mut self.server).crash(keep);
                for link in Arc::make_mut(&mut self.links).values_mut() {
                    link.close_server(BROKEN);
                }
                Ok(())
            }
        }
    }

    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        Arc::make_mut(&mut self.links).get_mut(&id)
    }

    fn send(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        let ledger = Arc::make_mut(&mut self.ledger);
        ledger.fates.push(Fate::Pending);
        let expected = ledger.fates.len() as u64;
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

    /// Hands out whatever the client's machine wants done. The application handles what it gets
    /// at once; a link that is dialed is open at once, and what can go wrong with it still can.
    fn drain_client(&mut self, bounds: &Bounds, story: &mut Story) -> Result<(), Broken> {
        let client = Arc::make_mut(&mut self.client);
        let links = Arc::make_mut(&mut self.links);
        let mut result = Ok(());
        let mut opened = false;
        let mut handled = Vec::new();
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
                    story.tell(format_args!("the application is told: {event:?}"));
                    if let Event::Message { stream, offset, .. } = event {
                        handled.push((stream, offset));
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
                Output::Idle { .. } if !handled.is_empty() => {
                    for (stream, offset) in handled.drain(..) {
                        client.machine.handled(stream, offset);
                    }
                }
                Output::Idle { wake_at } => {
                    client.wake_at = wake_at;
                    return result;
                }
            }
        }
    }

    /// Whether the client's next deadline is one that the bounds ration: its patience ends with a
    /// connection that works, or may.
    fn deadline_is_rationed(&self) -> bool {
        let link = self.client.link.and_then(|link| self.links.get(&link));
        let dead = link.is_some_and(|link| link.dead);
        self.client.deadline() == Some(Deadline::Patience) && !dead
    }

    /// Whether nothing is left to do but what the bounds ration.
    fn is_at_rest(&self) -> bool {
        let mut actions = Vec::new();
        self.pending(&mut actions);
        actions.is_empty()
    }

    /// What happens sooner or later, in whatever order.
    fn pending(&self, actions: &mut Vec<Action>) {
        for (&id, link) in &*self.links {
            if !link.up.is_empty() {
                actions.push(Action::ArriveUp(id));
            }
            if !link.down.is_empty() {
                actions.push(Action::ArriveDown(id));
            }
            if link.server_closed.is_none() && (link.client_closed.is_some() || link.dead) {
                actions.push(Action::ServerNotices(id));
            }
            if link.client_closed.is_none() && link.server_closed.is_some() && !link.dead {
                actions.push(Action::ClientNotices(id));
            }
        }
        if self.server.is_busy() {
            actions.push(Action::Finish);
        }
        if self.client.deadline().is_some() && !self.deadline_is_rationed() {
            actions.push(Action::Deadline);
        }
    }

    /// Everything that can happen.
    pub fn actions(&self, actions: &mut Vec<Action>) {
        if self.broken.is_some() {
            return;
        }
        self.pending(actions);
        let left = &self.left;
        let engine = &self.server.engine;
        let direct = engine.session.as_ref().map(|kept| &kept.direct);
        let may = |left: u8, possible: bool, action| (left > 0 && possible).then_some(action);
        actions.extend(may(left.messages, true, Action::Send));
        actions.extend(may(left.pushes, direct.is_some(), Action::Push));
        actions.extend(may(left.news, true, Action::Publish));
        let has_direct = direct.is_some_and(|direct| !direct.is_empty());
        actions.extend(may(left.trims, has_direct, Action::Trim(DIRECT)));
        actions.extend(may(left.trims, !engine.topic.is_empty(), Action::Trim(DIRECT + 1)));
        actions.extend(may(left.takeovers, self.deadline_is_rationed(), Action::Deadline));
        for (&id, link) in &*self.links {
            for notices in [Notices::Client, Notices::Server, Notices::Nobody] {
                actions.extend(may(left.cuts, link.is_sound(), Action::Cut(id, notices)));
            }
        }
        actions.extend(may(left.crashes, true, Action::Crash(Keep::Everything)));
        for keep in [Keep::Tombstones, Keep::Nothing] {
            actions.extend(may(left.losses, true, Action::Crash(keep)));
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
