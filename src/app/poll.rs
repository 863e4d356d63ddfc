//! One look at the feed: read, store, judge.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use super::sight::POLL_STATE;
use super::{App, AppError, custody};
use crate::domain::ids::{KeyId, Principal, WorkspaceName};
use crate::domain::ledger::{ModelPolicy, WatchPolicy, Workspace};
use crate::domain::rotation::Role;
use crate::domain::time::Minute;
use crate::domain::usage::UsageRow;
use crate::domain::watch::usage::{MinuteUsage, ModelUsage};
use crate::domain::watch::{Alibi, Detector, KeyRole, Level, Policy, Verdict, amount, sentence, severity};

const HISTORY: i64 = 28 * 24 * 60;
const RESTATED: i64 = 30;

/// What a look at the feed came to.
#[derive(Debug)]
pub struct PollReport {
    /// The newest minute that is known to be complete.
    pub watermark: Option<Minute>,
    /// What the rules say, for every principal on which they say anything.
    pub verdicts: Vec<Judged>,
    /// Why guard does not see, if so.
    pub blind: Option<String>,
    /// How many principals were judged.
    pub principals: usize,
}

/// A verdict and whose it is.
#[derive(Debug)]
pub struct Judged {
    /// The ledger's workspace.
    pub workspace: Option<WorkspaceName>,
    /// What is said.
    pub verdict: Verdict,
}

/// Reads the feed from a little before what is known, stores it, and judges every principal.
///
/// # Errors
/// The feed's and the store's: guard is blind for now.
pub async fn poll(app: &App) -> Result<PollReport, AppError> {
    let now = app.clock.now();
    let known: Option<Minute> = app
        .watch_state
        .load_state(POLL_STATE)?
        .and_then(|s| s.get("watermark").cloned())
        .and_then(|v| serde_json::from_value(v).ok());
    let this = Minute::containing(now);
    let from = known.map_or(this.plus(-HISTORY), |w| w.plus(-RESTATED).max(this.plus(-HISTORY)));
    let window = app.feed.usage(from, this).await?;
    app.usage.replace_usage(&window, now)?;
    let lag = i64::try_from(app.ledger.provider.feed_lag.as_secs() / 60).unwrap_or(5);
    let watermark = this.plus(-lag);
    let rows = app.usage.usage(None, this.plus(-HISTORY), this)?;
    let mut by_principal: BTreeMap<Principal, Vec<UsageRow>> = BTreeMap::new();
    for row in rows {
        by_principal.entry(row.principal.clone()).or_default().push(row);
    }
    let roles = roles(app);
    let principals = by_principal.len();
    let mut verdicts = Vec::new();
    for (principal, rows) in by_principal {
        let workspace = whose(app, &principal, &rows, &roles);
        verdicts.extend(judge(app, workspace, principal, &rows, watermark, &roles)?);
    }
    let state = json!({ "watermark": watermark, "last_good": now });
    app.watch_state.save_states(&[(POLL_STATE.to_owned(), state)])?;
    Ok(PollReport { watermark: Some(watermark), verdicts, blind: None, principals })
}

fn roles(app: &App) -> BTreeMap<KeyId, (WorkspaceName, KeyRole)> {
    let mut roles = BTreeMap::new();
    for workspace in &app.ledger.workspaces {
        let Ok(custody) = custody::load(app, &workspace.name) else { continue };
        for (key, role) in custody.roles() {
            let role = match role {
                Role::Active | Role::Incoming | Role::Outgoing | Role::Spent => KeyRole::Active,
                Role::Standby => KeyRole::Standby,
                Role::Canary => KeyRole::Canary,
                Role::Doomed | Role::Retired | Role::Archived | Role::Tripped => KeyRole::Retired,
            };
            roles.insert(key.clone(), (workspace.name.clone(), role));
        }
    }
    roles
}

