//! The pool of standbys and the ends of keys: what runs out is told before it is missed, once.

use chrono::TimeDelta;

use super::{App, AppError, custody};
use crate::domain::ids::KeyId;
use crate::domain::ledger::Workspace;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Standing};
use crate::domain::time::{Timestamp, humane, rfc3339};

/// A key that stops by itself within this time is told.
const SOON: TimeDelta = TimeDelta::days(14);

/// Queues a notice for each pool that is not full and each key that is about to end. The same state is told once: what it is called
/// holds the newest key of the pool.
///
/// # Errors
/// The outbox's. A journal that cannot be read is left to those who work on it.
pub fn watch(app: &App) -> Result<(), AppError> {
    let now = app.clock.now();
    let mut notices = Vec::new();
    for workspace in &app.ledger.workspaces {
        if let Ok(custody) = custody::load(app, &workspace.name) {
            notices.extend(pool(workspace, &custody, now));
            notices.extend(ends(workspace, &custody, now));
            notices.extend(old(workspace, &custody, now));
        }
    }
    if !notices.is_empty() {
        app.outbox.enqueue(&notices)?;
    }
    Ok(())
}

fn pool(workspace: &Workspace, custody: &Custody, now: Timestamp) -> Option<Notice> {
    let (ready, wanted) = (custody.standbys().len(), workspace.rotation.standbys as usize);
    // Before the first key there is nothing to stand by for.
    custody.desired()?;
    if ready >= wanted {
        return None;
    }
    let name = &workspace.name;
    let newest = custody.keys().values().map(|r| r.enrolled).max().unwrap_or(0);
    let (event, severity, what) = match ready {
        0 => ("standby.none", Severity::Warning, "has no standby key left".to_owned()),
        _ => ("standby.low", Severity::Notice, format!("has {ready} of {wanted} standby keys")),
    };
    Some(Notice {
        summary: format!("{name} {what}"),
        detail: format!(
            "A trip would end in an outage and a rotation would wait. `guard key request -w {name}` says what to make."
        ),
        ..notice(workspace, format!("{name}/{event}/{newest}"), event, severity, now)
    })
}

fn ends<'a>(workspace: &'a Workspace, custody: &'a Custody, now: Timestamp) -> impl Iterator<Item = Notice> + 'a {
    let used = custody.keys().iter().filter(|(_, r)| r.standing == Standing::Usable && !r.canary);
    used.filter_map(move |(key, record)| {
        let end = record.expires_at.filter(|end| *end - now < SOON)?;
        let name = &workspace.name;
        let what = if end <= now { "has expired".to_owned() } else { format!("expires in {}", humane(end - now)) };
        Some(Notice {
            key: Some(key.clone()),
            summary: format!("{name}: {key} {what}"),
            detail: format!(
                "It ends at {}. `guard key request -w {name}` says what to make; then `guard rotate -w {name}`.",
                rfc3339(end)
            ),
            ..notice(workspace, format!("{name}/key.expires/{key}"), "key.expires", Severity::Warning, now)
        })
    })
}

/// Standbys that have lain about for long.
pub(super) fn aged<'a>(
    workspace: &Workspace,
    custody: &'a Custody,
    now: Timestamp,
) -> impl Iterator<Item = (&'a KeyId, TimeDelta)> {
    let most = TimeDelta::from_std(workspace.rotation.standby_max_age).unwrap_or(TimeDelta::MAX);
    let pool = custody.standbys().into_iter();
    pool.filter_map(move |key| Some((key, now - custody.key(key)?.created_at))).filter(move |(_, age)| *age > most)
}

fn old<'a>(workspace: &'a Workspace, custody: &'a Custody, now: Timestamp) -> impl Iterator<Item = Notice> + 'a {
    aged(workspace, custody, now).map(move |(key, age)| {
        let name = &workspace.name;
        Notice {
            key: Some(key.clone()),
            summary: format!("{name}: standby {key} is {} old", humane(age)),
            detail: format!(
                "`guard key request -w {name}` says how to make another one; `guard key forget -w {name} {key}` takes this one out."
            ),
            ..notice(workspace, format!("{name}/standby.old/{key}"), "standby.old", Severity::Notice, now)
        }
    })
}

fn notice(workspace: &Workspace, dedup: String, event: &str, severity: Severity, at: Timestamp) -> Notice {
    Notice {
        dedup,
        event: event.to_owned(),
        severity,
        at,
        workspace: Some(workspace.name.clone()),
        key: None,
        incident: None,
        summary: String::new(),
        detail: String::new(),
        evidence_head: None,
    }
}
