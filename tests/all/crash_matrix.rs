//! The process dies at every place before and after a durable write and an effect, and another one goes on.

use std::future::Future;

use chrono::TimeDelta;
use guard::app::drive::tick;
use guard::app::rotate::{Order, rotate};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::{App, enroll, points};
use guard::domain::key::KeyStatus;
use guard::domain::rotation::{Event, Role, invariants};
use guard::ports::Journal;

use crate::fakes::{Crash, Request, World, app, id, ledger, name, options, secret};
use crate::rotation::enrolled;

/// Runs a command as a process of its own; `false` when it died at the armed point.
async fn lives<F, O>(world: &World, command: impl FnOnce(App) -> F) -> bool
where
    F: Future<Output = O> + Send + 'static,
    O: Send + 'static,
{
    match tokio::spawn(command(app(world, ledger()))).await {
        Ok(_) => true,
        Err(error) if error.is_panic() => {
            let cause = error.into_panic();
            assert!(cause.is::<Crash>(), "a real panic: {:?}", cause.downcast_ref::<String>());
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// How often a whole, undisturbed command passes each point.
async fn passes<F: Future<Output = World>>(command: impl FnOnce() -> F) -> Vec<(guard::ports::FaultPoint, u32)> {
    let world = command().await;
    let reached = world.lock().reached.clone();
    points::ALL.iter().map(|p| (*p, reached.get(p.0).copied().unwrap_or(0))).collect()
}

async fn rotate_once(guard: App) -> bool {
    rotate(&guard, &name(), &options(Order::Forward)).await.is_ok()
}

async fn trip_once(guard: App) -> bool {
    let cause = TripCause {
        rule: "person".to_owned(),
        sentence: "leaked".to_owned(),
        figures: serde_json::json!({}),
        by_person: true,
    };
    let request = TripRequest { workspace: name(), key: Some(id("a")), cause };
    trip(&guard, &request).await.is_ok()
}

async fn ticks(world: &World) {
    for _ in 0..30 {
        world.use_keys();
        world.pass(TimeDelta::minutes(2));
        tick(&app(world, ledger()), None).await;
    }
}

fn ended(world: &World) -> bool {
    world.events(&name()).unwrap().iter().any(|r| matches!(r.event, Event::RotationEnded { .. }))
}

fn promises(world: &World, at: &str) {
    assert_eq!(world.broken(), Vec::<String>::new(), "{at}");
}

#[tokio::test]
async fn a_rotation_survives_death_at_every_point() {
    let counts = passes(async || {
        let world = enrolled().await;
        world.lock().reached.clear();
        assert!(rotate_once(app(&world, ledger())).await);
        world
    })
    .await;
    let mut died = 0;
    for (point, times) in counts {
        for nth in 1..=times {
            let at = format!("{} #{nth}", point.0);
            let world = enrolled().await;
            world.arm(point, nth);
            died += u32::from(!lives(&world, rotate_once).await);
            world.disarm();
            // One that died after the end has nothing to go on with; asking again would be another rotation.
            if !ended(&world) {
                assert!(lives(&world, rotate_once).await, "{at}");
            }
            let custody = world.custody(&name());
            assert!(invariants::settled(&custody), "{at}: {:?}", custody.phase());
            assert_eq!(custody.roles()[&id("a")], Role::Retired, "{at}");
            assert_eq!(world.status("a"), KeyStatus::Inactive, "{at}");
            assert!(world.held().len() == 2 && world.held().values().all(|k| *k == id("b")), "{at}");
            promises(&world, &at);
        }
    }
    assert!(died > 100, "only {died} deaths");
}

#[tokio::test]
async fn a_rotation_survives_death_while_requests_have_no_answer() {
    for request in [Request::Lost, Request::AnswerLost, Request::Late(TimeDelta::minutes(4))] {
        for point in [points::ACTIVATE_AFTER, points::DEACTIVATE_AFTER, points::COMMIT_AFTER] {
            let at = format!("{} {request:?}", point.0);
            let world = enrolled().await;
            world.lock().requests.extend([request, request]);
            world.arm(point, 1);
            lives(&world, rotate_once).await;
            world.disarm();
            assert!(lives(&world, rotate_once).await, "{at}");
            world.pass(TimeDelta::hours(1));
            assert_eq!(world.status("a"), KeyStatus::Inactive, "{at}");
            promises(&world, &at);
        }
    }
}

#[tokio::test]
async fn a_trip_survives_death_at_every_point() {
    let counts = passes(async || {
        let world = enrolled().await;
        world.lock().reached.clear();
        assert!(trip_once(app(&world, ledger())).await);
        world
    })
    .await;
    for (point, times) in counts {
        for nth in 1..=times {
            let at = format!("{} #{nth}", point.0);
            let world = enrolled().await;
            world.arm(point, nth);
            lives(&world, trip_once).await;
            world.disarm();
            if point == points::TRIP_GATE_BEFORE {
                // Nothing is durable yet, and whoever asked has got no answer: asking again is all that is left.
                assert!(lives(&world, trip_once).await, "{at}");
            }
            ticks(&world).await;
            let custody = world.custody(&name());
            assert_eq!(custody.roles()[&id("a")], Role::Tripped, "{at}");
            assert_eq!(custody.desired(), Some(&id("b")), "{at}");
            assert_eq!(custody.latch().map(|i| i.0), Some(1), "{at}");
            assert_eq!(custody.incidents().len(), 1, "{at}");
            assert!(world.held().values().all(|k| *k == id("b")), "{at}");
            let told = world.lock().notices.iter().filter(|n| n.event == "key.tripped").count();
            assert_eq!(told, 1, "{at}");
            promises(&world, &at);
        }
    }
}

#[tokio::test]
async fn enrolment_survives_death_at_every_point() {
    let add = async |guard: App, key: &'static str| {
        enroll::add(&guard, &name(), secret(key), enroll::AddOptions::default()).await.is_ok()
    };
    let counts = passes(async || {
        let world = World::new(&["a", "b"]);
        assert!(add(app(&world, ledger()), "a").await && add(app(&world, ledger()), "b").await);
        world
    })
    .await;
    for (point, times) in counts {
        for nth in 1..=times {
            let at = format!("{} #{nth}", point.0);
            let world = World::new(&["a", "b"]);
            world.arm(point, nth);
            for key in ["a", "b"] {
                let added = move |guard: App| async move {
                    enroll::add(&guard, &name(), secret(key), enroll::AddOptions::default()).await.is_ok()
                };
                if !lives(&world, added).await {
                    assert!(lives(&world, added).await, "{at}");
                }
            }
            ticks(&world).await;
            let custody = world.custody(&name());
            assert_eq!(custody.desired(), Some(&id("a")), "{at}");
            assert_eq!(custody.standbys(), [&id("b")], "{at}");
            assert_eq!(world.status("b"), KeyStatus::Inactive, "{at}");
            assert!(world.lock().gates.values().all(|g| matches!(g, guard::ports::GateState::Open { .. })), "{at}");
            promises(&world, &at);
        }
    }
}
