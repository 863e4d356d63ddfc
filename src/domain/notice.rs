//! What guard tells people.

use serde::{Deserialize, Serialize};

use super::ids::{IncidentId, KeyId, WorkspaceName};
use super::time::Timestamp;

/// How bad it is. Ordered: `Info < Notice < Warning < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth reading this week.
    Notice,
    /// Worth reading today.
    Warning,
    /// Somebody must look now.
    Critical,
}

impl Severity {
    /// The word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A message to people, independent of the channel. It holds key ids and last-four hints, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable: the same event gives the same id, however often it is sent.
    pub dedup: String,
    /// What kind of event, `key.tripped`, `rotation.blocked`, `feed.blind`, … (dotted, lower case; fields are only added).
    pub event: String,
    /// How bad.
    pub severity: Severity,
    /// When it happened.
    pub at: Timestamp,
    /// The workspace, when it concerns one.
    pub workspace: Option<WorkspaceName>,
    /// The key, when it concerns one.
    pub key: Option<KeyId>,
    /// The incident, when it belongs to one.
    pub incident: Option<IncidentId>,
    /// One sentence.
    pub summary: String,
    /// Figures and the next step, in a few sentences; may be empty.
    pub detail: String,
    /// The evidence head (`seq:hash`) when the notice was written, so that a later truncation can be shown.
    pub evidence_head: Option<String>,
}
