use std::collections::BTreeMap;

use super::RunRecords;
use crate::domain::ledger::{ModelPolicy, RuleAction, WatchPolicy};
use crate::domain::money::UsdMicros;
use crate::domain::time::Minute;
use crate::domain::watch::dataset::{Case, CaseClass, Dataset, Series, TokenRow, merge};
use crate::domain::watch::usage::MinuteUsage;
use crate::domain::watch::{Alibi, Detector, Finding, KeyRole, Policy};

/// A minute shows up in the feed this many minutes after it began.
pub(super) const FEED_LAG: i64 = 5;
/// A case is observed for this long before it begins: longer than a baseline looks back.
const HISTORY: i64 = 45 * 1440;
/// Activity with gaps under this many minutes is one run.
const RUN_GAP: i64 = 12;
/// Runs are taken to begin this much earlier and to end this much later than their usage.
const RUN_PADDING: i64 = 2;

/// What is replayed: a series as it is, or changed by a case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'d> {
    pub(super) series: Option<&'d Series>,
    pub(super) case: Option<&'d Case>,
}

/// Everything worth replaying, in order.
pub(super) fn subjects(data: &Dataset) -> Vec<Subject<'_>> {
    let series = data.series.iter().map(|series| Subject { series: Some(series), case: None });
    let find = |case: &Case| {
        let key = case.key.as_deref()?;
        data.series.iter().find(|s| s.key == key && s.file == case.file)
    };
    let cases = data.cases.iter().map(|case| Subject { series: find(case), case: Some(case) });
    series.chain(cases).collect()
}

/// What the watchdog said at one poll.
pub(super) struct Said {
    /// When it looked.
    pub(super) polled_at: Minute,
    /// The gravest finding.
    pub(super) finding: Finding,
}

/// A replay of one subject.
pub(super) struct Replay {
    /// What was said, in order of time.
    pub(super) said: Vec<Said>,
    /// What was stolen, by minute.
    pub(super) stolen: Vec<(Minute, UsdMicros)>,
    /// When jobs ran, if that was recorded.
    pub(super) alibi: Option<Alibi>,
}

/// Replays a subject minute by minute, as a poller would have seen it.
pub(super) fn replay(
    data: &Dataset,
    subject: &Subject<'_>,
    runs: RunRecords,
    actions: &BTreeMap<String, RuleAction>,
) -> Replay {
    let (observed_since, until) = observed(subject);
    let onset = subject.case.map(|case| case.overlay.first().map_or(case.evaluate_from, |row| row.minute));
    let earliest = onset.map_or(observed_since, |onset| observed_since.max(onset.plus(-HISTORY)));
    let rows: &[TokenRow] = subject.series.map_or(&[], |series| &series.rows);
    let own = &rows[rows.partition_point(|row| row.minute < earliest)..];
    let overlay = subject.case.map_or(&[][..], |case| &case.overlay);
    let seen = data.rates.price(&merge(own, overlay));
    let is_attack = subject.case.is_some_and(|case| case.class == CaseClass::Attack);

    let alibi = (runs == RunRecords::Derived).then(|| {
        // An owner's own changes run under `guard exec`, too; a thief's do not.
        if is_attack { derive_runs(&data.rates.price(own)) } else { derive_runs(&seen) }
    });
    let watch = WatchPolicy {
        rules: actions.clone(),
        runs_registered: alibi.is_some(),
        cold_start_budget: subject.case.and_then(|case| case.declared_budget),
        ..WatchPolicy::default()
    };
    let models = ModelPolicy::default();
    let policy =
        Policy { watch: &watch, models: &models, acceptable_loss: None, role: KeyRole::Active, alibi: alibi.as_ref() };

    let mut detector = Detector::new(earliest);
    let mut said = Vec::new();
    let mut poll = |detector: &mut Detector, at: Minute| {
        for judgement in detector.judge(at.plus(-FEED_LAG), &policy) {
            said.extend(judgement.findings.into_iter().next().map(|finding| Said { polled_at: at, finding }));
        }
    };
    let mut due = None;
    for (polled_at, minutes) in arrivals(data, &seen, subject.case) {
        if polled_at > until {
            break;
        }
        // The poll after a silent minute: evidence may have waited for it.
        if let Some(silent) = due.filter(|silent| *silent < polled_at) {
            poll(&mut detector, silent);
        }
        for minute in &minutes {
            detector.ingest(minute.minute, minute.minute, std::slice::from_ref(minute));
        }
        poll(&mut detector, polled_at);
        due = Some(polled_at.plus(1));
    }
    if let Some(silent) = due.filter(|silent| *silent <= until) {
        poll(&mut detector, silent);
    }
    let stolen = if is_attack { data.rates.price(overlay) } else { Vec::new() };
    Replay { said, stolen: stolen.iter().map(|m| (m.minute, cost(m))).collect(), alibi }
}

/// Since when the key is observed, and until when the replay goes.
fn observed(subject: &Subject<'_>) -> (Minute, Minute) {
    let series = subject.series.map(|s| (s.start, s.start.plus(s.minutes + FEED_LAG)));
    match subject.case {
        None => series.unwrap_or((Minute::from_epoch(0), Minute::from_epoch(0))),
        Some(case) => (case.drop_before.or(series.map(|s| s.0)).unwrap_or(case.evaluate_from), case.evaluate_to),
    }
}

/// What arrives at which poll: every minute when it shows up, except where the poller's view was recorded.
fn arrivals(data: &Dataset, seen: &[MinuteUsage], case: Option<&Case>) -> Vec<(Minute, Vec<MinuteUsage>)> {
    let mut arrivals: BTreeMap<Minute, Vec<MinuteUsage>> = BTreeMap::new();
    let recorded = case.and_then(|case| case.polls.as_ref());
    let outside = |minute: Minute| recorded.is_none_or(|view| !(view.from..view.to).contains(&minute));
    for minute in seen.iter().filter(|m| outside(m.minute)) {
        arrivals.entry(minute.minute.plus(FEED_LAG)).or_default().push(minute.clone());
    }
    if let Some(view) = recorded {
        let mut known: BTreeMap<Minute, MinuteUsage> = BTreeMap::new();
        for (polled_at, row) in &view.sightings {
            let Some(usage) = data.rates.price(std::slice::from_ref(row)).pop() else { continue };
            let minute =
                known.entry(usage.minute).or_insert_with(|| MinuteUsage { models: Vec::new(), ..usage.clone() });
            for new in &usage.models {
                minute.models.retain(|old| old.model != new.model);
                minute.models.push(new.clone());
            }
            arrivals.entry(*polled_at).or_default().push(minute.clone());
        }
    }
    arrivals.into_iter().collect()
}

/// Run records from activity.
fn derive_runs(minutes: &[MinuteUsage]) -> Alibi {
    let clusters = minutes.chunk_by(|a, b| b.minute.since(a.minute) < RUN_GAP);
    let stretch =
        |run: &[MinuteUsage]| Some((run.first()?.minute.plus(-RUN_PADDING), run.last()?.minute.plus(RUN_PADDING)));
    Alibi::new(clusters.filter_map(stretch).collect())
}

pub(super) fn cost(minute: &MinuteUsage) -> UsdMicros {
    minute.models.iter().map(|of| of.amount.usd).sum()
}
