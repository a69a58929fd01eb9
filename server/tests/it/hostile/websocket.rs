//! WebSocket frames that are odd, broken or without end.

use tautline_protocol::limits::UPLINK_BYTES_MAX;
use tautline_protocol::uplink::{Hello, Uplink};

use super::wire::{BINARY, PING, Wire, declared, framed};
use super::{MIB, Siege, Store};
use crate::raw::hello;

async fn frames_that_no_websocket_has_end_the_connection(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut unmasked = framed(BINARY, &[0x0a, 0x01]);
    unmasked[1] &= 0x7f;
    let cases = [
        (unmasked, 1002, "not masked"),
        (framed(0xc2, &[0x0a, 0x01]), 1002, "compressed, though that was not agreed"),
        (framed(0xa2, &[0x0a, 0x01]), 1002, "another reserved bit"),
        (framed(0x83, &[0x0a, 0x01]), 1002, "an opcode without a meaning"),
        (framed(0x80, &[0x0a, 0x01]), 1002, "the end of a message that has no beginning"),
        (
            [framed(0x02, &[0x0a]), framed(BINARY, &[0x01])].concat(),
            1002,
            "one message inside another",
        ),
        (framed(PING, &[0; 126]), 1002, "a control frame that is too long"),
        (framed(0x09, &[0]), 1002, "a control frame in pieces"),
        (framed(0x81, &[0xff]), 1007, "a text that is none"),
        (
            [framed(0x01, &[0xc3]), framed(0x80, &[0x28])].concat(),
            1007,
            "one that is none in pieces",
        ),
    ];
    for (connection, (bytes, code, what)) in (1..).zip(cases) {
        let hello = Uplink::Hello(Hello { connection, ..hello(1) });
        let mut wire = Wire::join(siege.program.address, hello).await;
        wire.write(&bytes).await;
        assert_eq!(wire.closed().await, Some(code), "{what}");
    }
    siege.lift(8 * MIB).await;
}

async fn a_message_in_a_thousand_pieces_is_one_and_one_without_end_is_too_large(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(1))).await;
    let mut packet = Vec::new();
    (0..500).for_each(|nonce| Uplink::Ping { nonce }.encode(&mut packet));
    let mut pieces = framed(0x02, &packet[..1]);
    packet[1..].iter().for_each(|byte| pieces.extend(framed(0x00, &[*byte])));
    pieces.extend(framed(0x80, &[]));
    wire.write(&pieces).await;
    wire.hear().await.expect("WELCOME");
    let (_, pongs) = wire.hear().await.expect("the PONGs");
    assert_eq!(pongs.len(), packet.len());

    wire.write(&framed(0x02, &[0; 1_000])).await;
    for _ in 0..UPLINK_BYTES_MAX / 1_000 {
        wire.write(&framed(0x00, &[0; 1_000])).await;
    }
    assert_eq!(wire.closed().await, Some(4304));
    siege.lift(8 * MIB).await;
}

async fn a_length_reserves_nothing_until_its_bytes_are_there(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    for length in [UPLINK_BYTES_MAX as u64 + 1, u64::from(u32::MAX), u64::MAX >> 1] {
        let mut wire = Wire::upgrade(siege.program.address).await;
        wire.write(&declared(BINARY, length)).await;
        assert_eq!(wire.closed().await, Some(4304), "{length}");
    }
    let mut wires = Vec::new();
    for _ in 0..400 {
        let mut wire = Wire::upgrade(siege.program.address).await;
        wire.write(&declared(BINARY, UPLINK_BYTES_MAX as u64)).await;
        wire.write(&[0x01; 100]).await;
        wires.push(wire);
    }
    siege.bystander.goes_on().await;
    drop(wires);
    // So much they may promise, and not more.
    siege.lift(40 * MIB).await;
}

async fn pings_of_the_websocket_without_end_fill_no_memory(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let mut wires = Vec::new();
    let pings = framed(PING, &[b'p'; 125]).repeat(1_000);
    for session in 1..=4 {
        let mut wire = Wire::join(siege.program.address, Uplink::Hello(hello(session))).await;
        // Each is answered, and the answers are not read.
        for _ in 0..200 {
            if !wire.push(&pings).await {
                break;
            }
        }
        wires.push(wire);
    }
    siege.bystander.goes_on().await;
    drop(wires);
    // A hundred megabytes of them were there to be sent.
    siege.lift(16 * MIB).await;
}

// PROTOCOL.md S-28.
super::on_every_engine! {
    frames_that_no_websocket_has_end_the_connection,
    a_message_in_a_thousand_pieces_is_one_and_one_without_end_is_too_large,
    a_length_reserves_nothing_until_its_bytes_are_there,
    pings_of_the_websocket_without_end_fill_no_memory,
}
