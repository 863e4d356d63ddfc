use serde::Serialize;
use serde_json::Value;

use crate::app::{App, AppError, evidence_lines};
use crate::domain::evidence::Record;
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::incident::LifeState;

/// What would have been an incident, had guard been allowed to act: the workspace only observes, or a person held guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// Whose.
    pub workspace: WorkspaceName,
    /// Always [`LifeState::Simulated`].
    pub state: LifeState,
    /// When, RFC 3339.
    pub at: String,
    /// The rule.
    pub rule: String,
    /// Why.
    pub sentence: String,
    /// The keys that would have been stopped.
    pub would_stop: Vec<KeyId>,
    /// Why guard was on hold, if it was.
    pub held: Option<String>,
    /// The record of the evidence chain that says so.
    pub record: u64,
}

/// Everything that was only said, oldest first: a fold of the evidence chain.
///
/// # Errors
/// The store's.
pub fn simulated(app: &App, only: Option<&WorkspaceName>) -> Result<Vec<Simulated>, AppError> {
    let mut found = Vec::new();
    for line in evidence_lines(app.evidence.as_ref(), 1) {
        // A damaged record tells nothing; verification names it.
        let Ok(record) = serde_json::from_str::<Record>(&line?) else { continue };
        if record.kind == "trip.observed" {
            found.extend(read(&record).filter(|one| only.is_none_or(|name| one.workspace == *name)));
        }
    }
    Ok(found)
}

fn read(record: &Record) -> Option<Simulated> {
    let text = |name: &str| record.detail[name].as_str().map(str::to_owned);
    let keys = record.detail["would_stop"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(Simulated {
        workspace: text("workspace")?.parse().ok()?,
        state: LifeState::Simulated,
        at: record.time.clone(),
        rule: text("rule")?,
        sentence: text("sentence")?,
        would_stop: keys.filter_map(|key| KeyId::new(key).ok()).collect(),
        held: text("held"),
        record: record.seq,
    })
}
