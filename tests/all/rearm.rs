//! Releasing a gate: who says what caused it, and the list that a person goes through.

use chrono::TimeDelta;
use guard::app::rearm::{RearmRequest, list, rearm};
use guard::app::trip::{TripCause, TripRequest, trip};
use guard::app::{App, AppError};
use guard::domain::ids::IncidentId;
use guard::domain::incident::CheckState;

use crate::fakes::{World, app, id, ledger, name, release};
use crate::rotation::enrolled;

/// A key that was stopped, by a rule or by a person.
async fn tripped(by_person: bool) -> (World, App) {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    let cause = TripCause {
        rule: if by_person { "person" } else { "spike" }.to_owned(),
        sentence: "seen in a public repository".to_owned(),
        figures: serde_json::Value::Null,
        by_person,
    };
    trip(&guard, &TripRequest { workspace: name(), key: Some(id("a")), cause }).await.unwrap();
    (world, guard)
}

fn without_cause() -> RearmRequest {
    RearmRequest { cause: None, ..release(1, "production waits") }
}

#[tokio::test]
async fn a_rules_trip_is_not_released_before_somebody_says_what_caused_it() {
    let (world, guard) = tripped(false).await;
    let refused = rearm(&guard, &without_cause()).await.unwrap_err();
    assert!(matches!(&refused, AppError::Refused { what, .. } if what.contains("caused")), "{refused}");
    assert_eq!(world.custody(&name()).latch(), Some(IncidentId(1)));
    assert!(rearm(&guard, &release(1, "moved")).await.unwrap().open);
    let incident = world.custody(&name()).incidents()[0].clone();
    assert_eq!(incident.cause.as_deref(), Some("a laptop was stolen"));
    assert!(world.broken().is_empty());
}

#[tokio::test]
async fn who_does_not_know_the_cause_can_force_it_and_that_goes_on_record() {
    let (world, guard) = tripped(false).await;
    let report = rearm(&guard, &RearmRequest { forced: true, ..without_cause() }).await.unwrap();
    assert!(report.open);
    let forced = |detail: &serde_json::Value| detail.to_string().contains("\"forced\":true");
    let state = world.lock();
    assert!(state.evidence.iter().any(|e| e.kind == "incident.rearmed" && forced(&e.detail)), "{:#?}", state.evidence);
    assert!(state.notices.iter().any(|n| n.summary.contains("its cause unknown")));
}

#[tokio::test]
async fn a_person_who_stops_a_key_has_said_why_and_a_cause_forces_nothing() {
    let (world, guard) = tripped(true).await;
    assert!(rearm(&guard, &RearmRequest { forced: true, ..without_cause() }).await.unwrap().open);
    assert!(!world.lock().notices.iter().any(|n| n.summary.contains("its cause unknown")));
}

#[tokio::test]
async fn force_does_not_open_the_gate_while_the_key_is_alive() {
    let world = enrolled().await;
    let guard = app(&world, ledger());
    world.lock().down = true;
    let cause = TripCause {
        rule: "spike".to_owned(),
        sentence: "too much".to_owned(),
        figures: serde_json::Value::Null,
        by_person: false,
    };
    trip(&guard, &TripRequest { workspace: name(), key: Some(id("a")), cause }).await.unwrap();
    let refused = rearm(&guard, &RearmRequest { forced: true, ..without_cause() }).await.unwrap_err();
    assert!(refused.to_string().contains("apikey_a"), "{refused}");
    let open = |item: &str| list(&guard, &name(), IncidentId(1)).unwrap().into_iter().find(|c| c.item == item).unwrap();
    assert_eq!(open("dead").state, CheckState::Open);
    assert_eq!(open("cause").state, CheckState::Open);
}

#[tokio::test]
async fn the_list_says_what_is_done_what_is_open_and_what_to_mind() {
    let (world, guard) = tripped(false).await;
    world.pass(TimeDelta::minutes(1));
    let found = list(&guard, &name(), IncidentId(1)).unwrap();
    let states: Vec<_> = found.iter().map(|check| (check.item, check.state)).collect();
    use CheckState::{Done, Mind, Open};
    let expected = [
        ("newest", Done),
        ("dead", Done),
        ("cause", Open),
        ("key", Done),
        ("consumers", Done),
        // No poll has reached beyond the kill, and the only standby took over.
        ("silence", Mind),
        ("standby", Mind),
    ];
    assert_eq!(states, expected, "{found:#?}");
    let before = world.custody(&name()).seq();
    list(&guard, &name(), IncidentId(2)).unwrap();
    assert_eq!(world.custody(&name()).seq(), before, "looking changes nothing");
}
