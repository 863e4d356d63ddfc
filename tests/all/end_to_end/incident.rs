//! An incident from a rule's verdict to its closing, told from what guard itself has stored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use guard::domain::incident::{IncidentReport, Standing, Step};
use guard::domain::key::KeyStatus;
use guard::domain::money::UsdMicros;
use serde_json::Value;

use super::place::{NAME, Place, ROTATION};

const HOUR: Duration = Duration::from_secs(3600);

/// Four quiet days with one call each at the same time, then a thief's minute that a ceiling notices. The two secrets.
pub fn stolen() -> (Place, [String; 2]) {
    let place = Place::new();
    place.set_up("kill", &format!("{ROTATION}\nceilings = {{ usd = {{ hour = \"0.004\" }} }}"));
    let keys = [place.mint(KeyStatus::Active), place.mint(KeyStatus::Inactive)];
    for key in &keys {
        place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
    }
    place.run(&["tick"]).ends(0);
    for _ in 0..4 {
        assert_eq!(place.job(), 200);
        place.pass(24 * HOUR);
    }
    place.run(&["watch", "--once"]);
    for _ in 0..12 {
        assert_eq!(place.job(), 200);
    }
    place.pass(Duration::from_secs(180));
    place.run(&["watch", "--once"]).ends(1);
    (place, keys.map(|key| key.secret))
}

/// The one bundle below a directory.
pub fn bundle(parent: &Path) -> PathBuf {
    let mut found = fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().path());
    let one = found.next().unwrap();
    assert_eq!(found.next(), None);
    one
}

fn parsed(bundle: &Path) -> IncidentReport {
    serde_json::from_slice(&fs::read(bundle.join("incident.json")).unwrap()).unwrap()
}

#[test]
fn a_trip_leaves_a_bundle_that_explains_itself() {
    let (place, secrets) = stolen();
    let bundle = bundle(&place.state_dir().join("incidents"));
    let report = parsed(&bundle);
    assert_eq!(report.standing, Standing::Contained);
    assert_eq!(report.cause.rule, "ceiling");
    let moments = &report.moments;
    for step in [Step::Onset, Step::Detected, Step::KillSent, Step::Dead] {
        assert!(moments.of(step).is_some(), "{step:?} is missing in {moments:?}");
    }
    assert!(moments.onset < Some(moments.detected) && moments.dead > Some(moments.detected), "{moments:?}");
    let spent: UsdMicros = report.usage.charges.iter().map(|charge| charge.cost).sum();
    assert!(spent > UsdMicros::ZERO && report.loss.estimated <= spent, "{:?}", report.loss);
    assert!(report.loss.estimated > UsdMicros::from_micros(4_000), "more than the ceiling: {:?}", report.loss);
    assert!(!report.usage.bands.is_empty(), "four days say what is usual");
    assert_eq!(report.breakdown.len(), 1);
    assert!(!report.breakdown[0].foreign, "the model is the one of every day");
    assert!(report.timeline.iter().any(|action| action.what.contains("Rule ceiling trips")), "{:#?}", report.timeline);
    assert!(report.timeline.iter().any(|action| action.what.contains("takes over")), "{:#?}", report.timeline);
    assert!(report.provider_responses.iter().any(|answer| answer.meaning == "inactive"));

    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let sums = Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&bundle).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stderr));
    for entry in fs::read_dir(&bundle).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(secrets.iter().all(|secret| !text.contains(&secret[10..40])), "a secret is in the bundle");
    }
    // The page says how its evidence is checked; that is what is done.
    let first: Value = serde_json::from_str(&report.evidence.records[0]).unwrap();
    let since = first["seq"].to_string();
    let page = fs::read_to_string(bundle.join("report.html")).unwrap();
    assert!(page.contains(&format!("guard evidence verify --file events.jsonl --since {since}")));
    let events = bundle.join("events.jsonl").display().to_string();
    place.run(&["evidence", "verify", "--file", &events, "--since", &since]).ends(0);
}

#[test]
fn an_incident_is_listed_shown_exported_and_closed() {
    let (place, _) = stolen();
    let state =
        |place: &Place| place.run(&["incident", "list", "--json"]).ends(0).json()["incidents"][0]["state"].clone();
    assert_eq!(state(&place), "failed_over");
    let shown = place.run(&["incident", "show", "1"]).ends(0).stdout;
    for part in
        ["incident 1: failed over", "key dead", "Rule ceiling trips", "Next: `guard rearm -w prod-publish --incident 1"]
    {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    place.run(&["incident", "ack", "1"]).ends(0);
    let out = place.dir().join("handed-over");
    place.pass(HOUR);
    place.run(&["incident", "export", "1", "--out", &out.display().to_string()]).ends(0);
    assert_eq!(parsed(&bundle(&out)).incident.0, 1);

    let asked = place.run(&["incident", "close", "1"]).ends(2);
    assert!(asked.stderr.contains("--cause TEXT"), "{asked:?}");
    let words = ["--cause", "a public notebook", "--lesson", "notebooks are scanned"];
    let closed = place.run(&[&["incident", "close", "1"][..], &words].concat()).ends(0);
    assert!(closed.stdout.contains("resolved") && closed.stdout.contains("still closed"), "{closed:?}");
    assert_eq!(state(&place), "resolved");
    assert!(place.run(&["incident", "list", "--open"]).ends(0).stdout.contains("no incidents"));
    let shown = place.run(&["incident", "show", "1"]).ends(0).stdout;
    assert!(shown.contains("Cause, as guard incident close") && shown.contains("a public notebook"), "{shown}");
    place.run(&["evidence", "verify"]).ends(0);

    let missing = place.run(&["incident", "show", "7"]).ends(10);
    assert!(missing.stderr.contains("guard incident list"), "{missing:?}");
    place.run(&["incident", "show", "1", "-w", "prod-publsh"]).ends(2);
}

#[test]
fn who_only_observes_sees_what_would_have_been_stopped() {
    let place = Place::new();
    place.set_up("observe", &format!("{ROTATION}\nceilings = {{ usd = {{ hour = \"0.004\" }} }}"));
    let key = place.mint(KeyStatus::Active);
    place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
    place.run(&["tick"]).ends(0);
    let list = || place.run(&["incident", "list", "--simulated", "--json"]).ends(0).json()["incidents"].clone();
    assert_eq!(list().as_array().unwrap().len(), 0);
    for _ in 0..12 {
        assert_eq!(place.job(), 200);
    }
    place.pass(Duration::from_secs(180));
    place.run(&["watch", "--once"]);
    let found = list();
    let one = &found[0];
    assert_eq!((&one["state"], &one["rule"]), (&"simulated".into(), &"ceiling".into()), "{found:#}");
    assert_eq!(one["would_stop"][0], key.id.as_str());
    assert_eq!(place.job(), 200, "nothing was stopped");
    let text = place.run(&["incident", "list", "--simulated", "-w", NAME]).ends(0).stdout;
    assert!(text.contains("simulated (the workspace observes)"), "{text}");
    assert!(place.run(&["incident", "list"]).ends(0).stdout.contains("no incidents"));
}
