//! One look at the feed: read, store, judge, remember.
//!
//! Acting on what is found is somebody else's part. A poll can be repeated at any time: buckets replace, and what was
//! judged already is not judged again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::sight::POLL_STATE;
use super::watched::{self, Watched};
use super::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceName};
use crate::domain::ledger::{ModelPolicy, WatchPolicy, Workspace};
use crate::domain::time::{Minute, Timestamp};
use crate::domain::usage::UsageRow;
use crate::domain::watch::ceiling::{self, Spent};
use crate::domain::watch::{Alibi, Finding, KeyRole, Level, Policy, Roles, Verdict, blind, episode, fusion, schedule};
use crate::ports::{ProviderError, StoreError};

/// A minute is taken as complete this long after it began, as the provider documents
/// (<https://platform.claude.com/docs/en/manage-claude/usage-cost-api>: data typically appear within five minutes).
const FEED_LAG: i64 = 5;
/// How far before the watermark every poll reads again, in minutes: late and restated buckets.
const READ_AGAIN: i64 = 30;
/// How far before the watermark the first poll of an hour reads again: buckets that are later than that.
const READ_AGAIN_HOURLY: i64 = 6 * 60;
/// How far the first poll ever reads back.
const BACKFILL: i64 = 28 * 1440;
/// The feed is read in stretches of at most this many minutes, so that memory stays bounded.
const STRETCH: i64 = 1440;
/// What was judged about minutes older than this is history, not news: a first poll reads four weeks.
const NEWS: i64 = 60;
/// Watched principals are stored in batches of this many.
const BATCH: usize = 256;

/// What a poll found.
#[derive(Debug)]
pub struct PollReport {
    /// The newest minute that is known to be complete; `None` when nothing was ever read.
    pub watermark: Option<Minute>,
    /// What is abnormal now, the gravest first.
    pub verdicts: Vec<Judged>,
    /// The same rule on several principals at once.
    pub groups: Vec<episode::Group>,
    /// guard cannot see, or sees only old data.
    pub blind: Option<Finding>,
    /// Why this poll read nothing new, if so.
    pub trouble: Option<ProviderError>,
    /// Principals that had usage or were looked at again.
    pub principals: usize,
    /// Lines of the feed that were read.
    pub rows: usize,
}

/// A verdict and the workspace that it concerns; `None` when the ledger does not know the workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The workspace.
    pub workspace: Option<WorkspaceName>,
    /// The verdict.
    pub verdict: Verdict,
    /// It is new or graver than at the last poll: people must hear of it.
    pub news: bool,
}

/// What polls remember beside the principals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct PollState {
    watermark: Option<Minute>,
    /// When the feed was last read to its end: what `guard exec` and `guard check` look at.
    last_good: Option<Timestamp>,
    /// Principals that the last poll looked at: a restatement may take their usage away.
    looked_at: Vec<Principal>,
    /// What each principal of a workspace with caps has spent, and as of when.
    spent: BTreeMap<WorkspaceName, Vec<(Principal, Minute, Spent)>>,
}

/// Reads the feed from a little before the watermark, stores it, and judges every principal that it concerns. `roles` says what keys
/// are for; a key that is not in it is taken to be in use.
///
/// # Errors
/// [`AppError::Store`] when the state cannot be read or written. Trouble with the provider is no error: it is in the report.
pub async fn poll(app: &App, roles: &Roles) -> Result<PollReport, AppError> {
    let now = app.clock.now();
    let mut state: PollState = load(app, POLL_STATE)?.unwrap_or_default();
    let newest = Minute::containing(now).plus(-FEED_LAG);
    let from = match state.watermark {
        None => newest.plus(-BACKFILL),
        Some(watermark) if watermark.epoch() / 60 != newest.epoch() / 60 => watermark.plus(1 - READ_AGAIN_HOURLY),
        Some(watermark) => watermark.plus(1 - READ_AGAIN),
    };
    let (principals, rows, trouble) = read(app, from, newest, now).await?;
    let mut report = PollReport {
        watermark: state.watermark,
        verdicts: Vec::new(),
        groups: Vec::new(),
        blind: None,
        trouble,
        principals: 0,
        rows,
    };
    if report.trouble.is_none() {
        let looked_at = judge(app, roles, &mut state, principals, from, newest, &mut report)?;
        state.watermark = Some(state.watermark.map_or(newest, |watermark| watermark.max(newest)));
        state.looked_at = looked_at;
        state.last_good = Some(now);
        save(app, &[(POLL_STATE.to_owned(), &state)])?;
        report.watermark = state.watermark;
    }
    let limit = app.ledger.workspaces.iter().map(|w| w.watch.blind_after).min();
    let trouble = report.trouble.as_ref().map(ToString::to_string);
    report.blind = blind::judge(
        report.watermark.map(Minute::end),
        now,
        limit.unwrap_or(WatchPolicy::default().blind_after),
        trouble.as_deref(),
    );
    report.verdicts.sort_by(|a, b| {
        b.verdict.level.cmp(&a.verdict.level).then_with(|| a.verdict.principal.cmp(&b.verdict.principal))
    });
    report.groups = episode::group(report.verdicts.iter().map(|judged| &judged.verdict));
    Ok(report)
}

