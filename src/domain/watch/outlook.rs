//! What a detector holds to be usual, in the words and figures of people: for pictures and explanations, never for judgements.

use super::baseline::{Baseline, expected, usual};
use super::detector::Detector;
use super::history::{DayIndex, QUARTER, QuarterIndex, WIDTHS, day_of, quarter_of, start_of};
use super::picture::Maturity;
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// Expected cost of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The first minute that it holds for; a quarter of an hour.
    pub from: Minute,
    /// The median of earlier days at this time.
    pub median: UsdMicros,
    /// Twice the most of earlier days around this time: beyond it, usage counts as unexplained.
    pub upper: UsdMicros,
}

/// What is usual for a principal, on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// How many days teach.
    pub days: usize,
    /// How much they can be trusted.
    pub maturity: Maturity,
    /// The median cost of a day with usage.
    pub usual_day: UsdMicros,
    /// The most within each width, in minutes, at the average price.
    pub most: Vec<(i64, UsdMicros)>,
    /// Days that a warning keeps out for a while.
    pub warned: Vec<Minute>,
    /// Days that a trip keeps out until a person accepts them.
    pub tripped: Vec<Minute>,
}

impl Detector {
    /// What is usual on the day of `at`.
    pub fn outlook(&self, at: Minute) -> Outlook {
        let baseline: Baseline = self.baseline(day_of(at));
        let price = self.price_of_work();
        let first = |day: DayIndex| Minute::from_epoch(day * 1440);
        let (warned, tripped) = self.marks.days();
        Outlook {
            days: baseline.days,
            maturity: Maturity::of(&baseline, at.since(self.observed_since()) / 1440),
            usual_day: UsdMicros::from_micros(baseline.usual_cost),
            most: WIDTHS
                .iter()
                .zip(baseline.most)
                .map(|(width, load)| (*width, cost(load.work as f64, price)))
                .collect(),
            warned: warned.map(first).collect(),
            tripped: tripped.map(first).collect(),
        }
    }

    /// The expected cost of every quarter of an hour of `from..until`, from what was known a day before it.
    pub fn expected_cost(&self, from: Minute, until: Minute) -> Vec<Expected> {
        let price = self.price_of_work();
        let per_minute = |work: u64| cost(work as f64 / QUARTER as f64, price);
        let expected = |quarter: QuarterIndex| Expected {
            from: start_of(quarter),
            median: per_minute(usual(&self.history, &self.marks, quarter)),
            upper: per_minute(expected(&self.history, &self.marks, quarter).work.saturating_mul(2)),
        };
        (quarter_of(from)..=quarter_of(until.plus(-1))).map(expected).collect()
    }

    /// Micro-dollars a unit of work, on average.
    fn price_of_work(&self) -> f64 {
        let cost: u64 = self.history.days().map(|day| day.cost).sum();
        let work: u64 = self.history.quarters(i64::MIN, i64::MAX).map(|quarter| quarter.load.work).sum();
        if work > 0 {
            return cost as f64 / work as f64;
        }
        let all = self.recent().minutes().iter().fold((0.0, 0.0), |(usd, work), minute| {
            (usd + minute.total.usd.micros() as f64, work + minute.total.work as f64)
        });
        if all.1 > 0.0 { all.0 / all.1 } else { 0.0 }
    }
}

fn cost(work: f64, price: f64) -> UsdMicros {
    UsdMicros::from_micros((work * price).round() as u64)
}

impl Maturity {
    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "it still learns: nothing but caps judges it yet",
            Self::Rare => {
                "in use on fewer than four days: only eight times its busiest day, or use without a break, trips"
            }
            Self::Little => {
                "a week or two of a key that is mostly idle, on days that differ: only four times its busiest day, or use without a break, trips"
            }
            Self::Young => "less than two weeks, steady or busy: half as much again is asked for",
            Self::Sparse => "few days with usage: more is asked for",
            Self::Full => "two weeks and more",
        }
    }
}
