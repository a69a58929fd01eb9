//! Two tabs that both think the session is theirs.

use tautline_protocol::resume::Resumption;
use tautline_protocol::uplink::{Hello, Uplink};

use super::wire::Wire;
use super::{MIB, Siege, Store};
use crate::raw::{Heard, Raw, hello, numbered};
use crate::world::soon;

async fn a_war_over_a_session_ends_every_loser_and_hurts_nobody_else(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let address = siege.program.address;
    let (mut holder, first) = Raw::join(address, hello(1)).await;
    let mut seq = 0;
    for connection in 2..=300 {
        // The program has no handler for it: its refusal is an answer, and is handled.
        let hello = Hello {
            connection,
            epoch: first.epoch,
            acknowledged: seq,
            restart: seq + 1,
            received: seq,
            handled: seq,
            ..hello(1)
        };
        let (mut next, welcome) = Raw::join(address, hello).await;
        assert_eq!(holder.closed().await.0, 4300);
        assert_eq!((welcome.resumption, welcome.accepted), (Resumption::Resumed, seq));
        seq += 1;
        next.say(&[numbered(seq, "mine")]).await;
        while !next.hear_packet().await.contains(&Heard::Ack(seq)) {}
        holder = next;
    }
    drop(holder);
    siege.lift(8 * MIB).await;
}

async fn a_hundred_at_once_leave_one_winner(store: Store) {
    let siege = Siege::lay(store, &[]).await;
    let address = siege.program.address;
    let mut tabs = Vec::new();
    for connection in 1..=100 {
        let hello = Uplink::Hello(Hello { connection, ..hello(1) });
        tabs.push(tokio::spawn(async move { Wire::join(address, hello).await.closed().await }));
    }
    let newest = tabs.pop().unwrap();
    for loser in tabs {
        // It came too late for its number, or was superseded.
        let code = soon(loser).await.unwrap();
        assert!(matches!(code, Some(4300 | 4005)), "{code:?}");
    }
    siege.left_with(1).await;
    siege.bystander.goes_on().await;
    assert!(!newest.is_finished(), "the newest has it");
    newest.abort();
    siege.lift(8 * MIB).await;
}

super::on_every_engine! {
    a_war_over_a_session_ends_every_loser_and_hurts_nobody_else,
    a_hundred_at_once_leave_one_winner,
}
