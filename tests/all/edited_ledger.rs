//! The ledger is edited while a rotation is open.

use guard::app::drive::{Patience, tick};
use guard::app::rotate::{Order, RotateRequest, rotate};
use guard::domain::ids::ConsumerName;
use guard::domain::key::KeyStatus;
use guard::domain::ledger::Ledger;
use guard::domain::rotation::{Ending, Phase};

use crate::fakes::{World, app, id, ledger, name, options};
use crate::rotation::enrolled;

fn place(name: &str) -> ConsumerName {
    name.parse().unwrap()
}

/// A rotation that waits for its drain.
async fn draining() -> World {
    let world = enrolled().await;
    let now = RotateRequest { patience: Patience::Short, ..options(Order::Forward) };
    let report = rotate(&app(&world, ledger()), &name(), &now).await.unwrap();
    assert_eq!(report.phase, Phase::Drain);
    world
}

fn with(consumer: &str) -> Ledger {
    let mut edited = ledger();
    let mut added = edited.workspaces[0].consumers[0].clone();
    added.name = place(consumer);
    edited.workspaces[0].consumers.push(added);
    edited
}

fn without(consumer: &str) -> Ledger {
    let mut edited = ledger();
    edited.workspaces[0].consumers.retain(|c| c.name != place(consumer));
    edited
}

#[tokio::test]
async fn a_consumer_that_is_added_gets_the_new_key_before_the_old_one_dies() {
    let world = draining().await;
    // Somebody copied the old key there by hand.
    let old = world.lock().keys[&id("a")].secret.clone();
    world.lock().held.insert(place("extra"), old);
    world.lock().unreachable.insert(place("extra"));
    for _ in 0..60 {
        world.use_keys();
        world.pass(chrono::TimeDelta::minutes(2));
        assert!(tick(&app(&world, with("extra")), None).await[0].pause.is_ok());
    }
    assert_eq!(world.status("a"), KeyStatus::Active, "one place is not read yet and may hold the old key");
    world.lock().unreachable.clear();
    let report = rotate(&app(&world, with("extra")), &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::Completed));
    assert_eq!(world.held()[&place("extra")], id("b"));
    assert_eq!(world.held().len(), 3);
    assert_eq!(world.broken(), Vec::<String>::new());
}

#[tokio::test]
async fn a_consumer_that_is_removed_is_told_of_and_holds_nothing_up() {
    let world = draining().await;
    // What guard cannot see any more it cannot bring to the new key.
    let old = world.lock().keys[&id("a")].secret.clone();
    world.lock().held.insert(place("worker"), old);
    world.lock().meddled = true;
    tick(&app(&world, ledger()), None).await;
    world.lock().unreachable.insert(place("worker"));
    let guard = app(&world, without("worker"));
    let report = rotate(&guard, &name(), &options(Order::Forward)).await.unwrap();
    assert_eq!(report.ended, Some(Ending::Completed));
    assert!(!world.custody(&name()).consumers().contains_key(&place("worker")));
    let notices = world.lock().notices.clone();
    let told: Vec<_> = notices.iter().filter(|n| n.event == "consumer.removed").collect();
    assert_eq!(told.len(), 1, "{notices:?}");
    assert!(told[0].summary.contains("`worker` is no longer in the ledger; it held apikey_"), "{}", told[0].summary);
    assert_eq!(world.broken(), Vec::<String>::new());
}
