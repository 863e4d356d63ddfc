//! Replacing a workspace's key.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use super::drive::{Driver, Patience, Pause, find};
use super::{App, AppError, custody, hold, hooks};
use crate::domain::ids::{ConsumerName, KeyId, RotationId, WorkspaceName};
use crate::domain::ledger::Workspace;
use crate::domain::rotation::{Custody, Ending, Event, Phase, Plan, Policy, Standing, plan};
use crate::domain::time::Timestamp;

/// The reason of a rotation that nobody asked for.
pub const SCHEDULED: &str = "due by the ledger's schedule";

/// What is wanted of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Begin one, or take the open one on.
    Forward,
    /// The same, without waiting for proof that the old key is out of use. The reason is kept.
    Force(String),
    /// Back to the old key: at once while it is not doomed; inside the grace time by bringing the retired key back.
    RollBack,
}

/// A request for a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotateRequest {
    /// What is wanted.
    pub order: Order,
    /// Why, for the record.
    pub reason: String,
    /// How long to wait.
    pub patience: Patience,
    /// How long to wait for another guard that works on the workspace.
    pub lock_wait: Duration,
}

/// How a rotation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotateReport {
    /// Whose.
    pub workspace: WorkspaceName,
    /// The newest rotation, when there is one.
    pub rotation: Option<RotationId>,
    /// Its phase, or `idle`.
    pub phase: Phase,
    /// Since when it is in that phase.
    pub since: Option<Timestamp>,
    /// How it ended, if this call saw it end.
    pub ended: Option<Ending>,
    /// The key that consumers are meant to hold.
    pub desired: Option<KeyId>,
    /// The key being replaced, or just replaced.
    pub old: Option<KeyId>,
    /// The key that replaces it.
    pub new: Option<KeyId>,
    /// Seconds from the first request to deactivate the old key until it was refused.
    pub effective_seconds: Option<u64>,
    /// Consumers that do not have the desired key yet, by record.
    pub behind: Vec<ConsumerName>,
    /// What is waited for.
    pub waiting_for: Option<String>,
    /// When to come back.
    pub next: Option<Timestamp>,
    /// What only a person can do.
    pub needs: Option<String>,
}

/// Begins a rotation, or takes the open one on, as far as it goes now.
///
/// # Errors
/// [`AppError::Refused`] when a precondition does not hold; what is open goes on whatever the error.
pub async fn rotate(app: &App, name: &WorkspaceName, request: &RotateRequest) -> Result<RotateReport, AppError> {
    hold::refuse(app, "no rotation begins or goes on")?;
    let mut driver = Driver::take(app, name, request.lock_wait).await?;
    let workspace = find(app, name)?;
    hooks::after_rotation(app, workspace, driver.custody()).await;
    if let Some(Event::RotationRequested { .. }) = opening(app, driver.custody(), driver.policy(), name, request)? {
        hooks::before(app, workspace, driver.custody()).await?;
    }
    // Another guard may write in between (a trip takes no lock); then everything is judged anew.
    while let Some(event) = opening(app, driver.custody(), driver.policy(), name, request)? {
        if driver.commit(&[event])? {
            break;
        }
    }
    let before = driver.custody().rotation().cloned();
    let pause = driver.run(request.patience).await?;
    let mut report = describe(name, driver.custody(), driver.policy(), app.clock.now());
    report.ended = driver.happened.iter().find_map(|e| match e {
        Event::RotationEnded { ending } => Some(*ending),
        _ => None,
    });
    if let Some(rotation) = before {
        report.rotation = Some(rotation.id);
        report.new = report.new.or_else(|| driver.custody().desired().filter(|k| **k != rotation.old).cloned());
        report.effective_seconds = driver
            .custody()
            .key(&rotation.old)
            .and_then(|r| r.death.as_ref())
            .and_then(|death| death.effective_seconds);
        report.old = Some(rotation.old);
    }
    match pause {
        Pause::Waiting { until, why } => {
            report.waiting_for = Some(why.to_string());
            report.next = Some(until);
        }
        Pause::Asking(ask) => report.needs = Some(ask.to_string()),
        Pause::Settled => {}
    }
    let custody = driver.custody().clone();
    drop(driver);
    hooks::after_rotation(app, workspace, &custody).await;
    Ok(report)
}

