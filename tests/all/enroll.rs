use chrono::TimeDelta;
use guard::app::AppError;
use guard::app::drive::tick;
use guard::app::enroll::{AddOptions, add, forget};
use guard::domain::ids::WorkspaceId;
use guard::domain::key::KeyStatus;
use guard::domain::rotation::{Enrolment, Role};

use crate::fakes::{World, app, id, ledger, name, secret};
use crate::rotation::enrolled;

fn what(error: AppError) -> String {
    assert!(matches!(error, AppError::Refused { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn the_first_key_goes_to_the_consumers_and_opens_the_gate() {
    let world = World::new(&["a"]);
    let added = add(&app(&world, ledger()), &name(), secret("a"), AddOptions::default()).await.unwrap();
    assert_eq!((added.role, added.waiting_for), (Some(Role::Active), None));
    assert!(world.held().len() == 2 && world.held().values().all(|k| *k == id("a")));
    assert_eq!(world.broken(), Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_that_fits_no_key_or_another_workspace_is_refused_before_anything_changes() {
    let world = World::new(&["a"]);
    let guard = app(&world, ledger());
    let error = add(&guard, &name(), secret("zz"), AddOptions::default()).await.unwrap_err();
    assert!(what(error).contains("no key that the secret"));
    world.lock().keys.get_mut(&id("a")).unwrap().workspace = WorkspaceId::new("wrkspc_other").unwrap();
    let error = add(&guard, &name(), secret("a"), AddOptions::default()).await.unwrap_err();
    assert!(what(error).contains("wrkspc_other"));
    assert!(world.lock().vault.is_empty() && world.lock().journal.is_empty());
}

#[tokio::test]
async fn an_ambiguous_hint_is_refused_with_the_ids_and_settled_by_one_of_them() {
    let world = World::new(&["a"]);
    // The same head and tail, another middle.
    let twin = {
        let text = &world.lock().keys[&id("a")].secret;
        format!("{}{}{}", &text[..30], text[30..40].replace('x', "y"), &text[40..])
    };
    world.mint("twin");
    world.lock().keys.get_mut(&id("twin")).unwrap().secret = twin;
    let guard = app(&world, ledger());
    let error = what(add(&guard, &name(), secret("a"), AddOptions::default()).await.unwrap_err());
    assert!(error.contains("apikey_a") && error.contains("apikey_twin"), "{error}");
    let options = AddOptions { id: Some(id("a")), role: None };
    assert_eq!(add(&guard, &name(), secret("a"), options).await.unwrap().key, id("a"));
    let wrong = AddOptions { id: Some(id("b")), role: None };
    assert!(what(add(&guard, &name(), secret("a"), wrong).await.unwrap_err()).contains("does not belong to"));
}

#[tokio::test]
async fn the_secret_of_a_managed_key_can_be_sealed_again() {
    let world = enrolled().await;
    world.lock().vault.clear();
    let added = add(&app(&world, ledger()), &name(), secret("a"), AddOptions::default()).await.unwrap();
    assert!(added.known);
    assert_eq!(world.lock().vault.len(), 1);
}

#[tokio::test]
async fn a_canary_is_kept_apart() {
    let world = World::new(&["a", "bait"]);
    let guard = app(&world, ledger());
    add(&guard, &name(), secret("a"), AddOptions::default()).await.unwrap();
    let options = AddOptions { role: Some(Enrolment::Canary), id: None };
    assert_eq!(add(&guard, &name(), secret("bait"), options).await.unwrap().role, Some(Role::Canary));
    world.pass(TimeDelta::hours(1));
    tick(&guard, None).await;
    assert_eq!(world.status("bait"), KeyStatus::Active);
    assert!(world.custody(&name()).standbys().is_empty());
}

#[tokio::test]
async fn only_a_key_that_nobody_uses_can_be_forgotten() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    assert!(what(forget(&guard, &name(), &id("a")).await.unwrap_err()).contains("active"));
    forget(&guard, &name(), &id("b")).await.unwrap();
    assert!(world.custody(&name()).key(&id("b")).is_none());
    assert_eq!(world.lock().vault.len(), 1);
}

#[tokio::test]
async fn a_standby_that_somebody_activates_is_put_back() {
    let world = enrolled().await;
    world.edit("b", KeyStatus::Active);
    tick(&app(&world, ledger()), None).await;
    assert_eq!(world.status("b"), KeyStatus::Inactive);
    assert_eq!(world.broken(), Vec::<String>::new());
}
