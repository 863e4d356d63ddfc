//! Releasing the gate after an incident.

use std::time::Duration;

use serde::Serialize;

use super::drive::{Driver, Patience};
use super::{App, AppError};
use crate::domain::ids::{IncidentId, KeyId, WorkspaceName};
use crate::domain::rotation::{Event, GateRecord, Refusal};

/// How long to wait for another guard that works on the workspace.
const LOCK_WAIT: Duration = Duration::from_secs(10);

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

/// Releases the gate for somebody who has seen `incident`, the newest one. Everything that is owed is driven first, so that
/// what could be proven a moment later does not lead to a refusal.
///
/// # Errors
/// [`AppError::Refused`] names the condition that does not hold; nothing was changed.
pub async fn rearm(
    app: &App,
    name: &WorkspaceName,
    incident: IncidentId,
    reason: &str,
    by: &str,
) -> Result<RearmReport, AppError> {
    let mut driver = Driver::take(app, name, LOCK_WAIT).await?;
    driver.run(Patience::Short).await?;
    loop {
        if let Err(refusal) = driver.custody().may_rearm(incident, &driver.policy().consumers) {
            return Err(explain(name, &refusal));
        }
        let event = Event::Rearmed { incident, by: by.to_owned(), reason: reason.to_owned() };
        if driver.commit(&[event])? {
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
