//! Workloads that run with a killed key outside `guard exec`: the ledger names a program that stops them (`trip.stop`).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError};
use crate::domain::ids::IncidentId;
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::{Custody, Incident};
use crate::domain::time::Timestamp;
use crate::ports::{EvidenceDraft, StoreError};

/// After so many tries a person must see to it.
const MOST_TRIES: u32 = 10;
/// Between two tries.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// How far the newest incident's stop is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    incident: IncidentId,
    tries: u32,
    last: Timestamp,
    done: bool,
}

/// Runs the workspace's stop program for the incident that keeps its gate closed, if it killed a key: until it succeeded once.
/// Whatever goes wrong is told and tried again; it holds nothing up.
pub(super) async fn stop_workloads(app: &App, workspace: &Workspace, custody: &Custody) {
    let newest = custody.incidents().last().filter(|i| custody.latch() == Some(i.id) && i.mode == TripMode::Kill);
    if let Some(incident) = newest
        && let Err(error) = stop(app, workspace, incident).await
    {
        tracing::warn!(%error, workspace = %workspace.name, "what was done about running workloads is not on record");
    }
}

async fn stop(app: &App, workspace: &Workspace, incident: &Incident) -> Result<(), AppError> {
    let Some(program) = &workspace.trip.stop else { return Ok(()) };
    let (name, now) = (format!("halt/{}", workspace.name), app.clock.now());
    let stored = app.watch_state.load_state(&name)?.and_then(|value| serde_json::from_value::<Stop>(value).ok());
    let mut state = stored.filter(|stop| stop.incident == incident.id).unwrap_or(Stop {
        incident: incident.id,
        tries: 0,
        last: Timestamp::MIN_UTC,
        done: false,
    });
    if state.done || state.tries >= MOST_TRIES || state.tries > 0 && now - state.last < PAUSE {
        return Ok(());
    }
    (state.tries, state.last) = (state.tries + 1, now);
    save(app, &name, &state)?;
    record(app, workspace, incident, "workloads.stopping", json!({ "program": program.path, "try": state.tries }))?;
    let environment = [("GUARD_WORKSPACE", workspace.name.to_string()), ("GUARD_INCIDENT", incident.id.to_string())];
    match app.programs.run(program, &environment).await {
        Ok(()) => {
            state.done = true;
            save(app, &name, &state)?;
            record(app, workspace, incident, "workloads.stopped", json!({ "program": program.path }))?;
            let summary = format!("{}: its workloads are stopped", workspace.name);
            tell(app, workspace, incident, said("workloads.stopped", Severity::Notice, &state, summary, String::new()));
        }
        Err(why) => {
            record(app, workspace, incident, "workloads.stop_failed", json!({ "program": program.path, "why": why }))?;
            if state.tries == 1 || state.tries == MOST_TRIES {
                let again = if state.tries == 1 { "guard tries again every minute" } else { "guard gives up" };
                let summary = format!("{}: its workloads could not be stopped", workspace.name);
                let detail = format!("{why}. {again}; what runs has a dead key.");
                tell(
                    app,
                    workspace,
                    incident,
                    said("workloads.stop_failed", Severity::Warning, &state, summary, detail),
                );
            }
        }
    }
    Ok(())
}

fn save(app: &App, name: &str, state: &Stop) -> Result<(), AppError> {
    let value = serde_json::to_value(state).map_err(|error| StoreError::Io(error.to_string()))?;
    Ok(app.watch_state.save_states(&[(name.to_owned(), value)])?)
}

fn record(
    app: &App,
    workspace: &Workspace,
    incident: &Incident,
    kind: &str,
    mut detail: serde_json::Value,
) -> Result<(), AppError> {
    detail["workspace"] = json!(workspace.name);
    let subject = format!("incident {}", incident.id);
    let draft = EvidenceDraft { actor: app.actor.clone(), kind: kind.to_owned(), subject, detail };
    Ok(app.evidence.append_evidence(app.clock.now(), &[draft])?)
}

fn tell(app: &App, workspace: &Workspace, incident: &Incident, notice: Notice) {
    let notice = Notice {
        dedup: format!("{}/{}/{}", workspace.name, incident.id, notice.dedup),
        workspace: Some(workspace.name.clone()),
        incident: Some(incident.id),
        ..notice
    };
    if let Err(error) = app.outbox.enqueue(&[notice]) {
        tracing::error!(%error, "a notice could not be queued");
    }
}

fn said(event: &str, severity: Severity, state: &Stop, summary: String, detail: String) -> Notice {
    Notice {
        dedup: format!("{event}/{}", state.tries),
        event: event.to_owned(),
        severity,
        at: state.last,
        workspace: None,
        key: None,
        incident: None,
        summary,
        detail,
        evidence_head: None,
    }
}
