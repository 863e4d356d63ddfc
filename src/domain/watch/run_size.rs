//! A recorded run that uses far more than any before it: who steals while a job runs has an alibi, but not for any amount.

use super::history::WIDTH_COUNT;
use super::picture::Picture;
use super::rule::Rule;
use super::verdict::{Figures, Finding};

const THREE_HOURS: usize = 3;
const DAY: usize = WIDTH_COUNT - 1;

/// A run of twice the size is an ordinary decision, and run sizes vary: so many largest runs are beyond it; more where days differ
/// widely.
const TIMES_WORK: f64 = 4.0;
/// The same in minutes in use …
const TIMES_MINUTES: f64 = 3.0;
/// … and this many minutes more.
const LEAST_MINUTES: f64 = 10.0;
/// A backlog makes a run large and adds no day's work: a trip needs so many busiest days within 24 hours.
const TIMES_DAY: f64 = 1.5;
/// From this share of the size on people are warned, whatever the day comes to.
const WARNS_FROM: f64 = 0.65;
/// Evidence that warns and does not trip.
const WARNS: f64 = 0.8;

/// Judges the recorded run that goes on; `None` when there is none, or nothing is remarkable about it.
pub fn judge(picture: &Picture<'_>) -> Option<Finding> {
    let (run, baseline) = (picture.run?, picture.baseline);
    let caution = picture.maturity().caution()?;
    let varied = |times: f64, spread: f64| times.max(2.0 * (1.2 * spread).exp()) * caution;
    let times_most = run.load.work as f64 / (baseline.run.work as f64).max(1.0);
    let volume = times_most / varied(TIMES_WORK, baseline.work_spread[THREE_HOURS]);
    let minutes_allowed =
        varied(TIMES_MINUTES, baseline.active_spread[THREE_HOURS]) * baseline.run.active as f64 + LEAST_MINUTES;
    // A run that only takes its time is a slow one.
    let length = (run.load.active as f64 / minutes_allowed).min(times_most);
    let size = volume.max(length);
    let added = picture.times_most(DAY) / (TIMES_DAY * caution.min(1.5));
    let warned = if size >= WARNS_FROM { WARNS } else { 0.0 };
    Finding::statistical(
        Rule::RunSize,
        size.min(added).max(warned),
        Figures::Run { used: run.cost, times_most, active: run.load.active, most: baseline.run.active },
    )
}
