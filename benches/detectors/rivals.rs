//! The detectors that people usually write. Each says how far usage is beyond its own limit, so that the same detector can be
//! measured as it is usually set (everything from 1 on alarms) and at any stricter setting.

use std::collections::VecDeque;

use guard::domain::watch::scenario::Seed;

use super::forest::{Forest, Point};
use super::{DAY, WARM_UP, WEEK, median};

/// Minutes with usage, ascending: when, and dollars.
pub type Usage = [(i64, f64)];

/// When, and how many times its own limit a detector measured there; only what is beyond the limit.
pub type Excess = Vec<(i64, f64)>;

/// A detector: from usage and the first minute that was observed to what it holds against the key.
pub struct Rival {
    /// Its name in the table.
    pub name: &'static str,
    /// How it judges.
    pub judge: fn(&Usage, i64) -> Excess,
}

/// All of them.
pub const RIVALS: [Rival; 11] = [
    Rival { name: "rolling MAD 24 h, z > 6", judge: |u, start| rolling_mad(u, start, DAY, 0.0, 1) },
    Rival { name: "rolling MAD 7 d, z > 6", judge: |u, start| rolling_mad(u, start, WEEK, 0.0, 1) },
    Rival { name: "rolling MAD 24 h, floored, confirmed", judge: |u, start| rolling_mad(u, start, DAY, 0.05, 3) },
    Rival { name: "mad_over_time band (Prometheus)", judge: |u, start| hourly_band(u, start, 24, 5.0) },
    Rival { name: "robust band (Grafana rules)", judge: |u, start| hourly_band(u, start, 24 * 7, 3.0) },
    Rival { name: "EWMA 3 sigma", judge: ewma },
    Rival { name: "Hampel, 1 h", judge: |u, start| rolling_mad(u, start, 60, 0.0, 1) },
    Rival { name: "isolation forest, hours, 1 % contamination", judge: |u, start| forest(u, start, 0.01) },
    Rival { name: "isolation forest, hours, beyond any before", judge: |u, start| forest(u, start, 0.0) },
    Rival { name: "static 3 x weekly maximum (hour)", judge: static_cap },
    Rival { name: "daily budget 2 x median", judge: daily_budget },
];

/// Values in ascending order, for a median of a window that slides.
#[derive(Default)]
struct Sorted(Vec<f64>);

impl Sorted {
    fn insert(&mut self, value: f64) {
        self.0.insert(self.0.partition_point(|v| *v < value), value);
    }

    fn remove(&mut self, value: f64) {
        self.0.remove(self.0.partition_point(|v| *v < value));
    }

    /// The median when `zeros` more values are zero.
    fn median(&self, zeros: usize) -> f64 {
        let middle = (self.0.len() + zeros).saturating_sub(1) / 2;
        if middle < zeros { 0.0 } else { self.0.get(middle - zeros).copied().unwrap_or(0.0) }
    }

    /// The median distance from `centre` when `zeros` more values are zero.
    fn mad(&self, zeros: usize, centre: f64) -> f64 {
        let mut distances: Vec<f64> = self.0.iter().map(|v| (v - centre).abs()).collect();
        let middle = (distances.len() + zeros).saturating_sub(1) / 2;
        if centre == 0.0 || distances.is_empty() {
            return self.median(zeros);
        }
        distances.resize(distances.len() + zeros, centre);
        *distances.select_nth_unstable_by(middle, f64::total_cmp).1
    }
}

/// Minutes against the median and MAD of the window before them, silent minutes included. `floor` is a least spread as a share of
/// the largest minute; `confirm` minutes with usage in a row must agree.
fn rolling_mad(usage: &Usage, start: i64, window: i64, floor: f64, confirm: usize) -> Excess {
    let mut sorted = Sorted::default();
    let mut inside: VecDeque<(i64, f64)> = VecDeque::new();
    let (mut excess, mut newest) = (Excess::new(), VecDeque::new());
    for &(minute, usd) in usage {
        while inside.front().is_some_and(|(at, _)| *at < minute - window) {
            if let Some((_, old)) = inside.pop_front() {
                sorted.remove(old);
            }
        }
        let zeros = usize::try_from(window.min(minute - start)).unwrap_or(0).saturating_sub(inside.len());
        let centre = sorted.median(zeros);
        let spread = 1.4826 * sorted.mad(zeros, centre);
        let least = floor * sorted.0.last().copied().unwrap_or(0.0) + 1e-6;
        newest.push_back((usd - centre) / (6.0 * spread.max(least)));
        if newest.len() > confirm {
            newest.pop_front();
        }
        let agreed = newest.iter().copied().fold(f64::MAX, f64::min);
        if minute - start >= WARM_UP && newest.len() == confirm && agreed > 1.0 {
            excess.push((minute, agreed));
        }
        inside.push_back((minute, usd));
        sorted.insert(usd);
    }
    excess
}

/// A clock hour: its number from the epoch, what it cost, and its minutes with usage.
#[derive(Clone, Copy)]
struct Hour {
    number: i64,
    usd: f64,
    active: u32,
}

impl Hour {
    /// Its last minute, when its sum is known.
    fn end(self) -> i64 {
        self.number * 60 + 59
    }
}

