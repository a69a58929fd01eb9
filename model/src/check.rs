//! The check: stateright takes every course, and every promise is a property.

use crate::action::Action;
use crate::bounds::Bounds;
use crate::ledger::{Broken, Fate};
use crate::story::Story;
use crate::world::World;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::{Duration, Instant};
use tautline_protocol::client::Failure;

/// How often a check that takes long says how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// The model within its bounds.
#[derive(Clone, Debug)]
pub struct Space {
    /// How much may happen.
    pub bounds: Bounds,
}

impl Model for Space {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.bounds)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(world.after(action, &self.bounds, &mut Story::untold()))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = promises();
        properties.extend(sights());
        properties
    }
}

/// What holds in every state.
fn promises() -> Vec<Property<Space>> {
    vec![
        Property::<Space>::always(
            "every message is handled once and in order, or is marked if perhaps again",
            |_, world| world.broken != Some(Broken::Handling),
        ),
        Property::<Space>::always(
            "what the application is told of a message is true",
            |_, world| world.broken != Some(Broken::Outcome),
        ),
        Property::<Space>::always("a message settles at most once", |_, world| {
            world.broken != Some(Broken::SettledTwice)
        }),
        Property::<Space>::always(
            "a reader gets each entry once and in order, or is told exactly what is missing",
            |_, world| world.broken != Some(Broken::Reading),
        ),
        Property::<Space>::always(
            "a loss is told if the server has lost the session, and only then",
            |_, world| world.broken != Some(Broken::Loss),
        ),
        Property::<Space>::always(
            "the line gets on: each step counts, and the client dials once for each connection it loses",
            |_, world| world.broken != Some(Broken::Restless),
        ),
        Property::<Space>::always("at rest every message has settled", |_, world| {
            world.broken != Some(Broken::Unsettled)
        }),
        Property::<Space>::always(
            "at rest the line is live, everything is read, and nothing read is kept",
            |_, world| world.broken != Some(Broken::Unrested),
        ),
    ]
}

/// What is seen on the way if the bounds allow it: a check in which nothing happens proves nothing.
fn sights() -> Vec<Property<Space>> {
    vec![
        Property::<Space>::sometimes("a connection beside an older one", |_, world| {
            world.is_contested()
        }),
        Property::<Space>::sometimes("a server that has lost its sessions", |_, world| {
            world.server.truth.lost_sessions
        }),
        Property::<Space>::sometimes("a message handled again", |_, world| {
            world.server.truth.has_repetition()
        }),
        Property::<Space>::sometimes("a message taken back", |_, world| {
            world.ledger.fates.contains(&Fate::Cancelled)
        }),
        Property::<Space>::sometimes("an unknown outcome", |_, world| {
            world.ledger.has_failed(Failure::OutcomeUnknown)
        }),
        Property::<Space>::sometimes("a lost answer", |_, world| {
            world.ledger.has_failed(Failure::AnswerLost)
        }),
        Property::<Space>::sometimes("a gap in the direct stream", |_, world| {
            world.ledger.direct.gap
        }),
        Property::<Space>::sometimes("a gap in the topic", |_, world| world.ledger.topic.gap),
    ]
}

/// What a check has found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Steps taken; as many states, with those reached more than once.
    pub states: usize,
    /// Different states.
    pub unique: usize,
    /// States on the longest of the shortest courses to each.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// What was seen on the way.
    pub sights: Vec<&'static str>,
    /// A promise that does not hold, and the course that breaks it.
    pub counterexample: Option<(&'static str, Vec<Action>)>,
}

/// Takes every course within the bounds, the shortest first, until one breaks a promise. Says on
/// standard error how far it is.
#[must_use]
pub fn check(bounds: &Bounds, threads: usize) -> Report {
    let start = Instant::now();
    let space = Space { bounds: bounds.clone() };
    let builder = space.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    let mut checker = builder.spawn_bfs();
    let handles = checker.handles();
    let mut told = start;
    while handles.iter().any(|handle| !handle.is_finished()) {
        std::thread::sleep(Duration::from_millis(5));
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            let (states, depth) = (checker.state_count(), checker.max_depth());
            eprintln!("{states} states, depth {depth}, {} s", start.elapsed().as_secs());
        }
    }
    for handle in handles {
        // A machine that panics has broken a promise, too.
        if let Err(panic) = handle.join() {
            std::panic::resume_unwind(panic);
        }
    }
    let found = |property: &Property<Space>| {
        let path = checker.discovery(property.name)?;
        Some((property.name, path.into_actions()))
    };
    let broken = promises().iter().filter_map(found).min_by_key(|(_, actions)| actions.len());
    Report {
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        took: start.elapsed(),
        sights: sights().iter().filter_map(found).map(|(name, _)| name).collect(),
        counterexample: broken,
    }
}

/// Tells a course in words, step by step.
#[must_use]
pub fn tell(bounds: &Bounds, course: &[Action]) -> Vec<String> {
    let mut world = World::new(bounds);
    let mut lines = Vec::new();
    for (number, action) in (1..).zip(course) {
        let mut story = Story::told();
        world = world.after(*action, bounds, &mut story);
        lines.push(format!("{number:>3}. {action}"));
        lines.extend(story.lines().iter().map(|line| format!("       {line}")));
    }
    lines
}
