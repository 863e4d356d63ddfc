//! `guard drill`: a whole rotation and a whole theft, played by the real program against the embedded organization.

use std::process::{Command, Stdio};

use guard::domain::money::UsdMicros;
use serde_json::Value;

/// Plays a drill that must pass.
fn drill(more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_guard"))
        .args(["drill", "--json"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn usd(figures: &Value, field: &str) -> UsdMicros {
    UsdMicros::parse(figures[field].as_str().unwrap()).unwrap()
}

/// What every drill promises.
fn assert_promises(figures: &Value) {
    assert_eq!(figures["type"], "drill");
    assert_eq!(figures["passed"], true, "{figures}");
    assert_eq!(figures["failed_requests"], 0, "{figures}");
    assert_eq!(figures["false_trips"], 0, "{figures}");
    assert_eq!(figures["replaced_key_dead"], true, "{figures}");
    assert_eq!(figures["outcome"], "stopped", "{figures}");
    // 80 messages under the rotation, 20 after the theft.
    assert!(figures["pipeline_requests"].as_u64().unwrap() >= 100, "{figures}");
    let (detected, revoked) =
        (figures["detect_seconds"].as_i64().unwrap(), figures["revoke_seconds"].as_i64().unwrap());
    assert!(0 < detected && detected <= revoked, "{figures}");
    assert!(usd(figures, "lost_usd") > UsdMicros::default(), "{figures}");
    assert!(usd(figures, "lost_usd") < usd(figures, "lost_without_guard_usd"), "{figures}");
}

#[test]
fn it_goes_as_promised_and_the_same_way_every_time() {
    let first = drill(&["--seed", "7"]);
    assert_promises(&first);
    let again = drill(&["--seed", "7"]);
    assert_eq!(first, again);
}

#[test]
fn a_thief_who_begins_slowly_is_stopped_too() {
    let figures = drill(&["--attack", "ramp"]);
    assert_eq!(figures["attack"], "ramp");
    assert_promises(&figures);
}

#[test]
fn while_the_provider_takes_no_orders_the_gate_is_closed_and_the_kill_lands_soon_after() {
    let figures = drill(&["--provider-down", "1h"]);
    assert_promises(&figures);
    // The gate waits for nobody: it is closed when the first order is refused.
    assert_eq!(figures["gate_seconds"], figures["detect_seconds"], "{figures}");
    let outage = &figures["outage"];
    assert!(outage["seconds"].as_i64().unwrap() >= 3600, "{figures}");
    assert!(figures["revoke_seconds"].as_i64().unwrap() > 3600, "{figures}");
    // One step of the retries, and the poll that takes it.
    assert!((0..=375 + 60).contains(&outage["kill_seconds_after"].as_i64().unwrap()), "{figures}");
    assert_eq!(outage["announced_early"], false, "{figures}");
    assert!(outage["longest_silence_seconds"].as_i64().unwrap() <= 600, "{figures}");
}

#[test]
fn an_inactive_standby_is_worthless_to_a_thief() {
    let figures = drill(&["--attack", "leaked-standby"]);
    assert_eq!(figures["outcome"], "worthless", "{figures}");
    assert_eq!((&figures["stolen_requests"], &figures["refused_requests"]), (&0.into(), &5.into()), "{figures}");
    assert_eq!(usd(&figures, "lost_usd"), UsdMicros::default());
    assert_eq!(figures["false_trips"], 0, "{figures}");
}

#[test]
fn a_theft_that_hides_in_a_run_is_shown_as_what_it_is() {
    let figures = drill(&["--attack", "drip", "--runs", "under-way"]);
    assert!(["unnoticed", "warned"].contains(&figures["outcome"].as_str().unwrap()), "{figures}");
    assert!(figures["detect_seconds"].is_null() && figures["revoke_seconds"].is_null(), "{figures}");
    assert_eq!(usd(&figures, "lost_usd"), usd(&figures, "lost_without_guard_usd"));
}

#[test]
fn a_baseline_that_is_none_is_refused_before_anything_is_played() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("baseline.toml");
    std::fs::write(&file, "seed = \"one\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_guard"))
        .args(["drill", "--all", "--baseline"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("baseline.toml is no baseline") && said.contains("--write-baseline"), "{said}");
}
