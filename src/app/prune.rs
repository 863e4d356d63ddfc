//! Old evidence is removed up to a signed checkpoint, which then stands for it.

use serde_json::json;

use super::checkpoint::public_key;
use super::{App, AppError, custody, evidence_lines, incident};
use crate::domain::evidence::{CHECKPOINT, Head, Verifier};
use crate::domain::incident::LifeState;
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::EvidenceDraft;

/// What would be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePlan {
    /// The first record.
    pub first: u64,
    /// The last one; the one after it is the checkpoint that stands for it.
    pub last: Head,
    /// What belongs to an open incident or rotation keeps newer records than were asked for.
    pub held_by: Option<String>,
}

/// What can be removed of the records before `before`: everything up to the newest checkpoint that is old enough. The chain is verified
/// on the way. `None`: nothing.
///
/// # Errors
/// [`AppError::Refused`] when nothing is signed, or the chain is broken: that is no time to remove anything.
pub fn plan(app: &App, before: Timestamp) -> Result<Option<PrunePlan>, AppError> {
    let key = public_key(app.watch_state.as_ref())?.ok_or_else(|| AppError::Refused {
        what: "the evidence is not signed, so nothing would stand for what is removed".to_owned(),
        remedy: "`guard evidence key` makes a key; checkpoints follow by themselves".to_owned(),
    })?;
    let (before, held_by) = held(app, before)?;
    let mut verifier = Verifier::new().signed_by(key);
    let mut found = None;
    for line in evidence_lines(app.evidence.as_ref(), 1) {
        let record = verifier.push(line?.as_bytes()).map_err(|bad| AppError::Refused {
            what: format!("nothing is removed from a chain that is broken at {bad}"),
            remedy: "`guard evidence verify` says more; keep the state directory as it is".to_owned(),
        })?;
        if chrono::DateTime::parse_from_rfc3339(&record.time).map_or(true, |at| at >= before) {
            break;
        }
        if record.kind == CHECKPOINT && record.seq > verifier.first() {
            found = Some(Head { seq: record.seq - 1, hash: record.prev });
        }
    }
    Ok(found.map(|last| PrunePlan { first: verifier.first(), last, held_by }))
}

/// Open incidents and rotations keep their records, from their beginning on.
fn held(app: &App, before: Timestamp) -> Result<(Timestamp, Option<String>), AppError> {
    let mut held = (before, None);
    let mut keep = |from: Timestamp, what: String| {
        if from < held.0 {
            held = (from, Some(what));
        }
    };
    for (name, life) in incident::all(app, None)? {
        if life.state() != LifeState::Resolved {
            keep(life.moments.detected, format!("incident {} of {name}", life.trip.incident));
        }
    }
    for workspace in &app.ledger.workspaces {
        if let Some(rotation) = custody::load(app, &workspace.name)?.rotation() {
            keep(rotation.started_at, format!("the rotation of {}", workspace.name));
        }
    }
    Ok(held)
}

/// Removes what was planned, once it is kept elsewhere: `copy` is where and the SHA-256 of it. The removal is itself on record.
///
/// # Errors
/// The store's; then nothing was removed.
pub fn carry_out(app: &App, plan: &PrunePlan, copy: (&str, &str)) -> Result<u64, AppError> {
    let draft = EvidenceDraft {
        actor: app.actor.clone(),
        kind: "evidence.pruned".to_owned(),
        subject: "evidence".to_owned(),
        detail: json!({
            "first": plan.first, "last": plan.last.to_string(), "copy": copy.0, "sha256": copy.1,
            "at": rfc3339(app.clock.now()),
        }),
    };
    Ok(app.evidence.prune_evidence(plan.last.seq + 1, app.clock.now(), &draft)?)
}
