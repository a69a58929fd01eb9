//! What can happen in a world, as data: random schedules are lists of these.

mod mix;

use crate::engine::Keep;
use crate::network::Way;
use crate::random::Random;
use tautline_protocol::client::Hint;

pub use self::mix::Mix;

/// The topics there are; nobody may subscribe to the last.
pub(crate) const TOPICS: [&str; 3] = ["room", "hall", "private"];

/// One thing that happens, to a page or to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The application sends so many messages at once, of a size.
    Send(u8, u16),
    /// It sends a request.
    Request,
    /// It sends something that the server will refuse.
    SendRefused,
    /// It publishes.
    Publish,
    /// It sends a volatile message.
    Volatile,
    /// It sends so many messages at once that expire after so long.
    SendExpiring(u8, u16),
    /// It replaces the message that it sent so many messages ago; the new one may expire.
    Replace(u8, Option<u16>),
    /// It takes back the message that it sent so many messages ago.
    Cancel(u8),
    /// It subscribes to a topic, with so many of the newest entries.
    Subscribe(u8, u8),
    /// It ends the subscription that it began so many ago.
    Unsubscribe(u8),
    /// The server sends so many direct messages.
    Push(u8),
    /// The server publishes to a topic.
    News(u8),
    /// The server trims a topic down to so many entries.
    TrimTopic(u8, u8),
    /// The server begins a topic anew.
    ResetTopic(u8),
    /// The direct stream has grown too long, and is cut.
    TrimDirect,
    /// Time passes.
    Run(u16),
    /// The connection breaks; each end notices after so many milliseconds, or never.
    Cut(Option<u16>, Option<u16>),
    /// It breaks for the client alone; what was under way to the server arrives so much later.
    Sever(u16),
    /// Nothing moves any more on the connection.
    Stall,
    /// Nothing moves any more one way.
    StallWay(Way),
    /// What was stalled moves again.
    Heal,
    /// Something under way vanishes, and the connection breaks a little later.
    Lose(Way),
    /// Something under way arrives twice, and the connection breaks a little later.
    Repeat(Way),
    /// Dialing fails from now on, or no longer does.
    Reachable(bool),
    /// Nothing moves between the page and the node, or does again.
    Partition(bool),
    /// All nodes die and come back.
    Crash(Keep),
    /// The node dies and comes back.
    CrashNode,
    /// The node stands still, or runs again.
    Pause(bool),
    /// The node cannot reach the engine, or can again.
    Detach(bool),
    /// The session expires on the server.
    Expire(bool),
    /// Handlers take so long from now on.
    HandlerTakes(u16),
    /// Everything takes so long from now on.
    Latency(u8),
    /// The page's line takes so much longer, and carries so many bytes in a millisecond.
    Line(u16, Option<u8>),
    /// The page is frozen, or is no longer.
    Freeze(bool),
    /// The machine sleeps for so long; whether its clock stands still meanwhile.
    Sleep(u16, bool),
    /// The page's clock jumps.
    ClockJump(u32),
    /// The page's timers fire at such steps only.
    Throttle(u16),
    /// The page learns something.
    Hint(Hint),
    /// The page is loaded anew, with its store or without.
    Reload(bool),
    /// The application ends the line; what is not delivered after so long fails.
    Close(u16),
    /// The server asks for new credentials.
    AskCredentials,
    /// All credentials expire; whether there are new ones to be had at once.
    ExpireTokens(bool),
    /// There are new credentials to be had.
    RefreshTokens,
    /// The server has no room for anybody, or has again.
    Full(bool),
    /// The server sends its client away for so long.
    GoAway(u8),
    /// The page's socket holds so many kilobytes that it has not sent.
    Buffers(u16),
    /// The application handles nothing for a while, or does again.
    Handles(bool),
}

impl Action {
    /// Draws one that can happen to a pair. Losses of sessions only if `losses`.
    #[must_use]
    pub fn draw(random: &mut Random, losses: bool) -> Self {
        Mix::of_pair(losses).draw(random)
    }
}
