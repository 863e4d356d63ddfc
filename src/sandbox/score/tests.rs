use chrono::TimeDelta;

use super::*;
use crate::domain::usage::Tokens;

const OLD: &str = "apikey_old";
const NEW: &str = "apikey_new";
const STANDBY: &str = "apikey_standby";

fn key(id: &str) -> KeyId {
    KeyId::new(id).unwrap()
}

/// So many seconds after the curtain rose.
fn at(second: i64) -> Timestamp {
    "2026-11-21T18:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(second)
}

fn plot() -> Plot {
    Plot {
        replaced: Some(key(OLD)),
        stolen: key(NEW),
        watched_from: at(100),
        harm_from: at(1000),
        gate_closed_at: Some(at(1070)),
        planned_loss: UsdMicros::from_dollars(50),
        outage: None,
    }
}

/// The provider takes no orders in 1070..4670.
fn plot_with_outage() -> Plot {
    Plot { outage: Some((at(1070), at(4670))), ..plot() }
}

fn said(second: i64, note: &str) -> Line {
    Line { note: Some(note.into()), status: 200, ..line(second, Plane::People, 200, NEW) }
}

/// The same theft, with a provider that takes no orders for an hour, and reminders every five minutes.
fn good_in_an_outage() -> Vec<Line> {
    let mut lines = good();
    lines.retain(|l| l.at < at(1070));
    lines.push(Line { status: 529, ..deactivation(1070, NEW) });
    lines.extend((0..13).map(|n| said(1080 + 300 * n, "critical kill.unconfirmed: not confirmed")));
    lines.push(deactivation(4900, NEW));
    lines.push(message(4910, ATTACKER, 401, NEW));
    lines.push(said(4911, "warning key.dead: it is dead"));
    lines.push(message(4950, PIPELINE, 200, STANDBY));
    lines
}

fn line(second: i64, plane: Plane, status: u16, id: &str) -> Line {
    Line {
        seq: 0,
        at: at(second),
        plane,
        method: "POST".into(),
        path: "/".into(),
        status,
        request_id: String::new(),
        actor: None,
        key: Some(key(id)),
        workspace: None,
        model: None,
        tokens: Tokens::default(),
        cost_usd: UsdMicros::default(),
        note: None,
    }
}

fn message(second: i64, actor: &str, status: u16, id: &str) -> Line {
    let cost_usd = if status == 200 { UsdMicros::from_dollars(2) } else { UsdMicros::default() };
    Line { actor: Some(actor.into()), cost_usd, ..line(second, Plane::Inference, status, id) }
}

fn deactivation(second: i64, id: &str) -> Line {
    Line { note: Some("status inactive".into()), ..line(second, Plane::Admin, 200, id) }
}

/// A drill as it should go: the key is replaced, then its successor is stolen, stopped and replaced.
fn good() -> Vec<Line> {
    vec![
        // A standby is put to rest before anybody watches.
        deactivation(50, STANDBY),
        message(110, PIPELINE, 200, OLD),
        message(120, PIPELINE, 200, NEW),
        deactivation(130, OLD),
        line(140, Plane::Inference, 401, OLD),
        message(1000, ATTACKER, 200, NEW),
        message(1060, ATTACKER, 200, NEW),
        deactivation(1070, NEW),
        said(1071, "critical key.tripped: gate closed"),
        message(1075, ATTACKER, 200, NEW),
        message(1080, ATTACKER, 401, NEW),
        message(1100, PIPELINE, 200, STANDBY),
    ]
}

fn without(gone: impl Fn(&Line) -> bool) -> Vec<Line> {
    good().into_iter().filter(|line| !gone(line)).collect()
}

fn with(more: Line) -> Vec<Line> {
    let mut lines = good();
    lines.push(more);
    lines.sort_by_key(|line| line.at);
    lines
}

