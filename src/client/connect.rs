//! What `Client::connect` looks at before it opens a line, and why it refuses.

use crate::address;
use std::fmt;
use tautline_protocol::client::{Config, Credentials};
use tautline_protocol::limits::CREDENTIALS_BYTES_MAX;

/// Why a line cannot be opened. Nothing was begun, and a repeat ends in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no WebSocket here: this is not a browser, as on a server that renders the page.
    NoWebSocket,
    /// No line can go to this URL.
    Url {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that no line can work with.
    Setting {
        /// Its path in [`Config`].
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least that it may be.
        least: u64,
    },
    /// The credentials are too long.
    Credentials(CredentialsTooLong),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWebSocket => f.write_str(
                "there is no WebSocket here: open the line in a browser, for instance in an effect \
                 that does not run where the page is rendered on a server",
            ),
            Self::Url { url, reason } => write!(f, "cannot connect to {url:?}: {reason}"),
            Self::Setting { name, value, least } => {
                write!(f, "the setting {name} is {value}, but has to be at least {least}")
            }
            Self::Credentials(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Credentials of more than 16,384 bytes, which no server takes. PROTOCOL.md, section 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsTooLong {
    /// How many bytes they have.
    pub bytes: usize,
}

impl CredentialsTooLong {
    /// # Errors
    /// These credentials are too long.
    pub(crate) const fn check(credentials: &[u8]) -> Result<(), Self> {
        let bytes = credentials.len();
        if bytes > CREDENTIALS_BYTES_MAX { Err(Self { bytes }) } else { Ok(()) }
    }
}

impl fmt::Display for CredentialsTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes } = self;
        write!(
            f,
            "the credentials have {bytes} bytes, at most {CREDENTIALS_BYTES_MAX} are possible"
        )
    }
}

impl std::error::Error for CredentialsTooLong {}

/// The URL for the WebSocket, if a line can be opened there with this configuration.
///
/// # Errors
/// It cannot.
pub(super) fn check(url: &str, config: &Config) -> Result<String, ConnectError> {
    check_settings(config)?;
    if !address::has_web_socket() {
        return Err(ConnectError::NoWebSocket);
    }
    address::resolve(url).map_err(|reason| ConnectError::Url { url: url.into(), reason })
}

fn check_settings(config: &Config) -> Result<(), ConnectError> {
    let settings = [
        ("outbox_messages", config.outbox_messages as u64, 1),
        ("outbox_bytes", config.outbox_bytes as u64, 1),
        ("backoff.base_ms", config.backoff.base_ms, 1),
        ("backoff.cap_ms", config.backoff.cap_ms, config.backoff.base_ms),
        ("connect_timeout_ms", config.connect_timeout_ms, 1),
    ];
    for (name, value, least) in settings {
        if value < least {
            return Err(ConnectError::Setting { name, value, least });
        }
    }
    if let Credentials::Fixed(credentials) = &config.credentials {
        CredentialsTooLong::check(credentials).map_err(ConnectError::Credentials)?;
    }
    Ok(())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::Client;

    fn refusal(config: Config) -> ConnectError {
        Client::connect("wss://example.com/line", config).expect_err("it is refused")
    }

    #[test]
    fn where_there_is_no_browser_it_says_so() {
        assert_eq!(refusal(Config::default()), ConnectError::NoWebSocket);
    }

    #[test]
    fn a_setting_that_no_line_can_work_with_is_refused_by_name() {
        let check = |name, value, least, set: fn(&mut Config)| {
            let mut config = Config::default();
            set(&mut config);
            assert_eq!(refusal(config), ConnectError::Setting { name, value, least });
        };
        check("outbox_messages", 0, 1, |config| config.outbox_messages = 0);
        check("outbox_bytes", 0, 1, |config| config.outbox_bytes = 0);
        check("backoff.base_ms", 0, 1, |config| config.backoff.base_ms = 0);
        check("backoff.cap_ms", 499, 500, |config| config.backoff.cap_ms = 499);
        check("connect_timeout_ms", 0, 1, |config| config.connect_timeout_ms = 0);
    }

    #[test]
    fn credentials_that_no_server_takes_are_refused() {
        let credentials = |bytes| Config {
            credentials: Credentials::Fixed(vec![b'x'; bytes]),
            ..Config::default()
        };
        let too_long = CredentialsTooLong { bytes: 16_385 };
        assert_eq!(refusal(credentials(16_385)), ConnectError::Credentials(too_long));
        assert_eq!(refusal(credentials(16_384)), ConnectError::NoWebSocket);
    }
}
