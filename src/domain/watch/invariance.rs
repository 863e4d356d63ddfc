//! The promises of the detector as properties: however the same usage arrives, it is judged the same.

use std::sync::Arc;

use proptest::prelude::*;

use super::amount::Amount;
use super::scenario::Seed;
use super::usage::{MinuteUsage, ModelUsage};
use super::{Alibi, Detector, Judgement, KeyRole, Level, Policy};
use crate::domain::ledger::{ModelPolicy, WatchPolicy};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

const DAY: i64 = 1440;
const DAYS: i64 = 20;

/// The days that are abused. The second theft is judged by a baseline that must not have learnt from the first.
const ABUSED: [i64; 2] = [DAYS - 6, DAYS - 1];

/// A job with a run every six hours, of which two days are abused for `stolen` minutes at `times` its usual minute.
pub(super) fn usage(seed: u64, stolen: i64, times: u64) -> Vec<MinuteUsage> {
    let mut seed = Seed::new(seed);
    let mut minutes = std::collections::BTreeMap::new();
    for start in (0..DAYS * DAY).step_by(360) {
        let late = seed.pick(0, 20);
        for minute in 0..seed.pick(4, 12) {
            minutes.insert(start + late + minute, (seed.noise(0.3) * 1e6) as u64);
        }
    }
    for (day, minute) in ABUSED.into_iter().flat_map(|day| (0..stolen).map(move |minute| (day, minute))) {
        *minutes.entry(day * DAY + 100 + minute).or_insert(0) += times * 1_000_000;
    }
    minutes.into_iter().map(|(minute, work)| used(minute, "model-a", work)).collect()
}

pub(super) fn used(minute: i64, model: &str, work: u64) -> MinuteUsage {
    let amount = Amount { work, usd: UsdMicros::from_micros(work / 10), tokens: work / 10 };
    let models = vec![ModelUsage { model: Arc::from(model), amount }];
    MinuteUsage { minute: Minute::from_epoch(minute), models, terms: vec!["service tier `standard`".into()] }
}

/// Feeds `minutes` in polls at the given minutes and collects everything that is said.
fn watch(minutes: &[MinuteUsage], polls: &[i64], restart: bool) -> (Detector, Vec<Judgement>) {
    let (watch, models) = (WatchPolicy::default(), ModelPolicy::default());
    let policy = Policy { watch: &watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi: None };
    let mut detector = Detector::new(Minute::from_epoch(0));
    let mut said = Vec::new();
    let mut from = Minute::from_epoch(0);
    for poll in polls {
        let to = Minute::from_epoch(*poll);
        let part: Vec<MinuteUsage> = minutes.iter().filter(|m| m.minute >= from && m.minute <= to).cloned().collect();
        detector.ingest(from, to, &part);
        said.extend(detector.judge(to, &policy));
        from = to.plus(1);
        if restart {
            let stored = serde_json::to_string(&detector.state()).unwrap();
            detector = Detector::from_state(&serde_json::from_str(&stored).unwrap()).unwrap();
        }
    }
    (detector, said)
}

