use serde::Serialize;

use super::replay::{Replay, Said, Subject};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::watch::dataset::CaseClass;
use crate::domain::watch::{Level, Rule};

/// After this long without a new finding of the same gravity, the next one is counted as another.
const QUIET: i64 = 1440;
/// Minutes of a month, as rates are given: 30 days.
const MONTH: f64 = 30.0 * 1440.0;

/// What became of one series or case. `docs/backtest.md` defines every field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The series' key; empty for a key that was never used.
    pub key: String,
    /// The case's name; none for an unchanged series.
    pub case: Option<String>,
    /// `normal`, `attack` or `benign`.
    pub class: &'static str,
    /// The kind of case; `base` for an unchanged series.
    pub kind: String,
    /// The series' profile.
    pub profile: String,
    /// The series' file.
    pub file: String,
    /// How long verdicts counted, in months of 30 days.
    pub months: f64,
    /// Warnings, trips not counted.
    pub warns: u32,
    /// Trips.
    pub trips: u32,
    /// The poll of the first warning or trip that counts.
    pub first_warn_at: Option<Minutes>,
    /// The poll of the first trip that counts.
    pub first_trip_at: Option<Minutes>,
    /// How far the strongest evidence went along the way to a trip; 1 and more is enough for one.
    pub evidence: Option<f64>,
    /// The rule that tripped first, or else warned first.
    pub rule: Option<Rule>,
    /// Minutes from the first stolen minute to the first trip.
    pub delay_minutes: Option<i64>,
    /// Minutes from the first stolen minute to the first warning.
    pub warn_delay_minutes: Option<i64>,
    /// What was stolen until the first trip, or altogether.
    pub loss_usd: Option<f64>,
    /// What had been stolen when the feed first showed any of it: no watchdog on this feed loses less.
    pub floor_usd: Option<f64>,
    /// What was stolen altogether.
    pub attack_usd: Option<f64>,
    /// A normal day of the key.
    pub normal_day_usd: Option<f64>,
}

/// A minute that is printed as an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes(pub Minute);

impl Serialize for Minutes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Scores a replay.
pub(super) fn row(subject: &Subject<'_>, replay: &Replay) -> Row {
    let (from, to) = counted(subject, replay);
    let counts = |said: &&Said| said.polled_at >= from && said.polled_at <= to;
    let at_least = |level: Level| replay.said.iter().filter(counts).filter(move |s| s.finding.level >= level);
    let (warn, trip) = (at_least(Level::Warn).next(), at_least(Level::Trip).next());
    let trips = episodes(at_least(Level::Trip).map(|s| s.polled_at));
    let abnormal = episodes(at_least(Level::Warn).map(|s| s.polled_at));
    let attack = subject.case.filter(|case| case.class == CaseClass::Attack);
    let stolen_before = |poll: Minute| -> UsdMicros {
        replay.stolen.iter().filter(|(minute, _)| *minute < poll).map(|(_, usd)| *usd).sum()
    };
    let onset = |poll: Minute| attack.and_then(|case| onset(replay, case.evaluate_from, poll));
    let series = subject.series;
    Row {
        key: series.map(|s| s.key.clone()).unwrap_or_default(),
        case: subject.case.map(|case| case.name.clone()),
        class: subject.case.map_or("normal", |case| case.class.as_str()),
        kind: subject.case.map_or("base", |case| &case.kind).to_owned(),
        profile: series.map_or("unused", |s| &s.profile).to_owned(),
        file: series.map(|s| s.file.clone()).unwrap_or_default(),
        months: to.since(from) as f64 / MONTH,
        warns: abnormal.saturating_sub(trips),
        trips,
        first_warn_at: warn.map(|s| Minutes(s.polled_at)),
        first_trip_at: trip.map(|s| Minutes(s.polled_at)),
        evidence: at_least(Level::Notice).map(|s| s.finding.ratio).max_by(f64::total_cmp),
        rule: trip.or(warn).map(|s| s.finding.rule),
        delay_minutes: trip.and_then(|s| Some(s.polled_at.since(onset(s.polled_at)?).max(0))),
        warn_delay_minutes: warn.and_then(|s| Some(s.polled_at.since(onset(s.polled_at)?).max(0))),
        loss_usd: attack.map(|case| stolen_before(trip.map_or(case.evaluate_to, |s| s.polled_at)).dollars()),
        // Of all that was stolen: who stops the thief at his probe loses nothing of what comes later.
        floor_usd: attack.and_then(|_| {
            let first = replay.stolen.first()?.0;
            Some(stolen_before(first.plus(super::replay::FEED_LAG)).dollars())
        }),
        attack_usd: attack.map(|_| replay.stolen.iter().map(|(_, usd)| *usd).sum::<UsdMicros>().dollars()),
        normal_day_usd: subject.case.map(|case| case.normal_day.dollars()),
    }
}

/// The polls that count: of an attack, all from the first stolen minute on.
fn counted(subject: &Subject<'_>, replay: &Replay) -> (Minute, Minute) {
    match (subject.case, subject.series) {
        (Some(case), _) => {
            let onset = replay.stolen.first().map_or(case.evaluate_from, |stolen| stolen.0);
            (onset, case.evaluate_to)
        }
        (None, Some(series)) => (series.start, series.start.plus(series.minutes)),
        (None, None) => (Minute::from_epoch(0), Minute::from_epoch(0)),
    }
}

/// The first stolen minute that a verdict at `poll` answers to: within the evaluated time, or, for a verdict on what came before
/// it, from the beginning. With run records only minutes outside runs count, where there are any: the first of them may be later
/// than the verdict.
fn onset(replay: &Replay, evaluate_from: Minute, poll: Minute) -> Option<Minute> {
    let unexplained = |minute: Minute| replay.alibi.as_ref().is_none_or(|alibi| !alibi.explains(minute));
    let mut minutes =
        replay.stolen.iter().map(|(minute, _)| *minute).filter(|m| poll < evaluate_from || *m >= evaluate_from);
    let first = minutes.clone().next()?;
    Some(minutes.find(|minute| unexplained(*minute)).unwrap_or(first))
}

/// How many stretches the polls (ascending) fall into.
fn episodes(polls: impl Iterator<Item = Minute>) -> u32 {
    let mut count = 0;
    let mut last: Option<Minute> = None;
    for poll in polls {
        if last.is_none_or(|last| poll.since(last) > QUIET) {
            count += 1;
        }
        last = Some(poll);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::watch::Alibi;

    #[test]
    fn a_delay_counts_from_the_first_stolen_minute_that_no_run_explains() {
        let minute = Minute::from_epoch;
        let stolen = (100..200).map(|at| (minute(at), UsdMicros::from_micros(1))).collect::<Vec<_>>();
        let replay = |runs: Option<Vec<(Minute, Minute)>>| Replay {
            said: Vec::new(),
            stolen: stolen.clone(),
            alibi: runs.map(Alibi::new),
        };
        let of = |replay: &Replay| onset(replay, minute(100), minute(150));
        assert_eq!(of(&replay(None)), Some(minute(100)));
        assert_eq!(of(&replay(Some(vec![(minute(90), minute(120))]))), Some(minute(121)));
        assert_eq!(of(&replay(Some(vec![(minute(90), minute(160))]))), Some(minute(161)), "later than the verdict");
        assert_eq!(of(&replay(Some(vec![(minute(90), minute(300))]))), Some(minute(100)), "all of it is explained");
    }
}
