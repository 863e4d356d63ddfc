//! What a detector learns, and when: a legitimate new level soon, what tripped when a person accepts it.

use super::invariance::used;
use super::usage::MinuteUsage;
use super::{Alibi, Detector, Judgement, KeyRole, Level, Policy, Rule};
use crate::domain::ledger::{ModelPolicy, RuleAction, WatchPolicy};
use crate::domain::time::Minute;

const DAY: i64 = 1440;
/// What a minute of a run uses.
const MINUTE: u64 = 1_000_000;
/// How many minutes a run takes.
const RUN: i64 = 20;

/// A job that runs four times a day, each minute of a run `times` as large as usual.
fn job(day: i64, times: f64) -> Vec<MinuteUsage> {
    let starts = (0..4).map(|run| day * DAY + run * 360 + 60 + (day * 7 + run * 3) % 11);
    starts
        .flat_map(|start| (start..start + RUN).map(move |m| used(m, "model-a", (MINUTE as f64 * times) as u64)))
        .collect()
}

/// Judges a whole day of usage.
fn live(detector: &mut Detector, day: i64, minutes: &[MinuteUsage]) -> Level {
    let said = live_with(detector, day, minutes, &WatchPolicy::default(), None);
    said.iter().map(Judgement::level).max().unwrap_or_default()
}

fn live_with(
    detector: &mut Detector,
    day: i64,
    minutes: &[MinuteUsage],
    watch: &WatchPolicy,
    alibi: Option<&Alibi>,
) -> Vec<Judgement> {
    let models = ModelPolicy::default();
    let policy = Policy { watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi };
    let (from, to) = (Minute::from_epoch(day * DAY), Minute::from_epoch((day + 1) * DAY - 1));
    detector.ingest(from, to, minutes);
    detector.judge(to, &policy)
}

/// Four weeks of the job alone.
fn settled() -> (Detector, i64) {
    let mut detector = Detector::new(Minute::from_epoch(0));
    let worst = (0..28).map(|day| live(&mut detector, day, &job(day, 1.0))).max();
    assert_eq!(worst, Some(Level::Ok));
    (detector, 28)
}

#[test]
fn a_doubled_level_is_learnt_within_a_week_and_is_then_the_measure() {
    let (mut detector, first) = settled();
    let before = detector.baseline(first).most[5].work;
    let heard: Vec<Level> = (first..first + 7).map(|day| live(&mut detector, day, &job(day, 2.0))).collect();
    assert!(heard.iter().all(|level| *level < Level::Trip), "{heard:?}");
    let after = detector.baseline(first + 7).most[5].work;
    assert!(after as f64 >= 1.9 * before as f64, "{before} {after}");
    assert!((first + 7..first + 14).all(|day| live(&mut detector, day, &job(day, 2.0)) == Level::Ok));
    assert!(live(&mut detector.clone(), first + 14, &job(first + 14, 3.0)) < Level::Trip, "half as much again");
    assert_eq!(live(&mut detector, first + 14, &job(first + 14, 7.0)), Level::Trip);
}

#[test]
fn what_tripped_is_learnt_when_a_person_accepts_it_and_not_before() {
    let (mut detector, first) = settled();
    let before = detector.baseline(first).most[5].work;
    for day in first..first + 14 {
        assert_eq!(live(&mut detector, day, &job(day, 5.0)), Level::Trip, "day {day}");
    }
    let day = first + 14;
    assert_eq!(detector.baseline(day).most[5].work, before, "two weeks of it teach nothing");
    detector.accept();
    assert_eq!(detector.baseline(day).most[5].work, 5 * before);
    assert_eq!(live(&mut detector, day, &job(day, 5.0)), Level::Ok);
}

#[test]
fn a_thief_who_takes_a_little_more_every_day_gets_no_further_in_two_weeks_than_a_bold_one_in_two_days() {
    let (mut detector, first) = settled();
    let mut reached = Vec::new();
    for day in first..first + 28 {
        // He knows every limit, and takes the most that nobody is warned of.
        let times = |step: u32| 1.02f64.powf(f64::from(step));
        let is_unheard = |step: u32| live(&mut detector.clone(), day, &job(day, times(step))) < Level::Warn;
        let (mut unheard, mut heard) = (0, 400);
        while heard - unheard > 1 {
            let middle = (heard + unheard) / 2;
            if is_unheard(middle) { unheard = middle } else { heard = middle }
        }
        live(&mut detector, day, &job(day, times(unheard)));
        reached.push(times(unheard));
    }
    let most = |days: &[f64]| days.iter().copied().fold(0.0, f64::max);
    println!("{:.1} times the job in two weeks, {:.1} times in four", most(&reached[..14]), most(&reached));
    // What is doubled at once is within 2.7 busiest days less the warning; newer days may double the limit, once.
    assert!(reached[0] > 2.0 && most(&reached[..14]) < 5.0, "{reached:?}");
    assert!(most(&reached) < 5.0 * 5.0, "the same again when those days have settled: {reached:?}");
}

/// What the largest of a day's runs looks like when it is on record, and `times` as large from its tenth minute on for `minutes`.
fn recorded_run(times: f64, minutes: i64, policy: &WatchPolicy) -> Vec<(Rule, Level)> {
    let (mut detector, day) = settled();
    let mut usage = job(day, 1.0);
    let began = usage[0].minute;
    usage.retain(|m| m.minute < began.plus(10) || m.minute > began.plus(10 + minutes));
    let stolen = (10..10 + minutes).map(|m| used(began.plus(m).epoch(), "model-a", (MINUTE as f64 * times) as u64));
    usage.extend(stolen);
    usage.sort_by_key(|m| m.minute);
    // Every run is on record, the one that the thief hides in for as long as he does.
    let runs = (0..4).map(|run| (day * DAY + run * 360 + 50, day * DAY + run * 360 + 90 + minutes));
    let alibi = Alibi::new(runs.map(|(from, to)| (Minute::from_epoch(from), Minute::from_epoch(to))).collect());
    let policy = WatchPolicy { runs_registered: true, ..policy.clone() };
    let said = live_with(&mut detector, day, &usage, &policy, Some(&alibi));
    said.iter().flat_map(|judgement| &judgement.findings).map(|finding| (finding.rule, finding.level)).collect()
}

#[test]
fn a_thief_in_a_recorded_run_is_told_by_its_size_and_trips_where_the_owner_says_so() {
    let usual = WatchPolicy::default();
    assert_eq!(recorded_run(1.0, 10, &usual), [], "the run as ever");
    assert_eq!(recorded_run(1.5, 15, &usual), [], "a larger run is an ordinary decision");
    let said = recorded_run(1.2, 120, &usual);
    assert!(said.contains(&(Rule::RunSize, Level::Warn)), "six times as long: {said:?}");
    assert!(said.iter().all(|(rule, _)| *rule != Rule::Alibi), "it has an alibi");
    let strict = WatchPolicy { rules: [("run_size".to_owned(), RuleAction::Trip)].into(), ..usual };
    let said = recorded_run(1.2, 120, &strict);
    assert!(said.contains(&(Rule::RunSize, Level::Trip)), "{said:?}");
}
