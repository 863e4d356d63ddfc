//! `guard check` as a monitoring plugin: four states, one line, figures for graphs.

use std::time::Duration;

use chrono::TimeDelta;
use guard::app::check::{Facts, Level, Standbys, Verdict, facts, judge};
use guard::app::sight::Sight;
use guard::domain::ledger::WhenBlind;
use guard::ports::GateState;

use super::jobs_fakes::{World, key, ledger, prod};

fn healthy() -> Facts {
    Facts {
        workspace: prod(),
        gate: GateState::Open { generation: 2, key: key() },
        sight: Sight::Clear { age: TimeDelta::seconds(90) },
        blind_after: Duration::from_secs(1200),
        when_blind: WhenBlind::FailOpen,
        standbys: Some(Standbys { ready: 1, wanted: 1 }),
        owed: Some(0),
    }
}

#[test]
fn a_healthy_workspace_is_ok_with_figures() {
    assert_eq!(
        judge(&healthy()).line(),
        "GUARD OK - prod: gate open with apikey_01, the last good poll was 1 min 30 s ago, nothing owed, \
         1 of 1 standbys ready | gate_open=1;;;0;1 poll_age=90s;1200;;0 standbys=1;1:;;0 owed=0;0;;0"
    );
}

#[test]
fn the_worst_finding_decides_and_comes_first() {
    let blind = Sight::Blind { age: TimeDelta::hours(3) };
    let closed = GateState::Closed { why: "incident 3".into() };
    let cases = [
        (Facts { gate: closed, ..healthy() }, Level::Critical, "gate closed (incident 3)"),
        (Facts { sight: blind.clone(), ..healthy() }, Level::Warning, "the last good poll was 3 h ago"),
        (
            Facts { sight: blind, when_blind: WhenBlind::FailClosed, ..healthy() },
            Level::Critical,
            "the last good poll was 3 h ago",
        ),
        (Facts { sight: Sight::NeverPolled, ..healthy() }, Level::Warning, "usage was never polled"),
        (Facts { owed: Some(2), ..healthy() }, Level::Warning, "2 owed"),
        (Facts { standbys: Some(Standbys { ready: 0, wanted: 1 }), ..healthy() }, Level::Warning, "0 of 1 standbys"),
    ];
    for (facts, level, first) in cases {
        let verdict = judge(&facts);
        assert_eq!(verdict.level, level, "{first}");
        assert!(verdict.text.starts_with(&format!("prod: {first}")), "{}", verdict.text);
    }
}

#[test]
fn unknown_facts_are_left_out() {
    let line = judge(&Facts { standbys: None, owed: None, sight: Sight::NeverPolled, ..healthy() }).line();
    assert!(!line.contains("standbys") && !line.contains("owed") && !line.contains("poll_age"), "{line}");
}

#[test]
fn the_line_has_one_bar_and_no_line_break_whatever_the_reason_says() {
    let gate = GateState::Closed { why: "a | b\nc".into() };
    let line = judge(&Facts { gate, ..healthy() }).line();
    assert_eq!(line.matches('|').count(), 1);
    assert!(!line.contains('\n'));
    assert_eq!(Verdict::unknown("no ledger").line(), "GUARD UNKNOWN - no ledger");
}

#[test]
fn states_have_the_numbers_that_monitors_expect() {
    assert_eq!([Level::Ok, Level::Warning, Level::Critical, Level::Unknown].map(Level::status), [0, 1, 2, 3]);
}

#[test]
fn facts_come_from_gate_and_poll_without_a_lock() {
    let world = World::healthy();
    let app = world.app(ledger());
    let facts = facts(&app, &app.ledger.workspaces[0]);
    assert_eq!(facts.sight, Sight::Clear { age: TimeDelta::seconds(60) });
    assert!(matches!(facts.gate, GateState::Open { .. }));
}