/// Reads and stores `from..=newest`. Returns who had usage and where, the number of lines, and what went wrong.
async fn read(
    app: &App,
    from: Minute,
    newest: Minute,
    now: Timestamp,
) -> Result<(BTreeMap<Principal, Place>, usize, Option<ProviderError>), AppError> {
    let mut principals = BTreeMap::new();
    let mut rows = 0;
    let mut start = from;
    while start <= newest {
        let until = newest.plus(1).min(start.plus(STRETCH));
        let window = match app.feed.usage(start, until).await {
            Ok(window) => window,
            Err(error) => return Ok((principals, rows, Some(error))),
        };
        app.usage.replace_usage(&window, now)?;
        rows += window.rows.len();
        for row in window.rows {
            principals.entry(row.principal).or_insert(Place(row.workspace));
        }
        start = until;
    }
    Ok((principals, rows, None))
}

/// The workspace that the feed names; none is the default workspace.
struct Place(Option<crate::domain::ids::WorkspaceId>);

/// What a workspace's principals are judged by.
struct Judging<'a> {
    workspace: Option<&'a Workspace>,
    watch: &'a WatchPolicy,
    models: &'a ModelPolicy,
    alibi: Option<Alibi>,
}

fn judge(
    app: &App,
    roles: &Roles,
    state: &mut PollState,
    mut principals: BTreeMap<Principal, Place>,
    from: Minute,
    newest: Minute,
    report: &mut PollReport,
) -> Result<Vec<Principal>, AppError> {
    let with_usage: Vec<Principal> = principals.keys().cloned().collect();
    for principal in std::mem::take(&mut state.looked_at) {
        principals.entry(principal).or_insert(Place(None));
    }
    report.principals = principals.len();
    let (no_watch, no_models) = (WatchPolicy::default(), ModelPolicy::default());
    let mut judging: BTreeMap<Option<WorkspaceName>, Judging<'_>> = BTreeMap::new();
    let mut batch: Vec<(String, Watched)> = Vec::new();
    let mut capped: BTreeSet<WorkspaceName> = BTreeSet::new();
    for (principal, place) in principals {
        let name = watched::state_name(&principal);
        let stored: Option<Watched> = load(app, &name)?;
        let workspace = match &stored {
            Some(watched) => watched.workspace.as_ref().and_then(|name| app.ledger.workspace(name)),
            None => watched::workspace_of(app, place.0.as_ref()),
        };
        let key = workspace.map(|w| w.name.clone());
        if !judging.contains_key(&key) {
            let alibi = workspace.map(|w| alibi(app, w, from, newest)).transpose()?.flatten();
            let watch = workspace.map_or(&no_watch, |w| &w.watch);
            let models = workspace.map_or(&no_models, |w| &w.models);
            judging.insert(key.clone(), Judging { workspace, watch, models, alibi });
        }
        let by = &judging[&key];
        let policy = Policy {
            watch: by.watch,
            models: by.models,
            acceptable_loss: by.workspace.and_then(|w| w.acceptable_loss),
            role: principal.key().map(|k| roles.of(k, key.as_ref())).unwrap_or_default(),
            alibi: by.alibi.as_ref(),
        };
        let mut watched = match stored {
            Some(watched) => watched,
            None => Watched::new(key.clone(), from),
        };
        let rows = app.usage.usage(Some(&principal), from, newest.plus(1))?;
        let known = by.workspace.is_some() && principal.key().is_some() && policy.role != KeyRole::Unmanaged;
        let said = watched.look(&principal, &usage(app, &rows), (from, newest), &policy, known, newest.plus(-NEWS))?;
        report.verdicts.extend(said.into_iter().map(|(verdict, news)| Judged {
            workspace: key.clone(),
            verdict,
            news,
        }));
        if let Some(workspace) = by.workspace.filter(|w| watched::has_caps(w)) {
            let spent = state.spent.entry(workspace.name.clone()).or_default();
            spent.retain(|(of, _, _)| *of != principal);
            spent.push((principal.clone(), newest, watched.spent(newest)));
            capped.insert(workspace.name.clone());
        }
        batch.push((name, watched));
        if batch.len() >= BATCH {
            store(app, &mut batch)?;
        }
    }
    store(app, &mut batch)?;
    for name in capped {
        let Some(workspace) = app.ledger.workspace(&name) else { continue };
        report.verdicts.extend(caps(workspace, &state.spent[&name], newest));
    }
    Ok(with_usage)
}

