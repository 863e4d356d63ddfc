//! The heart of guard, model-checked: the real machine (`Custody::apply`, `decide`, `observe`) in a world of late requests,
//! crashes, edits, trips and stale writers. `GUARD_MODEL=deep` explores larger budgets.
//!
//! Time is two distances: a pause between attempts passes with `Tick`, the settle time with `Settle`, after which nothing is
//! travelling any more. Overlap, drain and grace times are zero, so that whatever waits for them may also happen at once.
//! Assumed: a process does not stall between an announced request and its sending for longer than the settle time, and a trip under
//! way ends before a person releases its gate.

mod driver;
mod explore;
mod goals;
mod graph;
mod machine;
mod mutant;
mod steps;
mod trip;
mod world;

use graph::{GOALS, Graph};
use machine::{Budget, Guard};
use mutant::Mutant;
use stateright::{Checker, HasDiscoveries, Model};
use world::SINKS;

const NONE: Budget =
    Budget { rotations: 0, trips: 0, edits: 0, overwrites: 0, wires: 0, faults: 0, orders: 0, jobs: 0 };
const PLAIN: Guard = Guard {
    name: "",
    budget: NONE,
    sinks: SINKS,
    glance: false,
    wide: false,
    broken: None,
    dead_sink: None,
    reopen: false,
    archive: false,
    mutant: None,
};
const ROTATION: Budget = Budget { rotations: 1, ..NONE };
const TRIP: Budget = Budget { trips: 1, ..NONE };

/// How many states of a world that is too wide for a short check are looked at, breadth first.
const FIRST: usize = 1_500_000;

/// The worlds that are explored for safety.
fn worlds() -> Vec<Guard> {
    let beside = Budget { trips: 1, ..ROTATION };
    let mut worlds = vec![
        Guard { name: "a rotation, two lost requests", budget: Budget { wires: 2, ..ROTATION }, ..PLAIN },
        Guard {
            name: "a rotation, an order, archive",
            budget: Budget { orders: 1, ..ROTATION },
            archive: true,
            ..PLAIN
        },
        Guard { name: "a rotation, two faults", budget: Budget { faults: 2, ..ROTATION }, ..PLAIN },
        Guard { name: "a rotation, an edit", budget: Budget { edits: 1, ..ROTATION }, ..PLAIN },
        Guard { name: "a rotation to a dead standby", budget: ROTATION, broken: Some(1), ..PLAIN },
        Guard { name: "a rotation, a dead consumer", budget: ROTATION, dead_sink: Some(1), ..PLAIN },
        Guard { name: "a trip", budget: TRIP, glance: true, ..PLAIN },
        Guard { name: "a trip, a lost request", budget: Budget { wires: 1, ..TRIP }, sinks: 1, glance: true, ..PLAIN },
        Guard { name: "a rotation and a trip", budget: beside, sinks: 1, glance: true, wide: true, ..PLAIN },
    ];
    if deep() {
        let wide = Guard { wide: true, ..PLAIN };
        worlds.extend([
            Guard { name: "a trip, reading by reading", budget: TRIP, ..PLAIN },
            Guard {
                name: "a rotation, an overwrite, a job",
                budget: Budget { overwrites: 1, jobs: 1, ..ROTATION },
                ..PLAIN
            },
            Guard { name: "a rotation and a trip, reading by reading", budget: beside, ..wide.clone() },
            Guard { name: "two rotations, a lost request", budget: Budget { rotations: 2, wires: 1, ..NONE }, ..PLAIN },
            Guard {
                name: "a rotation, a trip, a lost request",
                budget: Budget { wires: 1, ..beside },
                sinks: 1,
                glance: true,
                ..wide.clone()
            },
            Guard { name: "two trips", budget: Budget { trips: 2, ..NONE }, sinks: 1, glance: true, ..wide },
            Guard {
                name: "a rotation, an order, two lost requests",
                budget: Budget { orders: 1, wires: 2, ..ROTATION },
                ..PLAIN
            },
        ]);
    }
    worlds
}

