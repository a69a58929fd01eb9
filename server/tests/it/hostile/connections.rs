//! More connections than there may be, and such that say nothing.

use tautline_protocol::uplink::Uplink;

use super::wire::Wire;
use super::{MIB, Siege, Store};
use crate::raw::{Raw, hello};

async fn connections_beyond_the_bound_are_told_so_or_turned_away(store: Store) {
    let siege = Siege::lay(store, &["--connections-per-address", "20"]).await;
    let address = siege.program.address;
    let mut wires = Vec::new();
    for session in 1..=19 {
        wires.push(Wire::join(address, Uplink::Hello(hello(session))).await);
    }
    for _ in 0..100 {
        assert_eq!(Raw::dial(address).await.closed().await.0, 4101);
    }
    // Those that do not listen are turned away all the same.
    let mut deaf = Vec::new();
    for _ in 0..200 {
        deaf.push(Wire::connect(address).await);
    }
    drop((wires, deaf));
    siege.left_with(0).await;
    let (raw, _) = Raw::join(address, hello(100)).await;
    drop(raw);
    siege.lift(8 * MIB).await;
}

/// Sockets that have not become lines yet count, too: else one address could take all there are.
async fn one_address_cannot_take_the_place_of_all(store: Store) {
    let siege =
        Siege::lay(store, &["--connections", "60", "--connections-per-address", "30"]).await;
    let mut wires = Vec::new();
    for _ in 0..200 {
        wires.push(Wire::connect(siege.program.address).await);
    }
    // One that is turned away is open for a moment.
    siege.left_with(30).await;
    drop(wires);
    siege.lift(8 * MIB).await;
}

async fn lines_that_never_say_hello_are_ended(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut wires = Vec::new();
    for _ in 0..200 {
        wires.push(Wire::upgrade(siege.program.address).await);
    }
    for wire in wires {
        assert_eq!(wire.closed().await, Some(4003));
    }
    siege.lift(16 * MIB).await;
}

super::on_every_engine! {
    connections_beyond_the_bound_are_told_so_or_turned_away,
    one_address_cannot_take_the_place_of_all,
    lines_that_never_say_hello_are_ended,
}
