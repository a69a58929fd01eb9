//! The way down: a window for what is not handled, and reports that open it again.

use crate::line::Line;
use crate::lone_client::LoneClient;
use crate::lone_session::LoneSession;
use tautline_protocol::client::Config;
use tautline_protocol::downlink::{Downlink, EncodedEntry, Entry};
use tautline_protocol::uplink::Uplink;
use tautline_protocol::{CloseCode, DIRECT, Format, Kind, limits, session};
use tautline_sim::server::Behaviour;

// PROTOCOL.md S-9, S-12, S-13.
#[test]
fn a_reader_gets_no_more_than_its_window() {
    let config = session::Config {
        stream_window_entries: 3,
        stream_window_bytes: 100,
        ..session::Config::default()
    };
    let mut lone = LoneSession::live_with(config);
    let entry = |size| EncodedEntry::new(Format::Binary, Entry::Message(&vec![0; size]));
    lone.session.deliver(DIRECT, 1, &[entry(1), entry(1), entry(1), entry(1)]);
    assert_eq!(lone.drain().frames().len(), 3);
    assert_eq!(lone.session.room(DIRECT).entries, 0);
    let wanted = lone.gets(&[Uplink::Received { stream: DIRECT, offset: 3 }]);
    assert!(wanted.wants("Trim { offset: 3 }"), "{wanted:?}");
    // By bytes; one larger goes alone.
    lone.session.deliver(DIRECT, 4, &[entry(60), entry(60)]);
    assert_eq!(lone.drain().frames().len(), 1);
    lone.gets(&[Uplink::Received { stream: DIRECT, offset: 4 }]);
    lone.session.deliver(DIRECT, 5, &[entry(5_000), entry(1)]);
    assert_eq!(lone.drain().frames().len(), 1);
    assert_eq!(lone.session.room(DIRECT).bytes, 0);
    // What does not follow is not taken.
    lone.gets(&[Uplink::Received { stream: DIRECT, offset: 5 }]);
    lone.session.deliver(DIRECT, 7, &[entry(1)]);
    lone.session.deliver(DIRECT, 5, &[entry(1)]);
    assert!(lone.drain().packets.is_empty());
    // And nobody has handled what was not sent.
    let wanted = lone.gets(&[Uplink::Received { stream: DIRECT, offset: 6 }]);
    assert_eq!(wanted.hung_up, Some(CloseCode::VIOLATION));
}

// PROTOCOL.md S-12.
#[test]
fn a_slow_application_holds_the_server_back_and_misses_nothing() {
    let mut behaviour = Behaviour::default();
    behaviour.config.stream_window_entries = 10;
    let mut line = Line::live_with(Config::default(), behaviour);
    line.handles = false;
    for _ in 0..50 {
        line.push();
    }
    line.run(5_000);
    assert_eq!(line.ledger.payloads(DIRECT).len(), 10);
    // The window is about what is unhandled, whatever happens to the connection.
    line.reconnect();
    line.run(5_000);
    assert_eq!(line.ledger.payloads(DIRECT).len(), 10);
    line.must_converge();
    assert_eq!(line.ledger.payloads(DIRECT), line.pushed());
}

// PROTOCOL.md C-13.
#[test]
fn a_cursor_is_reported_soon_after_many_and_with_whatever_else_leaves() {
    let mut lone = LoneClient::live();
    let many = limits::RECEIVED_ENTRIES;
    let mut frames = Vec::new();
    for offset in 1..=many {
        let entry = Entry::Message(b"x");
        frames.push(Downlink::Entry { stream: DIRECT, offset, format: Format::Text, entry });
    }
    lone.gets(&frames);
    lone.client.handled(DIRECT, 1);
    let done = lone.drain();
    assert_eq!(done.wake_at, Some(lone.now.after(limits::RECEIVED_DELAY_MS)));
    assert!(done.packets.is_empty());
    assert!(lone.wait(limits::RECEIVED_DELAY_MS).transmitted("offset: 1 }"));
    lone.client.handled(DIRECT, many);
    assert!(lone.drain().packets.is_empty(), "one less than many");
    lone.client.send(Kind::Send, Format::Text, "", b"m").unwrap();
    assert!(lone.drain().transmitted(&format!("Received {{ stream: 0, offset: {many} }}")));
    let entry = Entry::Message(&[b'x'; limits::RECEIVED_BYTES]);
    let large = Downlink::Entry { stream: DIRECT, offset: many + 1, format: Format::Text, entry };
    lone.gets(&[large]);
    lone.client.handled(DIRECT, many + 1);
    assert!(lone.drain().transmitted("Received"), "many bytes are reported at once");
}
