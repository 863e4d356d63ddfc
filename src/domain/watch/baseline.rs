//! What is usual for a principal: how much at most, how widely it varies, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::history::{
    BASELINE_DAYS, DAY, Day, DayIndex, Foreign, History, Load, QUARTERS_A_DAY, QuarterIndex, WIDTH_COUNT, day_of,
};
use super::robust;
use crate::domain::time::Minute;

/// How far the same thing may happen earlier or later on another day, in quarters: 90 minutes, for late starts, moved
/// schedules and clocks that change.
const TOLERANCE: i64 = 6;

/// How long a day with a warning teaches nothing. A legitimate new level is learnt after this time.
pub const LEARN_AFTER_DAYS: i64 = 3;

/// Days older than this are settled: enough time for somebody to have noticed what was wrong with them.
const SETTLED_AFTER_DAYS: i64 = 14;
/// What newer days may raise a maximum to, in what settled days held: who takes a little more every day is measured by what was
/// before he came. A doubled job is within it; more is learnt when its days have settled, or when a person accepts them.
const MOST_RISE: u64 = 2;
/// Below this share of quarters in use a key works in runs.
const WORKS_IN_RUNS: f64 = 0.4;
/// A key is steady when at least this many days …
const STEADY_DAYS: usize = 5;
/// … spread no wider than this: most of them within a quarter of the median.
const STEADY_SPREAD: f64 = 0.25;
/// On fewer settled days with usage nothing is known to be measured by.
const LEAST_SETTLED: usize = 4;

/// Days that teach less, each with the minute that marked it first: a warning keeps a day out for [`LEARN_AFTER_DAYS`], a
/// trip until somebody accepts it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    warned: BTreeMap<DayIndex, Minute>,
    tripped: BTreeMap<DayIndex, Minute>,
    /// The newest day that a person accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<DayIndex>,
}

impl Marks {
    /// A statistical rule warned, or tripped, at `at`.
    pub fn set(&mut self, at: Minute, tripped: bool) {
        let days = if tripped { &mut self.tripped } else { &mut self.warned };
        days.entry(day_of(at)).or_insert(at);
    }

    /// Takes back what was marked from `from` on, because that time is judged anew.
    pub fn take_back(&mut self, from: Minute) {
        self.warned.retain(|_, at| *at < from);
        self.tripped.retain(|_, at| *at < from);
    }

    /// Forgets days before `day`.
    pub fn forget(&mut self, day: DayIndex) {
        self.warned = self.warned.split_off(&day);
        self.tripped = self.tripped.split_off(&day);
    }

    /// A person says that everything up to this day was legitimate.
    pub fn accept(&mut self, until: DayIndex) {
        self.warned.clear();
        self.tripped.clear();
        self.accepted = self.accepted.max(Some(until));
    }

    /// Days that a warning keeps out for a while, and days that a trip keeps out until somebody accepts them.
    pub fn days(&self) -> (impl Iterator<Item = DayIndex>, impl Iterator<Item = DayIndex>) {
        (self.warned.keys().copied(), self.tripped.keys().copied())
    }

    /// Whether `day` is one that newer days are measured by, on the day `on`.
    fn is_settled(&self, day: DayIndex, on: DayIndex) -> bool {
        on - day > SETTLED_AFTER_DAYS || self.accepted.is_some_and(|accepted| day <= accepted)
    }

    /// Whether `day` belongs to the baseline of the day `on`.
    fn teaches(&self, day: DayIndex, on: DayIndex) -> bool {
        !self.tripped.contains_key(&day) && (on - day > LEARN_AFTER_DAYS || !self.warned.contains_key(&day))
    }
}

/// What four weeks say. A day's baseline leaves out the day itself and the one before: the last 24 hours never judge
/// themselves, and whole days make the baseline independent of how far folding has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Days with usage.
    pub days: usize,
    /// By width, the largest window at any time of day; days of the last two weeks raise it to at most twice what older ones held.
    pub most: [Load; WIDTH_COUNT],
    /// By width, the spread of the days' largest windows: work.
    pub work_spread: [f64; WIDTH_COUNT],
    /// By width, the spread of the days' largest windows: active minutes.
    pub active_spread: [f64; WIDTH_COUNT],
    /// The median over days with usage of the largest 24 hours.
    pub usual_day: Load,
    /// The median cost of a day with usage, in micro-dollars.
    pub usual_cost: u64,
    /// The largest run.
    pub run: Load,
    /// The most within 24 hours that earlier days did not explain, when it turned out harmless.
    pub foreign: Foreign,
    /// The share of quarters with usage, on days with usage.
    pub density: f64,
}

