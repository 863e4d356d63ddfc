//! What the metrics say, gathered from the records alone. Counters of events are folded from the journal, so that they survive
//! a restart and never run backwards.

use std::collections::BTreeMap;

use super::{App, AppError, status};
use crate::domain::ids::Principal;
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::rotation::{Custody, Standing, Tally, fold};
use crate::domain::time::Minute;
use crate::domain::usage::Tokens;
use crate::report::metrics::{MetricsView, WorkspaceMetrics};
use crate::report::status::{GateView, StatusView};

/// Gathers everything but `poll_errors` and `notifications`, which are the caller's counts.
///
/// # Errors
/// The store's. A workspace with a damaged journal is left out; `guard status` names it.
pub fn gather(app: &App) -> Result<MetricsView, AppError> {
    let status = status::gather(app)?;
    let newest = status.feed.newest;
    let usage = newest.map_or_else(|| Ok(Vec::new()), |minute| app.usage.usage(None, minute, minute.plus(1)))?;
    let mut by_key: BTreeMap<_, Tokens> = BTreeMap::new();
    for row in &usage {
        if let Principal::Key(key) = &row.principal {
            *by_key.entry(key.clone()).or_default() += row.tokens;
        }
    }
    let mut workspaces = Vec::with_capacity(app.ledger.workspaces.len());
    for workspace in &app.ledger.workspaces {
        let events = app.journal.events(&workspace.name)?;
        let Ok(custody) = fold(events.iter().map(|r| (r.seq, r.at, &r.event))) else { continue };
        let mut metrics = of_custody(workspace, &custody, &status);
        let tally = Tally::of(events.iter().map(|r| (r.at, &r.event)), None);
        add_rotations(&mut metrics, &tally, custody.rotation().is_some());
        // A key that is not mentioned was silent: zero, not unknown.
        let live = metrics.lives.iter().map(|(key, ..)| key.clone());
        if newest.is_some() {
            metrics.usage = live.map(|key| (key.clone(), by_key.get(&key).copied().unwrap_or_default())).collect();
        }
        workspaces.push(metrics);
    }
    Ok(MetricsView {
        version: status.guard_version.clone(),
        usage_data: newest.map(Minute::end),
        last_poll: status.feed.last_good_poll,
        waiting: status.notifiers.waiting,
        on_hold: status.hold.is_some(),
        workspaces,
        ..MetricsView::default()
    })
}

fn of_custody(workspace: &Workspace, custody: &Custody, status: &StatusView) -> WorkspaceMetrics {
    let view = status.workspaces.iter().find(|view| view.name == workspace.name);
    let mut metrics = WorkspaceMetrics {
        name: workspace.name.to_string(),
        armed: workspace.trip.mode != TripMode::Observe,
        gate_open: view.is_some_and(|view| matches!(view.gate, GateView::Open { .. })),
        standbys: count(custody.standbys().len()),
        owed: count(view.map_or(0, |view| view.owed().len())),
        stage: custody.rotation().map(|_| custody.phase().as_str()),
        rotating_since: custody.rotation().map(|rotation| rotation.started_at),
        ..WorkspaceMetrics::default()
    };
    for (key, role) in custody.roles() {
        *metrics.keys.entry(role.as_str()).or_default() += 1;
        if let Some(record) = custody.key(key).filter(|record| record.standing != Standing::Dead) {
            metrics.lives.push((key.clone(), record.created_at, record.expires_at));
        }
    }
    for incident in custody.incidents() {
        *metrics.incidents.entry(incident.rule.clone()).or_default() += 1;
        for key in &incident.keys {
            let dead = custody.key(key).is_none_or(|record| record.standing == Standing::Dead);
            *metrics.kills.entry(if dead { "confirmed" } else { "pending" }).or_default() += 1;
        }
    }
    metrics
}

fn add_rotations(metrics: &mut WorkspaceMetrics, tally: &Tally, open: bool) {
    // A trip or a promotion ends a rotation without a word of its own.
    let interrupted = tally.begun.saturating_sub(tally.completed + tally.rolled_back + u64::from(open));
    let counts = [("completed", tally.completed), ("rolled_back", tally.rolled_back), ("interrupted", interrupted)];
    metrics.rotations = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    metrics.rotation_seconds.clone_from(&tally.durations);
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
