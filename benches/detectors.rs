//! guard beside the detectors that people usually write, on the same recorded usage:
//!
//! ```text
//! cargo bench --bench detectors -- DIR [--svg FILE]
//! ```
//!
//! `DIR` has the layout of `docs/backtest.md`. Every detector sees a minute five minutes after it began and judges cost in
//! dollars a minute; guard runs without run records. An alarm is a new one when the last was more than a day ago.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;

use guard::adapters::series;
use guard::app::backtest::{self, Settings};
use guard::domain::time::Minute;
use guard::domain::watch::dataset::{CaseClass, Dataset, merge};

const DAY: i64 = 1440;
const WEEK: i64 = 7 * DAY;
const FEED_LAG: i64 = 5;
/// No detector alarms before it has seen this much.
const WARM_UP: i64 = WEEK;

/// Minutes with usage: when, and dollars.
type Usage = [(i64, f64)];

/// From usage, ascending, and the first minute that was observed, to the minutes that alarm.
struct Detector {
    name: &'static str,
    alarms: fn(&Usage, i64) -> Vec<i64>,
}

const DETECTORS: [Detector; 9] = [
    Detector { name: "rolling MAD 24 h, z > 6", alarms: |u, start| rolling_mad(u, start, DAY, 0.0, 1) },
    Detector { name: "rolling MAD 7 d, z > 6", alarms: |u, start| rolling_mad(u, start, WEEK, 0.0, 1) },
    Detector { name: "rolling MAD 24 h, floored, confirmed", alarms: |u, start| rolling_mad(u, start, DAY, 0.05, 3) },
    Detector { name: "mad_over_time band (Prometheus)", alarms: |u, start| hourly_band(u, start, 24, 5.0) },
    Detector { name: "robust band (Grafana rules)", alarms: |u, start| hourly_band(u, start, 24 * 7, 3.0) },
    Detector { name: "EWMA 3 sigma", alarms: ewma },
    Detector { name: "Hampel, 1 h", alarms: hampel },
    Detector { name: "static 3 x weekly maximum (hour)", alarms: static_cap },
    Detector { name: "daily budget 2 x median", alarms: daily_budget },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut data_dir = None;
    let mut svg: Option<PathBuf> = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--svg" => svg = args.next().map(PathBuf::from),
            "--bench" => {}
            _ => data_dir = Some(PathBuf::from(arg)),
        }
    }
    let Some(dir) = data_dir else {
        println!("nothing to compare: name a directory of recorded usage (see docs/backtest.md)");
        return Ok(());
    };
    let data = series::read(&dir)?;
    let api = |profile: &str| matches!(profile, "recurrent" | "sporadic");
    let mut charts = Vec::new();
    for (title, wanted) in [("jobs and pipelines", false), ("API customers", true)] {
        let part = Dataset {
            series: data
                .series
                .iter()
                .filter(|s| s.profile != "service" && api(&s.profile) == wanted)
                .cloned()
                .collect(),
            cases: data.cases.clone(),
            rates: data.rates.clone(),
        };
        let keys: Vec<&str> = part.series.iter().map(|s| s.key.as_str()).collect();
        let cases =
            part.cases.iter().filter(|c| c.key.as_deref().is_some_and(|key| keys.contains(&key))).cloned().collect();
        let part = Dataset { cases, ..part };
        let mut results: Vec<Score> = DETECTORS.iter().map(|d| score(&part, d.name, d.alarms)).collect();
        results.push(guard(&part));
        println!("\n{title}");
        println!(
            "{:38} {:>14} {:>12} {:>10} {:>12}",
            "detector", "false/key-month", "benign trips", "detected", "median delay"
        );
        for result in &results {
            println!(
                "{:38} {:>14.3} {:>10.1} % {:>8.1} % {:>8.0} min",
                result.name,
                result.false_alarms,
                result.benign * 100.0,
                result.detected * 100.0,
                result.delay
            );
        }
        charts.push((title, results));
    }
    if let Some(path) = svg {
        std::fs::write(&path, chart(&charts))?;
        println!("\nchart: {}", path.display());
    }
    Ok(())
}

/// How a detector did.
struct Score {
    name: &'static str,
    /// A key-month, on unchanged usage.
    false_alarms: f64,
    /// Share of harmless changes that alarm.
    benign: f64,
    /// Share of attacks that alarm.
    detected: f64,
    /// Median minutes from the first stolen minute, of those that alarm.
    delay: f64,
}

fn guard(data: &Dataset) -> Score {
    let (rows, summary) = backtest::run(data, &Settings::default());
    let all = summary.normal.last().map_or(0.0, |all| all.false_trips_per_key_month);
    let benign = summary.benign.last().map_or(0.0, |all| all.trip_share);
    let mut delays: Vec<f64> = rows.iter().filter_map(|r| r.delay_minutes).map(|m| m as f64).collect();
    let attacks = rows.iter().filter(|row| row.class == "attack").count();
    let detected = delays.len() as f64 / attacks.max(1) as f64;
    Score { name: "guard, without run records", false_alarms: all, benign, detected, delay: median(&mut delays) }
}

