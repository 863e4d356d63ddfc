//! What a principal used in the past weeks, by quarter of an hour and by day: the material of every baseline.

use std::collections::VecDeque;

use crate::domain::time::Minute;

use super::recent::Sum;

/// Minutes in a quarter.
pub const QUARTER: i64 = 15;
/// Quarters in a day.
pub const QUARTERS_A_DAY: i64 = 96;
/// Minutes in a day.
pub const DAY: i64 = 1440;
/// Days that a baseline looks back.
pub const BASELINE_DAYS: i64 = 28;
/// Days that are kept: a baseline leaves out the newest two.
pub const KEPT_DAYS: i64 = BASELINE_DAYS + 3;
/// The widths of windows, in minutes: from a burst to a day.
pub const WIDTHS: [i64; 6] = [15, 30, 60, 180, 360, DAY];
/// How many widths there are.
pub const WIDTH_COUNT: usize = WIDTHS.len();

/// A quarter of an hour (UTC), counted from the epoch.
pub type QuarterIndex = i64;
/// A day (UTC), counted from the epoch.
pub type DayIndex = i64;

/// The quarter that contains `minute`.
pub fn quarter_of(minute: Minute) -> QuarterIndex {
    minute.epoch().div_euclid(QUARTER)
}

/// The day that contains `minute`.
pub fn day_of(minute: Minute) -> DayIndex {
    minute.epoch().div_euclid(DAY)
}

/// The first minute of a quarter.
pub fn start_of(quarter: QuarterIndex) -> Minute {
    Minute::from_epoch(quarter * QUARTER)
}

/// Work and active minutes of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Work, in the unit of [`super::amount::Amount::work`].
    pub work: u64,
    /// Minutes with usage.
    pub active: u64,
}

impl Load {
    /// The larger of each.
    pub fn max(self, other: Self) -> Self {
        Self { work: self.work.max(other.work), active: self.active.max(other.active) }
    }

    /// The smaller of each.
    pub fn min(self, other: Self) -> Self {
        Self { work: self.work.min(other.work), active: self.active.min(other.active) }
    }

    /// What exceeds `allowed`, of each.
    pub fn beyond(self, allowed: Self) -> Self {
        Self { work: self.work.saturating_sub(allowed.work), active: self.active.saturating_sub(allowed.active) }
    }

    /// Each `times` as much.
    pub fn times(self, times: u64) -> Self {
        Self { work: self.work.saturating_mul(times), active: self.active.saturating_mul(times) }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { work: self.work.saturating_add(other.work), active: self.active.saturating_add(other.active) }
    }
}

impl From<Sum> for Load {
    fn from(sum: Sum) -> Self {
        Self { work: sum.amount.work, active: u64::from(sum.active) }
    }
}

/// Usage that earlier days do not explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Foreign {
    /// How much.
    pub load: Load,
    /// In how many different hours.
    pub hours: u32,
}

/// A quarter with usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    /// Which one.
    pub index: QuarterIndex,
    /// What was used.
    pub load: Load,
    /// What of it earlier days did not explain.
    pub foreign: Load,
}

/// A day with usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Which one.
    pub index: DayIndex,
    /// By width, the most that a window held that ended on this day.
    pub peaks: [Load; WIDTH_COUNT],
    /// The largest run.
    pub run: Load,
    /// The most within 24 hours that earlier days did not explain.
    pub foreign: Foreign,
    /// Estimated cost of the day in micro-dollars.
    pub cost: u64,
    /// Tokens of the day.
    pub tokens: u64,
}

/// Quarters and days with usage, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    pub(super) quarters: VecDeque<Quarter>,
    pub(super) days: VecDeque<Day>,
}

impl History {
    /// All days with usage.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = &Day> {
        self.days.iter()
    }

    /// Quarters with usage in `from..=to`.
    pub fn quarters(&self, from: QuarterIndex, to: QuarterIndex) -> impl DoubleEndedIterator<Item = &Quarter> {
        let start = self.quarters.partition_point(|q| q.index < from);
        let end = self.quarters.partition_point(|q| q.index <= to).max(start);
        self.quarters.range(start..end)
    }

    /// The load of the quarters `from..=to`.
    pub fn load(&self, from: QuarterIndex, to: QuarterIndex) -> Load {
        self.quarters(from, to).fold(Load::default(), |sum, q| sum.plus(q.load))
    }

    /// Adds the next quarter and forgets what is too old. Quarters come in ascending order.
    pub fn push(&mut self, quarter: Quarter, day: Day) {
        self.quarters.push_back(quarter);
        match self.days.back_mut() {
            Some(last) if last.index == day.index => {
                for (peak, new) in last.peaks.iter_mut().zip(day.peaks) {
                    *peak = peak.max(new);
                }
                last.run = last.run.max(day.run);
                last.foreign.load = last.foreign.load.max(day.foreign.load);
                last.foreign.hours = last.foreign.hours.max(day.foreign.hours);
                last.cost = last.cost.saturating_add(day.cost);
                last.tokens = last.tokens.saturating_add(day.tokens);
            }
            _ => self.days.push_back(day),
        }
        let oldest = day.index - KEPT_DAYS;
        while self.days.front().is_some_and(|d| d.index < oldest) {
            self.days.pop_front();
        }
        while self.quarters.front().is_some_and(|q| q.index < oldest * QUARTERS_A_DAY) {
            self.quarters.pop_front();
        }
    }

    /// What earlier days did not explain in the 24 hours up to and including `quarter`.
    pub fn foreign(&self, quarter: QuarterIndex) -> Foreign {
        sum_foreign(self.quarters(quarter - QUARTERS_A_DAY + 1, quarter).map(|q| (q.index, q.foreign)))
    }
}

/// Adds up foreign quarters (ascending) and counts the hours they fall into.
pub fn sum_foreign(quarters: impl Iterator<Item = (QuarterIndex, Load)>) -> Foreign {
    let mut foreign = Foreign::default();
    let mut last_hour = None;
    for (index, load) in quarters {
        if load.work == 0 {
            continue;
        }
        foreign.load = foreign.load.plus(load);
        let hour = index.div_euclid(4);
        if last_hour != Some(hour) {
            foreign.hours += 1;
            last_hour = Some(hour);
        }
    }
    foreign
}
