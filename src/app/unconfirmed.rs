//! A trip whose key is not proven dead is told again and again, until it is.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{App, custody};
use crate::domain::ids::{IncidentId, KeyId};
use crate::domain::key::short_hint;
use crate::domain::ledger::TripMode;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Standing, Task};
use crate::domain::time::{Timestamp, humane};

/// The pause between two reminders.
pub const EVERY: TimeDelta = TimeDelta::minutes(5);

/// Queues a reminder for every key that was tripped at least [`EVERY`] ago and is not proven dead, at most one in that time.
pub fn remind(app: &App) {
    let now = app.clock.now();
    for workspace in &app.ledger.workspaces {
        // Without a journal the gate is closed, and the watchdog has told of the store.
        let Ok(custody) = custody::load(app, &workspace.name) else { continue };
        for (key, (incident, since)) in alive(&custody).into_iter().filter(|(_, (_, since))| now - *since >= EVERY) {
            let notice = Notice {
                workspace: Some(workspace.name.clone()),
                summary: format!(
                    "{}: {key} ({}) is NOT proven dead, {} after incident {incident}",
                    workspace.name,
                    short_hint(custody.key(key).and_then(|record| record.hint.as_deref())),
                    humane(now - since),
                ),
                detail: detail(&custody, key),
                ..notice(key, incident, since, now)
            };
            if let Err(error) = app.outbox.enqueue(&[notice]) {
                tracing::error!(%error, "a reminder could not be queued");
            }
        }
    }
}

/// Keys that trips shall have stopped, and of which nobody knows yet that they are; each with the first such trip.
fn alive(custody: &Custody) -> BTreeMap<&KeyId, (IncidentId, Timestamp)> {
    let mut alive = BTreeMap::new();
    for incident in custody.incidents().iter().filter(|incident| incident.mode == TripMode::Kill) {
        let dead = |key: &KeyId| custody.key(key).is_none_or(|r| !r.tripped || r.standing == Standing::Dead);
        for key in incident.keys.iter().filter(|key| !dead(key)) {
            alive.entry(key).or_insert((incident.id, incident.at));
        }
    }
    alive
}

fn detail(custody: &Custody, key: &KeyId) -> String {
    let tasks = [Task::Off(key.clone()), Task::Look(key.clone()), Task::Prove(key.clone())];
    let why = tasks.iter().find_map(|task| {
        let retry = custody.retries().get(task)?;
        (!retry.why.is_empty()).then(|| format!("{task}: {}. ", retry.why))
    });
    format!(
        "{}guard goes on trying. The key can be deactivated by hand in the provider's Console; the gate stays closed.",
        why.unwrap_or_default()
    )
}

fn notice(key: &KeyId, incident: IncidentId, since: Timestamp, now: Timestamp) -> Notice {
    let reminder = (now - since).num_seconds() / EVERY.num_seconds();
    Notice {
        dedup: format!("{key}/{incident}/unconfirmed/{reminder}"),
        event: "kill.unconfirmed".to_owned(),
        severity: Severity::Critical,
        at: now,
        workspace: None,
        key: Some(key.clone()),
        incident: Some(incident),
        summary: String::new(),
        detail: String::new(),
        evidence_head: None,
    }
}