fn score(data: &Dataset, name: &'static str, alarms: fn(&Usage, i64) -> Vec<i64>) -> Score {
    let (mut months, mut count) = (0.0, 0);
    for series in &data.series {
        months += series.minutes as f64 / (30 * DAY) as f64;
        count += episodes(&alarms(&priced(data, &series.rows), series.start.epoch()));
    }
    let (mut benign, mut tripped, mut attacks, mut delays) = (0, 0, 0, Vec::new());
    for case in &data.cases {
        let Some(series) = data.series.iter().find(|s| Some(s.key.as_str()) == case.key.as_deref()) else { continue };
        let start = case.drop_before.unwrap_or(series.start);
        let own = &series.rows[series.rows.partition_point(|row| row.minute < start)..];
        let rows = merge(own, &case.overlay);
        let stolen = case.overlay.iter().find(|row| row.minute >= case.evaluate_from).map(|row| row.minute);
        let onset =
            if case.class == CaseClass::Attack { stolen.unwrap_or(case.evaluate_from) } else { case.evaluate_from };
        let until = case.evaluate_to.epoch() - FEED_LAG;
        let usage: Vec<(i64, f64)> = priced(data, &rows).into_iter().filter(|(minute, _)| *minute <= until).collect();
        let first = alarms(&usage, start.epoch()).into_iter().find(|minute| *minute >= onset.epoch());
        match case.class {
            CaseClass::Benign => {
                benign += 1;
                tripped += usize::from(first.is_some());
            }
            CaseClass::Attack => {
                attacks += 1;
                delays.extend(first.map(|minute| Minute::from_epoch(minute).since(onset) as f64 + FEED_LAG as f64));
            }
        }
    }
    Score {
        name,
        false_alarms: count as f64 / months,
        benign: tripped as f64 / benign.max(1) as f64,
        detected: delays.len() as f64 / attacks.max(1) as f64,
        delay: median(&mut delays),
    }
}

fn priced(data: &Dataset, rows: &[guard::domain::watch::dataset::TokenRow]) -> Vec<(i64, f64)> {
    let dollars =
        |m: &guard::domain::watch::usage::MinuteUsage| m.models.iter().map(|of| of.amount.usd.dollars()).sum();
    data.rates.price(rows).iter().map(|m| (m.minute.epoch(), dollars(m))).collect()
}

fn episodes(alarms: &[i64]) -> usize {
    alarms.iter().enumerate().filter(|(i, at)| *i == 0 || *at - alarms[i - 1] > DAY).count()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

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

    /// The median distance from `centre` when `zeros` more values are zero: both sides are sorted, so it is selected.
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
/// the largest minute; `confirm` alarms in a row are needed.
fn rolling_mad(usage: &Usage, start: i64, window: i64, floor: f64, confirm: usize) -> Vec<i64> {
    let mut sorted = Sorted::default();
    let mut inside: VecDeque<(i64, f64)> = VecDeque::new();
    let (mut alarms, mut in_a_row) = (Vec::new(), 0);
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
        let wild = minute - start >= WARM_UP && usd - centre > 6.0 * spread.max(least);
        in_a_row = if wild { in_a_row + 1 } else { 0 };
        if wild && in_a_row >= confirm {
            alarms.push(minute);
        }
        inside.push_back((minute, usd));
        sorted.insert(usd);
    }
    alarms
}

/// Sums of clock hours, silent ones included.
fn hours(usage: &Usage, start: i64) -> Vec<(i64, f64)> {
    let first = start.div_euclid(60);
    let last = usage.last().map_or(first, |(minute, _)| minute.div_euclid(60));
    let mut hours: Vec<(i64, f64)> = (first..=last).map(|hour| (hour, 0.0)).collect();
    for (minute, usd) in usage {
        if let Some(hour) = usize::try_from(minute.div_euclid(60) - first).ok().and_then(|i| hours.get_mut(i)) {
            hour.1 += usd;
        }
    }
    hours
}

/// The end of an hour, when its sum is known.
fn end_of(hour: i64) -> i64 {
    hour * 60 + 59
}

fn hourly_band(usage: &Usage, start: i64, window: usize, times: f64) -> Vec<i64> {
    let hours = hours(usage, start);
    let sums: Vec<f64> = hours.iter().map(|h| h.1).collect();
    let mut alarms = Vec::new();
    for i in window.max((WARM_UP / 60) as usize)..sums.len() {
        let mut past = sums[i - window..i].to_vec();
        let centre = median(&mut past);
        let mut distances: Vec<f64> = past.iter().map(|v| (v - centre).abs()).collect();
        let spread = 1.4826 * median(&mut distances);
        let largest = past.iter().copied().fold(0.0, f64::max);
        if sums[i] > centre + times * spread.max(0.1 * largest).max(1e-6) {
            alarms.push(end_of(hours[i].0));
        }
    }
    alarms
}

