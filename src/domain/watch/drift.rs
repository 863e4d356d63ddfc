//! Usage that adds up, or goes on, beyond what earlier days explain: ramps, drips, bursts at odd hours.
//!
//! A one-sided cumulative sum against the baseline that forgets after 24 hours. Three things are summed: work beyond
//! what the same time of day ever held, minutes of it, and hours in which it happens; beside them stands the plain count
//! of minutes in use, which needs no schedule. Each must pass what a run by hand, a late run or an outage makes of it.

use super::history::{WIDTH_COUNT, WIDTHS};
use super::picture::Picture;
use super::rule::Rule;
use super::verdict::{Figures, Finding};

const HOUR: usize = 2;
const THREE_HOURS: usize = 3;
const SIX_HOURS: usize = 4;
const DAY: usize = WIDTH_COUNT - 1;

/// Once the last 24 hours exceed the busiest day by this much, or by what busiest days differ, usage was added and not moved: a
/// run by hand or a late run explains no minutes any more, and fewer of them are evidence.
const ADDED: f64 = 1.15;
/// Where one run is most of what a day holds, usage was added only once it exceeds the busiest day by this share of the largest run: a
/// night with a run by hand in it is an ordinary night.
const ADDED_RUN: f64 = 0.7;
/// Minutes in use within an hour and less beyond the most ever, when usage was added.
const TIMES_MINUTES_ADDED: f64 = 1.2;
/// Minutes more than that, when usage was added.
const LEAST_MINUTES_ADDED: f64 = 3.0;
/// With no more than this many busiest days in 24 hours, an hour that is busier than ever may be such a run.
const MOVED: f64 = 1.1;
/// Minutes more than the statistics allow before minutes count as evidence.
const LEAST_MINUTES: f64 = 10.0;
/// The same within half an hour and less.
const LEAST_MINUTES_IN_SHORT: f64 = 6.0;
/// The same for unexplained minutes.
const LEAST_MINUTES_UNEXPLAINED: f64 = 3.0;
/// Minutes in use beyond 1.5 times the most ever; more where days differ widely.
const TIMES_MINUTES: f64 = 1.5;
/// One run more than ever is a run by hand.
const RUNS: f64 = 1.4;
/// Unexplained minutes, in those of the largest run; more where runs differ widely.
const TIMES_RUN_MINUTES: f64 = 1.4;
/// Unexplained work, in largest runs.
const TIMES_RUN: f64 = 1.4;
/// Unexplained work, in usual days.
const SHARE_OF_DAY: f64 = 0.25;
/// Unexplained usage turned out harmless before: it must be this much more.
const TIMES_HARMLESS: f64 = 1.4;
/// Hours with unexplained usage.
const LEAST_HOURS: f64 = 8.0;
/// Unexplained work beside them, in usual days.
const SHARE_WITH_HOURS: f64 = 0.4;

/// Judges the 24 hours that end at the picture's minute; `None` when nothing points to a drift.
pub fn judge(picture: &Picture<'_>) -> Option<Finding> {
    let baseline = picture.baseline;
    let caution = picture.maturity().caution()?;
    // "More minutes than ever" says nothing of a key that is busy around the clock.
    if baseline.saturated() {
        return None;
    }
    let day = picture.times_most(DAY);
    let evidence = picture.loads[DAY].active as f64 / LEAST_MINUTES;
    let usual_day = baseline.usual_day.work as f64;
    let foreign = picture.foreign;
    let one_run = baseline.run.work as f64 / baseline.most[DAY].work.max(1) as f64;
    let added = day >= ADDED.max(1.0 + ADDED_RUN * one_run).max((1.2 * baseline.work_spread[DAY]).exp()) * caution;
    let minutes_allowed = |width: usize| {
        let (most, run) = (baseline.most[width].active as f64, baseline.run.active as f64);
        let spread = baseline.active_spread[width];
        if added && width <= HOUR {
            return most * TIMES_MINUTES_ADDED.max((0.7 * spread).exp()) * caution + LEAST_MINUTES_ADDED;
        }
        let least = if width < HOUR { LEAST_MINUTES_IN_SHORT } else { LEAST_MINUTES };
        let varied = most * TIMES_MINUTES.max((1.2 * spread).exp()) * caution;
        let moved = match width {
            SIX_HOURS.. => RUNS * run,
            _ if baseline.works_in_runs() && (day < MOVED || width > HOUR) => run,
            _ => 0.0,
        };
        varied.max(most + moved) + least
    };

    let sustained = (0..WIDTH_COUNT)
        .map(|width| {
            let minutes = picture.loads[width].active as f64 / minutes_allowed(width);
            // Clearly more minutes need no more work than ever; just enough of them need a fifth more.
            (minutes.min(picture.times_most(width) * minutes.clamp(1.0, 1.2) / 1.2), width)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;

    let harmless = baseline.foreign;
    let work_needed = caution
        * (SHARE_OF_DAY * usual_day)
            .max(TIMES_RUN * baseline.run.work as f64)
            .max(TIMES_HARMLESS * harmless.load.work as f64);
    let work = (foreign.load.work as f64 / work_needed).min(foreign.load.active as f64 / LEAST_MINUTES);

    // Minutes that belong to a run by hand: as many as the largest run has, more where runs differ widely.
    let by_hand =
        TIMES_RUN_MINUTES.max(baseline.active_spread[THREE_HOURS].exp()) * caution * baseline.run.active as f64;
    let minutes_needed = LEAST_MINUTES_UNEXPLAINED + by_hand.max(TIMES_HARMLESS * harmless.load.active as f64);
    let minutes = foreign.load.active as f64 / minutes_needed;

    let hours_needed = (LEAST_HOURS * caution).max(TIMES_HARMLESS * f64::from(harmless.hours) + 3.0);
    let hours =
        (f64::from(foreign.hours) / hours_needed).min(foreign.load.work as f64 / (SHARE_WITH_HOURS * usual_day));

    let unexplained = work.max(minutes).max(hours);
    if sustained.0 >= unexplained {
        let (ratio, width) = sustained;
        return Finding::statistical(
            Rule::Drift,
            ratio.min(evidence),
            Figures::Sustained {
                window_minutes: WIDTHS[width],
                active: picture.loads[width].active,
                most: baseline.most[width].active,
                used: picture.costs[width],
            },
        );
    }
    Finding::statistical(
        Rule::Drift,
        unexplained.min(evidence),
        Figures::Unexplained {
            used: picture.cost_of(foreign.load.work),
            days: foreign.load.work as f64 / usual_day.max(1.0),
            active: foreign.load.active,
            hours: foreign.hours,
        },
    )
}
