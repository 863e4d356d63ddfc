use std::sync::Arc;

use super::{Habit, Injection, Seed, slice};
use crate::domain::time::Minute;
use crate::domain::watch::dataset::{Rates, TokenRow};

/// Shapes of abuse. Multiples are of the key's mean rate over all minutes, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttackKind {
    /// 20 to 100 times, constant, for a day.
    Spike,
    /// 3 to 5 times, constant, for a day.
    Moderate,
    /// A quarter, doubling every 30 minutes up to 100 times, for a day.
    Ramp,
    /// Half to once, in the eight quietest hours of each night, for two weeks.
    Drip,
    /// Five minutes every hour, 20 to 50 times while on, for a day.
    Hourly,
    /// 3 to 20 times on a model that the key never used, for a day.
    NewModel,
    /// A tiny probe on a model that the key never used; 12 to 24 hours later $1.50 to $7.50 a minute for one to four hours.
    Incident,
}

impl AttackKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Spike, Self::Moderate, Self::Ramp, Self::Drip, Self::Hourly, Self::NewModel, Self::Incident];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "a_spike",
            Self::Moderate => "b_moderate",
            Self::Ramp => "c_ramp",
            Self::Drip => "d_drip",
            Self::Hourly => "e_hourly",
            Self::NewModel => "g_newmodel",
            Self::Incident => "r_incident",
        }
    }
}

/// Abuse of this kind from `at` on of a key with this habit. `rows` is what the owner uses, `foreign` a model that the key never
/// used.
pub fn attack(
    kind: AttackKind,
    rows: &[TokenRow],
    habit: &Habit,
    at: Minute,
    foreign: &Arc<str>,
    rates: &Rates,
    seed: &mut Seed,
) -> Injection {
    let day = 1440;
    let mut overlay = Vec::new();
    let own = habit.model.clone();
    let usual = rates.minute(habit);
    // A thief's prompts are not the owner's: how much of it is output differs.
    let output_share = seed.log_between(0.08, 0.4);
    let mut use_minute = |minute: Minute, model: &Arc<str>, times: f64, seed: &mut Seed| {
        overlay.extend(stolen(rates, minute, model, usual * times * seed.noise(0.3), output_share));
    };
    let (mut from, mut to) = (at, at.plus(day));
    match kind {
        AttackKind::Spike | AttackKind::Moderate => {
            let times = if kind == AttackKind::Spike { seed.between(20.0, 100.0) } else { seed.between(3.0, 5.0) };
            (0..day).for_each(|i| use_minute(at.plus(i), &own, times, seed));
        }
        AttackKind::Ramp => {
            (0..day).for_each(|i| use_minute(at.plus(i), &own, (0.25 * 2f64.powf(i as f64 / 30.0)).min(100.0), seed));
        }
        AttackKind::Drip => {
            let times = seed.between(0.5, 1.0);
            let quiet = quietest_hours(rows, at);
            to = at.plus(14 * day);
            for minute in (0..14 * day).map(|i| at.plus(i)) {
                if (minute.epoch().rem_euclid(day) - quiet).rem_euclid(day) < 480 {
                    use_minute(minute, &own, times, seed);
                }
            }
        }
        AttackKind::Hourly => {
            let times = seed.between(20.0, 50.0);
            let offset = seed.pick(0, 55);
            for i in (0..day).filter(|i| (i - offset).rem_euclid(60) < 5) {
                use_minute(at.plus(i), &own, times, seed);
            }
        }
        AttackKind::NewModel => {
            // The same dollars for the same multiple: a dearer model gets fewer tokens.
            let times = seed.between(3.0, 20.0);
            (0..day).for_each(|i| use_minute(at.plus(i), foreign, times, seed));
        }
        AttackKind::Incident => {
            let probe = TokenRow { minute: at, model: foreign.clone(), input: 40, output: 12 };
            overlay.push(probe);
            from = at.plus(seed.pick(720, 1440));
            let length = seed.pick(60, 240);
            to = from.plus(length);
            let dollars = seed.between(1.5, 7.5);
            overlay.extend(
                (0..length)
                    .filter_map(|i| stolen(rates, from.plus(i), foreign, dollars * seed.noise(0.3), output_share)),
            );
        }
    }
    Injection { overlay, from, to }
}

/// So many dollars in a minute.
fn stolen(rates: &Rates, minute: Minute, model: &Arc<str>, dollars: f64, output_share: f64) -> Option<TokenRow> {
    let (input_rate, output_rate) = rates.of(model);
    let tokens = dollars * 1e6 / (input_rate + output_share * output_rate);
    let (input, output) = (tokens.round() as i64, (tokens * output_share).round() as i64);
    (input + output > 0).then(|| TokenRow { minute, model: model.clone(), input, output })
}

/// Where the eight quietest hours of the day begin, in minutes after midnight UTC, over the two weeks before `at`.
fn quietest_hours(rows: &[TokenRow], at: Minute) -> i64 {
    let mut by_hour = [0i64; 24];
    for row in slice(rows, at.plus(-14 * 1440), at) {
        by_hour[(row.minute.epoch().rem_euclid(1440) / 60) as usize] += row.input + row.output;
    }
    let night = |start: i64| (start..start + 8).map(|h| by_hour[(h % 24) as usize]).sum::<i64>();
    (0..24).min_by_key(|start| night(*start)).unwrap_or(0) * 60
}
