//! Every bound of the protocol, in one place.
//!
//! Names end in their unit; `MAX` is a bound the peer is held to, the others are defaults that a
//! configuration may change within those bounds.

/// Largest payload of one message, unless the server says less in WELCOME.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// No configuration may allow a larger message.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A sender starts a new packet once this much is in one.
pub const PACKET_BYTES: usize = FRAGMENT_BYTES;
/// Most bytes of a packet in one WebSocket message; a larger packet travels in several. On a slow
/// line each of them shows in time that the line is alive.
pub const FRAGMENT_BYTES: usize = 16 * 1024;
/// What a packet may hold beyond its largest message: heads, topics, control frames.
pub const PACKET_OVERHEAD_BYTES: usize = 64 * 1024;
/// No packet from the server is larger.
pub const DOWNLINK_PACKET_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// Longest topic name, in bytes of UTF-8.
pub const TOPIC_BYTES_MAX: usize = 255;
/// Longest credentials.
pub const CREDENTIALS_BYTES_MAX: usize = 16 * 1024;
/// Longest HELLO behind its length.
pub const HELLO_BYTES_MAX: usize = CREDENTIALS_BYTES_MAX + 1024;
/// Longest WebSocket message from the client: HELLO with its head and its length.
pub const UPLINK_BYTES_MAX: usize = HELLO_BYTES_MAX + 4;
/// Longest reason for people, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 1024;
/// Longest code of a refusal, in bytes of UTF-8.
pub const REFUSAL_CODE_BYTES_MAX: usize = 64;
/// Longest reason in a WebSocket Close frame (RFC 6455, 5.5).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;
/// Most subscriptions of one session at a time.
pub const STREAMS: usize = 128;
/// No configuration may allow more subscriptions.
pub const STREAMS_MAX: usize = 1024;
/// Requests that one packet may hold beside its messages; every subscription may be replaced.
pub const NOTICES_MAX: usize = 4 * STREAMS_MAX;

/// Messages in a client's outbox.
pub const OUTBOX_MESSAGES: usize = 65_536;
/// Bytes of payload in a client's outbox.
pub const OUTBOX_BYTES: usize = 16 * 1024 * 1024;
/// Messages in flight: transmitted, not acknowledged.
pub const WINDOW_MESSAGES: usize = 16_384;
/// Bytes in flight; a single larger message may fly alone.
pub const WINDOW_BYTES: usize = 2 * 1024 * 1024;
/// No further message is handed to a transport that still holds this much: more would be out of
/// reach for whoever takes it back, and lie in the page's memory. A fast line drains it between two
/// acknowledgements, and one of 8 bytes in a millisecond takes half a minute.
pub const BUFFERED_BYTES: usize = 256 * 1024;
/// A volatile message is not taken if it has to wait behind as much as this, with itself.
pub const VOLATILE_BYTES: usize = 64 * 1024;
/// It is looked at again this soon: nothing tells when a transport has sent what it held.
pub const BUFFERED_LOOK_MS: u64 = 20;
/// Entries of one stream that were sent and are not yet handled by the reader.
pub const STREAM_WINDOW_ENTRIES: u64 = 16_384;
/// Bytes of one stream that were sent and are not yet handled; one larger entry may fly alone.
pub const STREAM_WINDOW_BYTES: usize = 1024 * 1024;
/// A reader reports its cursor after this many entries handled ...
pub const RECEIVED_ENTRIES: u64 = STREAM_WINDOW_ENTRIES / 8;
/// ... or bytes of them ...
pub const RECEIVED_BYTES: usize = STREAM_WINDOW_BYTES / 8;
/// ... or milliseconds after the first that is not reported.
pub const RECEIVED_DELAY_MS: u64 = 200;