/// The verdicts on a workspace's caps, on the principal that spent most today.
fn caps(workspace: &Workspace, spent: &[(Principal, Minute, Spent)], at: Minute) -> Vec<Judged> {
    let current = |(_, as_of, spent): &(Principal, Minute, Spent)| spent.as_of(*as_of, at);
    let total = spent.iter().map(current).fold(Spent::default(), Spent::plus);
    let mut findings = ceiling::judge(&workspace.ceilings, &total);
    findings.extend(workspace.monthly_limit.and_then(|limit| ceiling::judge_month(limit, &total, at)));
    fusion::cap(&mut findings, |rule| rule.action(&workspace.watch.rules));
    let Some(largest) = spent.iter().max_by_key(|entry| current(entry).usd) else { return Vec::new() };
    let judgement = crate::domain::watch::Judgement { at, findings };
    let (opened, _) = episode::advance(None, &judgement);
    let verdict = opened.and_then(|episode| episode::verdict(&largest.0, episode, &judgement));
    let judged = |verdict: Verdict| Judged {
        workspace: Some(workspace.name.clone()),
        news: verdict.level == Level::Trip,
        verdict,
    };
    verdict.map(judged).into_iter().collect()
}

/// When jobs of the workspace ran, by records and schedules; `None` when there are neither and none are promised.
fn alibi(app: &App, workspace: &Workspace, from: Minute, newest: Minute) -> Result<Option<Alibi>, AppError> {
    let slack = TimeDelta::from_std(workspace.watch.run_slack).unwrap_or(TimeDelta::zero());
    let early = from.plus(-NEWS).start();
    let runs = app.runs.runs(&workspace.name, early - slack, newest.end())?;
    let mut stretches: Vec<(Minute, Minute)> = runs
        .iter()
        .map(|run| {
            let end = run.ended_at.unwrap_or(newest.end());
            (Minute::containing(run.started_at), Minute::containing(end + slack))
        })
        .collect();
    stretches.extend(schedule::expected_runs(&workspace.jobs, from.plus(-NEWS), newest));
    let kept = workspace.watch.runs_registered || !stretches.is_empty();
    Ok(kept.then(|| Alibi::new(stretches)))
}

fn usage(app: &App, rows: &[UsageRow]) -> Vec<crate::domain::watch::usage::MinuteUsage> {
    watched::priced(rows, |row| app.prices.cost(row).amount)
}

fn load<T: for<'de> Deserialize<'de>>(app: &App, name: &str) -> Result<Option<T>, AppError> {
    let Some(value) = app.watch_state.load_state(name)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| StoreError::Damaged(format!("watch state `{name}`: {error}"));
    Ok(Some(serde_json::from_value(value).map_err(damaged)?))
}

fn save<T: Serialize>(app: &App, states: &[(String, T)]) -> Result<(), AppError> {
    let values = states
        .iter()
        .map(|(name, state)| Ok((name.clone(), serde_json::to_value(state)?)))
        .collect::<Result<Vec<_>, serde_json::Error>>()
        .map_err(|error| AppError::Bug(format!("watch state could not be written as JSON: {error}")))?;
    Ok(app.watch_state.save_states(&values)?)
}

fn store(app: &App, batch: &mut Vec<(String, Watched)>) -> Result<(), AppError> {
    if !batch.is_empty() {
        save(app, batch)?;
        batch.clear();
    }
    Ok(())
}
