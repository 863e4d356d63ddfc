use chrono::TimeDelta;
use guard::app::AppError;
use guard::app::drive::{Patience, tick};
use guard::app::rearm::rearm;
use guard::app::rotate::{Order, RotateRequest, rotate};
use guard::app::trip::{TripCause, TripReport, TripRequest, dry_run, trip, trip_as};
use guard::domain::ids::IncidentId;
use guard::domain::key::KeyStatus;
use guard::domain::ledger::{FailoverPolicy, Ledger, ReopenPolicy, TripMode};
use guard::ports::{GateState, Journal};

use crate::fakes::{World, app, id, ledger, name, options, release};
use crate::rotation::enrolled;

fn request(key: Option<&str>, by_person: bool) -> TripRequest {
    TripRequest {
        workspace: name(),
        key: key.map(id),
        cause: TripCause {
            rule: if by_person { "person" } else { "spike" }.to_owned(),
            sentence: "40 times the median".to_owned(),
            figures: serde_json::json!({ "z": 40 }),
            by_person,
        },
    }
}

async fn by_rule(world: &World, ledger: Ledger, key: &str) -> TripReport {
    trip(&app(world, ledger), &request(Some(key), false)).await.unwrap()
}

fn closed(world: &World) -> bool {
    matches!(world.lock().gates[&name()], GateState::Closed { .. })
}

fn promises(world: &World) {
    assert_eq!(world.broken(), Vec::<String>::new());
}

fn reopening(policy: ReopenPolicy) -> Ledger {
    let mut ledger = ledger();
    ledger.workspaces[0].trip.reopen = policy;
    ledger
}

#[tokio::test]
async fn a_trip_kills_proves_and_promotes_and_leaves_the_gate_to_a_person() {
    let world = enrolled().await;
    let report = by_rule(&world, ledger(), "a").await;
    assert_eq!(report.incident, Some(IncidentId(1)));
    assert!(report.gate_closed && report.keys[0].dead && !report.reopened && report.troubles.is_empty(), "{report:?}");
    assert_eq!(report.promoted, Some(id("b")));
    assert_eq!((world.status("a"), world.status("b")), (KeyStatus::Inactive, KeyStatus::Active));
    assert!(closed(&world) && world.held().values().all(|k| *k == id("b")));

    let guard = app(&world, ledger());
    let refused = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap_err();
    assert!(matches!(refused, AppError::Refused { .. }));
    assert!(rearm(&guard, &release(2, "seen")).await.is_err());
    let released = rearm(&guard, &release(1, "cleaned up")).await.unwrap();
    assert!(released.open && !closed(&world));
    promises(&world);
}

#[tokio::test]
async fn the_policy_may_reopen_the_gate() {
    let world = enrolled().await;
    let report = by_rule(&world, reopening(ReopenPolicy::Auto), "a").await;
    assert!(report.reopened && !closed(&world));
    let trip =
        trip_as(&app(&world, reopening(ReopenPolicy::Auto)), &request(None, false), TripMode::Gate).await.unwrap();
    assert!(!trip.reopened && closed(&world), "what killed nothing is a person's to judge");
    promises(&world);
}

#[tokio::test]
async fn a_leak_in_an_overlap_stops_both_keys() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    rotate(&guard, &name(), &RotateRequest { patience: Patience::Short, ..options(Order::Forward) }).await.unwrap();
    let report = by_rule(&world, ledger(), "a").await;
    assert_eq!(report.keys.len(), 2);
    assert!(report.keys.iter().all(|k| k.dead) && report.promoted.is_none());
    assert!(world.custody(&name()).rotation().is_none());
    assert!(world.lock().notices.iter().any(|n| n.event == "standby.missing"));
    promises(&world);
}

#[tokio::test]
async fn with_the_provider_down_the_gate_closes_and_the_kill_is_owed() {
    let world = enrolled().await;
    world.lock().down = true;
    let report = by_rule(&world, ledger(), "a").await;
    assert!(report.gate_closed && !report.keys[0].dead && !report.troubles.is_empty());
    let guard = app(&world, ledger());
    let error = rearm(&guard, &release(1, "hurry")).await.unwrap_err();
    assert!(error.to_string().contains("apikey_a is not proven dead yet"), "{error}");
    for _ in 0..20 {
        world.pass(TimeDelta::minutes(3));
        tick(&guard, None).await;
    }
    assert!(world.lock().notices.iter().any(|n| n.event == "task.blocked"));
    world.lock().down = false;
    world.pass(TimeDelta::minutes(10));
    tick(&guard, None).await;
    assert_eq!(world.status("a"), KeyStatus::Inactive);
    assert_eq!(world.custody(&name()).desired(), Some(&id("b")));
    promises(&world);
}

