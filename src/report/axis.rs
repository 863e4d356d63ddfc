//! Scales: where a value lies on paper, and which round values are written beside it.

use chrono::{DateTime, Timelike};

use crate::domain::time::Timestamp;

/// How money is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Linear, unless usage exceeds what is expected so far that the latter would be a line on the floor.
    #[default]
    Auto,
    /// Twice the money, twice the height.
    Linear,
    /// Ten times the money, one step more.
    Log,
}

/// Above this ratio of the highest value to the highest expected value a linear picture hides the expected.
const LOG_FROM: f64 = 60.0;

/// No axis ends below this many dollars: less is nothing to anybody, and its labels would be long.
const LEAST: f64 = 1e-3;

/// A vertical axis in dollars, from 0 (bottom) to 1 (top).
#[derive(Debug, Clone, PartialEq)]
pub struct MoneyAxis {
    low: f64,
    high: f64,
    log: bool,
    /// Round values to label, ascending.
    pub ticks: Vec<f64>,
}

impl MoneyAxis {
    /// An axis for values up to `max`, where `expected` (0: unknown) is the highest that counts as normal. Neither needs to
    /// be sane: what is not finite and positive counts as zero.
    pub fn new(max: f64, expected: f64, scale: Scale) -> Self {
        let sane = |v: f64| if v.is_finite() && v > 0.0 { v.min(1e13) } else { 0.0 };
        let (max, expected) = (sane(max), sane(expected));
        let top = max.max(expected * 1.2).max(LEAST);
        let log = match scale {
            Scale::Linear => false,
            Scale::Log => true,
            Scale::Auto => expected > 0.0 && max / expected > LOG_FROM,
        };
        if log { Self::log(top, expected) } else { Self::linear(top) }
    }

    fn linear(top: f64) -> Self {
        let step = round_step(top / 4.0);
        let count = (top / step).ceil().max(1.0) as u32;
        Self {
            low: 0.0,
            high: step * f64::from(count),
            log: false,
            ticks: (0..=count).map(|i| step * f64::from(i)).collect(),
        }
    }

    fn log(top: f64, expected: f64) -> Self {
        let floor = if expected > 0.0 { expected / 10.0 } else { top / 1e4 };
        let last = top.log10().ceil() as i32;
        let first = (floor.log10().floor() as i32).clamp(last - 6, last - 1).max(-4);
        Self {
            low: 10f64.powi(first),
            high: 10f64.powi(last),
            log: true,
            ticks: (first..=last).map(|e| 10f64.powi(e)).collect(),
        }
    }

    /// Whether steps are powers of ten.
    pub const fn is_log(&self) -> bool {
        self.log
    }

    /// A tick's value, written like its neighbours.
    pub fn label(&self, tick: f64) -> String {
        let step = self.ticks.get(1).copied().unwrap_or_default();
        // Cents where the steps need them: $0.50, $1.00, $1.50.
        if !self.log && (0.01..100.0).contains(&step) && step.fract() != 0.0 && tick > 0.0 {
            format!("${tick:.2}")
        } else {
            dollars(tick)
        }
    }

    /// Where `dollars` lies, 0 at the bottom and 1 at the top; what is outside lies on the edge.
    pub fn at(&self, dollars: f64) -> f64 {
        let share = if self.log {
            if dollars <= self.low { 0.0 } else { (dollars / self.low).log10() / (self.high / self.low).log10() }
        } else {
            (dollars - self.low) / (self.high - self.low)
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }
}

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not below `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999_999).unwrap_or(power * 10.0)
}

/// Dollars on an axis or a bar: as few digits as tell neighbours apart.
pub fn dollars(value: f64) -> String {
    match value {
        0.0 => "$0".to_owned(),
        v if v >= 1e12 => format!("${}tn", trim(v / 1e12, 1)),
        v if v >= 1e9 => format!("${}bn", trim(v / 1e9, 1)),
        v if v >= 1e6 => format!("${}m", trim(v / 1e6, 1)),
        v if v >= 1e4 => format!("${}k", trim(v / 1e3, 1)),
        v if v >= 100.0 => format!("${v:.0}"),
        v if v >= 1.0 => format!("${}", trim(v, 1)),
        v if v >= 0.01 => format!("${v:.2}"),
        v => format!("${}", trim(v, 6)),
    }
}

/// `value` with at most `decimals` decimals and no trailing zeros.
fn trim(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Distances between labels of a time axis, in minutes.
const STEPS: &[i64] = &[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 43_200, 525_600, 5_256_000];

/// Round instants in `from..=until`, at most `most` of them, and how each is written: the time of day, or the date at midnight.
pub fn time_ticks(from: Timestamp, until: Timestamp, most: usize) -> Vec<(Timestamp, String)> {
    let minutes = until.signed_duration_since(from).num_minutes().max(1);
    let most = i64::try_from(most.max(1)).unwrap_or(1);
    let step = STEPS.iter().copied().find(|s| minutes / s < most).unwrap_or(minutes);
    let step_seconds = step.saturating_mul(60);
    let mut second = from.timestamp().div_euclid(step_seconds).saturating_mul(step_seconds);
    let mut ticks = Vec::new();
    while second <= until.timestamp() {
        if let Some(at) = DateTime::from_timestamp(second, 0).filter(|at| *at >= from) {
            let midnight = at.hour() == 0 && at.minute() == 0;
            let form = if midnight || step >= 1440 { "%e %b" } else { "%H:%M" };
            ticks.push((at, at.format(form).to_string().trim().to_owned()));
        }
        second = second.saturating_add(step_seconds);
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(MoneyAxis::new(0.83, 0.1, Scale::Auto).ticks, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(MoneyAxis::new(7.0, 0.01, Scale::Auto).ticks, [0.001, 0.01, 0.1, 1.0, 10.0]);
        let shown: Vec<_> = [0.0, 0.0025, 0.25, 2.5, 150.0, 12_500.0].into_iter().map(dollars).collect();
        assert_eq!(shown, ["$0", "$0.0025", "$0.25", "$2.5", "$150", "$12.5k"]);
    }

    #[test]
    fn hours_fall_on_the_hour() {
        let at = |s| DateTime::from_timestamp(s, 0).unwrap();
        let labels: Vec<_> = time_ticks(at(82_900), at(91_000), 6).into_iter().map(|t| t.1).collect();
        assert_eq!(labels, ["23:30", "2 Jan", "00:30", "01:00"]);
    }

    proptest! {
        #[test]
        fn any_money_lies_on_the_paper(max in any::<f64>(), expected in any::<f64>(), value in any::<f64>()) {
            for scale in [Scale::Auto, Scale::Linear, Scale::Log] {
                let axis = MoneyAxis::new(max, expected, scale);
                prop_assert!((0.0..=1.0).contains(&axis.at(value)));
                prop_assert!((2..=12).contains(&axis.ticks.len()), "{:?}", axis.ticks);
            }
        }

        #[test]
        fn time_labels_are_few(from in -4_000_000_000i64..9_000_000_000, span in 0i64..9_000_000_000, most in 1usize..12) {
            let at = |s| DateTime::from_timestamp(s, 0).unwrap();
            prop_assert!(time_ticks(at(from), at(from + span), most).len() <= most + 1);
        }
    }
}
