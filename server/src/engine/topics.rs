//! The topics that there are: found by name, counted for who made them, gone as soon as nobody needs them.

mod incarnations;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak};
use std::time::Duration;

use tautline_protocol::{Epoch, SessionId};
use tokio::time::Instant;

use super::{EngineConfig, EngineError};
use crate::handler::Caller;

pub(super) use self::incarnations::Incarnations;
#[cfg(feature = "disk")]
pub(super) use self::incarnations::{begin, bucket};

/// Whom a topic counts for: it was first asked for on their behalf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Maker {
    /// The application itself, which is bound by the number of all topics only.
    Server,
    /// Somebody with a name.
    Identity(Arc<str>),
    /// Somebody without, who is known by the session alone.
    Session(SessionId),
}

impl Maker {
    pub(crate) fn of(caller: &Caller) -> Self {
        if caller.identity.is_anonymous() {
            Self::Session(caller.session)
        } else {
            Self::Identity(caller.identity.shared_name())
        }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "the server",
            Self::Identity(_) => "this identity",
            Self::Session(_) => "this session",
        })
    }
}

/// What an engine keeps of a topic.
pub(super) trait Topic: Sized {
    fn membership(&self) -> &Membership<Self>;

    /// Whether no entry is left.
    fn is_empty(&self) -> bool;
}

/// A topic that is taken out, and the salt that its name begins with from now on.
pub(super) type Swept<T> = (Arc<T>, u64);

/// A topic's place among the others. When it is dropped, the topic is gone.
#[derive(Debug)]
pub(super) struct Membership<T> {
    registry: Weak<Registry<T>>,
    pub(super) name: Arc<str>,
    number: u64,
    /// The registry holds it, because something was published to it.
    is_kept: AtomicBool,
}

impl<T> Drop for Membership<T> {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            let mut known = registry.known();
            if known.topics.get(&self.name).is_some_and(|place| place.number == self.number) {
                known.remove(&self.name);
            }
        }
    }
}

/// All topics of an engine. One that nothing was ever published to lives as long as somebody holds it:
/// subscribing makes nothing that lasts.
#[derive(Debug)]
pub(super) struct Registry<T> {
    known: RwLock<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    topics: HashMap<Arc<str>, Place<T>>,
    /// How many each has made.
    made: HashMap<Maker, usize>,
    incarnations: Incarnations,
    numbers: u64,
}

#[derive(Debug)]
struct Place<T> {
    number: u64,
    maker: Maker,
    topic: Weak<T>,
    /// Keeps a topic that has had entries while nobody else holds it.
    kept: Option<Arc<T>>,
    /// When it was found to be used last, by a sweep.
    used_at: Instant,
}

impl<T> Known<T> {
    fn find(&self, name: &str) -> Option<Arc<T>> {
        self.topics.get(name)?.topic.upgrade()
    }

    /// Takes a topic out. Drop what is returned only after the lock is released: dropping a topic takes
    /// the same lock.
    fn remove(&mut self, name: &str) -> Option<Place<T>> {
        let place = self.topics.remove(name)?;
        if let Some(count) = self.made.get_mut(&place.maker) {
            *count -= 1;
            if *count == 0 {
                self.made.remove(&place.maker);
            }
        }
        Some(place)
    }

    fn check_room(&self, maker: &Maker, config: &EngineConfig) -> Result<(), EngineError> {
        let own = self.made.get(maker).copied().unwrap_or_default();
        if *maker != Maker::Server && own >= config.topics_per_identity {
            return Err(EngineError::TooManyTopicsOfOne { maker: maker.clone(), most: own });
        }
        if self.topics.len() >= config.topics {
            return Err(EngineError::TooManyTopics);
        }
        Ok(())
    }
}

impl<T: Topic> Registry<T> {
    pub(super) fn new(incarnations: Incarnations) -> Arc<Self> {
        let (topics, made) = (HashMap::new(), HashMap::new());
        Arc::new(Self { known: RwLock::new(Known { topics, made, incarnations, numbers: 0 }) })
    }

    /// Finds a topic, or has it made in the incarnation that it begins in.
    pub(super) fn find_or_make(
        self: &Arc<Self>,
        name: &str,
        maker: &Maker,
        config: &EngineConfig,
        make: impl FnOnce(Membership<T>, Epoch) -> T,
    ) -> Result<Arc<T>, EngineError> {
        let found = self.find(name);
        if let Some(topic) = found {
            return Ok(topic);
        }
        let mut known = self.known();
        if let Some(topic) = known.find(name) {
            return Ok(topic);
        }
        // A topic whose last holder is just dropping it must not count against the limits.
        known.remove(name);
        known.check_room(maker, config)?;
        let epoch = known.incarnations.epoch(name);
        Ok(self.add(&mut known, name, maker, |membership| make(membership, epoch)))
    }