fn whose<'a>(
    app: &'a App,
    principal: &Principal,
    rows: &[UsageRow],
    roles: &BTreeMap<KeyId, (WorkspaceName, KeyRole)>,
) -> Option<&'a Workspace> {
    let managed = principal.key().and_then(|key| roles.get(key)).and_then(|(name, _)| app.ledger.workspace(name));
    managed.or_else(|| match rows.last().and_then(|row| row.workspace.as_ref()) {
        Some(id) => app.ledger.workspace_by_id(id),
        None => app.ledger.workspaces.iter().find(|w| w.is_default),
    })
}

fn judge(
    app: &App,
    workspace: Option<&Workspace>,
    principal: Principal,
    rows: &[UsageRow],
    watermark: Minute,
    roles: &BTreeMap<KeyId, (WorkspaceName, KeyRole)>,
) -> Result<Option<Judged>, AppError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let role = match principal.key() {
        Some(key) => roles.get(key).map_or(KeyRole::Unmanaged, |(_, role)| *role),
        None => KeyRole::Unmanaged,
    };
    let (no_watch, no_models) = (WatchPolicy::default(), ModelPolicy::default());
    let watch = workspace.map_or(&no_watch, |w| &w.watch);
    let alibi = workspace.map(|w| alibi(app, w, watermark)).transpose()?;
    let policy = Policy {
        watch,
        models: workspace.map_or(&no_models, |w| &w.models),
        acceptable_loss: workspace.and_then(|w| w.acceptable_loss),
        role,
        alibi: alibi.as_ref(),
    };
    let mut detector = Detector::new(first.minute);
    let minutes: Vec<MinuteUsage> = rows
        .chunk_by(|a, b| a.minute == b.minute)
        .map(|rows| MinuteUsage { minute: rows[0].minute, models: models(app, rows) })
        .collect();
    detector.ingest(first.minute, watermark, &minutes);
    let judged = detector.judge(watermark, &policy);
    let Some(last) = judged.last().filter(|j| watermark.since(j.at) <= 5) else { return Ok(None) };
    let Some(finding) = last.findings.first().filter(|f| f.level > Level::Ok) else { return Ok(None) };
    let since = judged
        .iter()
        .rev()
        .take_while(|j| j.findings.iter().any(|f| f.rule == finding.rule))
        .last()
        .map_or(last.at, |j| j.at);
    let verdict = Verdict {
        principal,
        level: finding.level,
        rule: finding.rule,
        severity: severity(finding.level),
        confidence: finding.confidence,
        since,
        at: last.at,
        sentence: sentence(finding, finding.level, since, last.at),
        figures: finding.figures.clone(),
        also: last.findings.iter().skip(1).map(|f| f.rule).collect(),
    };
    Ok(Some(Judged { workspace: workspace.map(|w| w.name.clone()), verdict }))
}

fn models(app: &App, rows: &[UsageRow]) -> Vec<ModelUsage> {
    let mut models: BTreeMap<&str, amount::Amount> = BTreeMap::new();
    for row in rows {
        let amount = amount::Amount {
            work: amount::work(&row.tokens),
            usd: app.prices.cost(row).amount,
            tokens: row.tokens.total(),
        };
        *models.entry(&row.model).or_default() += amount;
    }
    models.into_iter().map(|(model, amount)| ModelUsage { model: model.into(), amount }).collect()
}

fn alibi(app: &App, workspace: &Workspace, watermark: Minute) -> Result<Alibi, AppError> {
    let slack = TimeDelta::from_std(workspace.watch.run_slack).unwrap_or_default();
    let runs = app.runs.runs(&workspace.name, watermark.plus(-HISTORY).start(), watermark.end())?;
    let stretches = runs.iter().map(|run| {
        let end = run.ended_at.map_or(watermark, |end| Minute::containing(end + slack));
        (Minute::containing(run.started_at - slack), end)
    });
    Ok(Alibi::new(stretches.collect()))
}
