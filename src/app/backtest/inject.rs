use std::sync::Arc;

use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::watch::dataset::{Case, CaseClass, Dataset, Series};
use crate::domain::watch::scenario::{AttackKind, BenignKind, Habit, Injection, Seed, attack, benign, habit};

/// Minutes of a day.
const DAY: i64 = 1440;
/// History before anything is injected, in days: four weeks, or one where the recording is shorter.
const HISTORY: [i64; 2] = [28, 7];

/// Cases to add to a dataset: each kind, `times` a series, at random minutes that follow from `seed`. `foreign` is a model that no
/// series uses. Series that are too short for a week of history and two days of trouble get none.
pub fn cases(data: &Dataset, times: u32, seed: u64, foreign: &Arc<str>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, series) in data.series.iter().enumerate() {
        for turn in 0..times {
            let mut seed = Seed::new(seed).apart(number as u64).apart(u64::from(turn));
            cases.extend(of_series(series, turn, &mut seed, foreign, data));
        }
    }
    cases
}

fn of_series(series: &Series, turn: u32, seed: &mut Seed, foreign: &Arc<str>, data: &Dataset) -> Vec<Case> {
    let end = series.start.plus(series.minutes);
    let Some(history) = HISTORY.into_iter().find(|days| (days + 7) * DAY <= series.minutes) else { return Vec::new() };
    let moment = |seed: &mut Seed| series.start.plus(seed.pick(history * DAY, series.minutes - 3 * DAY));
    let mut cases = Vec::new();
    for kind in AttackKind::ALL {
        let at = moment(seed);
        if let Some(habit) = habit_before(series, at) {
            let injection = attack(kind, &series.rows, &habit, at, foreign, &data.rates, seed);
            cases.push(case(data, series, turn, CaseClass::Attack, kind.as_str(), injection, end));
        }
    }
    for kind in BenignKind::ALL {
        let at = moment(seed);
        if let Some(injection) = benign(kind, &series.rows, at, end, foreign, seed) {
            cases.push(case(data, series, turn, CaseClass::Benign, kind.as_str(), injection, end));
        }
    }
    cases
}

fn case(
    data: &Dataset,
    series: &Series,
    turn: u32,
    class: CaseClass,
    kind: &str,
    injection: Injection,
    end: Minute,
) -> Case {
    Case {
        name: format!("{kind}@{}#{turn}", series.key),
        key: Some(series.key.clone()),
        file: series.file.clone(),
        class,
        kind: kind.to_owned(),
        evaluate_from: injection.from,
        evaluate_to: injection.to.min(end),
        drop_before: None,
        declared_budget: None,
        normal_day: normal_day(data, series, injection.from),
        overlay: injection.overlay.into_iter().filter(|row| row.minute < end).collect(),
        polls: None,
    }
}

/// The habit of the two weeks before, or of as much of them as was recorded.
fn habit_before(series: &Series, at: Minute) -> Option<Habit> {
    habit(&series.rows, at.plus(-14 * DAY).max(series.start), at)
}

fn normal_day(data: &Dataset, series: &Series, at: Minute) -> UsdMicros {
    let dollars = habit_before(series, at).map_or(0.0, |habit| data.rates.minute(&habit) * DAY as f64);
    UsdMicros::from_micros((dollars * 1e6).round() as u64)
}
