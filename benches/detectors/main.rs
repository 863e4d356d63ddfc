//! guard beside the detectors that people usually write, on the same recorded usage:
//!
//! ```text
//! cargo bench --bench detectors -- DIR [--svg FILE]
//! ```
//!
//! `DIR` has the layout of `docs/backtest.md`. Every detector sees a minute five minutes after it began and judges cost in
//! dollars a minute; guard runs without run records. An alarm is a new one when the last was more than a day ago.
//!
//! Every rival is measured as it is usually set, and again with its limit raised until it is as quiet as guard. The statement below the
//! table names every setting that is as quiet as guard and detects more, or sooner.

mod chart;
mod forest;
mod rivals;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread::ScopedJoinHandle;

use guard::adapters::series;
use guard::app::backtest::{self, Settings};
use guard::domain::time::Minute;
use guard::domain::watch::dataset::{CaseClass, Dataset, TokenRow, merge};
use guard::domain::watch::usage::MinuteUsage;

use rivals::{Excess, RIVALS, Rival};

const DAY: i64 = 1440;
const WEEK: i64 = 7 * DAY;
const FEED_LAG: i64 = 5;
/// No detector alarms before it has seen this much.
const WARM_UP: i64 = WEEK;
/// How many times its usual limit a rival is given; the first is how it is usually set.
const LIMITS: [f64; 20] =
    [1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0, 200.0, 1e3, 1e5];

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
    let mut parts = Vec::new();
    for (title, wanted) in [("jobs and pipelines", false), ("API customers", true)] {
        let part = part(&data, wanted);
        let own = guard(&part);
        let rivals: Vec<Vec<Score>> = std::thread::scope(|scope| {
            let running: Vec<_> = RIVALS.iter().map(|rival| scope.spawn(|| measure(&part, rival))).collect();
            let done = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            running.into_iter().map(done).collect()
        });
        println!("\n{title}");
        print_table(&rivals, &own);
        print_front(&rivals, &own);
        parts.push(chart::Panel { title, rivals, own });
    }
    if let Some(path) = svg {
        std::fs::write(&path, chart::draw(&parts))?;
        println!("\nchart: {}", path.display());
    }
    Ok(())
}

/// The series of API customers, or all others, with their cases.
fn part(data: &Dataset, api: bool) -> Dataset {
    let wanted = |profile: &str| profile != "service" && matches!(profile, "recurrent" | "sporadic") == api;
    let series: Vec<_> = data.series.iter().filter(|s| wanted(&s.profile)).cloned().collect();
    let has = |key: &str| series.iter().any(|s| s.key == key);
    let cases = data.cases.iter().filter(|c| c.key.as_deref().is_some_and(has)).cloned().collect();
    Dataset { series, cases, rates: data.rates.clone() }
}

/// How a detector did.
#[derive(Clone)]
struct Score {
    name: &'static str,
    /// Its limit, in usual ones.
    limit: f64,
    /// A key-month, on unchanged usage.
    false_alarms: f64,
    /// Share of harmless changes that alarm.
    benign: f64,
    /// By attack, minutes from the first stolen minute to the alarm; none when there was none.
    attacks: BTreeMap<String, Option<f64>>,
}

impl Score {
    /// Share of attacks that alarm.
    fn detected(&self) -> f64 {
        self.attacks.values().flatten().count() as f64 / self.attacks.len().max(1) as f64
    }

    /// Median minutes to the alarm, of the attacks that alarm.
    fn delay(&self) -> f64 {
        median(&mut self.attacks.values().flatten().copied().collect::<Vec<_>>())
    }

    /// Median minutes to the alarm of this and of the other, of the attacks that both detect.
    fn delays_beside(&self, other: &Self) -> (f64, f64) {
        let both: Vec<(f64, f64)> =
            self.attacks.iter().filter_map(|(case, delay)| Some(((*delay)?, (*other.attacks.get(case)?)?))).collect();
        (
            median(&mut both.iter().map(|d| d.0).collect::<Vec<_>>()),
            median(&mut both.iter().map(|d| d.1).collect::<Vec<_>>()),
        )
    }
}

fn print_table(rivals: &[Vec<Score>], own: &Score) {
    println!(
        "{:44} {:>9} {:>8} {:>9} {:>9}   as quiet as guard: limit, detected, delay",
        "detector", "false", "benign", "detected", "delay"
    );
    for rival in rivals {
        let quiet = rival.iter().find(|score| score.false_alarms <= own.false_alarms);
        let quiet = quiet.map_or("never".to_owned(), |score| {
            format!("x {:<6} {:>7.1} % {:>9}", score.limit, score.detected() * 100.0, minutes(score.delay()))
        });
        println!("{}   {quiet}", rival.first().map(line).unwrap_or_default());
    }
    println!("{}", line(own));
}

fn line(score: &Score) -> String {
    format!(
        "{:44} {:>9.3} {:>6.1} % {:>7.1} % {:>9}",
        score.name,
        score.false_alarms,
        score.benign * 100.0,
        score.detected() * 100.0,
        minutes(score.delay())
    )
}

