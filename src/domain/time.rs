//! Time as values. The domain never asks what time it is; it is told.

use std::fmt;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// An instant in UTC.
pub type Timestamp = DateTime<Utc>;

/// A UTC minute, counted from 1970-01-01T00:00Z: the width of the feed's buckets. Ordered, copied, never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(i64);

impl Minute {
    /// Minutes since the epoch.
    pub const fn from_epoch(minutes: i64) -> Self {
        Self(minutes)
    }

    /// The minute that contains `at`.
    pub fn containing(at: Timestamp) -> Self {
        Self(at.timestamp().div_euclid(60))
    }

    /// Minutes since the epoch.
    pub const fn epoch(self) -> i64 {
        self.0
    }

    /// The instant at which the minute begins. Saturates at the ends of the calendar.
    pub fn start(self) -> Timestamp {
        DateTime::from_timestamp(self.0.saturating_mul(60), 0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// The instant at which the minute is over.
    pub fn end(self) -> Timestamp {
        self.plus(1).start()
    }

    /// `count` minutes later (earlier when negative).
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// Minutes from `earlier` to `self`.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// `2026-11-21T22:05Z`.
impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().format("%Y-%m-%dT%H:%MZ"))
    }
}

/// RFC 3339 in UTC with seconds, the form of every time that guard prints or stores.
pub fn rfc3339(at: Timestamp) -> String {
    at.trunc_subsecs(0).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A duration for people: `45 s`, `2 min 5 s`, `3 h 20 min`, `9 d 4 h`; negative ones are shown as zero.
pub fn humane(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let pair = |a: i64, unit_a: &str, b: i64, unit_b: &str| {
        if b == 0 { format!("{a} {unit_a}") } else { format!("{a} {unit_a} {b} {unit_b}") }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => pair(minutes, "min", rest, "s"),
        (0, _, _) => pair(hours, "h", minutes, "min"),
        _ => pair(days, "d", hours, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_contains_its_start_and_not_its_end() {
        let minute = Minute::from_epoch(29_000_000);
        assert_eq!(Minute::containing(minute.start()), minute);
        assert_eq!(Minute::containing(minute.end()), minute.plus(1));
        assert_eq!(Minute::containing(DateTime::from_timestamp(-1, 0).unwrap()).epoch(), -1);
    }

    #[test]
    fn durations_read_like_speech() {
        for (seconds, text) in
            [(0, "0 s"), (60, "1 min"), (125, "2 min 5 s"), (12_000, "3 h 20 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(humane(TimeDelta::seconds(seconds)), text);
        }
    }
}
