//! When guard may begin a rotation by itself, and on which days it does.

use chrono::{Datelike, NaiveTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::domain::time::Timestamp;

/// Every month has these days, so that none is left out: 1 to 28.
pub const LAST_DAY: u64 = 28;

/// So many days back a listed day is found for certain.
const LOOK_BACK: i64 = 62;

/// Days and hours of rotations that nobody asks for. What is open goes on at any time, and a person may begin one at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationTimes {
    /// Days of the month on which a rotation is due whatever the key's age. Empty: by age alone.
    pub days: Vec<u8>,
    /// Days of the week on which one may begin; 0 = Monday; empty: every day.
    pub weekdays: Vec<u8>,
    /// The time of day from which one may begin, hour and minute.
    pub from: (u8, u8),
    /// The time of day from which none may begin any more; midnight when `None`.
    pub until: Option<(u8, u8)>,
    /// The zone that all of it is meant in.
    pub timezone: Tz,
}

impl Default for RotationTimes {
    fn default() -> Self {
        Self { days: Vec::new(), weekdays: Vec::new(), from: (0, 0), until: None, timezone: Tz::UTC }
    }
}

impl RotationTimes {
    /// Whether one may begin now.
    pub fn open(&self, now: Timestamp) -> bool {
        let local = now.with_timezone(&self.timezone);
        let today = u8::try_from(local.weekday().num_days_from_monday()).unwrap_or_default();
        let minute = (u8::try_from(local.hour()).unwrap_or(23), u8::try_from(local.minute()).unwrap_or(59));
        (self.weekdays.is_empty() || self.weekdays.contains(&today))
            && minute >= self.from
            && self.until.is_none_or(|until| minute < until)
    }

    /// The newest listed day's beginning at or before `now`; `None` when no days are listed. A time that a clock change skips is taken
    /// an hour later.
    pub fn last_due(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.with_timezone(&self.timezone).date_naive();
        let from = NaiveTime::from_hms_opt(self.from.0.into(), self.from.1.into(), 0)?;
        let dates = (0..=LOOK_BACK).filter_map(|back| today.checked_sub_signed(TimeDelta::days(back)));
        dates
            .filter(|date| self.days.iter().any(|day| u32::from(*day) == date.day()))
            .filter_map(|date| {
                let local = date.and_time(from);
                let earliest = |time| self.timezone.from_local_datetime(&time).earliest();
                earliest(local).or_else(|| earliest(local + TimeDelta::hours(1)))
            })
            .map(|at| at.to_utc())
            .find(|at| *at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_is_meant_in_its_zone() {
        let berlin = RotationTimes {
            weekdays: vec![0, 1, 2, 3, 4],
            from: (9, 0),
            until: Some((17, 30)),
            timezone: chrono_tz::Europe::Berlin,
            ..RotationTimes::default()
        };
        // 27 November 2026 is a Friday; Berlin is an hour ahead.
        assert!(!berlin.open(at("2026-11-27T07:59:59Z")));
        assert!(berlin.open(at("2026-11-27T08:00:00Z")));
        assert!(berlin.open(at("2026-11-27T16:29:59Z")));
        assert!(!berlin.open(at("2026-11-27T16:30:00Z")));
        assert!(!berlin.open(at("2026-11-28T10:00:00Z")));
        assert!(RotationTimes::default().open(at("2026-11-28T23:59:59Z")));
    }

    #[test]
    fn the_last_listed_day_is_found_in_the_zone() {
        let first = RotationTimes { days: vec![1, 15], from: (4, 0), ..RotationTimes::default() };
        assert_eq!(first.last_due(at("2026-11-27T12:00:00Z")), Some(at("2026-11-15T04:00:00Z")));
        assert_eq!(first.last_due(at("2026-11-15T03:59:59Z")), Some(at("2026-11-01T04:00:00Z")));
        assert_eq!(first.last_due(at("2026-11-15T04:00:00Z")), Some(at("2026-11-15T04:00:00Z")));
        assert_eq!(RotationTimes::default().last_due(at("2026-11-15T04:00:00Z")), None);
        // On 28 March 2027 Berlin's clocks skip 02:00 to 03:00.
        let skipped = RotationTimes {
            days: vec![28],
            from: (2, 30),
            timezone: chrono_tz::Europe::Berlin,
            ..RotationTimes::default()
        };
        assert_eq!(skipped.last_due(at("2027-03-28T12:00:00Z")), Some(at("2027-03-28T01:30:00Z")));
    }
}
