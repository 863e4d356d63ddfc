//! An incident explained from the records alone.

use chrono::TimeDelta;
use guard::app::AppError;
use guard::app::rearm::rearm;
use guard::app::watch::look;
use guard::app::why::why;
use guard::domain::ids::{IncidentId, WorkspaceId, WorkspaceName};
use guard::domain::ledger::TripMode;

use crate::fakes::{id, name, release};
use crate::poll::{Watch, tokens};
use crate::rotation::enrolled;

/// A key with four weeks of habit is stolen; guard kills it.
pub async fn tripped() -> Watch {
    let mut watch = Watch::over(enrolled().await);
    watch.ledger.workspaces[0].trip.mode = TripMode::Kill;
    watch.past("a");
    look(&watch.app()).await.0.unwrap();
    watch.world.pass(TimeDelta::hours(2));
    for minute in 0..600 {
        watch.uses("a", watch.minute().plus(minute), tokens(400_000, 80_000));
    }
    for _ in 0..120 {
        watch.world.pass(TimeDelta::minutes(1));
        let (_, trips) = look(&watch.app()).await;
        if !trips.is_empty() {
            return watch;
        }
    }
    panic!("no trip");
}

#[tokio::test]
async fn it_says_what_since_when_against_what_and_what_guard_did() {
    let watch = tripped().await;
    let app = watch.app();
    let why = why(&app, None, None).unwrap();
    assert_eq!((why.incident, why.mode, why.keys.as_slice()), (IncidentId(1), TripMode::Kill, [id("a")].as_slice()));
    assert!(why.sentence.ends_with(" % sure"), "{}", why.sentence);
    let (since, usage) = (why.since.unwrap(), why.usage.clone().unwrap());
    assert!(since < why.at && usage.from == since && usage.used > usage.usual.scale(10.0), "{why:#?}");
    assert_eq!(usage.models.len(), 1);
    assert!(why.confidence.is_some_and(|sure| sure > 0.7) && why.figures.contains_key("times_most"), "{why:#?}");
    let steps: Vec<&str> = why.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(steps[0].starts_with("closed the gate"), "{steps:?}");
    for part in ["apikey_a is deactivated", "apikey_a is proven dead", "standby apikey_b took over"] {
        assert!(steps.iter().any(|step| step.contains(part)), "{part}: {steps:?}");
    }
    assert!(why.released.is_none());
}

#[tokio::test]
async fn a_release_belongs_to_it_and_what_comes_later_does_not() {
    let watch = tripped().await;
    let app = watch.app();
    rearm(&app, &release(1, "rotated and cleaned")).await.unwrap();
    let first = why(&app, Some(IncidentId(1)), Some(&name())).unwrap();
    let steps: Vec<&str> = first.steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(steps[steps.len() - 2..], ["ada released the incident: rotated and cleaned", "the gate is open again"]);
    assert_eq!(first.released.unwrap().1, "ada");
}

#[tokio::test]
async fn an_incident_that_is_not_there_or_not_unique_is_refused_with_the_next_step() {
    let mut watch = tripped().await;
    let refused = |watch: &Watch, id: u64| match why(&watch.app(), Some(IncidentId(id)), None) {
        Err(AppError::Refused { what, remedy }) => (what, remedy),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&watch, 7).0, "there is no incident 7");
    let mut twin = watch.ledger.workspaces[0].clone();
    twin.name = WorkspaceName::new("twin").unwrap();
    twin.id = WorkspaceId::new("wrkspc_twin").unwrap();
    watch.ledger.workspaces.push(twin.clone());
    let events = watch.world.lock().journal[&name()].clone();
    let folded = watch.world.custody(&name());
    watch.world.lock().journal.insert(twin.name.clone(), events);
    watch.world.lock().folded.insert(twin.name.clone(), folded);
    let (what, remedy) = refused(&watch, 1);
    assert_eq!((what.as_str(), remedy.as_str()), ("test, twin have an incident 1", "say which: `guard why 1 -w twin`"));
}
