use chrono::TimeDelta;
use guard::app::drive::{Patience, Pause, tick};
use guard::app::rearm::rearm;
use guard::app::rotate::{Order, RotateRequest, dry_run, rotate};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::{AppError, enroll, points};
use guard::domain::ids::ConsumerName;
use guard::domain::key::KeyStatus;
use guard::domain::rotation::{Ending, Phase, Role};

use crate::fakes::{Request, World, app, id, ledger, name, options, release, secret};

/// A workspace with an active key `a` and a standby `b`.
pub async fn enrolled() -> World {
    let world = World::new(&["a", "b"]);
    let app = app(&world, ledger());
    enroll::add(&app, &name(), secret("a"), enroll::AddOptions::default()).await.unwrap();
    enroll::add(&app, &name(), secret("b"), enroll::AddOptions::default()).await.unwrap();
    assert_eq!(world.status("b"), KeyStatus::Inactive);
    world
}

fn promises(world: &World) {
    assert_eq!(world.broken(), Vec::<String>::new());
}

#[tokio::test]
async fn a_rotation_replaces_the_key_and_proves_the_old_one_dead() {
    let world = enrolled().await;
    let report = rotate(&app(&world, ledger()), &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::Completed));
    assert_eq!((report.old, report.new), (Some(id("a")), Some(id("b"))));
    assert_eq!(report.effective_seconds, Some(0));
    assert_eq!(world.status("a"), KeyStatus::Inactive);
    assert!(world.held().values().all(|k| *k == id("b")) && world.held().len() == 2);
    promises(&world);
}

#[tokio::test]
async fn without_patience_it_stops_where_it_must_wait() {
    let world = enrolled().await;
    let request = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    let report = rotate(&app(&world, ledger()), &name(), &request).await.unwrap();
    assert_eq!((report.phase, report.ended), (Phase::Drain, None));
    assert!(report.waiting_for.unwrap().contains("both keys stay active"));
    assert_eq!(world.status("a"), KeyStatus::Active);
    promises(&world);
}

#[tokio::test]
async fn a_drain_without_use_of_the_new_key_is_unproven_until_forced() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    rotate(&guard, &name(), &now).await.unwrap();
    world.pass(TimeDelta::hours(5));
    let report = rotate(&guard, &name(), &now).await.unwrap();
    assert_eq!(report.phase, Phase::Drain);
    assert!(report.waiting_for.unwrap().contains("unproven"));
    let force = RotateRequest { order: Order::Force("the job is weekly".to_owned()), ..now };
    assert_eq!(rotate(&guard, &name(), &force).await.unwrap().ended, Some(Ending::Completed));
    promises(&world);
}

#[tokio::test]
async fn a_job_that_runs_with_the_old_key_holds_the_drain() {
    use guard::ports::Runs;
    let world = enrolled().await;
    let guard = app(&world, ledger());
    let started = world.lock().now;
    let run = world.begin_run(&name(), &id("a"), "job", started).unwrap();
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    rotate(&guard, &name(), &now).await.unwrap();
    world.pass(TimeDelta::hours(1));
    world.use_keys();
    world.pass(TimeDelta::hours(1));
    assert!(rotate(&guard, &name(), &now).await.unwrap().waiting_for.unwrap().contains("run 1"));
    world.end_run(run, started, 0).unwrap();
    world.pass(TimeDelta::minutes(2));
    assert_eq!(rotate(&guard, &name(), &now).await.unwrap().ended, Some(Ending::Completed));
}

#[tokio::test]
async fn it_rolls_back_before_the_point_of_no_return() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    rotate(&guard, &name(), &RotateRequest { patience: Patience::Short, ..options(Order::Forward) }).await.unwrap();
    let report = rotate(&guard, &name(), &options(Order::RollBack)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::RolledBack));
    assert!(world.held().values().all(|k| *k == id("a")));
    assert_eq!(world.status("b"), KeyStatus::Inactive, "an unused key does not stay awake");
    promises(&world);
}

