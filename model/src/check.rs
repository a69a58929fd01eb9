//! The check: stateright takes every course, and every promise is a property.

use crate::action::Action;
use crate::bounds::Bounds;
use crate::ledger::Broken;
use crate::story::Story;
use crate::world::World;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::time::{Duration, Instant};

/// Every promise, in words.
pub const PROMISES: [(Broken, &str); 7] = [
    (Broken::Handling, "every message is handled once, in order, and marked if perhaps again"),
    (Broken::Outcome, "what the application is told of a message is true"),
    (Broken::SettledTwice, "a message settles at most once"),
    (
        Broken::Reading,
        "a reader gets each entry once, in order, or is told exactly what is missing",
    ),
    (Broken::Loss, "a loss is told if the server has lost the session, and only then"),
    (Broken::Unsettled, "at rest every message has settled"),
    (Broken::Unrested, "at rest the line is live, everything is read and nothing is kept"),
];

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
        fn holds<const N: usize>(_: &Space, world: &World) -> bool {
            PROMISES.get(N).is_none_or(|(broken, _)| world.broken != Some(*broken))
        }
        let conditions: [fn(&Self, &World) -> bool; PROMISES.len()] =
            [holds::<0>, holds::<1>, holds::<2>, holds::<3>, holds::<4>, holds::<5>, holds::<6>];
        let named = PROMISES.iter().zip(conditions);
        named.map(|((_, name), condition)| Property::always(name, condition)).collect()
    }
}

/// What a check has found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Steps taken; as many states, with those reached more than once.
    pub states: usize,
    /// Different states.
    pub unique: usize,
    /// Steps of the longest course that leads to a state nobody had seen.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// A promise that does not hold, and the course that breaks it.
    pub counterexample: Option<(&'static str, Vec<Action>)>,
}

/// Takes every course within the bounds, the shortest first, until one breaks a promise.
#[must_use]
pub fn check(bounds: &Bounds, threads: usize) -> Report {
    let start = Instant::now();
    let checker = Space { bounds: bounds.clone() }
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let found = checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions()));
    Report {
        states: checker.state_count(),
        unique: checker.unique_state_count(),
        depth: checker.max_depth(),
        took: start.elapsed(),
        counterexample: found.min_by_key(|(_, actions)| actions.len()),
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
