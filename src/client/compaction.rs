//! Which of the events that wait a newer one makes pointless.

use super::event::Event;
use std::collections::{HashMap, HashSet, VecDeque};
use tautline_protocol::StreamId;
use tautline_protocol::client::Missing;

/// Events that only say how things stand: of each kind the newest one counts.
#[derive(PartialEq, Eq, Hash)]
enum Standing {
    Authorize,
    State,
    Acknowledged,
    Subscribed(StreamId),
}

impl Standing {
    const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Authorize { .. } => Some(Self::Authorize),
            Event::State { .. } => Some(Self::State),
            Event::Acknowledged { .. } => Some(Self::Acknowledged),
            Event::Subscribed { stream, .. } => Some(Self::Subscribed(*stream)),
            _ => None,
        }
    }
}

/// Drops what a newer event makes pointless, and makes one of losses and of gaps that nothing parts.
/// Entries, answers and failures all stay, in their order.
pub(super) fn compact(events: &mut VecDeque<Event>) {
    let mut standing = HashSet::new();
    // Where in `kept` a stream's gap is that no entry of the stream came before.
    let mut gaps: HashMap<StreamId, usize> = HashMap::new();
    // The newest first.
    let mut kept: Vec<Event> = Vec::new();
    for event in events.drain(..).rev() {
        if Standing::of(&event).is_some_and(|kind| !standing.insert(kind)) {
            continue;
        }
        match &event {
            Event::Gap { stream, missing } => {
                let newer = gaps.get(stream).and_then(|&at| kept.get_mut(at));
                if let Some(Event::Gap { missing: newer, .. }) = newer {
                    *newer = join(*missing, *newer);
                    continue;
                }
                gaps.insert(*stream, kept.len());
            }
            Event::Message { stream, .. } => {
                gaps.remove(stream);
            }
            Event::Lost { accepted_known, direct_missing } => {
                if let Some(Event::Lost { accepted_known: known, direct_missing: missing }) =
                    kept.last_mut()
                {
                    *known &= accepted_known;
                    *missing |= direct_missing;
                    continue;
                }
            }
            _ => {}
        }
        kept.push(event);
    }
    events.extend(kept.into_iter().rev());
}

/// Both gaps as one.
fn join(older: Missing, newer: Missing) -> Missing {
    let from = if newer.reset { newer.from } else { older.from };
    Missing { from, to: newer.to, reset: older.reset || newer.reset }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Payload;
    use tautline_protocol::client::State;
    use tautline_protocol::{Epoch, Format};

    const fn state(state: State) -> Event {
        Event::State { state, reason: "", code: None, words: String::new(), retry_at: None }
    }

    const fn gap(stream: StreamId, from: u64, to: u64, reset: bool) -> Event {
        Event::Gap { stream, missing: Missing { from, to, reset } }
    }

    fn message(stream: StreamId, offset: u64) -> Event {
        let payload = Payload { format: Format::Text, bytes: b"x".to_vec() };
        Event::Message { stream, offset, payload }
    }

    const fn subscribed(stream: StreamId, offset: u64) -> Event {
        Event::Subscribed { stream, epoch: Epoch(1), offset }
    }

    fn compacted<const N: usize>(events: [Event; N]) -> Vec<Event> {
        let mut events = VecDeque::from(events);
        compact(&mut events);
        events.into()
    }

    #[test]
    fn of_states_and_acknowledgements_the_newest_stays() {
        let events = compacted([
            state(State::Connecting),
            Event::Acknowledged { through: 1 },
            subscribed(1, 5),
            subscribed(2, 5),
            state(State::Waiting),
            subscribed(1, 9),
            Event::Acknowledged { through: 2 },
            state(State::Open),
        ]);
        let newest = Event::Acknowledged { through: 2 };
        assert_eq!(events, [subscribed(2, 5), subscribed(1, 9), newest, state(State::Open)]);
    }

    #[test]
    fn entries_answers_and_failures_all_stay_in_order() {
        let reply =
            Event::Reply { id: 1, payload: Payload { format: Format::Text, bytes: vec![] } };
        let refused = Event::Refused { id: 2, code: "no".into(), reason: String::new() };
        let all = [message(1, 1), reply, message(0, 1), refused, message(1, 2), message(0, 2)];
        assert_eq!(compacted(all.clone()), all);
    }

    #[test]
    fn gaps_of_a_stream_become_one_unless_an_entry_parts_them() {
        let joined = compacted([gap(1, 1, 3, false), gap(2, 1, 1, false), gap(1, 4, 9, false)]);
        assert_eq!(joined, [gap(2, 1, 1, false), gap(1, 1, 9, false)]);
        let parted = [gap(1, 1, 3, false), message(1, 4), gap(1, 5, 9, false)];
        assert_eq!(compacted(parted.clone()), parted);
    }

    #[test]
    fn behind_a_log_that_began_anew_only_its_own_offsets_are_missing() {
        let joined = compacted([gap(1, 4, 9, false), gap(1, 1, 2, true)]);
        assert_eq!(joined, [gap(1, 1, 2, true)]);
        let joined = compacted([gap(1, 1, 2, true), gap(1, 3, 4, false)]);
        assert_eq!(joined, [gap(1, 1, 4, true)]);
    }

    #[test]
    fn losses_that_nothing_parts_become_one_that_says_the_worst_of_each() {
        let lost = |accepted_known, direct_missing| Event::Lost { accepted_known, direct_missing };
        let joined = compacted([
            lost(true, true),
            state(State::Open),
            gap(1, 1, 2, true),
            lost(false, false),
            gap(1, 1, 0, true),
            state(State::Open),
        ]);
        assert_eq!(joined, [lost(false, true), gap(1, 1, 0, true), state(State::Open)]);
    }
}