fn ewma(usage: &Usage, start: i64) -> Vec<i64> {
    let (mut mean, mut variance, mut alarms) = (0.0, 0.0, Vec::new());
    for (hour, sum) in hours(usage, start) {
        let deviation: f64 = sum - mean;
        if end_of(hour) - start >= WARM_UP && deviation > 3.0 * f64::sqrt(variance) + 1e-6 {
            alarms.push(end_of(hour));
        }
        mean += 0.05 * deviation;
        variance = 0.95 * (variance + 0.05 * deviation * deviation);
    }
    alarms
}

fn hampel(usage: &Usage, start: i64) -> Vec<i64> {
    rolling_mad(usage, start, 60, 0.0, 1)
}

fn static_cap(usage: &Usage, start: i64) -> Vec<i64> {
    let hours = hours(usage, start);
    let known = hours.iter().take_while(|(hour, _)| end_of(*hour) - start < WEEK);
    let cap = 3.0 * known.map(|h| h.1).fold(0.0, f64::max);
    hours
        .iter()
        .filter(|(hour, sum)| end_of(*hour) - start >= WEEK && *sum > cap.max(1e-6))
        .map(|(hour, _)| end_of(*hour))
        .collect()
}

fn daily_budget(usage: &Usage, start: i64) -> Vec<i64> {
    let mut days: Vec<f64> = Vec::new();
    let (mut today, mut spent, mut alarms) = (start.div_euclid(DAY), 0.0, Vec::new());
    for (minute, usd) in usage {
        let day = minute.div_euclid(DAY);
        while today < day {
            days.push(spent);
            (today, spent) = (today + 1, 0.0);
        }
        spent += usd;
        let mut active: Vec<f64> = days.iter().rev().take(28).copied().filter(|d| *d > 0.0).collect();
        if minute - start >= WARM_UP && !active.is_empty() && spent > 2.0 * median(&mut active) {
            alarms.push(*minute);
        }
    }
    alarms
}

/// One panel a part: false alarms to the right (logarithmic), detection upwards, a label at every detector.
fn chart(parts: &[(&str, Vec<Score>)]) -> String {
    const WIDTH: f64 = 620.0;
    const HEIGHT: f64 = 420.0;
    let x = |rate: f64| 60.0 + (rate.max(0.01).log10() + 2.0) / 4.0 * (WIDTH - 100.0);
    let y = |share: f64| HEIGHT - 50.0 - share * (HEIGHT - 100.0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{}" font-family="sans-serif" font-size="11">"#,
        HEIGHT * parts.len() as f64
    );
    svg.push_str(r#"<rect width="100%" height="100%" fill="white"/>"#);
    for (i, (title, scores)) in parts.iter().enumerate() {
        let _ = write!(
            svg,
            r#"<g transform="translate(0,{})"><text x="60" y="24" font-size="14">{title}</text>"#,
            HEIGHT * i as f64
        );
        for rate in [0.01, 0.1, 1.0, 10.0, 100.0] {
            let (at, bottom) = (x(rate), y(0.0));
            let label = if rate <= 0.01 { "0".to_owned() } else { rate.to_string() };
            let _ = write!(
                svg,
                r##"<line x1="{at}" x2="{at}" y1="{}" y2="{bottom}" stroke="#ddd"/><text x="{at}" y="{}" text-anchor="middle">{label}</text>"##,
                y(1.0),
                bottom + 16.0
            );
        }
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let at = y(share);
            let _ = write!(
                svg,
                r##"<line x1="60" x2="{}" y1="{at}" y2="{at}" stroke="#ddd"/><text x="54" y="{}" text-anchor="end">{} %</text>"##,
                WIDTH - 40.0,
                at + 4.0,
                share * 100.0
            );
        }
        let _ = write!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="middle">false trips a key-month</text>"#,
            WIDTH / 2.0,
            HEIGHT - 14.0
        );
        for score in scores {
            let own = score.name.starts_with("guard");
            let (colour, size) = if own { ("#0a7a3c", 7) } else { ("#b04a1e", 4) };
            let (at, up) = (x(score.false_alarms), y(score.detected));
            let anchor = if at > WIDTH * 0.6 { ("end", -8.0) } else { ("start", 8.0) };
            let _ = write!(
                svg,
                r#"<circle cx="{at}" cy="{up}" r="{size}" fill="{colour}"/><text x="{}" y="{}" text-anchor="{}" fill="{colour}">{} ({:.0} min)</text>"#,
                at + anchor.1,
                up + 4.0,
                anchor.0,
                score.name,
                score.delay
            );
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>\n");
    svg
}
