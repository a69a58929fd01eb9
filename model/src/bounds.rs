//! How much may happen: what makes the space finite.

use clap::{Args, ValueEnum};
use tautline_protocol::client::WhenUncertain;

/// What a message asks of the server's handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Ask {
    /// To handle it.
    Send,
    /// To reply to it.
    Request,
    /// To refuse it.
    Refuse,
}

/// The bounds of a check. What is rationed need not happen: every smaller course is among them.
#[derive(Clone, Debug, Args)]
pub struct Bounds {
    /// Messages from the client
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub messages: u8,
    /// What they ask for, in turn
    #[arg(long, value_enum, value_delimiter = ',', default_value = "refuse,send,request")]
    pub asks: Vec<Ask>,
    /// Direct messages from the server
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub pushes: u8,
    /// Entries of a topic that the client reads; with 0 it subscribes to none
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub news: u8,
    /// How often the oldest entry of a log is trimmed
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub trims: u8,
    /// Cuts, noticed at once by the client, by the server or by neither
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub cuts: u8,
    /// Crashes of a server that keeps its state
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub crashes: u8,
    /// Crashes of a server that loses its sessions, with or without tombstones
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub losses: u8,
    /// How often the client gives up a sound connection, because no answer came in time
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub takeovers: u8,
    /// How often the application takes its newest message back, if it was not transmitted yet
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub cancels: u8,
    /// Let the application handle entries some time after they came, instead of at once
    #[arg(long)]
    pub handle_later: bool,
    /// Let messages of unknown fate fail, instead of sending them again
    #[arg(long)]
    pub fail_uncertain: bool,
}

impl Bounds {
    /// The client's policy.
    #[must_use]
    pub const fn when_uncertain(&self) -> WhenUncertain {
        if self.fail_uncertain { WhenUncertain::Fail } else { WhenUncertain::Resend }
    }

    /// What message `id`, counted from 1, asks for.
    #[must_use]
    pub fn ask(&self, id: u64) -> Ask {
        let turn = usize::try_from(id.saturating_sub(1)).unwrap_or(usize::MAX);
        self.asks.iter().copied().cycle().nth(turn % self.asks.len().max(1)).unwrap_or(Ask::Send)
    }
}

/// What is left of the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "as in `Bounds`")]
pub struct Left {
    pub messages: u8,
    pub pushes: u8,
    pub news: u8,
    pub trims: u8,
    pub cuts: u8,
    pub crashes: u8,
    pub losses: u8,
    pub takeovers: u8,
    pub cancels: u8,
}

impl Left {
    /// How many of the events are left that cost the client a connection.
    #[must_use]
    pub const fn disruptions(&self) -> u64 {
        (self.cuts as u64) + (self.crashes as u64) + (self.losses as u64) + (self.takeovers as u64)
    }

    /// All of it.
    #[must_use]
    pub const fn of(bounds: &Bounds) -> Self {
        Self {
            messages: bounds.messages,
            pushes: bounds.pushes,
            news: bounds.news,
            trims: bounds.trims,
            cuts: bounds.cuts,
            crashes: bounds.crashes,
            losses: bounds.losses,
            takeovers: bounds.takeovers,
            cancels: bounds.cancels,
        }
    }
}
