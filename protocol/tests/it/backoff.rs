//! The delay between attempts: its bounds, its jitter, and what resets it.

use crate::lone_client::LoneClient;
use tautline_protocol::CloseCode;
use tautline_protocol::backoff::{self, Backoff};
use tautline_protocol::client::{Config, Input};
use tautline_protocol::limits::{ANSWER_MS_MIN, HEARTBEAT_MS, STABLE_MS};

/// How long the client waits after each of these many failed attempts.
fn delays(config: Config, attempts: usize) -> Vec<u64> {
    let mut lone = LoneClient::new(config);
    assert!(lone.input(Input::Woke).dialed);
    let mut delays = Vec::new();
    for _ in 0..attempts {
        let done = lone.input(Input::Closed(CloseCode(1006)));
        let until = done.wake_at.unwrap();
        delays.push(until.since(lone.now));
        lone.now = until;
        assert!(lone.input(Input::Woke).dialed);
    }
    delays
}

// PROTOCOL.md C-19.
#[test]
fn delays_are_random_below_a_bound_that_doubles_up_to_the_cap() {
    let bounds = [100, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000];
    let mut largest = [0; 8];
    let mut smallest = [u64::MAX; 8];
    for random in 0..500 {
        let mut backoff = Backoff::new(backoff::Config::default(), random);
        for (index, bound) in bounds.iter().enumerate() {
            let delay = backoff.next_delay_ms();
            assert!(delay <= *bound);
            largest[index] = largest[index].max(delay);
            smallest[index] = smallest[index].min(delay);
        }
    }
    for (index, bound) in bounds.iter().enumerate() {
        assert!(largest[index] > bound * 95 / 100, "attempt {index} uses the upper end");
        assert!(smallest[index] < bound * 5 / 100 + 2, "attempt {index} uses the lower end");
    }
}

#[test]
fn delays_do_not_pile_up_at_the_cap() {
    // Capping after drawing makes most delays the same, and a crowd stays a crowd.
    let mut slots = [0; 10];
    let mut backoff = Backoff::new(backoff::Config::default(), 1);
    for _ in 0..10_000 {
        let delay = backoff.next_delay_ms();
        slots[(delay * 10 / 10_001) as usize] += 1;
    }
    assert!(slots.iter().all(|count| (800..1_200).contains(count)), "{slots:?}");
}

#[test]
fn it_never_gives_up_and_never_overflows() {
    let delays = delays(Config::default(), 300);
    assert!(delays.iter().all(|delay| *delay <= 10_000));
    assert!(delays[100..].iter().sum::<u64>() > 200 * 3_000);
}

#[test]
fn a_configured_base_and_cap_hold() {
    let backoff = backoff::Config { base_ms: 10, cap_ms: 50 };
    let config = Config { backoff, ..Config::default() };
    assert!(delays(config, 50).iter().all(|delay| *delay <= 50));
    let backoff = backoff::Config { base_ms: u64::MAX, cap_ms: u64::MAX };
    let mut backoff = Backoff::new(backoff, 3);
    for _ in 0..200 {
        let _ = backoff.next_delay_ms();
    }
}

// PROTOCOL.md C-19.
#[test]
fn only_a_stable_connection_gets_the_small_first_delay_again() {
    let largest = |live_ms: u64| {
        let mut largest = 0;
        for random in 0..300 {
            let mut backoff = Backoff::new(backoff::Config::default(), random);
            for _ in 0..6 {
                let _ = backoff.next_delay_ms();
            }
            backoff.ended(live_ms);
            largest = largest.max(backoff.next_delay_ms());
        }
        largest
    };
    assert!(largest(5_000) <= 100);
    assert!(largest(4_999) > 400, "thrown out at once: not back at once");
    assert!(largest(0) <= 500, "but the server is there: the bound starts again");
}

/// A client of this seed that was live for long and has found its connection dead just now.
fn replacing(random: u64) -> LoneClient {
    let mut lone = LoneClient::seeded(random);
    assert!(lone.wait(HEARTBEAT_MS).transmitted("Ping"));
    let done = lone.wait(ANSWER_MS_MIN);
    assert_eq!(done.hung_up, Some(CloseCode::SILENT));
    assert!(done.dialed, "at once");
    lone
}

// PROTOCOL.md C-17, C-19.
#[test]
fn a_dead_connection_is_no_failure() {
    let wait = |random| {
        let mut lone = replacing(random);
        let done = lone.input(Input::Closed(CloseCode(1006)));
        done.wake_at.unwrap().since(lone.now)
    };
    let longest = (0..100).map(wait).max().unwrap();
    assert!((50..=100).contains(&longest), "the small first wait is still to come: {longest}");
}

// PROTOCOL.md C-20.
#[test]
fn a_server_that_is_full_counts_as_a_failure() {
    let wait = |random| {
        let mut lone = LoneClient::seeded(random);
        lone.wait(STABLE_MS);
        let done = lone.input(Input::Closed(CloseCode::FULL));
        assert!(lone.wait(done.wake_at.unwrap().since(lone.now)).dialed);
        let done = lone.input(Input::Closed(CloseCode(1006)));
        done.wake_at.unwrap().since(lone.now)
    };
    let longest = (0..100).map(wait).max().unwrap();
    assert!((250..=500).contains(&longest), "the first wait is over: {longest}");
}
