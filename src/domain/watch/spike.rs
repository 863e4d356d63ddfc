//! More in a window than the principal ever used.
//!
//! Windows from a quarter of an hour to a day are compared with the largest of four weeks, not with a mean: a job that
//! is silent most of the day has no meaningful mean. Work is counted, not dollars, so that a dearer model is no spike.

use super::history::{WIDTH_COUNT, WIDTHS};
use super::picture::{Maturity, Picture};
use super::rule::Rule;
use super::verdict::{Figures, Finding};

const QUARTER: usize = 0;
const HALF_HOUR: usize = 1;
const HOUR: usize = 2;
const SIX_HOURS: usize = 4;
const DAY: usize = WIDTH_COUNT - 1;

/// The least evidence: minutes with usage within 24 hours.
const LEAST_MINUTES: f64 = 10.0;
/// The same for a key that was in use on one to three days. Its runs may be of any size, but they end within hours.
const LEAST_MINUTES_RARE: f64 = 180.0;

/// A test: a window held this many times the most ever, and so did the last 24 hours. The second condition is what keeps
/// a backlog, a late run or a run by hand harmless: they move work, they do not add days of it.
struct Test {
    width: usize,
    times: f64,
    times_day: f64,
}

/// For jobs. Every run twice as large is an ordinary decision, and run sizes vary: 2.7 times the busiest day is beyond it.
const JOB: [Test; 6] = [
    Test { width: DAY, times: 2.7, times_day: 2.7 },
    Test { width: SIX_HOURS, times: 4.0, times_day: 1.5 },
    Test { width: QUARTER, times: 5.0, times_day: 1.15 },
    Test { width: QUARTER, times: 3.0, times_day: 1.2 },
    Test { width: HALF_HOUR, times: 3.0, times_day: 1.2 },
    Test { width: HOUR, times: 3.0, times_day: 1.2 },
];

/// For services that are busy around the clock. Thousands of requests average out, so that smaller excesses mean
/// something, and "more minutes than ever" cannot help.
const SERVICE: [Test; 3] = [
    Test { width: DAY, times: 1.7, times_day: 1.7 },
    Test { width: SIX_HOURS, times: 1.8, times_day: 1.3 },
    Test { width: HOUR, times: 2.1, times_day: 1.2 },
];

/// For keys with little or irregular history, only this: four times the busiest day.
const LITTLE_HISTORY: [Test; 1] = [Test { width: DAY, times: 4.0, times_day: 4.0 }];

/// For keys that were in use on one to three days: their busiest day says little about the next, eight times of it does.
const RARE: [Test; 1] = [Test { width: DAY, times: 8.0, times_day: 8.0 }];

/// With little history, a key that was never busy for long and now goes on without a break: so many times the most minutes that a
/// day had …
const UNBROKEN: f64 = 3.0;
/// … and at least this many, which no burst of work by hand has.
const LEAST_UNBROKEN: f64 = 360.0;

/// Where people are told already, in busiest days.
const LITTLE_WARNS_FROM: f64 = 1.5;
/// The same in the most minutes that a day had …
const LITTLE_WARNS_TIMES: f64 = 2.0;
/// … and at least so many minutes.
const LITTLE_WARNS_MINUTES: f64 = 100.0;
/// The same for services, as a share of what trips.
const SERVICE_WARNS_FROM: f64 = 0.45;
/// Evidence that warns and does not trip.
const WARNS: f64 = 0.8;

/// Judges the windows that end at the picture's minute; `None` when nothing points to a spike.
pub fn judge(picture: &Picture<'_>) -> Option<Finding> {
    let baseline = picture.baseline;
    let (tests, caution): (&[Test], f64) = match picture.maturity() {
        Maturity::None => return None,
        Maturity::Rare => (&RARE, 1.0),
        Maturity::Little => (&LITTLE_HISTORY, 1.0),
        Maturity::Young if baseline.saturated() => (&SERVICE, 1.0),
        Maturity::Young => (&JOB, 1.5),
        Maturity::Sparse => (&JOB, 2.0),
        Maturity::Full if baseline.saturated() => (&SERVICE, 1.0),
        Maturity::Full => (&JOB, 1.0),
    };
    let least = if picture.maturity() == Maturity::Rare { LEAST_MINUTES_RARE } else { LEAST_MINUTES };
    let evidence = picture.loads[DAY].active as f64 / least;
    let day = picture.times_most(DAY);
    let (ratio, test) = tests
        .iter()
        .map(|test| {
            // A key whose days differ widely needs more.
            let spread = if baseline.saturated() { 0.0 } else { 1.5 * (1.2 * baseline.work_spread[test.width]).exp() };
            let window = picture.times_most(test.width) / (test.times.max(spread) * caution);
            let total = day / (test.times_day * if test.times_day < 2.0 { caution.min(1.5) } else { caution });
            (window.min(total).min(evidence), test)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    // With little history a moderate excess is worth a look, and no more.
    let ratio = if picture.maturity() <= Maturity::Little {
        let warned = if day >= LITTLE_WARNS_FROM { evidence.min(WARNS) } else { 0.0 };
        let (active, most) = (picture.loads[DAY].active as f64, baseline.most[DAY].active as f64);
        let lasts = active >= LITTLE_WARNS_MINUTES.max(LITTLE_WARNS_TIMES * most);
        ratio.max(warned).max(if lasts { WARNS } else { 0.0 }).max(unbroken(picture))
    } else {
        ratio
    };
    // A service's usage is steady enough for people to be told early.
    let ratio = if baseline.saturated() && ratio >= SERVICE_WARNS_FROM { ratio.max(WARNS) } else { ratio };
    Finding::statistical(
        Rule::Spike,
        ratio,
        Figures::Volume {
            window_minutes: WIDTHS[test.width],
            used: picture.costs[test.width],
            times_most: picture.times_most(test.width),
            times_most_day: day,
        },
    )
}

/// How far a day of at least as much work as ever is along the way from short stretches of use to use without a break.
fn unbroken(picture: &Picture<'_>) -> f64 {
    let (active, most) = (picture.loads[DAY].active as f64, picture.baseline.most[DAY].active as f64);
    (active / (UNBROKEN * most)).min(active / LEAST_UNBROKEN).min(picture.times_most(DAY))
}