/// An idle connection carries a PING this often.
pub const HEARTBEAT_MS: u64 = 15_000;
/// Shortest heartbeat a server may ask for.
pub const HEARTBEAT_MS_MIN: u64 = 1_000;
/// Longest heartbeat a server may ask for.
pub const HEARTBEAT_MS_MAX: u64 = 600_000;
/// Shortest wait for an acknowledgement before a probe; else 4 smoothed round trips.
pub const PROBE_MS_MIN: u64 = 2_000;
/// Shortest wait for the answer to a probe; else 4 smoothed round trips.
pub const ANSWER_MS_MIN: u64 = 1_500;
/// The rate, in bytes per millisecond, that a client expects of a line at least: while a fragment is under way,
/// the client waits so much longer for an answer. A slower line may be taken for dead once; then the client
/// waits longer (C-35).
pub const SLOWEST_BYTES_PER_MS: u64 = 8;
/// How often the wait for the answer to a probe is doubled at most, when it has been too short ...
pub const PATIENCE_LEVEL_MAX: u32 = 7;
/// ... and the wait for WELCOME.
pub const PATIENCE_LEVEL_JOINING_MAX: u32 = 2;
/// While a client waits longer for answers than usual, it sends a PING this often: a fast answer makes the wait
/// short again.
pub const PATIENCE_CHECK_MS: u64 = 5_000;
/// An end that receives a WebSocket message of at least this many bytes ...
pub const LIFE_SIGN_BYTES: usize = 1_024;
/// ... and has sent nothing for this long, sends a PONG without being asked.
pub const LIFE_SIGN_MS: u64 = 1_000;
/// A send after this much silence carries a probe with it.
pub const SILENCE_MS: u64 = 5_000;
/// A timer that fires this much after its deadline is late: it probes before it condemns.
pub const LATE_MS: u64 = 1_000;
/// How long one attempt may take from dialing to WELCOME.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// How long a server waits for HELLO ...
pub const HELLO_TIMEOUT_MS: u64 = 10_000;
/// ... and the most that it waits in all, as a multiple of that, if bytes of HELLO keep coming.
pub const HELLO_TIMEOUTS_MAX: u64 = 3;
/// How long a server keeps a client of which only bytes come, and no whole message.
pub const MESSAGE_MS_MAX: u64 = 240_000;
/// How long a server waits for credentials it asked for.
pub const AUTH_TIMEOUT_MS: u64 = 30_000;

/// The first retry waits a random time up to this.
pub const BACKOFF_FIRST_MS: u64 = 100;
/// The bound of the second retry; it doubles from there.
pub const BACKOFF_BASE_MS: u64 = 500;
/// The bound stops doubling here.
pub const BACKOFF_CAP_MS: u64 = 10_000;
/// A connection that was live this long resets the backoff.
pub const STABLE_MS: u64 = 5_000;
/// Longest delay a server may ask for, in GOAWAY or REFUSE.
pub const DELAY_MS_MAX: u64 = 600_000;
/// Credentials refused this often in a row end the line.
pub const CREDENTIALS_REFUSED_MAX: u32 = 3;
/// After so many connections in a row that ended in a fault, what may be the cause goes one by one.
pub const FAULTS_MAX: u32 = 3;

const _: () = {
    assert!(MESSAGE_BYTES <= MESSAGE_BYTES_MAX);
    assert!(PACKET_BYTES <= PACKET_OVERHEAD_BYTES, "a full packet fits beside any message");
    assert!(FRAGMENT_BYTES < UPLINK_BYTES_MAX, "a fragment with its head is no longer than HELLO");
    assert!(STREAMS <= STREAMS_MAX);
    assert!(WINDOW_MESSAGES < OUTBOX_MESSAGES, "the window can be full while the outbox is not");
    assert!(WINDOW_BYTES < OUTBOX_BYTES);
    assert!(PACKET_BYTES < BUFFERED_BYTES && BUFFERED_BYTES < WINDOW_BYTES);
    assert!(
        RECEIVED_ENTRIES * 2 <= STREAM_WINDOW_ENTRIES,
        "a report leaves before the window ends"
    );
    assert!(RECEIVED_BYTES * 2 <= STREAM_WINDOW_BYTES);
    assert!(HEARTBEAT_MS_MIN <= HEARTBEAT_MS && HEARTBEAT_MS <= HEARTBEAT_MS_MAX);
    assert!(PROBE_MS_MIN < HEARTBEAT_MS);
    assert!(BACKOFF_FIRST_MS <= BACKOFF_BASE_MS && BACKOFF_BASE_MS <= BACKOFF_CAP_MS);
    assert!(REFUSAL_CODE_BYTES_MAX <= REASON_BYTES_MAX);
};
