//! What becomes of a session at HELLO: resumed only if both ends provably overlap.

use crate::lone_session::HELLO;
use tautline_protocol::resume::{Record, Resolution, Resumption, Tombstone, resolve};
use tautline_protocol::uplink::Hello;
use tautline_protocol::{Epoch, Offset, Seq};

const OLD: Epoch = Epoch(1);
const FRESH: Epoch = Epoch(2);
const RECORD: Record = Record { epoch: OLD, accepted: 10, head: 20 };
const STONE: Tombstone = Tombstone { epoch: OLD, accepted: 10, head: 20 };

fn hello(acknowledged: Seq, received: Offset) -> Hello<'static> {
    let restart = acknowledged + 3;
    Hello { epoch: OLD, acknowledged, restart, received, handled: received, ..HELLO }
}

#[track_caller]
fn check(
    hello: &Hello<'_>,
    record: Option<Record>,
    stone: Option<Tombstone>,
    (resumption, epoch, accepted, head): (Resumption, Epoch, Seq, Offset),
) {
    let expected = Resolution { resumption, epoch, accepted, head };
    assert_eq!(resolve(hello, record, stone, FRESH), expected);
}

// PROTOCOL.md.
#[test]
fn a_session_is_resumed_as_long_as_both_ends_overlap() {
    let resumed = (Resumption::Resumed, OLD, 10, 20);
    for (acknowledged, received) in [(0, 0), (10, 20), (8, 13)] {
        check(&hello(acknowledged, received), Some(RECORD), None, resumed);
        check(&hello(acknowledged, received), Some(RECORD), Some(STONE), resumed);
    }
}

// PROTOCOL.md.
#[test]
fn a_client_that_knows_more_than_the_server_has_lost_its_session() {
    for (acknowledged, received) in [(11, 20), (10, 21), (u64::MAX - 3, 0)] {
        let lost = (Resumption::Lost, FRESH, acknowledged + 2, 0);
        check(&hello(acknowledged, received), Some(RECORD), None, lost);
    }
    let of_another = Record { epoch: Epoch(7), ..RECORD };
    check(&hello(3, 3), Some(of_another), None, (Resumption::Lost, FRESH, 5, 0));
}

// PROTOCOL.md R-11.
#[test]
fn a_tombstone_of_the_client_s_incarnation_is_told() {
    let known = (Resumption::LostAcceptedKnown, FRESH, 10, 20);
    check(&hello(8, 25), None, Some(STONE), known);
    // The incarnation that followed was never known to the client.
    let of_another = Record { epoch: Epoch(7), ..RECORD };
    check(&hello(8, 25), Some(of_another), Some(STONE), known);
    let of_another = Tombstone { epoch: Epoch(7), ..STONE };
    check(&hello(8, 25), None, Some(of_another), (Resumption::Lost, FRESH, 10, 0));
    check(&hello(11, 0), None, Some(STONE), (Resumption::Lost, FRESH, 13, 0));
}

// PROTOCOL.md R-11.
#[test]
fn a_client_that_knows_of_no_incarnation_gets_a_new_one_or_the_one_it_missed() {
    let hello = Hello { restart: 5, ..HELLO };
    check(&hello, None, None, (Resumption::New, FRESH, 4, 0));
    check(&hello, None, Some(STONE), (Resumption::New, FRESH, 4, 0));
    // The first WELCOME was lost, and direct messages wait already.
    let missed = Record { epoch: OLD, accepted: 4, head: 9 };
    check(&hello, Some(missed), None, (Resumption::Resumed, OLD, 4, 9));
    // A record that has accepted something is of somebody who knows it.
    check(&hello, Some(RECORD), None, (Resumption::New, FRESH, 4, 0));
}
