//! What rouses a connection from elsewhere: new entries, a takeover, the server's end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tautline_protocol::StreamId;

/// What a connection is told by the rest of the server. Only the first does not end it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals {
    /// Ask the client to connect anew.
    pub(crate) go_away: bool,
    /// Another connection has the session.
    pub(crate) superseded: bool,
    /// The connection holds too much of what all have to share.
    pub(crate) give_way: bool,
    /// The server ends now.
    pub(crate) hang_up: bool,
}

impl Signals {
    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// One per connection, and the only thing that anyone else wakes it by.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// Beside the mail, because it is looked at before every message.
    fenced: AtomicBool,
    mail: Mutex<Mail>,
}

#[derive(Debug, Default)]
struct Mail {
    signals: Signals,
    ready: Vec<StreamId>,
    reader: Option<Waker>,
}

impl Mailbox {
    /// Another connection takes the session over: from now on this one handles no further message.
    pub(crate) fn supersede(&self) {
        self.fenced.store(true, Ordering::Release);
        self.post(|mail| mail.signals.superseded = true);
    }

    pub(crate) fn go_away(&self) {
        self.post(|mail| mail.signals.go_away = true);
    }

    pub(crate) fn give_way(&self) {
        self.post(|mail| mail.signals.give_way = true);
    }

    pub(crate) fn hang_up(&self) {
        self.post(|mail| mail.signals.hang_up = true);
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// Takes what has come; the streams with new entries are appended to `ready`.
    pub(crate) fn poll(&self, cx: &mut Context<'_>, ready: &mut Vec<StreamId>) -> Poll<Signals> {
        let mut mail = self.lock();
        if mail.signals.is_empty() && mail.ready.is_empty() {
            if !mail.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                mail.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        ready.append(&mut mail.ready);
        Poll::Ready(std::mem::take(&mut mail.signals))
    }

    /// The connection runs and will look by itself before it waits again. Without this, a commit that
    /// appends to the connection's own stream would wake a second thread for a task that is awake.
    pub(crate) fn stop_watching(&self) {
        self.lock().reader = None;
    }

    fn post(&self, write: impl FnOnce(&mut Mail)) {
        let reader = {
            let mut mail = self.lock();
            write(&mut mail);
            mail.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader's wish to hear of new entries in one log. An engine asks it for a [`Ringer`] when the
/// reader has caught up, under the same lock that an append takes; dropping it ends the wish.
#[derive(Debug)]
pub struct Bell(Arc<Clapper>);

#[derive(Debug)]
struct Clapper {
    mailbox: Arc<Mailbox>,
    stream: StreamId,
    armed: AtomicBool,
}

impl Bell {
    pub(crate) fn new(mailbox: Arc<Mailbox>, stream: StreamId) -> Self {
        Self(Arc::new(Clapper { mailbox, stream, armed: AtomicBool::new(false) }))
    }

    /// What rings this bell once; `None` if one is out already.
    #[must_use]
    pub fn arm(&self) -> Option<Ringer> {
        let was_armed = self.0.armed.swap(true, Ordering::AcqRel);
        (!was_armed).then(|| Ringer(Arc::downgrade(&self.0)))
    }
}

/// Kept by a log, and rung when an entry is appended to it.
#[derive(Debug)]
pub struct Ringer(Weak<Clapper>);

impl Ringer {
    /// Wakes the reader, if it is still there.
    pub fn ring(self) {
        if let Some(clapper) = self.0.upgrade() {
            clapper.armed.store(false, Ordering::Release);
            clapper.mailbox.post(|mail| mail.ready.push(clapper.stream));
        }
    }

    /// Whether anyone would hear it.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.strong_count() > 0
    }
}
