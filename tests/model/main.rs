//! The heart of guard, model-checked: the real machine (`Custody::apply`, `decide`, `observe`) in a world of late requests,
//! crashes, edits, trips and stale writers. `docs/model.md` says what is explored and what is left out.

mod graph;
mod machine;
mod mutant;
mod trip;
mod world;

use machine::{Budget, Guard};
use mutant::Mutant;
use stateright::{Checker, Model};

const PLAIN: Guard = Guard {
    name: "",
    budget: Budget { rotations: 0, trips: 0, edits: 0, overwrites: 0, wires: 0, faults: 0, orders: 0, jobs: 0 },
    broken: None,
    dead_sink: None,
    reopen: false,
    archive: false,
    mutant: None,
};

#[test]
fn scratch() {
    let env = |n: &str| std::env::var(n).ok().and_then(|v| v.parse::<u8>().ok()).unwrap_or(0);
    let budget = Budget { rotations: env("R"), trips: env("T"), edits: env("E"), overwrites: env("O"), wires: env("W"), faults: env("F"), orders: env("B"), jobs: env("J") };
    let guard = Guard { name: "scratch", budget, archive: env("ARCH") > 0, reopen: env("REOPEN") > 0, broken: (env("BROKEN") > 0).then_some(1), dead_sink: (env("DEAD") > 0).then_some(1), ..PLAIN };
    let mutant = std::env::var("M").ok().and_then(|m| m.parse::<usize>().ok()).map(|m| Mutant::ALL[m]);
    let guard = Guard { mutant, ..guard };
    println!("{mutant:?}");
    let began = std::time::Instant::now();
    if env("L") == 0 {
        let checker = guard.clone().checker().threads(2).target_state_count(3_000_000).finish_when(stateright::HasDiscoveries::Any).spawn_bfs().join();
        println!("{} states, depth {}, {:?}", checker.unique_state_count(), checker.max_depth(), began.elapsed());
        for (name, path) in checker.discoveries() {
            println!("BROKEN {name}");
            for (s, a) in path.into_vec() { println!("   {a:?}   [{:?} des={:?} gate={:?} {:?}]", s.custody.phase(), s.custody.desired(), s.world.gate, s.broken); }
        }
    } else {
        let graph = graph::Graph::of(&guard);
        println!("{} states {:?}", graph.states(), began.elapsed());
        for (i, (name, _)) in graph::GOALS.iter().enumerate() {
            let (traps, way) = graph.traps(i);
            println!("{name}: {traps} traps {way:?}");
        }
    }
}
