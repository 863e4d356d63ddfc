//! The evidence report for auditors: rotations and incidents from the journal, each with the records of the chain that prove it.

use std::collections::BTreeMap;

use super::checkpoint::public_key;
use super::{App, AppError, evidence_lines, incident};
use crate::domain::evidence::{Head, Record};
use crate::domain::ids::WorkspaceName;
use crate::domain::rotation::audit as rotations;
use crate::domain::time::Timestamp;
use crate::ports::StoreError;
use crate::report::audit::{AuditReport, AuditedIncident, AuditedRotation, ProofRecord};

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditRequest {
    /// Only this workspace.
    pub workspace: Option<WorkspaceName>,
    /// What began at or after this.
    pub since: Option<Timestamp>,
    /// And before this.
    pub until: Option<Timestamp>,
}

/// Gathers it from the records alone.
///
/// # Errors
/// The store's: an auditor gets everything or an error.
pub fn audit(app: &App, request: &AuditRequest) -> Result<AuditReport, AppError> {
    let only = request.workspace.as_ref();
    let within = |at: Timestamp| request.since.is_none_or(|s| at >= s) && request.until.is_none_or(|u| at < u);
    let proofs = proofs(app)?;
    let mut report = AuditReport {
        generated_at: app.clock.now(),
        since: request.since,
        until: request.until,
        head: app.evidence.evidence_head()?.and_then(|(seq, hash)| Some(Head { seq, hash: hash.try_into().ok()? })),
        signed_by: public_key(app.watch_state.as_ref())?.map(|key| key.fingerprint()),
        rotations: Vec::new(),
        incidents: Vec::new(),
    };
    let names = app.ledger.workspaces.iter().map(|w| &w.name).filter(|name| only.is_none_or(|o| o == *name));
    for name in names {
        let events = app.journal.events(name)?;
        let audited = rotations(events.iter().map(|r| (r.seq, r.at, &r.event)))
            .map_err(|illegal| StoreError::Damaged(format!("journal of `{name}`: {illegal}")))?;
        for rotation in audited.into_iter().filter(|rotation| within(rotation.requested_at)) {
            let records = of(&proofs, name, rotation.journal.iter().copied());
            report.rotations.push(AuditedRotation { workspace: name.clone(), rotation, records });
        }
    }
    for (name, life) in incident::all(app, only)? {
        if !within(life.moments.detected) {
            continue;
        }
        let last = life.rearmed.as_ref().map(|(at, ..)| *at).or(life.moments.dead);
        let numbers: Vec<u64> = app
            .journal
            .events(&name)?
            .iter()
            .filter(|r| r.seq >= life.seq && last.is_none_or(|last| r.at <= last))
            .map(|r| r.seq)
            .collect();
        report.incidents.push(AuditedIncident {
            records: of(&proofs, &name, numbers),
            workspace: name,
            at: life.moments.detected,
            dead_at: life.moments.dead,
            state: life.state(),
            cause: life.cause.clone(),
            rearmed: life.rearmed.clone(),
            trip: life.trip,
        });
    }
    Ok(report)
}

type Proofs = BTreeMap<(String, u64), ProofRecord>;

/// The records of the chain by the journal entry that they stand for.
fn proofs(app: &App) -> Result<Proofs, AppError> {
    let mut proofs = Proofs::new();
    for line in evidence_lines(app.evidence.as_ref(), 1) {
        // A damaged record proves nothing; verification names it.
        let Ok(record) = serde_json::from_str::<Record>(&line?) else { continue };
        if let (Some(workspace), Some(number)) =
            (record.detail["workspace"].as_str(), record.detail["journal_seq"].as_u64())
        {
            let Record { seq, kind, time, actor, hash, .. } = record.clone();
            proofs.insert((workspace.to_owned(), number), ProofRecord { seq, kind, time, actor, hash });
        }
    }
    Ok(proofs)
}

fn of(proofs: &Proofs, name: &WorkspaceName, numbers: impl IntoIterator<Item = u64>) -> Vec<ProofRecord> {
    numbers.into_iter().filter_map(|number| proofs.get(&(name.to_string(), number)).cloned()).collect()
}
