//! Absolute caps of a workspace, its month, and the budget of a key without history.

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::history::{DAY, History, day_of};
use super::picture::{Maturity, Picture};
use super::recent::Recent;
use super::rule::Rule;
use super::verdict::{Figures, Finding, Level, Window};
use crate::domain::ledger::{Ceilings, Windows};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;

/// The share of a budget at which people hear of it.
const WARN_AT: f64 = 0.8;

/// What was spent in the calendar windows (UTC) that contain a minute. Sums of principals add up to a workspace's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Cost: minute, hour, day, month.
    pub usd: [UsdMicros; 4],
    /// Tokens: minute, hour, day, month.
    pub tokens: [u64; 4],
    /// Cost of the last seven whole days.
    pub week: UsdMicros,
}

const WINDOWS: [Window; 4] = [Window::Minute, Window::Hour, Window::Day, Window::Month];

impl Spent {
    /// What a principal spent.
    pub fn of(recent: &Recent, history: &History, folded: Minute, at: Minute) -> Self {
        let start = |width: i64| Minute::from_epoch(at.epoch().div_euclid(width) * width);
        let mut spent = Self::default();
        for (i, from) in [at, start(60), start(DAY)].into_iter().enumerate() {
            let sum = recent.sum(from, at).amount;
            (spent.usd[i], spent.tokens[i]) = (sum.usd, sum.tokens);
        }
        let month_start = Minute::containing(at.start().with_day(1).unwrap_or(at.start()));
        let month_start = Minute::from_epoch(day_of(month_start) * DAY);
        let older = |from: i64, to: i64| history.days().filter(move |d| (from..to).contains(&d.index));
        let newest = |from: Minute, to: Minute| recent.sum(from.max(folded), to).amount;
        let month = newest(month_start, at);
        let days = older(day_of(month_start), day_of(at) + 1);
        let (usd, tokens) = days.fold((0u64, 0u64), |s, d| (s.0.saturating_add(d.cost), s.1.saturating_add(d.tokens)));
        spent.usd[3] = month.usd + UsdMicros::from_micros(usd);
        spent.tokens[3] = month.tokens.saturating_add(tokens);
        let today = day_of(at);
        let week_start = Minute::from_epoch((today - 7) * DAY);
        let week = older(today - 7, today).fold(0u64, |s, d| s.saturating_add(d.cost));
        spent.week = UsdMicros::from_micros(week) + newest(week_start, start(DAY).plus(-1)).usd;
        spent
    }

    /// What of it still counts at `at`, when it was measured at `as_of`: windows that are over hold nothing.
    pub fn as_of(self, as_of: Minute, at: Minute) -> Self {
        let same = |width: i64| as_of.epoch().div_euclid(width) == at.epoch().div_euclid(width);
        let month = |m: Minute| (m.start().year(), m.start().month());
        let counts = [as_of == at, same(60), same(DAY), month(as_of) == month(at)];
        Self {
            usd: std::array::from_fn(|i| if counts[i] { self.usd[i] } else { UsdMicros::ZERO }),
            tokens: std::array::from_fn(|i| if counts[i] { self.tokens[i] } else { 0 }),
            week: self.week,
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            usd: std::array::from_fn(|i| self.usd[i] + other.usd[i]),
            tokens: std::array::from_fn(|i| self.tokens[i].saturating_add(other.tokens[i])),
            week: self.week + other.week,
        }
    }
}

/// The caps that are passed, the longest window last.
pub fn judge(ceilings: &Ceilings, spent: &Spent) -> Vec<Finding> {
    let caps = |w: Windows<UsdMicros>| [w.minute, w.hour, w.day, w.month];
    let token_caps = |w: Windows<u64>| [w.minute, w.hour, w.day, w.month];
    let usd = caps(ceilings.usd).into_iter().enumerate().filter_map(|(i, cap)| {
        let (used, cap) = (spent.usd[i], cap?);
        (used > cap).then(|| Figures::UsdCap { window: WINDOWS[i], used, cap })
    });
    let tokens = token_caps(ceilings.tokens).into_iter().enumerate().filter_map(|(i, cap)| {
        let (used, cap) = (spent.tokens[i], cap?);
        (used > cap).then(|| Figures::TokenCap { window: WINDOWS[i], used, cap })
    });
    usd.chain(tokens).map(|figures| Finding::certain(Rule::Ceiling, Level::Trip, figures)).collect()
}

/// The month's limit: reached (trip), or reached by its end at the pace of the last seven days (warning).
pub fn judge_month(limit: UsdMicros, spent: &Spent, at: Minute) -> Option<Finding> {
    let used = spent.usd[3];
    let day = i64::from(at.start().day0());
    let first = Minute::from_epoch((day_of(at) - day) * DAY);
    let next = first.start().checked_add_months(chrono::Months::new(1)).map_or(at, Minute::containing);
    let left = next.since(at.plus(1)).max(0) as f64 / DAY as f64;
    let projected = used + spent.week.scale(left / 7.0);
    let level = if used >= limit {
        Level::Trip
    } else if projected > limit {
        Level::Warn
    } else {
        return None;
    };
    let figures = Figures::Projection { used, projected, limit };
    Some(Finding {
        confidence: if level == Level::Trip { 0.99 } else { 0.6 },
        ..Finding::certain(Rule::Budget, level, figures)
    })
}

/// A key without history of its own is judged by what its operator declared as the most that a day may cost.
pub fn judge_cold_start(picture: &Picture<'_>, budget: UsdMicros) -> Option<Finding> {
    if picture.maturity() > Maturity::Little {
        return None;
    }
    let used = picture.costs[picture.costs.len() - 1];
    let ratio = used.dollars() / budget.dollars().max(1e-6);
    if ratio < WARN_AT {
        return None;
    }
    let level = if ratio > 1.0 { Level::Trip } else { Level::Warn };
    let figures = Figures::UsdCap { window: Window::Day, used, cap: budget };
    Some(Finding { ratio, ..Finding::certain(Rule::Ceiling, level, figures) })
}
