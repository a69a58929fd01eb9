//! No queue grows beyond its stated limit.

use tautline_protocol::client::{Config, Stats};
use tautline_protocol::fragment::{FRAGMENT, LAST_FRAGMENT};
use tautline_protocol::limits::{BUFFERED_BYTES, TOPIC_BYTES_MAX, UPLINK_BYTES_MAX};
use tautline_protocol::session::{self, Queued};
use tautline_protocol::uplink::{Frames, Uplink};

/// Control frames that may wait beside entries: far more than honest ends ever cause.
const CONTROL_BYTES_MAX: usize = 64 * 1024;
/// What an entry may have beside its payload.
const ENTRY_HEAD_BYTES_MAX: usize = 32;
/// The largest entry that a run makes, whatever a message may be.
const ENTRY_BYTES_MAX: usize = 64 * 1024;

/// What one client holds.
pub(crate) fn client(
    stats: &Stats,
    config: &Config,
    window_messages: usize,
    violations: &mut Vec<String>,
) {
    let messages = stats.queued + stats.unacknowledged;
    if messages > config.outbox_messages as u64 {
        violations.push(format!("{messages} messages in an outbox for {}", config.outbox_messages));
    }
    // A single larger message may stand alone.
    if stats.outbox_bytes > config.outbox_bytes as u64 && messages > 1 {
        let (bytes, max) = (stats.outbox_bytes, config.outbox_bytes);
        violations.push(format!("{bytes} bytes in an outbox for {max}"));
    }
    if stats.unacknowledged > window_messages as u64 {
        let in_flight = stats.unacknowledged;
        violations.push(format!("{in_flight} messages in a window for {window_messages}"));
    }
}

/// What is handed to a socket that holds so many bytes.
pub(crate) fn message(message: &[u8], buffered: usize, violations: &mut Vec<String>) {
    if message.len() > UPLINK_BYTES_MAX {
        violations.push(format!("a message of {} bytes, over {UPLINK_BYTES_MAX}", message.len()));
    }
    let is_numbered = |frame| matches!(frame, Ok(Uplink::Message(it)) if it.seq_low.is_some());
    let is_part = matches!(message.first(), Some(&(FRAGMENT | LAST_FRAGMENT)));
    let is_numbered = is_part || Frames::new(message, usize::MAX).any(is_numbered);
    if buffered >= BUFFERED_BYTES && is_numbered {
        violations.push(format!("messages for a socket that holds {buffered} bytes"));
    }
}

/// What a page has received of one stream and not handled.
pub(crate) fn unhandled(count: usize, config: &session::Config, violations: &mut Vec<String>) {
    let max = config.stream_window_entries;
    if count as u64 > max {
        violations.push(format!("{count} entries at a reader whose window holds {max}"));
    }
}

/// What the server's end of one connection holds.
pub(crate) fn session(held: &Queued, config: &session::Config, violations: &mut Vec<String>) {
    // Numbered and volatile messages have a window each, and one message always fits.
    let bytes_max = 2 * config.window_bytes.max(config.message_bytes + TOPIC_BYTES_MAX);
    let entries_max = held.streams as u64 * config.stream_window_entries;
    let entry_max = ENTRY_BYTES_MAX.max(config.message_bytes + ENTRY_HEAD_BYTES_MAX);
    let entry_bytes_max = held.streams * config.stream_window_bytes.max(entry_max);
    let control_max = CONTROL_BYTES_MAX + entry_bytes_max;
    for (what, is, max) in [
        ("messages", held.messages as u64, 2 * config.window_messages as u64),
        ("bytes of messages", held.message_bytes as u64, bytes_max as u64),
        ("entries", held.entries as u64, entries_max),
        ("bytes of entries", held.entry_bytes as u64, entry_bytes_max as u64),
        ("bytes of control frames", held.control_bytes as u64, control_max as u64),
    ] {
        if is > max {
            violations.push(format!("a session holds {is} {what}, and {max} at most"));
        }
    }
}
