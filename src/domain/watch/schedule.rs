//! When the ledger's schedules expect jobs to run.

use chrono::{Datelike, TimeDelta, TimeZone};

use crate::domain::ledger::{JobSchedule, Recurrence};
use crate::domain::time::{Minute, Timestamp};

/// A schedule that starts more often than this within the asked time is cut: it explains everything anyway.
const MOST_STARTS: usize = 20_000;

/// First and last minutes of the runs that `jobs` may have within `from..=to`: from the scheduled start (lateness and length
/// of a run included) on. A start that a clock change skips is not expected; one that it repeats is expected twice.
pub fn expected_runs(jobs: &[JobSchedule], from: Minute, to: Minute) -> Vec<(Minute, Minute)> {
    jobs.iter().flat_map(|job| runs_of(job, from, to)).collect()
}

fn runs_of(job: &JobSchedule, from: Minute, to: Minute) -> Vec<(Minute, Minute)> {
    let length = i64::try_from((job.jitter + job.max_run).as_secs().div_ceil(60)).unwrap_or(i64::MAX / 2);
    let earliest = from.plus(-length.min(31 * 1440));
    let run = |start: Timestamp| {
        let first = Minute::containing(start);
        (first >= earliest && first <= to).then(|| (first, first.plus(length)))
    };
    // A day more on each side: the zone's days are not UTC's.
    let first_day = earliest.start().with_timezone(&job.timezone).date_naive() - TimeDelta::days(1);
    let days = to.since(earliest) / 1440 + 3;
    let mut runs = Vec::new();
    for date in first_day.iter_days().take(usize::try_from(days).unwrap_or(0)) {
        let starts: Vec<chrono::NaiveDateTime> = match &job.recurrence {
            Recurrence::Every(every) => {
                let step = (every.as_secs() / 60).max(1);
                (0..1440)
                    .step_by(usize::try_from(step).unwrap_or(1440))
                    .filter_map(|m| date.and_hms_opt(m / 60, m % 60, 0))
                    .collect()
            }
            Recurrence::Daily { times, weekdays } => {
                let weekday = date.weekday().num_days_from_monday();
                let today = weekdays.is_empty() || weekdays.iter().any(|day| u32::from(*day) == weekday);
                let at = |(hour, minute): &(u8, u8)| date.and_hms_opt(u32::from(*hour), u32::from(*minute), 0);
                if today { times.iter().filter_map(at).collect() } else { Vec::new() }
            }
        };
        for start in starts {
            let local = job.timezone.from_local_datetime(&start);
            runs.extend([local.earliest(), local.latest()].into_iter().flatten().filter_map(|s| run(s.to_utc())));
        }
        if runs.len() > MOST_STARTS {
            break;
        }
    }
    runs.sort_unstable();
    runs.dedup();
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(text: &str) -> Minute {
        Minute::containing(text.parse().unwrap())
    }

    fn daily(weekdays: Vec<u8>) -> JobSchedule {
        JobSchedule {
            name: "nightly".into(),
            recurrence: Recurrence::Daily { times: vec![(2, 30)], weekdays },
            timezone: chrono_tz::Europe::Berlin,
            jitter: Duration::from_secs(600),
            max_run: Duration::from_secs(3600),
        }
    }

    #[test]
    fn a_daily_start_is_meant_in_its_zone_and_follows_its_clock() {
        let runs = expected_runs(&[daily(vec![])], at("2026-03-28T00:00:00Z"), at("2026-03-31T00:00:00Z"));
        let starts: Vec<String> = runs.iter().map(|run| run.0.to_string()).collect();
        // On 29 March the clock skips 02:30.
        assert_eq!(starts, ["2026-03-28T01:30Z", "2026-03-30T00:30Z"]);
        assert_eq!(runs[0].1.since(runs[0].0), 70);
    }

    #[test]
    fn weekdays_are_kept() {
        let runs = expected_runs(&[daily(vec![0])], at("2026-06-01T00:00:00Z"), at("2026-06-14T23:00:00Z"));
        assert_eq!(
            runs.iter().map(|run| run.0).collect::<Vec<_>>(),
            [at("2026-06-01T00:30:00Z"), at("2026-06-08T00:30:00Z")]
        );
    }

    #[test]
    fn a_run_that_began_before_still_explains() {
        let runs = expected_runs(&[daily(vec![])], at("2026-06-02T01:00:00Z"), at("2026-06-02T01:10:00Z"));
        assert_eq!(runs.len(), 1, "started 00:30, may last until 01:40");
    }
}