/// The event that the request begins with; `None` when the open rotation just goes on.
fn opening(
    app: &App,
    custody: &Custody,
    policy: &Policy,
    name: &WorkspaceName,
    request: &RotateRequest,
) -> Result<Option<Event>, AppError> {
    let refuse = |what: String, remedy: String| Err(AppError::Refused { what, remedy });
    let begin = |recall: Option<KeyId>| Event::RotationRequested {
        rotation: custody.next_rotation(),
        reason: request.reason.clone(),
        by: app.actor.clone(),
        consumers: policy.consumers.clone(),
        recall,
    };
    let Some(desired) = custody.desired() else {
        return refuse(format!("`{name}` has no key yet"), format!("hand one over with `guard key add -w {name}`"));
    };
    if let Some(rotation) = custody.rotation() {
        return match &request.order {
            Order::Forward => Ok(None),
            Order::Force(_) if custody.phase() == Phase::RollBack => refuse(
                format!("rotation {} is being rolled back", rotation.id),
                format!("let it finish with `guard rotate -w {name}`, then begin another one"),
            ),
            Order::Force(_) if rotation.forced.is_some() => Ok(None),
            Order::Force(reason) => Ok(Some(Event::DrainForced { reason: reason.clone(), by: app.actor.clone() })),
            Order::RollBack if custody.phase() == Phase::RollBack => Ok(None),
            Order::RollBack if custody.usable(&rotation.old) => {
                Ok(Some(Event::TurnedBack { why: request.reason.clone(), unfit: false }))
            }
            Order::RollBack => refuse(
                format!("rotation {} is past the point of no return: {} is being revoked", rotation.id, rotation.old),
                format!(
                    "let it finish (`guard rotate -w {name}`); then `guard rotate -w {name} --rollback` brings the key back"
                ),
            ),
        };
    }
    if let Some(incident) = custody.latch() {
        return refuse(
            format!("incident {incident} keeps the gate of `{name}` closed"),
            format!(
                "when the cause is known: `guard rearm -w {name} --incident {incident} --cause TEXT --reason TEXT`"
            ),
        );
    }
    if !custody.usable(desired) {
        return refuse(
            format!("the key of `{name}`, {desired}, is out of use and no standby has taken over"),
            format!("make a key in the Console and hand it over with `guard key add -w {name}`"),
        );
    }
    if let Some(other) = shares_with(app, name)? {
        return refuse(
            format!("`{other}` shares a consumer with `{name}` and its rotation is open"),
            format!("let it finish first: `guard rotate -w {other}`"),
        );
    }
    match &request.order {
        Order::Forward | Order::Force(_) => Ok(Some(begin(None))),
        Order::RollBack => match last_retired(custody) {
            Some(key) => Ok(Some(begin(Some(key)))),
            None => refuse(
                format!("`{name}` has no open rotation, and no retired key that could be brought back"),
                "a key can be brought back until its grace time is over and never after a trip".to_owned(),
            ),
        },
    }
}

/// The key that was replaced last and is still recoverable.
fn last_retired(custody: &Custody) -> Option<KeyId> {
    let retired = custody
        .keys()
        .iter()
        .filter(|(_, r)| r.standing == Standing::Dead && !r.tripped && !r.archived && r.deployed_at.is_some());
    retired.max_by_key(|(_, r)| r.dead_at).map(|(key, _)| key.clone())
}

