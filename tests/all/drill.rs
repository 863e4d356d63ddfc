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
