//! A trip whose process stands still in its midst, while others go on.

use std::sync::{Arc, Barrier};

use chrono::TimeDelta;
use guard::app::drive::tick;
use guard::app::points;
use guard::app::trip::{TripCause, TripReport, TripRequest, trip};
use guard::domain::ids::IncidentId;
use guard::domain::key::KeyStatus;
use guard::domain::ledger::{Ledger, ReopenPolicy};
use guard::ports::{FaultPoint, GateState};

use crate::fakes::{World, app, id, ledger, name};
use crate::rotation::enrolled;

/// The policy opens the gate again by itself.
fn reopening() -> Ledger {
    let mut ledger = ledger();
    ledger.workspaces[0].trip.reopen = ReopenPolicy::Auto;
    ledger
}

/// A wish to stop every deployed key.
fn everything(sentence: &str) -> TripRequest {
    let cause = TripCause {
        rule: "person".to_owned(),
        sentence: sentence.to_owned(),
        figures: serde_json::json!({}),
        by_person: true,
    };
    TripRequest { workspace: name(), key: None, cause }
}

/// Trips in a process of its own, which stands still at `point` while `meanwhile` happens.
async fn standing_still(world: &World, point: FaultPoint, meanwhile: impl AsyncFnOnce()) -> TripReport {
    let barrier = Arc::new(Barrier::new(2));
    world.lock().held_up = Some((point, barrier.clone()));
    let process = {
        let guard = app(world, reopening());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(trip(&guard, &everything("the laptop was stolen"))).unwrap()
        })
    };
    barrier.wait();
    meanwhile().await;
    barrier.wait();
    process.join().unwrap()
}

async fn ticks(world: &World) {
    for _ in 0..5 {
        world.pass(TimeDelta::minutes(1));
        assert!(tick(&app(world, reopening()), None).await[0].pause.is_ok());
    }
}

/// `a` was stopped, `b` took over, jobs run.
fn over(world: &World, at: &str) {
    assert_eq!((world.status("a"), world.status("b")), (KeyStatus::Inactive, KeyStatus::Active), "{at}");
    assert!(world.held().values().all(|k| *k == id("b")), "{at}");
    let open = GateState::Open { generation: world.custody(&name()).generation(), key: id("b") };
    assert_eq!(world.lock().gates[&name()], open, "{at}");
    assert!(world.custody(&name()).doomed().next().is_none(), "{at}");
    assert_eq!(world.broken(), Vec::<String>::new(), "{at}");
}

#[tokio::test]
async fn a_trip_that_was_recovered_from_its_note_is_not_written_down_again() {
    let places =
        [points::TRIP_GATE_AFTER, points::TRIP_KILL_BEFORE, points::TRIP_KILL_AFTER, points::TRIP_COMMIT_BEFORE];
    for point in places {
        let world = enrolled().await;
        let report = standing_still(&world, point, async || {
            ticks(&world).await;
            over(&world, point.0);
        })
        .await;
        assert_eq!(report.incident, Some(IncidentId(1)), "{}", point.0);
        assert!(report.keys.iter().any(|k| k.key == id("a") && k.dead), "{report:?}");
        assert!(report.reopened && report.troubles.is_empty(), "{}: {report:?}", point.0);
        assert_eq!(world.custody(&name()).incidents().len(), 1, "{}", point.0);
        ticks(&world).await;
        over(&world, point.0);
    }
}

#[tokio::test]
async fn a_trip_that_another_one_found_in_the_gate_is_part_of_that_one() {
    let world = enrolled().await;
    let report = standing_still(&world, points::TRIP_KILL_BEFORE, async || {
        let other = trip(&app(&world, reopening()), &everything("and the key is on a paste site")).await.unwrap();
        assert!(other.reopened, "{other:?}");
    })
    .await;
    assert_eq!(report.incident, Some(IncidentId(1)));
    let custody = world.custody(&name());
    assert_eq!(custody.incidents().len(), 1);
    assert_eq!(custody.incidents()[0].sentence, "the laptop was stolen; then and the key is on a paste site");
    over(&world, "after both");
}

#[tokio::test]
async fn a_late_trip_of_every_deployed_key_spares_the_one_that_took_over_since() {
    let world = enrolled().await;
    let report = standing_still(&world, points::TRIP_GATE_BEFORE, async || {
        trip(&app(&world, reopening()), &everything("the key is on a paste site")).await.unwrap();
        over(&world, "before");
    })
    .await;
    assert_eq!(report.incident, Some(IncidentId(2)), "it has a cause of its own");
    assert_eq!(world.custody(&name()).incidents()[1].keys, [id("a")].into());
    ticks(&world).await;
    over(&world, "after");
}
