//! What has to hold once nothing is left to do but what the bounds ration.

use crate::ledger::{Broken, Fate};
use crate::world::World;
use tautline_protocol::Offset;
use tautline_protocol::client::State;

/// What does not hold of a world at rest.
#[must_use]
pub fn broken_at_rest(world: &World) -> Option<Broken> {
    let (client, server, ledger) = (&world.client, &world.server, &world.ledger);
    if ledger.fates.contains(&Fate::Pending) {
        return Some(Broken::Unsettled);
    }
    let live = client.machine.state() == State::Open && server.is_live();
    let truth = &server.truth;
    let direct_read = !truth.has_messages(ledger.direct.epoch, ledger.direct.at, Offset::MAX);
    let topic = &server.engine.topic;
    let topic_read = !world.reads_topic()
        || (ledger.topic.epoch, ledger.topic.at) == (topic.epoch, topic.head());
    // What the client has handled and reported is not kept any longer.
    let swept = server.engine.session.as_ref().is_some_and(|kept| kept.direct.is_empty());
    (!(live && direct_read && topic_read && swept)).then_some(Broken::Unrested)
}
