//! Releasing the gate after an incident.

use std::time::Duration;

use serde::Serialize;

use chrono::TimeDelta;

use super::drive::{Driver, Patience, find};
use super::sight::POLL_STATE;
use super::{App, AppError, custody};
use crate::domain::ids::{IncidentId, KeyId, Principal, WorkspaceName};
use crate::domain::incident::{Check, Surroundings, checklist};
use crate::domain::rotation::{Custody, Event, GateRecord, Policy, Refusal};

/// How long to wait for another guard that works on the workspace.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A run that began before that and has no end on record has crashed rather than that it still runs.
const LONGEST_RUN: TimeDelta = TimeDelta::days(2);

/// A wish to release a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RearmRequest {
    /// Whose.
    pub workspace: WorkspaceName,
    /// The incident that the person has seen.
    pub incident: IncidentId,
    /// Why the gate may open.
    pub reason: String,
    /// What caused the incident, unless that is on record.
    pub cause: Option<String>,
    /// Open although nobody knows the cause. It goes on record.
    pub forced: bool,
    /// Who.
    pub by: String,
}

/// What releasing a gate came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RearmReport {
    /// Whose.
    pub workspace: WorkspaceName,
    /// The incident that was released.
    pub incident: IncidentId,
    /// The key that the gate hands out.
    pub key: Option<KeyId>,
    /// The gate is open. Otherwise it opens as soon as that key is proven to work.
    pub open: bool,
}

/// Releases the gate for somebody who has seen the incident, the newest one. Everything that is owed is driven first, so that
/// what could be proven a moment later does not lead to a refusal.
///
/// # Errors
/// [`AppError::Refused`] names the condition that does not hold; the gate was not changed.
pub async fn rearm(app: &App, request: &RearmRequest) -> Result<RearmReport, AppError> {
    let (name, incident) = (&request.workspace, request.incident);
    let mut driver = Driver::take(app, name, LOCK_WAIT).await?;
    driver.run(Patience::Short).await?;
    loop {
        if let Err(refusal) = driver.custody().may_rearm(incident, &driver.policy().consumers) {
            return Err(explain(name, &refusal));
        }
        let known = driver.custody().incidents().iter().any(|i| i.id == incident && i.cause.is_some());
        if !known && request.cause.is_none() && !request.forced {
            return Err(AppError::Refused {
                what: format!("the gate of `{name}` stays closed: nobody has said what caused incident {incident}"),
                remedy: "say it with --cause TEXT; while nobody knows, --force opens the gate all the same, on record"
                    .to_owned(),
            });
        }
        let mut events = Vec::new();
        if let Some(cause) = &request.cause {
            events.push(Event::CauseFound { incident, by: request.by.clone(), cause: cause.clone() });
        }
        let (by, reason) = (request.by.clone(), request.reason.clone());
        events.push(Event::Rearmed { incident, by, reason, forced: !known && request.cause.is_none() });
        if driver.commit(&events)? {
            break;
        }
    }
    driver.run(Patience::Short).await?;
    let custody = driver.custody();
    let key = custody.desired().cloned();
    let open = matches!(custody.gate(), GateRecord::Open(open) if Some(open) == key.as_ref());
    Ok(RearmReport { workspace: name.clone(), incident, key, open })
}

fn explain(name: &WorkspaceName, refusal: &Refusal) -> AppError {
    let remedy = match refusal {
        Refusal::NotLatched => format!("`guard check -w {name}` says whether jobs may start"),
        Refusal::NotNewest { newest, .. } => {
            format!("look at incident {newest} first (`guard status`), then release that one")
        }
        Refusal::Alive(_) => {
            format!(
                "guard goes on trying; `guard tick -w {name}` tries now, and `guard doctor` checks guard's own credential"
            )
        }
        Refusal::NoKey => format!("make a key in the Console and hand it over with `guard key add -w {name}`"),
        Refusal::NotConverged(_) => {
            format!("`guard status` says what is wrong with it; `guard tick -w {name}` tries again")
        }
    };
    let what = match refusal {
        Refusal::NotLatched => format!("no incident keeps the gate of `{name}` closed; there is nothing to release"),
        _ => format!("the gate of `{name}` stays closed: {refusal}"),
    };
    AppError::Refused { what, remedy }
}

/// What a person goes through before the gate opens, as things stand. Nothing is changed.
///
/// # Errors
/// The store's, and a workspace that the ledger does not have.
pub fn list(app: &App, name: &WorkspaceName, incident: IncidentId) -> Result<Vec<Check>, AppError> {
    let policy = Policy::from(find(app, name)?);
    let custody = custody::load(app, name)?;
    let surroundings = look_around(app, name, &custody, incident)?;
    Ok(checklist(&custody, incident, &policy.consumers, &surroundings))
}

fn look_around(
    app: &App,
    name: &WorkspaceName,
    custody: &Custody,
    incident: IncidentId,
) -> Result<Surroundings, AppError> {
    let poll = app.watch_state.load_state(POLL_STATE)?;
    let watermark = poll.as_ref().and_then(|state| state.get("watermark")).cloned();
    let keys = custody.incidents().iter().find(|i| i.id == incident).map(|i| i.keys.clone()).unwrap_or_default();
    let mut last_used = Vec::new();
    for key in &keys {
        last_used.extend(app.usage.last_used(&Principal::Key(key.clone()))?.map(|minute| (key.clone(), minute)));
    }
    let now = app.clock.now();
    let runs = app.runs.runs(name, now - LONGEST_RUN, now)?;
    let running = runs.into_iter().filter(|run| run.ended_at.is_none() && keys.contains(&run.key));
    Ok(Surroundings {
        seen_until: watermark.and_then(|value| serde_json::from_value(value).ok()),
        last_used,
        running: running.map(|run| (run.id, run.program)).collect(),
    })
}