#[tokio::test]
async fn a_retired_key_comes_back_by_a_persons_order_only() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    let report = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    assert!(report.needs.is_some(), "the retired key is no standby");
    let refused = rotate(&guard, &name(), &options(Order::RollBack)).await.unwrap();
    assert_eq!(refused.ended, Some(Ending::RolledBack));
    let report = rotate(&guard, &name(), &options(Order::RollBack)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::Completed));
    assert!(world.held().values().all(|k| *k == id("a")));
    assert_eq!(world.status("b"), KeyStatus::Inactive);
    promises(&world);
}

#[tokio::test]
async fn the_grace_time_ends_in_the_archive() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    world.pass(TimeDelta::days(8));
    tick(&guard, None).await;
    assert_eq!(world.status("a"), KeyStatus::Archived);
    assert_eq!(world.custody(&name()).roles()[&id("a")], Role::Archived);
    promises(&world);
}

#[tokio::test]
async fn a_request_of_unknown_outcome_is_settled_by_looking() {
    for request in [
        Request::Lost,
        Request::AnswerLost,
        Request::Late(TimeDelta::minutes(3)),
        Request::Repeated(TimeDelta::minutes(9)),
        Request::Refused,
    ] {
        let world = enrolled().await;
        world.lock().requests.extend([request, request, request]);
        let report = rotate(&app(&world, ledger()), &name(), &options(Order::Forward)).await.unwrap();
        assert_eq!(report.ended, Some(Ending::Completed), "{request:?}");
        world.pass(TimeDelta::hours(1));
        assert_eq!(world.status("a"), KeyStatus::Inactive, "{request:?}");
        promises(&world);
    }
}

#[tokio::test]
async fn a_new_key_that_dies_in_the_overlap_brings_the_old_one_back() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    rotate(&guard, &name(), &now).await.unwrap();
    world.edit("b", KeyStatus::Inactive);
    world.pass(TimeDelta::minutes(2));
    tick(&guard, None).await;
    assert!(world.held().values().all(|k| *k == id("a")));
    assert_eq!(world.status("a"), KeyStatus::Active);
    assert!(world.custody(&name()).standbys().is_empty(), "the failed key never returns to the pool");
    promises(&world);
}

#[tokio::test]
async fn one_consumer_that_fails_holds_up_the_revocation_and_no_other_consumer() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    world.lock().unreachable.insert("worker".parse().unwrap());
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    let report = rotate(&guard, &name(), &now).await.unwrap();
    assert_eq!(report.phase, Phase::Switch);
    assert_eq!(world.held()[&"api".parse().unwrap()], id("b"));
    for _ in 0..40 {
        world.pass(TimeDelta::minutes(10));
        tick(&guard, None).await;
    }
    assert!(world.lock().notices.iter().any(|n| n.event == "task.blocked"), "lasting failure is never silent");
    assert_eq!(world.status("a"), KeyStatus::Active);
    world.lock().unreachable.clear();
    let report = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::Completed));
    promises(&world);
}

#[tokio::test]
async fn a_place_that_somebody_overwrites_is_mended_and_then_left_to_a_person() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    let api = "api".parse().unwrap();
    for round in 0..5 {
        world.lock().held.insert(std::clone::Clone::clone(&api), "somebody-elses-key".to_owned());
        world.pass(TimeDelta::minutes(10));
        tick(&guard, None).await;
        assert_eq!(world.held().contains_key(&api), round < 2, "round {round}");
    }
    assert!(world.lock().notices.iter().any(|n| n.event == "consumer.drift"));
}

/// A rotation that has just drained, with the old key still alive.
async fn drained() -> World {
    for nth in 1.. {
        let world = enrolled().await;
        world.arm(points::COMMIT_AFTER, nth);
        let guard = app(&world, ledger());
        let _ = tokio::spawn(async move { rotate(&guard, &name(), &options(Order::Forward)).await.is_ok() }).await;
        world.disarm();
        if world.custody(&name()).phase() == Phase::Revoke {
            return world;
        }
    }
    unreachable!("every rotation passes the phase");
}

