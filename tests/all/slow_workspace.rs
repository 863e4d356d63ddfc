//! A workspace whose program hangs delays no other one's trip.

use std::time::Duration;

use guard::app::drive::tick;
use guard::app::trip::{TripCause, TripRequest, trip_all};
use guard::app::watch::cycle_within;
use guard::app::{App, AppError, enroll};
use guard::domain::ids::{WorkspaceId, WorkspaceName};
use guard::domain::key::KeyStatus;
use guard::domain::ledger::Ledger;
use guard::domain::rotation::Role;
use guard::ports::StoreError;

use crate::fakes::{World, app, id, ledger, name, secret};

/// Only so that a test that is wrong ends.
const LONG: Duration = Duration::from_secs(60);

fn slow() -> WorkspaceName {
    WorkspaceName::new("slow").unwrap()
}

/// The slow workspace comes first everywhere.
fn two() -> Ledger {
    let mut ledger = ledger();
    let mut first = ledger.workspaces[0].clone();
    (first.name, first.id) = (slow(), WorkspaceId::new("wrkspc_slow").unwrap());
    for consumer in &mut first.consumers {
        consumer.name = format!("slow-{}", consumer.name).parse().unwrap();
    }
    ledger.workspaces.insert(0, first);
    ledger
}

/// Keys `s` and `t` belong to the slow workspace, `a` and `b` to the other one.
async fn world() -> World {
    let world = World::new(&["a", "b", "s", "t"]);
    let guard = app(&world, two());
    for (key, workspace) in [("s", slow()), ("t", slow()), ("a", name()), ("b", name())] {
        if workspace == slow() {
            let mut state = world.lock();
            state.keys.get_mut(&id(key)).unwrap().workspace = WorkspaceId::new("wrkspc_slow").unwrap();
        }
        enroll::add(&guard, &workspace, secret(key), enroll::AddOptions::default()).await.unwrap();
    }
    world.lock().hanging.insert("slow-api".parse().unwrap());
    world
}

fn stolen(workspace: WorkspaceName, key: &str) -> TripRequest {
    let cause = TripCause {
        rule: "spike".to_owned(),
        sentence: "40 times the median".to_owned(),
        figures: serde_json::json!({}),
        by_person: false,
    };
    TripRequest { workspace, key: Some(id(key)), cause }
}

/// Runs both trips in the background and waits until the other workspace's one is over.
async fn both_trip(world: &World, guard: &App) -> tokio::task::JoinHandle<()> {
    let requests = [stolen(slow(), "s"), stolen(name(), "a")];
    let tripping = {
        let guard = guard.clone();
        tokio::spawn(async move {
            trip_all(&guard, &requests).await;
        })
    };
    let over = async {
        while world.custody(&name()).desired() != Some(&id("b")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, over).await.expect("the other workspace waits for the slow one");
    tripping
}

#[tokio::test]
async fn its_hanging_program_delays_no_other_trip_and_no_tick() {
    let world = world().await;
    let guard = app(&world, two());
    let tripping = both_trip(&world, &guard).await;
    assert_eq!((world.status("s"), world.status("a")), (KeyStatus::Inactive, KeyStatus::Inactive));
    assert_eq!(world.custody(&name()).roles()[&id("a")], Role::Tripped);
    assert!(!tripping.is_finished(), "the slow one still hangs");

    let ticked = tokio::time::timeout(LONG, tick(&guard, None)).await.expect("a tick does not wait for it");
    assert!(matches!(ticked[0].pause, Err(AppError::Store(StoreError::Busy { .. }))), "{:?}", ticked[0].pause);
    assert_eq!(ticked[1].workspace, name());
    assert!(ticked[1].pause.is_ok());
    tripping.abort();
}

#[tokio::test]
async fn a_cycle_ends_although_a_program_of_one_workspace_does_not() {
    let world = world().await;
    let guard = app(&world, two());
    // Somebody emptied the place; bringing the key back ends in the program that hangs.
    world.lock().held.remove(&"slow-api".parse().unwrap());
    for _ in 0..2 {
        let cycle = tokio::time::timeout(LONG, cycle_within(&guard, Duration::from_millis(500))).await;
        assert!(cycle.expect("the cycle hangs with it").poll.is_ok());
    }
    assert_eq!(world.held()[&"slow-api".parse().unwrap()], id("s"), "it was driven as far as it goes");
}

#[tokio::test]
async fn trips_side_by_side_still_count_towards_the_cap() {
    let world = world().await;
    world.lock().hanging.clear();
    let mut capped = two();
    capped.organization.kills_per_hour = 1;
    let reports = trip_all(&app(&world, capped), &[stolen(slow(), "s"), stolen(name(), "a")]).await;
    let escalated: Vec<bool> = reports.iter().map(|report| report.as_ref().unwrap().escalated).collect();
    assert_eq!(escalated, [false, true]);
    assert_eq!(world.status("a"), KeyStatus::Active, "past the cap no key is killed");
}
