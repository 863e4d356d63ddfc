use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::minute_text;
use crate::domain::money::UsdMicros;
use crate::domain::time::{Minute, Timestamp};

/// What one model cost in one minute, at upper-bound prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// When.
    #[serde(with = "minute_text")]
    pub minute: Minute,
    /// The model's id as the provider reports it: text from outside.
    pub model: String,
    /// Estimated cost.
    pub cost: UsdMicros,
    /// Tokens of all classes.
    pub tokens: u64,
}

/// What was expected, from its minute on until the next band begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The first minute that it holds for.
    #[serde(with = "minute_text")]
    pub from: Minute,
    /// Median cost of a minute.
    pub median: UsdMicros,
    /// The most that a minute may cost without being remarked.
    pub upper: UsdMicros,
}

/// A stretch that had happened but could not be seen: the provider shows usage some minutes late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// When the first invisible usage happened.
    pub from: Timestamp,
    /// When it was first shown.
    pub until: Timestamp,
}

/// Usage against what was expected, minute by minute. Minutes that are not listed cost nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSeries {
    /// First minute.
    #[serde(with = "minute_text")]
    pub from: Minute,
    /// First minute after the series.
    #[serde(with = "minute_text")]
    pub until: Minute,
    /// The lines, oldest first.
    pub charges: Vec<Charge>,
    /// The bands, oldest first; empty while there is no baseline.
    pub bands: Vec<Band>,
    /// Stretches of invisible usage.
    pub hidden: Vec<Hidden>,
}

impl UsageSeries {
    /// How many minutes it spans; a series that ends before it begins spans none.
    pub fn minutes(&self) -> u64 {
        self.until.since(self.from).max(0).unsigned_abs()
    }

    /// The band that holds at `minute`.
    pub fn band(&self, minute: Minute) -> Option<&Band> {
        self.bands.iter().rev().find(|b| b.from <= minute)
    }

    /// Cost of all models in `from..until`.
    pub fn total(&self, from: Minute, until: Minute) -> UsdMicros {
        self.charges.iter().filter(|c| (from..until).contains(&c.minute)).map(|c| c.cost).sum()
    }

    /// Cost by model, the dearest first; equal costs in the order of their names.
    pub fn by_model(&self) -> Vec<(&str, UsdMicros)> {
        let mut sums: BTreeMap<&str, UsdMicros> = BTreeMap::new();
        for charge in &self.charges {
            *sums.entry(&charge.model).or_default() += charge.cost;
        }
        let mut ranked: Vec<_> = sums.into_iter().collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        ranked
    }

    /// The part of the cost in `from..until` that exceeds the median of its minute: the usual estimate of a loss. Without
    /// a baseline everything exceeds it.
    pub fn above_median(&self, from: Minute, until: Minute) -> UsdMicros {
        let mut sums: BTreeMap<Minute, UsdMicros> = BTreeMap::new();
        for charge in self.charges.iter().filter(|c| (from..until).contains(&c.minute)) {
            *sums.entry(charge.minute).or_default() += charge.cost;
        }
        sums.into_iter().map(|(m, cost)| cost - self.band(m).map_or(UsdMicros::ZERO, |b| b.median)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_excess_is_loss() {
        let minute = Minute::from_epoch;
        let charge = |m, model: &str, cents: u64| Charge {
            minute: minute(m),
            model: model.to_owned(),
            cost: UsdMicros::from_micros(cents * 10_000),
            tokens: 1,
        };
        let series = UsageSeries {
            from: minute(0),
            until: minute(10),
            charges: vec![charge(1, "a", 5), charge(2, "a", 5), charge(2, "b", 20), charge(9, "b", 99)],
            bands: vec![Band {
                from: minute(0),
                median: UsdMicros::from_micros(60_000),
                upper: UsdMicros::from_micros(90_000),
            }],
            hidden: Vec::new(),
        };
        assert_eq!(series.above_median(minute(0), minute(5)), UsdMicros::from_micros(190_000));
        assert_eq!(series.total(minute(0), minute(5)), UsdMicros::from_micros(300_000));
        assert_eq!(series.by_model()[0].0, "b");
    }
}
