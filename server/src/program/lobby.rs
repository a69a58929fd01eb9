//! The program's handler: whoever has the token may read and write every topic.

use subtle::ConstantTimeEq;
use tautline_server::{Caller, Credentials, Denied, Handler, Identity, Payload, Refusal};

pub(crate) struct Lobby {
    token: Option<String>,
}

impl Lobby {
    pub(crate) const fn new(token: Option<String>) -> Self {
        Self { token }
    }
}

impl Handler for Lobby {
    async fn authorize(&self, credentials: Credentials) -> Result<Identity, Denied> {
        match &self.token {
            Some(token) if !bool::from(token.as_bytes().ct_eq(&credentials.bytes)) => {
                let reason = if credentials.bytes.is_empty() {
                    "this server asks for a token: give it as credentials"
                } else {
                    "this is not the server's token"
                };
                Err(Denied::unauthorized(reason))
            }
            // A token that all share says nothing about who is who.
            _ => Ok(Identity::anonymous()),
        }
    }

    async fn subscribe(&self, _: &Caller, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn publish(&self, _: &Caller, _: &str, _: &Payload) -> Result<(), Refusal> {
        Ok(())
    }
}
