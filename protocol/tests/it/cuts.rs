//! The connection is cut: anywhere, any number of times, noticed or not.

use crate::line::{Line, asking};
use tautline_protocol::client::Config;
use tautline_protocol::{DIRECT, Kind, Start};
use tautline_sim::ledger::Fate;
use tautline_sim::network::{Budget, Way};
use tautline_sim::server::Behaviour;

/// A handshake, a burst both ways, a subscription; with the first connections cut as told.
/// Returns the bytes and packets that the first connection carried each way without a cut.
fn exchange(budgets: &[Budget], config: Config) -> Line {
    let mut line = Line::with(config, Behaviour::default());
    line.network.budgets = budgets.iter().map(|budget| Some(*budget)).collect();
    line.network.capture = true;
    let stream = line.subscribe("room", Start::Last(10)).unwrap();
    line.publish("room");
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(line.say("m"));
        ids.push(line.ask());
        ids.push(line.send(Kind::Send, "refuse", 0).unwrap());
    }
    line.run(45);
    for _ in 0..3 {
        line.push();
        line.publish("room");
    }
    line.settle();
    line.must_converge();
    assert_eq!(line.ledger.payloads(DIRECT), line.pushed());
    assert_eq!(line.ledger.payloads(stream).len(), 4);
    for (index, id) in ids.into_iter().enumerate() {
        assert_eq!(line.handled(id), 1);
        let fate = line.fate(id);
        assert!(match index % 3 {
            0 => fate == Fate::Acknowledged,
            1 => matches!(fate, Fate::Replied(_)),
            _ => matches!(fate, Fate::Refused(_)),
        });
    }
    assert!(line.ledger.losses.is_empty() && line.ledger.gaps.is_empty());
    line
}

fn carried(way: Way) -> (usize, usize) {
    let line = exchange(&[], Config::default());
    let of: Vec<_> = line.network.captured.iter().filter(|(of, _)| *of == way).collect();
    (of.len(), of.iter().map(|(_, packet)| packet.len()).sum())
}

#[test]
fn a_cut_at_any_byte_of_handshake_and_burst_loses_nothing() {
    for way in [Way::Up, Way::Down] {
        let (_, bytes) = carried(way);
        assert!(bytes > 100);
        for at in 0..bytes {
            let line = exchange(&[Budget::Bytes(way, at)], Config::default());
            assert_eq!(line.dials.len(), 2, "cut {way:?} at byte {at}");
        }
    }
}

#[test]
fn a_cut_at_any_packet_with_asked_credentials_loses_nothing() {
    for way in [Way::Up, Way::Down] {
        for at in 0..carried(way).0 {
            exchange(&[Budget::Packets(way, at)], asking());
        }
    }
}

#[test]
fn cuts_during_the_resume_lose_nothing_however_often() {
    let ways = [Way::Up, Way::Down];
    for first in 0..8 {
        for then in 0..4 {
            for way in ways {
                for other in ways {
                    let mut budgets = vec![Budget::Packets(way, first)];
                    budgets.extend([Budget::Packets(other, then); 5]);
                    exchange(&budgets, Config::default());
                }
            }
        }
    }
}

#[test]
fn a_cut_inside_the_resuming_hello_loses_nothing() {
    for at in 0..60 {
        let budgets = [Budget::Packets(Way::Down, 2), Budget::Bytes(Way::Up, at)];
        exchange(&budgets, Config::default());
    }
}

#[test]
fn a_cut_that_the_server_never_notices_is_healed_by_taking_over() {
    let mut line = Line::live();
    for round in 0..5 {
        let ids = [line.say("m"), line.ask(), line.say("m")];
        line.push();
        line.run(15);
        line.cut(Some(0), None);
        line.push();
        line.settle();
        assert!(ids.iter().all(|id| line.handled(*id) == 1), "round {round}");
    }
    line.must_converge();
    assert_eq!(line.ledger.payloads(DIRECT), line.pushed());
}

#[test]
fn a_cut_that_the_client_never_notices_is_found_by_silence() {
    let mut line = Line::live();
    line.cut(None, Some(0));
    let id = line.say("m");
    let began = line.now;
    line.settle();
    assert_eq!(line.handled(id), 1);
    assert!(line.now.since(began) < 5_000, "{} ms", line.now.since(began));
}

#[test]
fn everything_waits_while_nothing_can_be_reached_and_then_arrives_in_order() {
    let mut line = Line::new();
    line.network.reachable = false;
    let ids: Vec<_> = (0..50).map(|_| line.say("m")).collect();
    line.run(300_000);
    assert!(line.dials.len() > 30, "it never gives up");
    line.network.reachable = true;
    line.settle();
    assert!(ids.iter().all(|id| line.fate(*id) == Fate::Acknowledged));
    assert_eq!(line.server.journal.len(), 50);
}

#[test]
fn a_cut_every_half_second_for_a_minute_loses_nothing_of_either_way() {
    let mut line = Line::live();
    let mut ids = Vec::new();
    for round in 0..120 {
        for _ in 0..10 {
            ids.push(if round % 2 == 0 { line.say("m") } else { line.ask() });
            line.push();
            line.run(50);
        }
        line.cut(Some(0), Some(round % 400));
    }
    line.must_converge();
    assert!(ids.iter().all(|id| line.handled(*id) == 1));
    let (received, pushed) = (line.ledger.payloads(DIRECT), line.pushed());
    assert_eq!(received, pushed);
}
