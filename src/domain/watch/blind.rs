//! No data is not "no usage": guard says when it cannot see, and never trips for it.

use std::time::Duration;

use super::rule::Rule;
use super::verdict::{Figures, Finding, Level};
use crate::domain::time::Timestamp;

/// Judges the age of the newest complete data. `trouble` is what kept guard from reading newer ones, in words.
pub fn judge(newest: Option<Timestamp>, now: Timestamp, limit: Duration, trouble: Option<&str>) -> Option<Finding> {
    let Some(newest) = newest else {
        return trouble.map(|why| {
            let figures = Figures::Feed { age_minutes: 0, why: format!("nothing was ever read: {why}") };
            Finding::certain(Rule::Blind, Level::Warn, figures)
        });
    };
    let age = now.signed_duration_since(newest);
    let limit = chrono::TimeDelta::from_std(limit).unwrap_or(chrono::TimeDelta::MAX);
    let why = match trouble {
        _ if age < chrono::TimeDelta::minutes(-5) => "the newest data lie in the future; check the clock",
        _ if age <= limit => return None,
        Some(why) => why,
        None => "the feed brings nothing new",
    };
    let figures = Figures::Feed { age_minutes: age.num_minutes(), why: why.to_owned() };
    Some(Finding::certain(Rule::Blind, Level::Warn, figures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn blindness_is_old_data_a_jumped_clock_or_nothing_at_all_and_never_trips() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let limit = Duration::from_secs(20 * 60);
        let ago = |minutes| Some(now - chrono::TimeDelta::minutes(minutes));
        for (newest, trouble, blind) in [
            (ago(6), None, false),
            (ago(6), Some("refused"), false),
            (ago(20), None, false),
            (ago(21), None, true),
            (ago(-30), None, true),
            (None, None, false),
            (None, Some("refused"), true),
        ] {
            let finding = judge(newest, now, limit, trouble);
            assert_eq!(finding.is_some(), blind, "{newest:?} {trouble:?}");
            assert!(finding.is_none_or(|f| f.level < Level::Trip));
        }
    }
}