/// Clock hours, silent ones included.
fn hours(usage: &Usage, start: i64) -> Vec<Hour> {
    let first = start.div_euclid(60);
    let last = usage.last().map_or(first, |(minute, _)| minute.div_euclid(60));
    let mut hours: Vec<Hour> = (first..=last).map(|number| Hour { number, usd: 0.0, active: 0 }).collect();
    for (minute, usd) in usage {
        if let Some(hour) = usize::try_from(minute.div_euclid(60) - first).ok().and_then(|i| hours.get_mut(i)) {
            hour.usd += usd;
            hour.active += 1;
        }
    }
    hours
}

fn hourly_band(usage: &Usage, start: i64, window: usize, times: f64) -> Excess {
    let hours = hours(usage, start);
    let sums: Vec<f64> = hours.iter().map(|h| h.usd).collect();
    let mut excess = Excess::new();
    for i in window.max((WARM_UP / 60) as usize)..sums.len() {
        let mut past = sums[i - window..i].to_vec();
        let centre = median(&mut past);
        let mut distances: Vec<f64> = past.iter().map(|v| (v - centre).abs()).collect();
        let spread = 1.4826 * median(&mut distances);
        let largest = past.iter().copied().fold(0.0, f64::max);
        let ratio = (sums[i] - centre) / (times * spread.max(0.1 * largest).max(1e-6));
        if ratio > 1.0 {
            excess.push((hours[i].end(), ratio));
        }
    }
    excess
}

fn ewma(usage: &Usage, start: i64) -> Excess {
    let (mut mean, mut variance, mut excess) = (0.0, 0.0, Excess::new());
    for hour in hours(usage, start) {
        let deviation: f64 = hour.usd - mean;
        let ratio = deviation / (3.0 * f64::sqrt(variance) + 1e-6);
        if hour.end() - start >= WARM_UP && ratio > 1.0 {
            excess.push((hour.end(), ratio));
        }
        mean += 0.05 * deviation;
        variance = 0.95 * (variance + 0.05 * deviation * deviation);
    }
    excess
}

/// Hours as points (cost of the hour, of six hours and of a day, minutes in use, time of day), against a forest that is grown every day on
/// the four weeks before. The limit is the score that `contamination` of those weeks exceed; hours below the mean are no theft.
fn forest(usage: &Usage, start: i64, contamination: f64) -> Excess {
    const FEATURES: usize = 6;
    let hours = hours(usage, start);
    let sum =
        |end: usize, width: usize| hours[(end + 1).saturating_sub(width)..=end].iter().map(|h| h.usd).sum::<f64>();
    let log = |usd: f64| (1.0 + usd * 1e4).ln();
    let point = |i: usize| -> Point<FEATURES> {
        let turn = hours[i].number.rem_euclid(24) as f64 / 24.0 * std::f64::consts::TAU;
        [log(hours[i].usd), log(sum(i, 6)), log(sum(i, 24)), f64::from(hours[i].active), turn.sin(), turn.cos()]
    };
    let points: Vec<Point<FEATURES>> = (0..hours.len()).map(point).collect();
    let mut seed = Seed::new(1);
    let mut excess = Excess::new();
    for day in (WARM_UP as usize / 60..points.len()).step_by(24) {
        let known = &points[day.saturating_sub(28 * 24)..day];
        let grown = Forest::grow(known, &mut seed);
        let mut scores: Vec<f64> = known.iter().map(|p| grown.score(p)).collect();
        scores.sort_by(f64::total_cmp);
        let rank = ((1.0 - contamination) * scores.len() as f64).ceil() as usize;
        let limit = scores.get(rank.saturating_sub(1)).copied().unwrap_or(1.0);
        let mean = known.iter().map(|p| p[0]).sum::<f64>() / known.len().max(1) as f64;
        for i in day..points.len().min(day + 24) {
            let ratio = grown.score(&points[i]) / limit;
            if ratio > 1.0 && points[i][0] > mean {
                excess.push((hours[i].end(), ratio));
            }
        }
    }
    excess
}

fn static_cap(usage: &Usage, start: i64) -> Excess {
    let hours = hours(usage, start);
    let known = hours.iter().take_while(|hour| hour.end() - start < WEEK);
    let cap = 3.0 * known.map(|h| h.usd).fold(0.0, f64::max);
    hours
        .iter()
        .filter(|hour| hour.end() - start >= WEEK)
        .map(|hour| (hour.end(), hour.usd / cap.max(1e-6)))
        .filter(|(_, ratio)| *ratio > 1.0)
        .collect()
}

fn daily_budget(usage: &Usage, start: i64) -> Excess {
    let mut days: Vec<f64> = Vec::new();
    let (mut today, mut spent, mut excess) = (start.div_euclid(DAY), 0.0, Excess::new());
    for (minute, usd) in usage {
        let day = minute.div_euclid(DAY);
        while today < day {
            days.push(spent);
            (today, spent) = (today + 1, 0.0);
        }
        spent += usd;
        let mut active: Vec<f64> = days.iter().rev().take(28).copied().filter(|d| *d > 0.0).collect();
        let ratio = spent / (2.0 * median(&mut active)).max(1e-6);
        if minute - start >= WARM_UP && !active.is_empty() && ratio > 1.0 {
            excess.push((*minute, ratio));
        }
    }
    excess
}
