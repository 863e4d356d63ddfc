//! What the rules look at: a principal's usage up to one minute, beside its baseline.

use super::baseline::Baseline;
use super::history::{Foreign, Load, WIDTH_COUNT};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// A model that the principal began to use within the last three days, on a key that is older.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    /// Its name.
    pub name: String,
    /// First use.
    pub first: Minute,
    /// Its own load, by width.
    pub loads: [Load; WIDTH_COUNT],
    /// Its cost within 24 hours.
    pub cost: UsdMicros,
    /// The work of it within 24 hours that exceeds 1.5 times what all models together did at this time on
    /// earlier days.
    pub unexplained: u64,
    /// Minutes within three hours in which another model was in use, too.
    pub beside: u64,
    /// Its work in the six hours after its first use, when they are over and it began less than a day ago.
    pub probe: Option<u64>,
}

/// Terms of billing that the principal began to use within the last three days, on a key that is older.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTerm {
    /// In words.
    pub name: String,
    /// First use.
    pub first: Minute,
    /// Cost of the minutes with it within 24 hours.
    pub cost: UsdMicros,
}

/// A recorded run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// What was used since it began, or within the longest time that runs are measured over.
    pub load: Load,
    /// Its cost.
    pub cost: UsdMicros,
}

/// A key that was silent and is in use again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    /// The first minute with usage within the last 24 hours.
    pub first: Minute,
    /// Whole days without usage before; `None` when there never was any.
    pub idle_days: Option<i64>,
    /// Whole days for which it was observed before.
    pub observed_days: i64,
    /// The busiest day before.
    pub busiest_day: UsdMicros,
}

/// Usage up to and including a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture<'a> {
    /// The minute.
    pub at: Minute,
    /// The first minute that is evidence: a person has seen what came before.
    pub from: Minute,
    /// How many whole days the principal has been observed.
    pub observed_days: i64,
    /// The load of the windows that end here, by width.
    pub loads: [Load; WIDTH_COUNT],
    /// Cost of the windows that end here, by width.
    pub costs: [UsdMicros; WIDTH_COUNT],
    /// What earlier days do not explain, even doubled, within 24 hours.
    pub foreign: Foreign,
    /// The newest model, when it is young.
    pub new_model: Option<NewModel>,
    /// The newest term of billing, when it is young.
    pub new_term: Option<NewTerm>,
    /// The recorded run that goes on, when all runs are on record.
    pub run: Option<Run>,
    /// What is usual.
    pub baseline: &'a Baseline,
}

/// How much a baseline can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Maturity {
    /// Not at all: observed for less than a week, or never in use. Only caps judge.
    None,
    /// A week and more, but in use on fewer than four days: only what is far beyond all of them says something.
    Rare,
    /// A week or two of a key that is idle most of the time, and whose days differ.
    Little,
    /// A week or two of a key that is busy for most of the day, or whose days are alike.
    Young,
    /// Two weeks and more, but in use on fewer than ten of the last 28 days.
    Sparse,
    /// Two weeks and more.
    Full,
}

impl Maturity {
    /// How much this baseline of a key that was observed for so many days can be trusted.
    pub fn of(baseline: &Baseline, observed_days: i64) -> Self {
        match (observed_days, baseline.days) {
            (..7, _) | (_, 0) => Self::None,
            (_, ..4) => Self::Rare,
            (..14, _) if baseline.density < 0.5 && !baseline.is_steady() => Self::Little,
            (..14, _) => Self::Young,
            (_, ..10) => Self::Sparse,
            _ => Self::Full,
        }
    }

    /// How many times as much evidence is asked for than of a key that is known for long; `None` where habits say too little.
    pub const fn caution(self) -> Option<f64> {
        match self {
            Self::None | Self::Rare | Self::Little => None,
            Self::Young => Some(1.5),
            Self::Sparse => Some(2.0),
            Self::Full => Some(1.0),
        }
    }
}

impl Picture<'_> {
    /// How much the baseline can be trusted.
    pub fn maturity(&self) -> Maturity {
        Maturity::of(self.baseline, self.observed_days)
    }

    /// The work of a window as a multiple of the most that any such window held. Without history: infinite.
    pub fn times_most(&self, width: usize) -> f64 {
        let most = self.baseline.most[width].work;
        if most == 0 { f64::INFINITY } else { self.loads[width].work as f64 / most as f64 }
    }

    /// The estimated cost of some of the last day's work, at the last day's average price of work.
    pub fn cost_of(&self, work: u64) -> UsdMicros {
        let day = WIDTH_COUNT - 1;
        let share = work as f64 / self.loads[day].work.max(1) as f64;
        self.costs[day].scale(share.min(1.0))
    }
}
