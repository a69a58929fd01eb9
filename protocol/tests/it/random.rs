//! Random schedules on the pair, and arbitrary bytes into decoders and machines.

use crate::line::{Line, asking, failing_when_uncertain};
use crate::lone_client::{LoneClient, welcome};
use crate::lone_session::LoneSession;
use crate::samples::{all_downlinks, all_uplinks, encoded_down, encoded_up};
use proptest::collection::vec;
use proptest::prelude::*;
use tautline_protocol::client::{Config, Hint, Input};
use tautline_protocol::downlink::{self, Downlink, EncodedEntry, Entry};
use tautline_protocol::resume::resolve;
use tautline_protocol::uplink;
use tautline_protocol::{CloseCode, DIRECT, Epoch, Format, Kind, Start, session};
use tautline_sim::action::Action;
use tautline_sim::random::Random;
use tautline_sim::server::Behaviour;

/// Regressions become tests of their own, with a story, and not a file of seeds.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn actions(losses: bool) -> impl Strategy<Value = Vec<Action>> {
    let action = any::<u64>().prop_map(move |seed| Action::draw(&mut Random::new(seed), losses));
    vec(action, 0..120)
}

fn converges(config: Config, behaviour: Behaviour, actions: Vec<Action>) -> Line {
    let mut line = Line::with(config, behaviour);
    actions.into_iter().for_each(|action| line.apply(action));
    line.must_converge();
    line
}

/// The cut is noticed while the last entries are still to come, one in each round trip.
#[test]
fn a_cut_that_is_noticed_late_does_not_end_the_waiting_for_entries() {
    let mut behaviour = Behaviour::default();
    behaviour.config.stream_window_entries = 1;
    let actions = [
        Action::Run(1_371),
        Action::Latency(113),
        Action::Cut(Some(2_032), None),
        Action::Run(1_237),
        Action::Push(5),
    ];
    converges(Config::default(), behaviour, actions.into());
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_schedule_without_a_loss_delivers_once_in_order_and_settles_truthfully(
        actions in actions(false),
        handler_ms in 0..300_u64,
    ) {
        let behaviour = Behaviour { handler_ms, ..Behaviour::default() };
        let line = converges(Config::default(), behaviour, actions);
        prop_assert!(line.ledger.losses.is_empty());
        let received = line.ledger.payloads(DIRECT);
        prop_assert_eq!(received, line.pushed(), "no direct message is missing");
    }

    #[test]
    fn any_schedule_with_losses_settles_truthfully(
        actions in actions(true),
        fail in any::<bool>(),
    ) {
        let config = if fail { failing_when_uncertain() } else { asking() };
        converges(config, Behaviour::default(), actions);
    }

    #[test]
    fn any_schedule_through_small_windows_converges(
        actions in actions(true),
        window_messages in 1..5_usize,
        window_bytes in 1..500_usize,
        stream_window_entries in 1..5_u64,
        streams in 0..4_usize,
    ) {
        let mut behaviour = Behaviour::default();
        let config = &mut behaviour.config;
        *config = session::Config {
            window_messages, window_bytes, stream_window_entries, streams, ..*config
        };
        converges(Config::default(), behaviour, actions);
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(packet in vec(any::<u8>(), 0..200)) {
        let ups: Vec<_> = uplink::Frames::new(&packet, 100).collect();
        prop_assert!(!ups.is_empty() && ups[..ups.len() - 1].iter().all(Result::is_ok));
        let downs: Vec<_> = downlink::Frames::new(&packet).collect();
        prop_assert!(!downs.is_empty() && downs[..downs.len() - 1].iter().all(Result::is_ok));
    }

    #[test]
    fn what_is_decoded_is_encoded_the_same_again(packet in frames(false)) {
        for frame in uplink::Frames::new(&packet, 1 << 20).map_while(Result::ok) {
            let again = encoded_up(&frame);
            prop_assert_eq!(uplink::Frames::new(&again, 1 << 20).next(), Some(Ok(frame)));
        }
        for frame in downlink::Frames::new(&packet).map_while(Result::ok) {
            let again = encoded_down(&frame);
            let decoded = downlink::Frames::new(&again).next();
            // A refusal is text, whatever the bits of its head said.
            let refusal = matches!(frame, Downlink::Entry { entry: Entry::Refusal { .. }, .. });
            prop_assert!(refusal || decoded == Some(Ok(frame)));
        }
    }

    #[test]
    fn no_input_makes_the_client_panic_or_spin(steps in vec((0..16_u8, frames(true)), 1..20)) {
        let mut lone = LoneClient::live_with(Config::default(), welcome());
        for (step, packet) in steps {
            if !disturb_client(&mut lone, step, packet) {
                break;
            }
        }
    }

    #[test]
    fn no_input_makes_the_session_panic_or_spin(steps in vec((0..12_u8, frames(false)), 1..20)) {
        let mut lone = LoneSession::new(session::Config::default());
        for (step, packet) in steps {
            disturb_session(&mut lone, step, packet);
        }
    }
}

/// Sound frames one after the other, with up to three bytes of them changed.
fn frames(down: bool) -> impl Strategy<Value = Vec<u8>> {
    let samples: Vec<Vec<u8>> = if down {
        all_downlinks().map(|frame| encoded_down(&frame)).filter(|it| it.len() < 500).collect()
    } else {
        all_uplinks().map(|frame| encoded_up(&frame)).filter(|it| it.len() < 500).collect()
    };
    let picked = vec(proptest::sample::select(samples), 0..6);
    let changes = vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4);
    (picked, changes).prop_map(|(frames, changes)| {
        let mut packet = frames.concat();
        for (at, byte) in changes {
            if !packet.is_empty() {
                let at = at.index(packet.len());
                packet[at] = byte;
            }
        }
        packet
    })
}