#[tokio::test]
async fn a_full_disk_stops_no_trip() {
    let world = enrolled().await;
    world.lock().disk_full = true;
    let report = by_rule(&world, ledger(), "a").await;
    assert!(report.gate_closed && report.keys[0].dead && report.incident.is_none());
    assert!(report.troubles.iter().any(|t| t.contains("no space left")), "{:?}", report.troubles);
    assert_eq!(world.status("a"), KeyStatus::Inactive);
    world.lock().disk_full = false;
    tick(&app(&world, ledger()), None).await;
    let custody = world.custody(&name());
    assert_eq!(custody.latch(), Some(IncidentId(1)));
    assert!(custody.tripped().eq([&id("a")]));
    assert!(custody.incidents()[0].sentence.contains("40 times"));
    promises(&world);
}

#[tokio::test]
async fn a_key_that_somebody_revives_is_killed_again_and_loudly() {
    let world = enrolled().await;
    by_rule(&world, ledger(), "a").await;
    world.edit("a", KeyStatus::Active);
    let guard = app(&world, ledger());
    world.pass(TimeDelta::minutes(2));
    tick(&guard, None).await;
    assert_eq!(world.status("a"), KeyStatus::Inactive);
    assert_eq!(world.custody(&name()).latch(), Some(IncidentId(2)));
    assert!(rearm(&guard, &release(1, "seen the first")).await.is_err());
    promises(&world);
}

#[tokio::test]
async fn an_activation_that_still_travels_cannot_revive_a_tripped_key_unseen() {
    use crate::fakes::Request;
    let world = enrolled().await;
    let guard = app(&world, ledger());
    world.lock().requests.push_back(Request::Repeated(TimeDelta::minutes(8)));
    rotate(&guard, &name(), &RotateRequest { patience: Patience::Short, ..options(Order::Forward) }).await.unwrap();
    let report = by_rule(&world, ledger(), "b").await;
    assert!(report.keys.iter().any(|k| k.key == id("b") && !k.dead), "not while the second copy may land");
    for _ in 0..10 {
        world.pass(TimeDelta::minutes(2));
        tick(&guard, None).await;
    }
    assert_eq!(world.status("b"), KeyStatus::Inactive);
    assert!(world.custody(&name()).doomed().next().is_none());
    promises(&world);
}

#[tokio::test]
async fn observe_gate_and_the_cap_go_no_further_than_they_say() {
    let world = enrolled().await;
    let mut watching = ledger();
    watching.workspaces[0].trip.mode = TripMode::Observe;
    let report = by_rule(&world, watching, "a").await;
    assert_eq!((report.mode, report.incident), (TripMode::Observe, None));
    assert!(!closed(&world) && world.custody(&name()).latch().is_none());
    assert!(world.lock().evidence.iter().any(|e| e.kind == "trip.observed"));

    let mut capped = ledger();
    capped.organization.kills_per_hour = 0;
    let report = by_rule(&world, capped.clone(), "a").await;
    assert!(report.escalated && report.mode == TripMode::Gate && closed(&world));
    assert_eq!(world.status("a"), KeyStatus::Active);

    let person = trip(&app(&world, capped), &request(Some("a"), true)).await.unwrap();
    assert!(person.keys[0].dead, "no cap holds a person");
    promises(&world);
}

#[tokio::test]
async fn the_same_verdict_again_is_no_new_incident_and_a_stranger_is_refused() {
    let world = enrolled().await;
    by_rule(&world, ledger(), "a").await;
    let again = by_rule(&world, ledger(), "a").await;
    assert!(again.repeated && again.incident == Some(IncidentId(1)));
    assert_eq!(world.custody(&name()).generation(), 1);
    let stranger = trip(&app(&world, ledger()), &request(Some("zz"), true)).await;
    assert!(matches!(stranger, Err(AppError::Refused { .. })));
    promises(&world);
}

#[tokio::test]
async fn without_failover_the_consumers_keep_the_dead_key() {
    let world = enrolled().await;
    let mut keep = ledger();
    keep.workspaces[0].failover = FailoverPolicy::Off;
    let report = by_rule(&world, keep, "a").await;
    assert!(report.promoted.is_none() && world.held().values().all(|k| *k == id("a")));
    promises(&world);
}

#[tokio::test]
async fn a_trip_dry_run_changes_nothing() {
    let world = enrolled().await;
    let seq = world.events(&name()).unwrap().len();
    let report = dry_run(&app(&world, ledger()), &request(None, true), TripMode::Kill).unwrap();
    assert_eq!(report.keys.len(), 1);
    assert_eq!(world.events(&name()).unwrap().len(), seq);
    assert!(!closed(&world));
}

#[tokio::test]
async fn a_failover_replaces_a_key_that_somebody_deactivated() {
    let world = enrolled().await;
    world.edit("a", KeyStatus::Inactive);
    tick(&app(&world, ledger()), None).await;
    assert!(world.held().values().all(|k| *k == id("b")));
    assert!(!closed(&world), "nobody tripped anything");
    assert!(world.custody(&name()).dead().eq([&id("a")]), "it never returns to the pool");
    promises(&world);
}