/// What a rotation would do, or what is left of the open one; nothing is changed.
///
/// # Errors
/// The store's, and [`AppError::Refused`] for an unknown workspace.
pub fn dry_run(app: &App, name: &WorkspaceName) -> Result<Plan, AppError> {
    let policy = Policy::from(find(app, name)?);
    Ok(plan(&custody::load(app, name)?, &policy))
}

/// How the rotation stands, from the records alone.
///
/// # Errors
/// The store's, and [`AppError::Refused`] for an unknown workspace.
pub fn status(app: &App, name: &WorkspaceName) -> Result<RotateReport, AppError> {
    let policy = Policy::from(find(app, name)?);
    Ok(describe(name, &custody::load(app, name)?, &policy, app.clock.now()))
}

fn describe(name: &WorkspaceName, custody: &Custody, policy: &Policy, now: Timestamp) -> RotateReport {
    let rotation = custody.rotation();
    RotateReport {
        workspace: name.clone(),
        rotation: rotation.map(|r| r.id),
        phase: custody.phase(),
        since: custody.since(),
        ended: None,
        desired: custody.desired().cloned(),
        old: rotation.map(|r| r.old.clone()),
        new: rotation.and_then(|r| r.new.clone()),
        effective_seconds: None,
        behind: policy.consumers.iter().filter(|c| !custody.converged(c)).cloned().collect(),
        waiting_for: custody.waiting_for(policy, now).map(|w| w.to_string()),
        next: None,
        needs: None,
    }
}

/// The workspaces whose rotation is open, or due by the key's age or the calendar while their window is open. Of workspaces that share
/// a place only one is under way at a time.
///
/// # Errors
/// None of a single workspace: one whose journal cannot be read is returned with its error.
pub fn due(app: &App) -> Vec<(WorkspaceName, Result<bool, AppError>)> {
    let mut found = Vec::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let loaded: Vec<_> = app.ledger.workspaces.iter().map(|w| (w, custody::load(app, &w.name))).collect();
    let open = |custody: &Result<Custody, AppError>| custody.as_ref().is_ok_and(|c| c.rotation().is_some());
    for (workspace, _) in loaded.iter().filter(|(_, custody)| open(custody)) {
        taken.extend(places(app, workspace));
    }
    for (workspace, custody) in loaded {
        let due = custody.map(|custody| {
            custody.rotation().is_some()
                || is_due(workspace, &custody, app.clock.now()) && {
                    // The next pass begins it, when the one that shares a place with it is over.
                    let own = places(app, workspace);
                    let free = own.is_disjoint(&taken);
                    taken.extend(own.into_iter().filter(|_| free));
                    free
                }
        });
        found.push((workspace.name.clone(), due));
    }
    found
}

/// The schedule wants a new key, and its window is open.
fn is_due(workspace: &Workspace, custody: &Custody, now: Timestamp) -> bool {
    let times = &workspace.rotation.times;
    let interval = TimeDelta::from_std(workspace.rotation.interval).unwrap_or(TimeDelta::MAX);
    let deployed = custody.desired().and_then(|key| custody.key(key)).and_then(|record| record.deployed_at);
    let listed = times.last_due(now).is_some_and(|day| deployed.is_some_and(|at| at < day));
    times.open(now) && (custody.rotation_due(interval, now) || listed && custody.rotation_due(TimeDelta::zero(), now))
}

/// Where the workspace's workloads read from.
fn places(app: &App, workspace: &Workspace) -> BTreeSet<String> {
    workspace.consumers.iter().map(|settings| (app.consumers)(&workspace.name, settings).describe()).collect()
}

/// Another workspace with an open rotation that shares a consumer's place with this one.
fn shares_with(app: &App, name: &WorkspaceName) -> Result<Option<WorkspaceName>, AppError> {
    let own = places(app, find(app, name)?);
    for other in app.ledger.workspaces.iter().filter(|other| other.name != *name) {
        if !places(app, other).is_disjoint(&own) && custody::load(app, &other.name)?.rotation().is_some() {
            return Ok(Some(other.name.clone()));
        }
    }
    Ok(None)
}