#[tokio::test]
async fn a_key_that_a_consumer_holds_again_is_not_revoked() {
    let world = drained().await;
    let api: ConsumerName = "api".parse().unwrap();
    let old = world.lock().keys[&id("a")].secret.clone();
    {
        let mut state = world.lock();
        state.held.insert(api.clone(), old);
        state.unreachable.insert("worker".parse().unwrap());
    }
    let guard = app(&world, ledger());
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    assert_eq!(rotate(&guard, &name(), &now).await.unwrap().phase, Phase::Revoke);
    assert_eq!(world.status("a"), KeyStatus::Active, "one place cannot be read");
    world.lock().unreachable.clear();
    world.pass(TimeDelta::minutes(5));
    assert_eq!(rotate(&guard, &name(), &now).await.unwrap().ended, Some(Ending::Completed));
    assert_eq!(world.held()[&api], id("b"));
    promises(&world);
}

#[tokio::test]
async fn a_trip_of_another_key_freezes_the_rotation_until_the_gate_is_released() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    world.mint("c");
    enroll::add(&guard, &name(), secret("c"), enroll::AddOptions::default()).await.unwrap();
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    rotate(&guard, &name(), &now).await.unwrap();
    let cause = TripCause {
        rule: "person".to_owned(),
        sentence: "the standby's paper lay open".to_owned(),
        figures: serde_json::json!({}),
        by_person: true,
    };
    trip(&guard, &TripRequest { workspace: name(), key: Some(id("c")), cause }).await.unwrap();
    for _ in 0..60 {
        world.use_keys();
        world.pass(TimeDelta::minutes(2));
        assert!(tick(&guard, None).await[0].pause.is_ok());
    }
    assert_eq!(world.custody(&name()).phase(), Phase::Drain, "silence behind a closed gate is no drain");
    rearm(&guard, &release(1, "burnt")).await.unwrap();
    assert_eq!(world.custody(&name()).roles()[&id("a")], Role::Retired, "then it goes on");
    promises(&world);
}

#[tokio::test]
async fn an_idle_workspace_owes_nothing_and_sends_nothing() {
    let world = enrolled().await;
    let before = world.lock().sent.len();
    let seq = world.custody(&name()).seq();
    let ticked = tick(&app(&world, ledger()), None).await;
    assert_eq!(ticked[0].pause.as_ref().unwrap(), &Pause::Settled);
    assert_eq!(world.custody(&name()).seq(), seq);
    assert_eq!(world.lock().sent.len(), before);
}

#[tokio::test]
async fn a_dry_run_marks_the_point_of_no_return_and_changes_nothing() {
    let world = enrolled().await;
    let seq = world.custody(&name()).seq();
    let plan = dry_run(&app(&world, ledger()), &name()).unwrap();
    let marked: Vec<&str> = plan.steps.iter().filter(|s| s.point_of_no_return).map(|s| s.phase).collect();
    assert_eq!(marked, ["revoke"]);
    let after = plan.steps.iter().position(|s| s.point_of_no_return).unwrap();
    assert!(plan.steps[after + 1].what.starts_with("deactivate apikey_a"));
    assert_eq!(world.custody(&name()).seq(), seq);
}

#[tokio::test]
async fn no_key_and_no_standby_are_refused_or_asked_for() {
    let world = World::new(&["a"]);
    let guard = app(&world, ledger());
    let error = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap_err();
    assert!(matches!(error, AppError::Refused { .. }));
    enroll::add(&guard, &name(), secret("a"), enroll::AddOptions::default()).await.unwrap();
    let report = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(report.phase, Phase::Requested);
    assert!(report.needs.unwrap().contains("no standby"));
    world.mint("b");
    let added = enroll::add(&guard, &name(), secret("b"), enroll::AddOptions::default()).await.unwrap();
    assert_eq!(added.role, Some(Role::Active), "the waiting rotation takes the key at once");
    promises(&world);
}
