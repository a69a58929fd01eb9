//! What the application sends of its own accord, checked and encoded.

use tautline_protocol::downlink::{EncodedEntry, Entry};
use tautline_protocol::limits::{MESSAGE_BYTES_MAX, TOPIC_BYTES_MAX};

use crate::engine::EngineError;
use crate::handler::Payload;

/// Why a message of the application's own was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The payload is over what any client takes.
    #[error("the message has {size} bytes, at most {MESSAGE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// The topic's name is empty or too long.
    #[error("a topic's name has 1 to {TOPIC_BYTES_MAX} bytes, this has {size}")]
    BadTopic {
        /// Its size.
        size: usize,
    },
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

pub(crate) fn check_topic(topic: &str) -> Result<(), PostError> {
    let size = topic.len();
    if (1..=TOPIC_BYTES_MAX).contains(&size) { Ok(()) } else { Err(PostError::BadTopic { size }) }
}

pub(crate) fn check_size(payload: &Payload) -> Result<(), PostError> {
    let size = payload.bytes().len();
    if size <= MESSAGE_BYTES_MAX { Ok(()) } else { Err(PostError::TooLarge { size }) }
}

/// Encodes a message to whoever reads the log that it goes to.
pub(crate) fn encode(payload: &Payload) -> Result<EncodedEntry, PostError> {
    check_size(payload)?;
    Ok(EncodedEntry::new(payload.format(), Entry::Message(payload.bytes())))
}
