//! When rotations begin, what a pool that runs out or lies about tells, and a place that can only be written.

use chrono::TimeDelta;
use guard::app::drive::tick;
use guard::app::rotate::{Order, due, rotate};
use guard::app::{App, AppError, enroll, status};
use guard::domain::ids::{ConsumerName, WorkspaceName};
use guard::domain::key::KeyStatus;
use guard::domain::ledger::Ledger;

use crate::fakes::{World, app, id, ledger, name, options, secret};
use crate::rotation::enrolled;

/// Two workspaces whose jobs read from the same places.
async fn sharing() -> (World, App) {
    let world = World::new(&["a", "b", "c", "d"]);
    let mut both: Ledger = ledger();
    let mut other = both.workspaces[0].clone();
    other.name = WorkspaceName::new("other").unwrap();
    both.workspaces.push(other);
    let guard = app(&world, both);
    for (workspace, keys) in [(name(), ["a", "b"]), (WorkspaceName::new("other").unwrap(), ["c", "d"])] {
        for key in keys {
            enroll::add(&guard, &workspace, secret(key), enroll::AddOptions::default()).await.unwrap();
        }
    }
    (world, guard)
}

fn due_now(guard: &App) -> Vec<String> {
    due(guard).into_iter().filter(|(_, due)| *due.as_ref().unwrap()).map(|(name, _)| name.to_string()).collect()
}

#[tokio::test]
async fn workspaces_that_share_a_place_take_turns() {
    let (world, guard) = sharing().await;
    assert!(due_now(&guard).is_empty());
    world.pass(TimeDelta::days(200));
    assert_eq!(due_now(&guard), ["test"], "one at a time");
    let short =
        guard::app::rotate::RotateRequest { patience: guard::app::drive::Patience::Short, ..options(Order::Forward) };
    rotate(&guard, &WorkspaceName::new("other").unwrap(), &short).await.unwrap();
    // The one that is under way holds the place, whichever it is.
    assert_eq!(due_now(&guard), ["other"]);
    let refused = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap_err();
    assert!(matches!(&refused, AppError::Refused { what, .. } if what.contains("shares a consumer")), "{refused}");
}

fn told(world: &World, event: &str) -> usize {
    world.lock().notices.iter().filter(|notice| notice.event == event).count()
}

#[tokio::test]
async fn a_pool_that_runs_out_is_told_once_for_each_state() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    for _ in 0..3 {
        tick(&guard, None).await;
    }
    assert_eq!(told(&world, "standby.none"), 0);
    rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    for _ in 0..3 {
        world.pass(TimeDelta::hours(30));
        tick(&guard, None).await;
    }
    assert_eq!(told(&world, "standby.none"), 1);
    world.mint("e");
    enroll::add(&guard, &name(), secret("e"), enroll::AddOptions::default()).await.unwrap();
    rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    tick(&guard, None).await;
    assert_eq!(told(&world, "standby.none"), 2, "it ran out again");
}

#[tokio::test]
async fn a_standby_that_lies_about_for_long_is_told_once_and_owed() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    world.pass(TimeDelta::days(179));
    tick(&guard, None).await;
    assert_eq!(told(&world, "standby.old"), 0);
    for _ in 0..3 {
        world.pass(TimeDelta::days(2));
        tick(&guard, None).await;
    }
    assert_eq!(told(&world, "standby.old"), 1);
    let view = status::gather(&guard).unwrap();
    assert!(view.owed().iter().any(|(_, o)| o.what.starts_with("Standby apikey_b is 18")), "{:#?}", view.owed());
}

#[tokio::test]
async fn a_place_that_can_only_be_written_gets_its_first_key_once() {
    let world = enrolled().await;
    let api = ConsumerName::new("api").unwrap();
    // It is empty: nobody has ever written there.
    world.lock().held.remove(&api);
    world.lock().write_only.insert(api);
    let guard = app(&world, ledger());
    let before = world.lock().reached.get("drive.deliver.before").copied().unwrap_or_default();
    rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(world.status("a"), KeyStatus::Inactive);
    assert!(world.held().values().all(|key| *key == id("b")));
    let deliveries = world.lock().reached["drive.deliver.before"] - before;
    assert!(deliveries <= 3, "the old key at most once, then the new one to both: {deliveries}");
}