fn minutes(delay: f64) -> String {
    if delay.is_nan() { "–".to_owned() } else { format!("{delay:.0} min") }
}

/// Says which rivals, at which setting, are as quiet as guard and better in anything.
fn print_front(rivals: &[Vec<Score>], own: &Score) {
    println!(
        "Pareto: of {} detectors at {} limits each, these make at most guard's {:.3} false trips a key-month and detect more, or sooner \
         (median over the attacks that both detect):",
        rivals.len(),
        LIMITS.len(),
        own.false_alarms
    );
    let mut none = true;
    for score in rivals.iter().flatten().filter(|score| score.false_alarms <= own.false_alarms) {
        let (theirs, ours) = score.delays_beside(own);
        let (more, sooner) = (score.detected() > own.detected(), theirs < ours);
        if more || sooner {
            none = false;
            println!(
                "  {} at {} times its limit: detects {:.1} % (guard {:.1} %), {theirs:.0} min (guard {ours:.0} min on the same attacks)",
                score.name,
                score.limit,
                score.detected() * 100.0,
                own.detected() * 100.0
            );
        }
    }
    if none {
        println!("  none");
    }
}

fn guard(data: &Dataset) -> Score {
    let (rows, summary) = backtest::run(data, &Settings::default());
    let attacks = rows.iter().filter(|row| row.class == "attack");
    Score {
        name: "guard, without run records",
        limit: 1.0,
        false_alarms: summary.normal.last().map_or(0.0, |all| all.false_trips_per_key_month),
        benign: summary.benign.last().map_or(0.0, |all| all.trip_share),
        attacks: attacks
            .map(|row| (row.case.clone().unwrap_or_default(), row.delay_minutes.map(|m| m as f64)))
            .collect(),
    }
}

/// A rival at every limit.
fn measure(data: &Dataset, rival: &Rival) -> Vec<Score> {
    let mut months = 0.0;
    let mut normal: Vec<Excess> = Vec::new();
    for series in &data.series {
        months += series.minutes as f64 / (30 * DAY) as f64;
        normal.push((rival.judge)(&priced(data, &series.rows), series.start.epoch()));
    }
    let mut cases: Vec<(&str, CaseClass, i64, Excess)> = Vec::new();
    for case in &data.cases {
        let Some(series) = data.series.iter().find(|s| Some(s.key.as_str()) == case.key.as_deref()) else { continue };
        let start = case.drop_before.unwrap_or(series.start);
        let own = &series.rows[series.rows.partition_point(|row| row.minute < start)..];
        let rows = merge(own, &case.overlay);
        let stolen = case.overlay.iter().find(|row| row.minute >= case.evaluate_from).map(|row| row.minute);
        let attacked = stolen.filter(|_| case.class == CaseClass::Attack);
        let onset = attacked.unwrap_or(case.evaluate_from).epoch();
        let until = case.evaluate_to.epoch() - FEED_LAG;
        let usage: Vec<(i64, f64)> = priced(data, &rows).into_iter().filter(|(minute, _)| *minute <= until).collect();
        let mut excess = (rival.judge)(&usage, start.epoch());
        excess.retain(|(minute, _)| *minute >= onset);
        cases.push((&case.name, case.class, onset, excess));
    }
    let at = |limit: f64| {
        let first = |excess: &Excess| excess.iter().find(|(_, ratio)| *ratio > limit).map(|(minute, _)| *minute);
        let of = |class: CaseClass| cases.iter().filter(move |case| case.1 == class);
        let benign = of(CaseClass::Benign).filter(|case| first(&case.3).is_some()).count();
        let delay = |onset: i64, alarm: i64| Minute::from_epoch(alarm).since(Minute::from_epoch(onset)) + FEED_LAG;
        Score {
            name: rival.name,
            limit,
            false_alarms: normal.iter().map(|excess| episodes(excess, limit)).sum::<usize>() as f64 / months,
            benign: benign as f64 / of(CaseClass::Benign).count().max(1) as f64,
            attacks: of(CaseClass::Attack)
                .map(|case| (case.0.to_owned(), first(&case.3).map(|alarm| delay(case.2, alarm) as f64)))
                .collect(),
        }
    };
    LIMITS.into_iter().map(at).collect()
}

fn priced(data: &Dataset, rows: &[TokenRow]) -> Vec<(i64, f64)> {
    let dollars = |m: &MinuteUsage| m.models.iter().map(|of| of.amount.usd.dollars()).sum();
    data.rates.price(rows).iter().map(|m| (m.minute.epoch(), dollars(m))).collect()
}

/// Stretches with alarms beyond this limit; a day without one ends a stretch.
fn episodes(excess: &Excess, limit: f64) -> usize {
    let alarms: Vec<i64> = excess.iter().filter(|(_, ratio)| *ratio > limit).map(|(minute, _)| *minute).collect();
    alarms.iter().enumerate().filter(|(i, at)| *i == 0 || *at - alarms[i - 1] > DAY).count()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
