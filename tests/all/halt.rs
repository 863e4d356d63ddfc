//! Workloads that guard did not start are stopped by the ledger's program once their key was killed.

use chrono::TimeDelta;
use guard::app::drive::tick;
use guard::app::trip::{TripCause, TripRequest, trip_as};
use guard::domain::ledger::{Program, TripMode};
use guard::domain::notice::Severity;

use crate::fakes::{World, id, name, secret};
use crate::poll::Watch;

async fn watch() -> Watch {
    let mut watch = Watch::over(World::new(&["a", "b"]));
    let path = "systemctl".to_owned();
    let stop = Program { path, args: vec!["stop".to_owned(), "publish.service".to_owned()], ..program() };
    watch.ledger.workspaces[0].trip.stop = Some(stop);
    for key in ["a", "b"] {
        guard::app::enroll::add(&watch.app(), &name(), secret(key), guard::app::enroll::AddOptions::default())
            .await
            .unwrap();
    }
    watch
}

fn program() -> Program {
    Program { path: String::new(), args: Vec::new(), timeout: std::time::Duration::from_secs(30) }
}

async fn trips(watch: &Watch, mode: TripMode) {
    let cause = TripCause {
        rule: "person".to_owned(),
        sentence: "leaked".to_owned(),
        figures: serde_json::Value::Null,
        by_person: true,
    };
    let request = TripRequest { workspace: name(), key: Some(id("a")), cause };
    trip_as(&watch.app(), &request, mode).await.unwrap();
}

/// A tick a minute.
async fn ticks(watch: &Watch, minutes: usize) {
    for _ in 0..minutes {
        watch.world.pass(TimeDelta::minutes(1));
        tick(&watch.app(), None).await;
    }
}

fn events(watch: &Watch) -> Vec<(String, Severity)> {
    let notices = watch.world.lock().notices.clone();
    let about = |event: &str| event.starts_with("workloads.");
    notices.into_iter().filter(|n| about(&n.event)).map(|n| (n.event, n.severity)).collect()
}

#[tokio::test]
async fn they_are_stopped_once_for_each_incident() {
    let watch = watch().await;
    trips(&watch, TripMode::Kill).await;
    ticks(&watch, 5).await;
    assert_eq!(watch.world.lock().programs, [("systemctl".to_owned(), "1".to_owned())]);
    assert_eq!(events(&watch), [("workloads.stopped".to_owned(), Severity::Notice)]);
    let kinds: Vec<_> = watch.world.lock().evidence.iter().map(|e| e.kind.clone()).collect();
    let at = |kind: &str| kinds.iter().position(|k| k == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    assert!(at("workloads.stopping") < at("workloads.stopped"), "written down before it is done");
    trips(&watch, TripMode::Kill).await;
    assert_eq!(watch.world.lock().programs.len(), 2, "another incident");
}

#[tokio::test]
async fn a_program_that_fails_is_told_tried_again_and_holds_no_kill_up() {
    let watch = watch().await;
    watch.world.lock().programs_fail = 2;
    trips(&watch, TripMode::Kill).await;
    assert_eq!(watch.world.status("a"), guard::domain::key::KeyStatus::Inactive);
    ticks(&watch, 5).await;
    assert_eq!(watch.world.lock().programs.len(), 3);
    let told: Vec<_> = events(&watch).into_iter().map(|(event, _)| event).collect();
    assert_eq!(told, ["workloads.stop_failed", "workloads.stopped"]);
}

#[tokio::test]
async fn after_ten_tries_a_person_must_see_to_it() {
    let watch = watch().await;
    watch.world.lock().programs_fail = 100;
    trips(&watch, TripMode::Kill).await;
    ticks(&watch, 30).await;
    assert_eq!(watch.world.lock().programs.len(), 10);
    let told = watch.world.lock().notices.iter().filter(|n| n.event == "workloads.stop_failed").count();
    assert_eq!(told, 2, "the first time and the last");
}

#[tokio::test]
async fn whoever_only_closes_the_gate_stops_nothing() {
    let watch = watch().await;
    trips(&watch, TripMode::Gate).await;
    ticks(&watch, 3).await;
    assert!(watch.world.lock().programs.is_empty());
}