fn deep() -> bool {
    std::env::var("GUARD_MODEL").is_ok_and(|v| v == "deep")
}

#[test]
fn nothing_forbidden_ever_happens() {
    let mut total = 0;
    let only = std::env::var("GUARD_MODEL_WORLD").ok();
    for world in worlds().into_iter().filter(|w| only.as_ref().is_none_or(|o| w.name == o)) {
        let name = world.name;
        let cap = if world.wide && !deep() { FIRST } else { usize::MAX };
        let search = world.checker().threads(2).finish_when(HasDiscoveries::Any);
        let search = if cap == usize::MAX { search } else { search.target_state_count(cap) };
        let checker = search.spawn_bfs().join();
        let broken: Vec<_> = checker
            .discoveries()
            .into_iter()
            .map(|(rule, path)| format!("{rule}: {:?}", path.into_actions()))
            .collect();
        let extent = if checker.state_count() >= cap { "the first" } else { "all" };
        println!("{name}: {extent} {} states, depth {}", checker.unique_state_count(), checker.max_depth());
        total += checker.unique_state_count();
        assert!(broken.is_empty(), "{name}: {broken:#?}");
    }
    println!("safety: {total} states in total");
}

#[test]
fn everything_owed_stays_within_reach() {
    let mut total = 0;
    for guard in [
        Guard { name: "a rotation, two lost requests", budget: Budget { wires: 2, ..ROTATION }, ..PLAIN },
        Guard { name: "a rotation, a fault", budget: Budget { faults: 1, ..ROTATION }, ..PLAIN },
        Guard { name: "a trip", budget: TRIP, sinks: 1, glance: true, ..PLAIN },
    ] {
        let name = guard.name;
        let graph = Graph::of(&guard);
        println!("{name}: {} states", graph.states());
        total += graph.states();
        for (goal, (what, _)) in GOALS.iter().enumerate() {
            let (traps, way) = graph.traps(goal);
            assert!(traps == 0, "{name}: {what}: {traps} traps, first by {way:?}");
        }
    }
    println!("liveness: {total} states in total");
}

#[test]
fn each_broken_guard_is_caught() {
    let orders = Budget { orders: 1, ..ROTATION };
    let overlap = Budget { trips: 1, ..ROTATION };
    let worlds = [
        (Mutant::ForgetsLateWakes, Budget { wires: 1, ..overlap }, None),
        (Mutant::ForgetsLateStops, Budget { wires: 1, ..orders }, None),
        (Mutant::BelievesDeath, Budget { wires: 1, ..ROTATION }, None),
        (Mutant::BelievesLife, ROTATION, Some(1)),
        (Mutant::BelievesReloads, orders, None),
        (Mutant::BelievesSilence, Budget { jobs: 1, ..ROTATION }, None),
        (Mutant::RollsBackAfterIntent, orders, None),
        (Mutant::RearmsOlder, Budget { trips: 2, ..NONE }, None),
        (Mutant::RearmsAlive, TRIP, None),
        (Mutant::SparesTheOverlap, overlap, None),
        (Mutant::SendsBeforeClosing, Budget { wires: 1, ..TRIP }, None),
        (Mutant::ActsBeforeDurable, Budget { wires: 1, ..ROTATION }, None),
        (Mutant::DoomsBeforeReadBack, ROTATION, None),
    ];
    let mut spared = Vec::new();
    for (mutant, budget, broken) in worlds {
        let guard = Guard { budget, broken, mutant: Some(mutant), ..PLAIN };
        let search = guard.checker().threads(2).target_state_count(400_000).finish_when(HasDiscoveries::Any);
        let checker = search.spawn_bfs().join();
        match checker.discoveries().into_iter().next() {
            Some((rule, path)) => println!("{mutant:?}: {rule} after {} steps", path.into_actions().len()),
            None => spared.push(mutant),
        }
    }
    assert!(spared.is_empty(), "not caught: {spared:?}");
}
