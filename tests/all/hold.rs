//! A person keeps guard from acting by itself: nothing is stopped or rotated, everybody sees it, and it ends.

use std::time::Duration;

use chrono::TimeDelta;
use guard::app::drive::tick;
use guard::app::rotate::{Order, rotate};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::watch::look;
use guard::app::{AppError, enroll, hold, status};
use guard::domain::incident::GateNote;
use guard::domain::key::KeyStatus;
use guard::domain::ledger::{TripMode, Windows};
use guard::domain::notice::Severity;
use guard::ports::Gate;

use crate::fakes::{World, id, name, options, secret};
use crate::poll::{Watch, tokens};
use crate::poll_caps::{PRICY, capped, dollars, looks};

/// A workspace whose rules kill, with a key that will pass its cap, and guard on hold for two hours.
async fn held() -> Watch {
    let mut watch = capped(Watch::over(World::new(&["a", "b"])), Windows { day: dollars(3), ..Windows::default() });
    watch.ledger.workspaces[0].trip.mode = TripMode::Kill;
    for key in ["a", "b"] {
        enroll::add(&watch.app(), &name(), secret(key), enroll::AddOptions::default()).await.unwrap();
    }
    look(&watch.app()).await.0.unwrap();
    hold::begin(&watch.app(), Duration::from_secs(2 * 3600), "the report is wrong").unwrap();
    watch
}

fn notices(watch: &Watch, event: &str) -> Vec<(Severity, String)> {
    let notices = watch.world.lock().notices.clone();
    notices.into_iter().filter(|n| n.event == event).map(|n| (n.severity, n.detail)).collect()
}

#[tokio::test]
async fn rules_stop_nothing_and_say_so_until_the_hold_ends_by_itself() {
    let watch = held().await;
    watch.uses("a", watch.minute().plus(1), tokens(PRICY.0, PRICY.1));
    looks(&watch, 30).await;
    assert_eq!(watch.world.status("a"), KeyStatus::Active);
    let told = notices(&watch, "key.trip_observed");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0 == Severity::Critical && told[0].1.contains("on hold: the report is wrong"), "{told:?}");
    assert!(watch.world.lock().evidence.iter().any(|e| e.kind == "trip.observed" && e.detail["held"].is_string()));
    // The verdict lasts longer than the hold.
    watch.world.pass(TimeDelta::hours(2));
    looks(&watch, 1).await;
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
    assert_eq!(notices(&watch, "hold.ended").len(), 1);
    assert!(watch.world.broken().is_empty(), "{:?}", watch.world.broken());
}

#[tokio::test]
async fn it_is_seen_remembered_and_released_by_a_person() {
    let watch = held().await;
    let app = watch.app();
    let view = status::gather(&app).unwrap();
    let owed = view.owed();
    assert!(owed.iter().any(|(_, o)| o.what.contains("the report is wrong") && o.remedy.is_some()), "{owed:?}");
    assert_eq!(notices(&watch, "hold.begun").len(), 1);
    looks(&watch, 65).await;
    assert_eq!(notices(&watch, "hold.reminder").len(), 1, "once an hour");
    hold::release(&app).unwrap();
    assert!(hold::current(&app).is_none() && hold::release(&app).is_err());
    assert!(status::gather(&app).unwrap().hold.is_none());
    let kinds: Vec<_> = watch.world.lock().evidence.iter().map(|e| e.kind.clone()).collect();
    assert!(kinds.iter().any(|k| k == "hold.begun") && kinds.iter().any(|k| k == "hold.released"), "{kinds:?}");
}

#[tokio::test]
async fn no_rotation_begins_or_goes_on() {
    let watch = held().await;
    let refused = rotate(&watch.app(), &name(), &options(Order::Forward)).await.unwrap_err();
    assert!(matches!(&refused, AppError::Refused { what, .. } if what.contains("on hold")), "{refused}");
    let before = watch.world.custody(&name()).seq();
    assert!(tick(&watch.app(), None).await.is_empty());
    assert_eq!(watch.world.custody(&name()).seq(), before);
}

#[tokio::test]
async fn a_person_trips_all_the_same_and_the_trip_is_seen_through() {
    let watch = held().await;
    watch.world.lock().down = true;
    let cause = TripCause {
        rule: "person".to_owned(),
        sentence: "leaked".to_owned(),
        figures: serde_json::Value::Null,
        by_person: true,
    };
    let report = trip(&watch.app(), &TripRequest { workspace: name(), key: Some(id("a")), cause }).await.unwrap();
    assert!(report.gate_closed && !report.keys[0].dead);
    watch.world.lock().down = false;
    watch.world.pass(TimeDelta::minutes(10));
    assert_eq!(tick(&watch.app(), None).await.len(), 1);
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
}

#[tokio::test]
async fn a_trip_that_only_the_gate_knows_of_is_not_forgotten() {
    let watch = held().await;
    let note = GateNote {
        incident: watch.world.custody(&name()).next_incident(),
        keys: [id("a")].into(),
        sentence: "written on a full disk".to_owned(),
    };
    watch.world.close(&name(), &note.to_string()).unwrap();
    tick(&watch.app(), None).await;
    assert_eq!(watch.world.status("a"), KeyStatus::Inactive);
}

#[tokio::test]
async fn it_has_an_end_that_is_not_far() {
    let watch = Watch::new();
    for lasting in [Duration::ZERO, hold::LONGEST + Duration::from_secs(1)] {
        assert!(hold::begin(&watch.app(), lasting, "for ever").is_err());
    }
    assert!(hold::current(&watch.app()).is_none());
}
