//! Whether the engine can keep what it is given, for whoever watches the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the writer and the readers have found out.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    /// Why the last commits failed.
    failing: Option<String>,
    /// The first row that was not what was written. It stays so until somebody looks after it.
    damage: Option<String>,
    has_ended: bool,
}

impl Health {
    /// Why the engine is not well, in words for people.
    pub(super) fn check(&self) -> Result<(), String> {
        let found = self.found();
        if found.has_ended {
            return Err("the disk engine is closed".into());
        }
        match found.failing.as_ref().or(found.damage.as_ref()) {
            Some(sentence) => Err(sentence.clone()),
            None => Ok(()),
        }
    }

    /// Nothing can be written.
    pub(super) fn fails(&self, sentence: &str) {
        self.found().failing = Some(sentence.into());
    }

    /// What is written is taken again.
    pub(super) fn recovers(&self) {
        self.found().failing = None;
    }

    /// Something on the disk is damaged.
    pub(super) fn is_damaged(&self, sentence: &str) {
        self.found().damage.get_or_insert_with(|| sentence.into());
    }

    /// Nothing is written any more.
    pub(super) fn ends(&self) {
        self.found().has_ended = true;
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs something. The application's log may panic, as some do that cannot be written: that costs the
/// writer nothing.
pub(super) fn tell(log: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(log));
}

/// Notes the end of the writer when it is dropped, also by a panic.
pub(super) struct UntilTheEnd(pub(super) Arc<Health>);

impl Drop for UntilTheEnd {
    fn drop(&mut self) {
        self.0.ends();
    }
}