impl Baseline {
    /// The baseline for `day`.
    pub fn for_day(history: &History, marks: &Marks, day: DayIndex) -> Self {
        let teaching: Vec<&Day> = history
            .days()
            .filter(|d| (day - 1 - BASELINE_DAYS..day - 1).contains(&d.index) && marks.teaches(d.index, day))
            .collect();
        let quarters: usize = teaching
            .iter()
            .map(|d| history.quarters(d.index * QUARTERS_A_DAY, (d.index + 1) * QUARTERS_A_DAY - 1).count())
            .sum();
        let median =
            |value: fn(&Day) -> u64| robust::median(&mut teaching.iter().map(|d| value(d)).collect::<Vec<_>>());
        let spread =
            |width: usize, value: fn(Load) -> u64| robust::log_spread(teaching.iter().map(|d| value(d.peaks[width])));
        let worst = |value: fn(&Day) -> Load| teaching.iter().fold(Load::default(), |most, d| most.max(value(d)));
        let settled: Vec<&Day> = teaching.iter().copied().filter(|d| marks.is_settled(d.index, day)).collect();
        let bounded = |value: &dyn Fn(&Day) -> Load| {
            let most = |days: &[&Day]| days.iter().fold(Load::default(), |most, d| most.max(value(d)));
            if settled.len() < LEAST_SETTLED {
                most(&teaching)
            } else {
                most(&teaching).min(most(&settled).times(MOST_RISE))
            }
        };
        Self {
            days: teaching.len(),
            most: std::array::from_fn(|width| bounded(&|d| d.peaks[width])),
            work_spread: std::array::from_fn(|width| spread(width, |load| load.work)),
            active_spread: std::array::from_fn(|width| spread(width, |load| load.active)),
            usual_day: Load {
                work: median(|d| d.peaks[WIDTH_COUNT - 1].work),
                active: median(|d| d.peaks[WIDTH_COUNT - 1].active),
            },
            usual_cost: median(|d| d.cost),
            run: bounded(&|d| d.run),
            foreign: Foreign {
                load: worst(|d| d.foreign.load),
                hours: teaching.iter().map(|d| d.foreign.hours).max().unwrap_or(0),
            },
            density: quarters as f64 / (QUARTERS_A_DAY as f64 * teaching.len().max(1) as f64),
        }
    }

    /// The key is silent most of the time: it works in runs, and one run more is ordinary.
    pub fn works_in_runs(&self) -> bool {
        self.density < WORKS_IN_RUNS
    }

    /// Most days hold much the same: a week of them tells what to expect.
    pub fn is_steady(&self) -> bool {
        self.days >= STEADY_DAYS && self.work_spread[WIDTH_COUNT - 1] <= STEADY_SPREAD
    }

    /// The key is busy around the clock on some days, so that "more minutes than ever" is impossible and volume alone must
    /// tell. API customers are like this; jobs are not.
    pub fn saturated(&self) -> bool {
        self.most[WIDTH_COUNT - 1].active as f64 >= 0.6 * DAY as f64
    }
}

/// The most that a quarter of an hour held around this time on earlier days of the same kind (working days, or weekends),
/// the last 24 hours left out.
pub fn expected(history: &History, marks: &Marks, quarter: QuarterIndex) -> Load {
    let kind = is_weekend(quarter);
    let today = quarter.div_euclid(QUARTERS_A_DAY);
    let mut most = Load::default();
    for days_ago in 1..BASELINE_DAYS {
        let then = quarter - days_ago * QUARTERS_A_DAY;
        if is_weekend(then) != kind {
            continue;
        }
        // What is not certain to be folded when the quarter is judged for the first time is not used later either.
        let to = (then + TOLERANCE).min(quarter - QUARTERS_A_DAY - 1);
        for past in history.quarters(then - TOLERANCE, to) {
            if marks.teaches(past.index.div_euclid(QUARTERS_A_DAY), today) {
                most = most.max(past.load);
            }
        }
    }
    most
}

/// The median work of this quarter of an hour over the earlier days of the same kind that teach, silent ones included.
pub fn usual(history: &History, marks: &Marks, quarter: QuarterIndex) -> u64 {
    let today = quarter.div_euclid(QUARTERS_A_DAY);
    let first = history.days().next().map_or(today, |day| day.index);
    let mut loads: Vec<u64> = (2..BASELINE_DAYS)
        .map(|days_ago| quarter - days_ago * QUARTERS_A_DAY)
        .filter(|then| is_weekend(*then) == is_weekend(quarter))
        .filter(|then| {
            then.div_euclid(QUARTERS_A_DAY) >= first && marks.teaches(then.div_euclid(QUARTERS_A_DAY), today)
        })
        .map(|then| history.quarters(then, then).next().map_or(0, |past| past.load.work))
        .collect();
    robust::median(&mut loads)
}

/// Saturday or Sunday, UTC. 1970-01-01 was a Thursday.
fn is_weekend(quarter: QuarterIndex) -> bool {
    (quarter.div_euclid(QUARTERS_A_DAY) + 3).rem_euclid(7) >= 5
}
