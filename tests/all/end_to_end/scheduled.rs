//! What begins a rotation, what a person is asked for, and what is reported of it.

use std::time::Duration;

use guard::domain::key::KeyStatus;
use serde_json::json;

use super::place::{NAME, Place, ROTATION};

#[test]
fn a_rotation_waits_for_the_key_that_was_asked_for_and_is_reported() {
    let place = Place::new();
    place.set_up("kill", ROTATION);
    let request = || place.run(&["key", "request", "-w", NAME, "--json"]).ends(0).json()["request"].clone();
    assert_eq!(request()["first"], true);
    let first = place.mint(KeyStatus::Active);
    place.feed(&["key", "add", "-w", NAME], &first.secret).ends(0);
    assert_eq!((&request()["ready"], &request()["waiting_rotation"]), (&json!(0), &json!(null)));

    for _ in 0..2 {
        let waiting = place.run(&["rotate", "-w", NAME]).ends(10);
        assert!(waiting.stderr.contains(&format!("`guard key request -w {NAME}`")), "{waiting:#?}");
    }
    assert_eq!(request()["waiting_rotation"], 1);
    let text = place.run(&["key", "request", "-w", NAME]).ends(0).stdout;
    for part in ["Rotation 1 waits for it", &format!("guard key add -w {NAME}"), &format!("{NAME}-20261121-2")] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let second = place.mint(KeyStatus::Inactive);
    place.feed(&["key", "add", "-w", NAME], &second.secret).ends(0);
    place.rotate_to_the_end();
    assert!(place.works(&second.id) && !place.works(&first.id));
    let report = place.run(&["report", "--json"]).ends(0).json();
    let rotations = &report["workspaces"][0]["rotations"];
    assert_eq!(
        (&rotations["begun"], &rotations["completed"], &rotations["revoked"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(report["workspaces"][0]["revocation_seconds"]["count"], 1);
    assert_eq!(report["all"]["revocation_seconds"], report["workspaces"][0]["revocation_seconds"]);
    place.always_served("report");
}

#[test]
fn a_listed_day_is_due_within_its_window_alone() {
    let (place, old, new) = Place::enrolled();
    // The sandbox's noon is that of Saturday, 21 November 2026.
    let rotation = |more: &str| ROTATION.replace(" }", &format!(", {more} }}"));
    let due = || place.run(&["rotate", "--all", "--due"]);
    place.write_ledger("kill", &rotation("days = [22], from = \"03:00\", until = \"04:00\""));
    due().ends(0);
    place.pass(Duration::from_secs(14 * 3600));
    due().ends(0);
    assert!(place.works(&old) && !place.works(&new), "02:00 is too early");
    place.pass(Duration::from_secs(90 * 60));
    due().ends(75);
    assert!(place.works(&old) && place.works(&new), "at 03:30 it has begun");
    place.rotate_to_the_end();
    assert!(!place.works(&old) && place.works(&new));
    place.write_ledger("kill", &rotation("days = [22], from = \"03:00\""));
    due().ends(0);
    assert_eq!(place.run(&["report", "--json"]).json()["all"]["rotations"]["begun"], 1, "once for each listed day");
}

#[test]
fn a_fleet_does_not_begin_at_the_same_moment() {
    let (place, _, _) = Place::enrolled();
    let now = || place.sandbox.shared().clock.now();
    let mut waits = Vec::new();
    for _ in 0..3 {
        let before = now();
        place.run(&["rotate", "--all", "--due", "--jitter", "30m"]).ends(0);
        let waited = now() - before;
        assert!(waited <= chrono::TimeDelta::minutes(30), "{waited}");
        waits.push(waited);
    }
    waits.dedup();
    assert_eq!(waits.len(), 3, "each waits as long as it happens to: {waits:?}");
}