/// Does something to the client; false once it has ended.
fn disturb_client(lone: &mut LoneClient, step: u8, packet: Vec<u8>) -> bool {
    let number = packet.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    let client = &mut lone.client;
    match step {
        0 => drop(client.send(Kind::Request, Format::Text, "", vec![b'x'; 100])),
        1 => drop(client.send(Kind::Publish, Format::Text, "t", vec![b'x'; 100])),
        2 => drop(client.subscribe("t", Start::Last(number))),
        3 => client.unsubscribe(number as u32 % 4),
        4 => client.handled(number as u32 % 4, number),
        5 => client.authorize(number as u32 % 4, Some(&packet)),
        6 => drop(client.cancel(number % 10)),
        7 => lone.now = lone.now.after(number % 100_000),
        _ => {}
    }
    let input = match step {
        8 => Input::Closed(CloseCode(number as u16)),
        9 => Input::Opened,
        10 => Input::Hint(Hint::Suspended),
        11 => Input::Hint(Hint::Awake),
        12 => Input::Text,
        0..=7 => Input::Woke,
        _ => Input::Packet(packet),
    };
    let mut done = lone.input(input);
    for _ in 0..100 {
        if done.told("Closed {") {
            return false;
        }
        if done.wake_at.is_none_or(|at| at > lone.now) {
            return true;
        }
        done = lone.input(Input::Woke);
    }
    panic!("it wants to be woken again and again");
}

fn disturb_session(lone: &mut LoneSession, step: u8, packet: Vec<u8>) {
    let number = packet.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    let (stream, epoch) = (number as u32 % 3, Epoch(number % 5));
    let entry = EncodedEntry::new(Format::Text, Entry::Message(&packet));
    match step {
        0 => lone.session.subscribed(stream, epoch, number),
        1 => lone.session.refuse_subscription(stream, "no", "no"),
        2 => lone.session.gap(stream, epoch, number % 1_000),
        3 => {
            let offset = lone.session.room(stream).after.saturating_add(1);
            lone.session.deliver(stream, offset, &[entry.clone(), entry]);
        }
        4 => lone.session.handled(number, number % 7),
        5 => lone.session.request_credentials(),
        6 => drop(lone.takes()),
        7 => drop(lone.wait(number % 50_000)),
        8 => lone.session.go_away(number, number, "away"),
        _ => {
            let wanted = lone.gets_bytes(packet);
            if let Some(hello) = wanted.join {
                let resolution = resolve(&hello.as_frame(), None, None, Epoch(1));
                lone.session.join(&hello, &resolution);
            }
        }
    }
    let wanted = lone.drain();
    assert!(wanted.wake_at.is_none_or(|at| at > lone.now), "{wanted:?}");
}
