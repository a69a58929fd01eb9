//! Once all trouble has ended every line is live, every promise settled and every entry read.

use crate::page::{Page, Pushed};
use crate::server::Server;
use std::collections::BTreeSet;
use tautline_protocol::client::{End, State};
use tautline_protocol::limits::CREDENTIALS_REFUSED_MAX;
use tautline_protocol::{DIRECT, Start};

/// What has not come about; `settled` says whether it did in time.
#[must_use]
pub(crate) fn wrong(page: &Page, server: &mut Server, settled: bool) -> Vec<String> {
    let mut wrong = unread(page, server);
    let state = page.client.state();
    if !settled && (state != State::Open || !page.ledger.is_settled()) && state != State::Closed {
        let pending: Vec<_> = page.ledger.pending().collect();
        wrong.push(format!("{state:?} and not settled: {pending:?}"));
    }
    if let Some((end, _)) = page.ledger.closed.as_ref().filter(|_| !page.may_end) {
        let refused = server.unauthorized.get(&page.session).copied().unwrap_or(0);
        let is_founded = matches!(end, End::Unauthorized(_)) && refused >= CREDENTIALS_REFUSED_MAX;
        if !is_founded {
            wrong.push(format!("the line ended: {end:?}"));
        }
    }
    wrong
}

/// Entries that a live client should have by now and has not.
#[must_use]
pub(crate) fn unread(page: &Page, server: &mut Server) -> Vec<String> {
    if page.ledger.closed.is_some() || page.client.state() != State::Open {
        return Vec::new();
    }
    let mut unread: Vec<_> = unread_direct(page, server).into_iter().collect();
    for (stream, topic) in &page.ledger.topics {
        let head = server.engine.topic(topic).head();
        let position = page.ledger.position(*stream);
        if page.ledger.reads(*stream) && position != Some(head) {
            unread.push(format!("stream {stream} is at {position:?}, {topic} at {head}"));
        }
    }
    unread
}

fn unread_direct(page: &Page, server: &mut Server) -> Option<String> {
    let direct = server.engine.direct(&page.session)?;
    let (epoch, oldest) = (direct.epoch, direct.position(Start::Last(u64::MAX)));
    let engine = &server.engine;
    let nothing_went = !engine.losses.contains_key(&page.session)
        && !engine.direct_trims.contains_key(&page.session);
    let received: BTreeSet<_> = page.ledger.payloads(DIRECT).into_iter().collect();
    let is_there = |pushed: &&Pushed| {
        let is_kept = pushed.epoch == epoch && pushed.offset > oldest;
        pushed.session == page.session && (nothing_went || is_kept)
    };
    let missing = page.pushed.iter().filter(is_there);
    let missing: Vec<_> =
        missing.filter(|pushed| !received.contains(pushed.payload.as_bytes())).collect();
    (!missing.is_empty()).then(|| format!("direct messages did not come: {missing:?}"))
}