#[test]
fn every_figure_is_read_from_the_log() {
    let score = score(&good(), &plot());
    let expected = Score {
        outcome: Outcome::Stopped,
        told_seconds: Some(71),
        gate_seconds: Some(70),
        detect_seconds: Some(70),
        revoke_seconds: Some(80),
        lost_usd: UsdMicros::from_dollars(6),
        lost_without_guard_usd: UsdMicros::from_dollars(50),
        stolen_requests: 3,
        refused_requests: 1,
        failed_requests: 0,
        pipeline_requests: 3,
        false_trips: 0,
        replaced_key_dead: Some(true),
        resumed_requests: 1,
        outage: None,
    };
    assert_eq!(score, expected);
    assert!(score.passed(Outcome::Stopped));
}

#[test]
fn a_theft_that_nobody_stops_does_not_pass() {
    let score = score(&without(|l| l.key == Some(key(NEW)) && (orders_off(l) || l.status == 401)), &plot());
    assert_eq!((score.detect_seconds, score.revoke_seconds, score.resumed_requests), (None, None, 0));
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn an_order_without_a_refusal_is_no_revocation() {
    let score = score(&without(|l| l.key == Some(key(NEW)) && l.status == 401), &plot());
    assert_eq!((score.detect_seconds, score.revoke_seconds), (Some(70), None));
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn a_refused_order_stops_nothing() {
    let mut lines = without(|l| l.key == Some(key(NEW)) && l.status == 401);
    for line in lines.iter_mut().filter(|l| l.key == Some(key(NEW)) && l.plane == Plane::Admin) {
        line.status = 500;
    }
    let score = score(&lines, &plot());
    assert_eq!((score.detect_seconds, score.outcome), (Some(70), Outcome::Warned));
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn a_refusal_before_the_theft_proves_nothing() {
    let mut lines = without(|l| l.status == 401);
    lines.insert(0, line(105, Plane::Inference, 401, NEW));
    assert_eq!(score(&lines, &plot()).revoke_seconds, None);
}

#[test]
fn a_refused_or_withheld_request_of_the_job_does_not_pass() {
    for status in [0, 401, 429, 500] {
        let score = score(&with(message(115, PIPELINE, status, OLD)), &plot());
        assert_eq!((score.failed_requests, score.pipeline_requests), (1, 4), "{status}");
        assert!(!score.passed(Outcome::Stopped));
    }
}

#[test]
fn a_job_that_never_ran_does_not_pass() {
    let score = score(&without(|l| l.actor.as_deref() == Some(PIPELINE)), &plot());
    assert_eq!((score.failed_requests, score.pipeline_requests), (0, 0));
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn a_deactivated_bystander_does_not_pass() {
    let score = score(&with(deactivation(1090, STANDBY)), &plot());
    assert_eq!(score.false_trips, 1);
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn a_replaced_key_that_lives_on_does_not_pass() {
    let never = score(&without(|l| l.key == Some(key(OLD)) && orders_off(l)), &plot());
    assert!(never.replaced_key_dead == Some(false) && !never.passed(Outcome::Stopped));
    let grace = score(&with(message(130 + 120, PIPELINE, 200, OLD)), &plot());
    assert!(grace.replaced_key_dead == Some(true) && grace.passed(Outcome::Stopped));
    let late = score(&with(message(130 + 121, PIPELINE, 200, OLD)), &plot());
    assert!(late.replaced_key_dead == Some(false) && !late.passed(Outcome::Stopped));
}

#[test]
fn a_job_that_does_not_resume_or_resumes_with_the_stolen_key_does_not_pass() {
    let silent = score(&without(|l| l.key == Some(key(STANDBY)) && l.plane == Plane::Inference), &plot());
    assert_eq!(silent.resumed_requests, 0);
    assert!(!silent.passed(Outcome::Stopped));
    let mut lines = without(|l| l.key == Some(key(STANDBY)) && l.plane == Plane::Inference);
    lines.push(message(1100, PIPELINE, 200, NEW));
    assert_eq!(score(&lines, &plot()).resumed_requests, 0);
}

#[test]
fn a_thief_who_got_all_that_he_wanted_does_not_pass() {
    let score = score(&good(), &Plot { planned_loss: UsdMicros::from_dollars(6), ..plot() });
    assert_eq!(score.lost_usd, score.lost_without_guard_usd);
    assert!(!score.passed(Outcome::Stopped));
}

#[test]
fn a_theft_that_is_only_told_is_a_warning_and_one_that_is_not_told_is_unnoticed() {
    let quiet = |l: &Line| l.key == Some(key(NEW)) && (orders_off(l) || l.status == 401);
    let warned = score(&without(quiet), &plot());
    assert_eq!((warned.outcome, warned.told_seconds), (Outcome::Warned, Some(71)));
    assert!(warned.passed(Outcome::Warned) && !warned.passed(Outcome::Stopped));
    let unnoticed = score(&without(|l| quiet(l) || people(l)), &plot());
    assert_eq!((unnoticed.outcome, unnoticed.told_seconds), (Outcome::Unnoticed, None));
    assert!(!unnoticed.passed(Outcome::Warned));
    let mild: Vec<Line> =
        without(quiet).into_iter().map(|l| if people(&l) { said(1071, "notice x: y") } else { l }).collect();
    assert_eq!(score(&mild, &plot()).outcome, Outcome::Unnoticed);
}

#[test]
fn a_key_that_never_worked_for_the_thief_was_worthless() {
    let mut lines = without(|l| l.actor.as_deref() == Some(ATTACKER) || l.key == Some(key(NEW)));
    lines.push(message(1000, ATTACKER, 401, NEW));
    let score = score(&lines, &plot());
    assert_eq!((score.outcome, score.stolen_requests, score.refused_requests), (Outcome::Worthless, 0, 1));
    assert_eq!((score.detect_seconds, score.lost_usd), (None, UsdMicros::ZERO));
    assert!(score.passed(Outcome::Worthless));
}

#[test]
fn the_clock_of_an_abuse_starts_after_its_probe() {
    let mut lines = good();
    lines.insert(5, message(500, ATTACKER, 200, NEW));
    let score = score(&lines, &plot());
    assert_eq!((score.told_seconds, score.detect_seconds, score.revoke_seconds), (Some(571), Some(70), Some(80)));
}

#[test]
fn an_outage_is_survived_when_the_kill_lands_soon_after_it_and_people_hear_of_it() {
    let score = score(&good_in_an_outage(), &plot_with_outage());
    let outage = score.outage.clone().unwrap();
    assert_eq!((outage.seconds, outage.kill_seconds_after, outage.longest_silence_seconds), (3600, Some(230), 300));
    assert!(!outage.announced_early);
    assert_eq!((score.gate_seconds, score.detect_seconds, score.revoke_seconds), (Some(70), Some(70), Some(3910)));
    assert!(score.passed(Outcome::Stopped));
}

#[test]
fn a_late_kill_a_silence_or_an_early_announcement_does_not_pass() {
    let late: Vec<Line> = good_in_an_outage()
        .into_iter()
        .map(|l| if l.at >= at(4900) { Line { at: l.at + TimeDelta::seconds(206), ..l } } else { l })
        .collect();
    assert!(!score(&late, &plot_with_outage()).passed(Outcome::Stopped));
    let mut silent = good_in_an_outage();
    silent.retain(|l| !(people(l) && (at(2000)..at(2700)).contains(&l.at)));
    assert!(!score(&silent, &plot_with_outage()).passed(Outcome::Stopped));
    let mut early = good_in_an_outage();
    early.push(said(3000, "warning key.dead: it is dead"));
    assert!(!score(&early, &plot_with_outage()).passed(Outcome::Stopped));
}

#[test]
fn a_thief_who_is_stopped_at_his_probe_is_measured_from_it() {
    let plot = Plot { harm_from: at(9000), ..plot() };
    assert_eq!(score(&good(), &plot).detect_seconds, Some(70));
}

#[test]
fn a_thief_who_is_done_before_anybody_can_know_of_him_is_no_broken_promise() {
    let lines = without(|l| l.actor.as_deref() == Some(ATTACKER) && l.status == 401);
    let mut lines: Vec<Line> = lines;
    lines.insert(lines.len() - 1, line(1080, Plane::Inference, 401, NEW));
    let score = score(&lines, &Plot { planned_loss: UsdMicros::from_dollars(6), ..plot() });
    assert_eq!((score.lost_usd, score.refused_requests), (UsdMicros::from_dollars(6), 0));
    assert!(score.passed(Outcome::Stopped));
}