fn every(step: i64) -> Vec<i64> {
    (1..=DAYS * DAY / step).map(|i| i * step).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cut_into_polls_does_not_matter(
        seed in any::<u64>(),
        stolen in 120i64..400,
        times in 3u64..40,
        mut cuts in proptest::collection::vec(0..DAYS * DAY, 0..60),
    ) {
        let minutes = usage(seed, stolen, times);
        let (whole, said) = watch(&minutes, &[DAYS * DAY], false);
        cuts.extend(every(5 * 60));
        cuts.sort_unstable();
        cuts.dedup();
        let (parts, said_in_parts) = watch(&minutes, &cuts, false);
        prop_assert!(trips_twice(&said), "there is something to get wrong");
        prop_assert_eq!(said, said_in_parts);
        prop_assert_eq!(whole.state(), parts.state());
    }

    #[test]
    fn a_restart_neither_forgets_nor_relearns(seed in any::<u64>(), stolen in 120i64..400, times in 3u64..40) {
        let minutes = usage(seed, stolen, times);
        let (running, said) = watch(&minutes, &every(7 * 60), false);
        let (restarted, said_after) = watch(&minutes, &every(7 * 60), true);
        prop_assert!(trips_twice(&said), "there is something to forget and to relearn");
        prop_assert_eq!(said, said_after);
        prop_assert_eq!(running.state(), restarted.state());
    }

    #[test]
    fn late_and_restated_minutes_end_in_the_same_verdict(
        seed in any::<u64>(),
        stolen in 120i64..300,
        times in 3u64..40,
        lateness in 1i64..300,
        share in 0u64..100,
    ) {
        let minutes = usage(seed, stolen, times);
        let end = Minute::from_epoch((DAYS - 1) * DAY + 100 + stolen);
        let policy_parts = (WatchPolicy::default(), ModelPolicy::default());
        let policy = Policy {
            watch: &policy_parts.0,
            models: &policy_parts.1,
            acceptable_loss: None,
            role: KeyRole::Active,
            alibi: None,
        };
        let known: Vec<MinuteUsage> = minutes.iter().filter(|m| m.minute <= end).cloned().collect();
        // The newest minutes arrive too low first, another model's usage shows by mistake, and all is restated later.
        let late_from = end.plus(-lateness);
        let mut early = known.clone();
        for minute in early.iter_mut().filter(|m| m.minute >= late_from) {
            let amount = &mut minute.models[0].amount;
            amount.work = amount.work * share / 100;
            minute.models.extend(used(0, "model-by-mistake", 10).models);
        }
        let mut late = Detector::new(Minute::from_epoch(0));
        late.ingest(Minute::from_epoch(0), end, &early);
        late.judge(end, &policy);
        let restated: Vec<MinuteUsage> = known.iter().filter(|m| m.minute >= late_from).cloned().collect();
        late.ingest(late_from, end, &restated);
        let said_again = late.judge(end, &policy);

        let mut fresh = Detector::new(Minute::from_epoch(0));
        fresh.ingest(Minute::from_epoch(0), end, &known);
        let said = fresh.judge(end, &policy);
        // Everything from the first restated minute on is judged anew, neither more nor less.
        let first = restated.first().map_or(end, |minute| minute.minute);
        let same: Vec<Judgement> = said.into_iter().filter(|judgement| judgement.at >= first).collect();
        prop_assert!(!same.is_empty(), "there is something to judge anew");
        prop_assert_eq!(said_again, same);
        prop_assert_eq!(late.recent, fresh.recent);
        prop_assert_eq!(late.marks, fresh.marks);
    }
}

/// Both thefts trip.
fn trips_twice(said: &[Judgement]) -> bool {
    ABUSED.iter().all(|day| said.iter().any(|j| j.level() == Level::Trip && j.at.epoch().div_euclid(DAY) == *day))
}

#[test]
fn a_stream_on_a_quiet_job_trips_and_the_job_alone_does_not() {
    let level = |said: &[Judgement]| said.iter().map(Judgement::level).max().unwrap_or_default();
    for seed in 0..10 {
        assert!(level(&watch(&usage(seed, 0, 1), &[DAYS * DAY], false).1) < Level::Warn, "seed {seed}");
        assert_eq!(level(&watch(&usage(seed, 300, 1), &[DAYS * DAY], false).1), Level::Trip, "seed {seed}");
    }
}

#[test]
fn a_minute_without_an_alibi_trips_when_the_feed_shows_it_twice() {
    let watch = WatchPolicy { runs_registered: true, ..WatchPolicy::default() };
    let models = ModelPolicy::default();
    let alibi = Alibi::new(vec![(Minute::from_epoch(0), Minute::from_epoch(50))]);
    let policy =
        Policy { watch: &watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi: Some(&alibi) };
    let mut detector = Detector::new(Minute::from_epoch(0));
    detector.ingest(Minute::from_epoch(0), Minute::from_epoch(60), &[used(40, "m", 5), used(60, "m", 5)]);
    let first: Vec<Level> = detector.judge(Minute::from_epoch(60), &policy).iter().map(Judgement::level).collect();
    assert_eq!(first, [Level::Warn], "minute 40 is explained, minute 60 was seen once");
    let second = detector.judge(Minute::from_epoch(61), &policy);
    assert_eq!(second[0].level(), Level::Trip);
}

#[test]
fn ten_thousand_idle_keys_cost_nothing_and_a_busy_one_little() {
    let busy: Vec<MinuteUsage> = (0..DAYS * DAY).map(|minute| used(minute, "model-a", 1_000_000)).collect();
    let (detector, _) = watch(&busy, &every(DAY), false);
    let stored = serde_json::to_string(&detector.state()).unwrap().len();
    assert!(stored < 100_000, "{stored} bytes");
    let idle = serde_json::to_string(&Detector::new(Minute::from_epoch(0)).state()).unwrap().len();
    assert!(idle < 300, "{idle} bytes");
}
