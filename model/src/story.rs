//! A course told in words.

use std::fmt;
use tautline_protocol::client::Event;
use tautline_protocol::{downlink, limits, uplink};

/// Collects what happens in one step, if somebody wants to read it.
#[derive(Debug, Default)]
pub struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    /// For the reader.
    #[must_use]
    pub const fn told() -> Self {
        Self { lines: Some(Vec::new()) }
    }

    /// For nobody.
    #[must_use]
    pub const fn untold() -> Self {
        Self { lines: None }
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// Tells something.
    pub fn tell(&mut self, what: fmt::Arguments<'_>) {
        if let Some(lines) = &mut self.lines {
            lines.push(what.to_string());
        }
    }

    /// Tells what the application is told.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::State { state, reason, .. } => {
                self.tell(format_args!("the line is {state:?}: {reason}"));
            }
            _ => self.tell(format_args!("the application is told: {event:?}")),
        }
    }

    /// Tells what a packet from the client says.
    pub fn packet_up(&mut self, who: &str, packet: &[u8]) {
        if self.lines.is_some() {
            for frame in uplink::Frames::new(packet, limits::MESSAGE_BYTES) {
                match frame {
                    Ok(frame) => self.tell(format_args!("{who} {}", brief(&frame))),
                    Err(error) => self.tell(format_args!("{who} something malformed: {error}")),
                }
            }
        }
    }

    /// Tells what a packet from the server says.
    pub fn packet_down(&mut self, who: &str, packet: &[u8]) {
        if self.lines.is_some() {
            for frame in downlink::Frames::new(packet) {
                match frame {
                    Ok(frame) => self.tell(format_args!("{who} {}", brief(&frame))),
                    Err(error) => self.tell(format_args!("{who} something malformed: {error}")),
                }
            }
        }
    }
}

/// A frame without what is the same in every course.
fn brief(frame: &impl fmt::Debug) -> String {
    let mut text = format!("{frame:?}");
    for same in ["session: [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7], ", ", credentials: []"]
    {
        text = text.replace(same, "");
    }
    let inner = text.split_once('(').filter(|(outer, inner)| inner.starts_with(outer));
    let text = inner.map_or(&*text, |(_, inner)| inner.strip_suffix(')').unwrap_or(inner));
    match text.split_once(", heartbeat_ms") {
        Some((differing, _limits)) => format!("{differing} }}"),
        None => text.to_owned(),
    }
}
