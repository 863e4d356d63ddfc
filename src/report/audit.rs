//! What an auditor gets: rotations and incidents one by one, with the records of the evidence chain that prove them.

mod csv;
mod html;

use serde::Serialize;

use crate::domain::evidence::{Hash, Head};
use crate::domain::ids::WorkspaceName;
use crate::domain::incident::{LifeState, TripRecord};
use crate::domain::rotation::Audited;
use crate::domain::time::Timestamp;

pub use csv::csv;
pub use html::html;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditReport {
    /// When it was made.
    pub generated_at: Timestamp,
    /// Rotations and incidents that began at or after this.
    pub since: Option<Timestamp>,
    /// And before this.
    pub until: Option<Timestamp>,
    /// The newest record of the chain at that moment.
    pub head: Option<Head>,
    /// The short name of the key that signs the chain.
    pub signed_by: Option<String>,
    /// The rotations, oldest first within each workspace.
    pub rotations: Vec<AuditedRotation>,
    /// The incidents, likewise.
    pub incidents: Vec<AuditedIncident>,
}

/// A rotation and its proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditedRotation {
    /// Whose.
    pub workspace: WorkspaceName,
    /// What happened.
    #[serde(flatten)]
    pub rotation: Audited,
    /// What stands for it in the chain, in order.
    pub records: Vec<ProofRecord>,
}

/// An incident and its proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditedIncident {
    /// Whose.
    pub workspace: WorkspaceName,
    /// What was stopped, and why.
    #[serde(flatten)]
    pub trip: TripRecord,
    /// When it was decided.
    pub at: Timestamp,
    /// When every key was proven dead.
    pub dead_at: Option<Timestamp>,
    /// How far it has come.
    pub state: LifeState,
    /// What caused it, once somebody has said so.
    pub cause: Option<String>,
    /// When, by whom and why the gate was released.
    pub rearmed: Option<(Timestamp, String, String)>,
    /// What stands for it in the chain.
    pub records: Vec<ProofRecord>,
}

/// A record of the evidence chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofRecord {
    /// Its number.
    pub seq: u64,
    /// Its kind.
    pub kind: String,
    /// When it was written.
    pub time: String,
    /// Who wrote it.
    pub actor: String,
    /// Its hash.
    pub hash: Hash,
}
