//! People's own programs at the turns of a rotation and after a trip, over fakes: when each runs, what a failure holds up, and that a
//! crash loses none.

use std::sync::Arc;

use chrono::TimeDelta;
use guard::app::drive::{Patience, tick};
use guard::app::rotate::{Order, RotateRequest, rotate};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::{App, AppError, enroll, status};
use guard::domain::key::KeyStatus;
use guard::domain::ledger::TripMode;

use crate::fakes::{World, id, name, options, secret};
use crate::poll::Watch;

async fn watch() -> Watch {
    let mut watch = Watch::over(World::new(&["a", "b", "c"]));
    watch.ledger.workspaces[0].trip.mode = TripMode::Kill;
    watch.ledger.workspaces[0].hooks = Some("/etc/guard/hooks".into());
    for key in ["a", "b", "c"] {
        enroll::add(&guard(&watch), &name(), secret(key), enroll::AddOptions::default()).await.unwrap();
    }
    watch
}

/// A process whose feed shows what the world's consumers use, and that remembers what it runs.
fn guard(watch: &Watch) -> App {
    App { feed: Arc::new(watch.world.clone()), usage: Arc::new(watch.world.clone()), ..watch.app() }
}

fn stages(watch: &Watch) -> Vec<&'static str> {
    watch.world.lock().hooks.iter().map(|(stage, ..)| *stage).collect()
}

fn short() -> RotateRequest {
    RotateRequest { patience: Patience::Short, ..options(Order::Forward) }
}

/// Ticks until the rotation is over, as a timer would.
async fn ticks(watch: &Watch, most: usize) {
    for _ in 0..most {
        tick(&guard(watch), None).await;
        if watch.world.custody(&name()).rotation().is_none() {
            return;
        }
        watch.world.pass(TimeDelta::minutes(10));
    }
}

#[tokio::test]
async fn each_runs_once_in_its_turn_and_is_told_the_keys() {
    let watch = watch().await;
    rotate(&guard(&watch), &name(), &options(Order::Forward)).await.unwrap();
    let (a, b) = ("apikey_a".to_owned(), "apikey_b".to_owned());
    let expected = [
        ("pre", a.clone(), String::new(), String::new()),
        ("switch", a.clone(), b.clone(), String::new()),
        ("verify", a.clone(), b.clone(), String::new()),
        ("post", a, b, "completed".to_owned()),
    ];
    assert_eq!(watch.world.lock().hooks, expected);
    ticks(&watch, 3).await;
    assert_eq!(stages(&watch).len(), 4, "nothing runs twice");
    let kinds: Vec<_> = watch.world.lock().evidence.iter().map(|e| e.kind.clone()).collect();
    let at = |kind: &str| kinds.iter().position(|k| k == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    assert!(at("hook.begun") < at("hook.succeeded") && at("rotation.switched") < at("key.doomed"));
    assert!(watch.world.broken().is_empty(), "{:?}", watch.world.broken());
}

#[tokio::test]
async fn a_pre_hook_that_fails_lets_no_rotation_begin() {
    let watch = watch().await;
    watch.world.lock().hooks_fail.insert("pre", 1);
    let refused = rotate(&guard(&watch), &name(), &options(Order::Forward)).await.unwrap_err();
    assert!(matches!(&refused, AppError::Refused { what, .. } if what.contains("pre.d/10")), "{refused}");
    assert!(watch.world.custody(&name()).rotation().is_none());
    rotate(&guard(&watch), &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
}

#[tokio::test]
async fn a_verify_hook_that_fails_keeps_the_old_key_alive_until_it_succeeds() {
    let watch = watch().await;
    watch.world.lock().hooks_fail.insert("verify", 5);
    rotate(&guard(&watch), &name(), &short()).await.unwrap();
    for _ in 0..6 {
        watch.world.pass(TimeDelta::minutes(5));
        let ticked = tick(&guard(&watch), None).await;
        assert!(ticked[0].pause.is_ok(), "{ticked:?}");
    }
    assert_eq!(watch.world.status("a"), KeyStatus::Active);
    let view = status::gather(&guard(&watch)).unwrap();
    let owed = view.owed();
    assert!(owed.iter().any(|(_, o)| o.what.contains("verify.d/10")), "{owed:#?}");
    assert!(view.workspaces[0].rotation.as_ref().unwrap().can.iter().any(|c| c.ends_with("--rollback")));
    let told = watch.world.lock().notices.iter().filter(|n| n.event == "hook.failed").count();
    assert!((1..=2).contains(&told), "once an hour: {told}");
    // Whoever waits for the end waits for the hook, too.
    rotate(&guard(&watch), &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
    let verified = stages(&watch).iter().filter(|stage| **stage == "verify").count();
    assert_eq!(verified, 6);
    assert!(watch.world.broken().is_empty(), "{:?}", watch.world.broken());
}

#[tokio::test]
async fn while_a_hook_fails_a_person_can_go_back() {
    let watch = watch().await;
    watch.world.lock().hooks_fail.insert("switch", 100);
    rotate(&guard(&watch), &name(), &short()).await.unwrap();
    watch.world.pass(TimeDelta::hours(1));
    rotate(&guard(&watch), &name(), &short()).await.unwrap();
    assert_eq!(watch.world.status("a"), KeyStatus::Active);
    rotate(&guard(&watch), &name(), &options(Order::RollBack)).await.unwrap();
    assert!(watch.world.held().values().all(|k| *k == id("a")));
    let last = watch.world.lock().hooks.last().cloned().unwrap();
    assert_eq!((last.0, last.3.as_str()), ("post", "rolled_back"));
}

#[tokio::test]
async fn a_failing_hook_holds_no_kill_up_and_incident_hooks_run_once() {
    let watch = watch().await;
    watch.world.lock().hooks_fail.extend([("switch", 100), ("incident", 100)]);
    rotate(&guard(&watch), &name(), &short()).await.unwrap();
    let cause = TripCause {
        rule: "spike".to_owned(),
        sentence: "too much".to_owned(),
        figures: serde_json::Value::Null,
        by_person: false,
    };
    trip(&guard(&watch), &TripRequest { workspace: name(), key: Some(id("a")), cause }).await.unwrap();
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
    ticks(&watch, 3).await;
    let incidents = stages(&watch).iter().filter(|stage| **stage == "incident").count();
    assert_eq!(incidents, 1);
    assert_eq!(stages(&watch).last(), Some(&"post"), "the rotation that the trip ended is over, too");
    assert!(watch.world.broken().is_empty(), "{:?}", watch.world.broken());
}

#[tokio::test]
async fn a_process_that_dies_within_a_hook_loses_none() {
    for stage in ["pre", "switch", "verify", "post"] {
        let watch = watch().await;
        watch.world.lock().dies_in_hook = Some(stage);
        let app = guard(&watch);
        let died = tokio::spawn(async move { rotate(&app, &name(), &options(Order::Forward)).await }).await;
        assert!(died.is_err(), "{stage}");
        rotate(&guard(&watch), &name(), &options(Order::Forward)).await.ok();
        let ran = stages(&watch);
        for one in ["pre", "switch", "verify", "post"] {
            assert!(ran.contains(&one), "{stage}: {one} in {ran:?}");
        }
        assert!(
            ran.iter().filter(|one| **one == stage).count() >= 2,
            "{stage} was broken off and is run again: {ran:?}"
        );
        assert!(watch.world.broken().is_empty(), "{:?}", watch.world.broken());
    }
}