    /// Adds a topic that is there and stays.
    #[cfg(feature = "disk")]
    pub(super) fn restore(
        self: &Arc<Self>,
        name: &str,
        maker: &Maker,
        make: impl FnOnce(Membership<T>) -> T,
    ) -> Arc<T> {
        let topic = self.add(&mut self.known(), name, maker, make);
        self.keep(&topic);
        topic
    }

    fn add(
        self: &Arc<Self>,
        known: &mut Known<T>,
        name: &str,
        maker: &Maker,
        make: impl FnOnce(Membership<T>) -> T,
    ) -> Arc<T> {
        known.numbers += 1;
        let (number, name): (u64, Arc<str>) = (known.numbers, name.into());
        let topic = Arc::new(make(Membership {
            registry: Arc::downgrade(self),
            name: name.clone(),
            number,
            is_kept: AtomicBool::new(false),
        }));
        let (maker, weak) = (maker.clone(), Arc::downgrade(&topic));
        *known.made.entry(maker.clone()).or_default() += 1;
        let place = Place { number, maker, topic: weak, kept: None, used_at: Instant::now() };
        known.topics.insert(name, place);
        topic
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<T>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).find(name)
    }

    /// The topic has entries: it stays when nobody holds it.
    pub(super) fn keep(&self, topic: &Arc<T>) {
        let Membership { name, number, is_kept, .. } = topic.membership();
        if is_kept.load(Ordering::Acquire) {
            return;
        }
        let mut known = self.known();
        if let Some(place) = known.topics.get_mut(name).filter(|place| place.number == *number) {
            place.kept = Some(topic.clone());
            is_kept.store(true, Ordering::Release);
        }
    }

    /// Starts a new incarnation of a topic, because its entries were deleted. `empty` gets the new epoch: it
    /// has to drop the entries that the topic still holds in memory, and to return false if entries of a
    /// newer incarnation are there already, which are kept.
    pub(super) fn begin_anew(
        &self,
        topic: &Arc<T>,
        salt: u64,
        empty: impl FnOnce(&T, Epoch) -> bool,
    ) {
        let Membership { name, number, is_kept, .. } = topic.membership();
        let mut known = self.known();
        known.incarnations.change(name, salt);
        let epoch = known.incarnations.epoch(name);
        if empty(topic, epoch)
            && let Some(place) = known.topics.get_mut(name).filter(|place| place.number == *number)
        {
            is_kept.store(false, Ordering::Release);
            // The caller holds it: it is not dropped here.
            place.kept = None;
        }
    }

    /// Takes out what has had entries, has none any more, and was not used for so long; has `order` put
    /// what that takes in line, with all that stay. Nobody looks for a topic meanwhile.
    pub(super) fn sweep<R>(
        &self,
        unused_for: Duration,
        now: Instant,
        mut look: impl FnMut(&T),
        order: impl FnOnce(Vec<Swept<T>>, Vec<Arc<T>>) -> R,
    ) -> R {
        let mut known = self.known();
        let (mut unused, mut stays) = (Vec::new(), Vec::new());
        // In any order: nothing depends on it.
        known.topics.values_mut().for_each(|place| {
            let Some(topic) = &place.kept else { return };
            look(topic);
            // Connections that read it or are about to append to it hold it too.
            let is_used = !topic.is_empty() || Arc::strong_count(topic) > 1;
            if is_used {
                place.used_at = now;
            }
            let is_over = !is_used && now.saturating_duration_since(place.used_at) >= unused_for;
            if is_over { &mut unused } else { &mut stays }.push(topic.clone());
        });
        let swept: Vec<_> = unused
            .iter()
            .map(|topic| {
                let Membership { name, .. } = topic.membership();
                let salt = Incarnations::salt();
                known.incarnations.change(name, salt);
                (topic.clone(), salt)
            })
            .collect();
        let gone: Vec<_> =
            unused.iter().filter_map(|topic| known.remove(&topic.membership().name)).collect();
        let held = stays.clone();
        let ordered = order(swept, stays);
        drop(known);
        drop((gone, unused, held));
        ordered
    }
}

impl<T> Registry<T> {
    fn known(&self) -> RwLockWriteGuard<'_, Known<T>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
