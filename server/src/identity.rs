//! Who a client is, and how it proves that.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tautline_protocol::{CloseCode, SessionId};

/// What a client offers to prove who it is.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// What the application gave to the client; empty if nothing.
    pub bytes: Bytes,
    /// The page's origin; a client that is not a browser has none.
    pub origin: Option<String>,
    /// The other end of the connection, if the server is told: a proxy, where there is one.
    pub peer: Option<SocketAddr>,
}

/// Who a client is. Sessions belong to identities, by name.
#[derive(Clone)]
pub struct Identity {
    name: Arc<str>,
    expires_in: Option<Duration>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

impl Identity {
    /// The identity called `name`.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), expires_in: None, data: None }
    }

    /// Nobody in particular: the client is known by its session alone, whose id is as hard to guess
    /// as a key. The bound on sessions of one identity does not hold for it.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new("")
    }

    /// The credentials are good for this long; then the server asks for fresh ones on the live
    /// line, and ends the connection if none come.
    #[must_use]
    pub const fn expires_in(mut self, duration: Duration) -> Self {
        self.expires_in = Some(duration);
        self
    }

    /// Keeps what the application knows of this identity, such as its roles.
    #[must_use]
    pub fn with_data(mut self, data: impl Any + Send + Sync) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    /// The name; empty if anonymous.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was given to [`with_data`](Self::with_data), if it is of this type.
    #[must_use]
    pub fn data<T: Any>(&self) -> Option<&T> {
        self.data.as_deref()?.downcast_ref()
    }

    /// Whether it is [`anonymous`](Self::anonymous).
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.name.is_empty()
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    pub(crate) const fn lifetime(&self) -> Option<Duration> {
        self.expires_in
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The client that a handler is called for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its session.
    pub session: SessionId,
    /// Who it is.
    pub identity: Identity,
    /// The other end of its connection, if the server is told: a proxy, where there is one.
    pub peer: Option<SocketAddr>,
}

/// Why a client is not let in.
#[derive(Clone, Debug)]
pub struct Denied {
    pub(crate) code: CloseCode,
    pub(crate) after: Duration,
    pub(crate) reason: String,
}

impl Denied {
    /// The credentials are missing, wrong or expired. The client tries others, if it can get any;
    /// else its line ends. It is told the reason.
    #[must_use]
    pub fn unauthorized(reason: impl Into<String>) -> Self {
        Self { code: CloseCode::UNAUTHORIZED, after: Duration::ZERO, reason: reason.into() }
    }

    /// The credentials cannot be checked now: the client comes back with the same, after this
    /// long at the earliest.
    #[must_use]
    pub fn retry_after(after: Duration, reason: impl Into<String>) -> Self {
        Self { code: CloseCode::FULL, after, reason: reason.into() }
    }

    pub(crate) fn stale() -> Self {
        let reason = "a newer connection of this client came first".into();
        Self { code: CloseCode::REPLACED, after: Duration::ZERO, reason }
    }

    pub(crate) fn too_slow() -> Self {
        let reason = "the server took too long to open the session".into();
        Self { code: CloseCode::INTERNAL, after: Duration::ZERO, reason }
    }

    pub(crate) fn undecided() -> Self {
        Self::failed("the server took too long over the credentials")
    }

    pub(crate) fn failed(reason: &str) -> Self {
        Self { code: CloseCode::INTERNAL, after: Duration::ZERO, reason: reason.into() }
    }

    /// The client is to stop for good.
    #[must_use]
    pub fn for_good(reason: impl Into<String>) -> Self {
        Self { code: CloseCode::ENDED, after: Duration::ZERO, reason: reason.into() }
    }
}
