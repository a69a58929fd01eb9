//! One client, one server and the links between them: a state of the model, and what can happen.

mod step;

use crate::action::{Action, Notices};
use crate::bounds::{Bounds, Left};
use crate::client::{ClientEnd, Deadline};
use crate::engine::Keep;
use crate::fingerprint::{ORIGIN, fingerprint};
use crate::ledger::{Broken, Fate, Ledger};
use crate::link::{Link, Links};
use crate::server::Server;
use crate::story::Story;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use tautline_protocol::{DIRECT, Epoch, Start};

/// The topic that the client reads.
const TOPIC: &str = "room";

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
        world.prints = world.fingerprints(None);
        world
    }

    /// Whether the client reads the topic.
    #[must_use]
    pub fn reads_topic(&self) -> bool {
        self.ledger.topic.epoch != Epoch::NONE
    }

    /// Whether the client has dialed anew while the server holds an older connection.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        self.links.values().filter(|link| link.server_closed.is_none()).count() > 1
    }

    /// Those of the parts; of what is still shared with `before` they are known.
    fn fingerprints(&self, before: Option<&Self>) -> [u64; 4] {
        let Self { client, server, links, ledger, .. } = self;
        let known = before.map_or([None; 4], |before| {
            let [of_client, of_server, of_links, of_ledger] = before.prints;
            [
                Arc::ptr_eq(client, &before.client).then_some(of_client),
                Arc::ptr_eq(server, &before.server).then_some(of_server),
                Arc::ptr_eq(links, &before.links).then_some(of_links),
                Arc::ptr_eq(ledger, &before.ledger).then_some(of_ledger),
            ]
        });
        let [of_client, of_server, of_links, of_ledger] = known;
        [
            of_client.unwrap_or_else(|| fingerprint(&**client, client.now)),
            of_server.unwrap_or_else(|| fingerprint(&**server, ORIGIN)),
            of_links.unwrap_or_else(|| fingerprint(&**links, ORIGIN)),
            of_ledger.unwrap_or_else(|| fingerprint(&**ledger, ORIGIN)),
        ]
    }

    /// The state behind an action.
    #[must_use]
    pub fn after(&self, action: Action, bounds: &Bounds, story: &mut Story) -> Self {
        let mut next = self.clone();
        if let Err(broken) = next.apply(action, bounds, story) {
            next.broken = Some(broken);
        }
        if next.links.values().any(Link::is_over) {
            Arc::make_mut(&mut next.links).retain(|_, link| !link.is_over());
        }
        next.prints = next.fingerprints(Some(self));
        let disruptions = Left::of(bounds).disruptions() - next.left.disruptions();
        if next.client.dialed > 1 + disruptions || next == *self {
            next.broken = next.broken.or(Some(Broken::Restless));
        }
        if next.broken.is_none() && next.is_at_rest() {
            next.broken = crate::rest::broken_at_rest(&next);
        }
        next
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
        if !self.client.unhandled.is_empty() {
            actions.push(Action::Handle);
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
        let newest = self.ledger.fates.last() == Some(&Fate::Pending);
        actions.extend(may(left.cancels, newest, Action::Cancel));
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
