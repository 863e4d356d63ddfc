use serde_json::Value;

use super::store::StoreError;
use crate::domain::ids::WorkspaceName;
use crate::domain::notice::Notice;
use crate::domain::rotation::Event;
use crate::domain::time::Timestamp;

/// An event of a workspace's machine as it stands in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// 1 for a workspace's first event, without gaps.
    pub seq: u64,
    /// When it was written; data, not order.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A line for the evidence chain, before it has a number and a hash.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceDraft {
    /// Who did it: `guard watch`, `guard rotate (uid 1000)`, …
    pub actor: String,
    /// What kind, `rotation.switch`, `key.deactivate.sent`, … (dotted, lower case).
    pub kind: String,
    /// What it is about: a key id, a workspace, a consumer.
    pub subject: String,
    /// Figures; never a secret.
    pub detail: Value,
}

/// What becomes durable in one transaction: journal rows, evidence rows and outbox rows, all or none.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// Whose machine.
    pub workspace: &'a WorkspaceName,
    /// The sequence number of the last event that the writer has seen (0: none). If the journal has moved on, nothing is
    /// written and the answer is [`StoreError::Conflict`]: a stale writer performs no effect.
    pub expected: u64,
    /// The time to write down.
    pub at: Timestamp,
    /// The events, in order.
    pub events: &'a [Event],
    /// The evidence, in order.
    pub evidence: &'a [EvidenceDraft],
    /// What people are told. A notice whose `dedup` is in the outbox already is not added again.
    pub notices: &'a [Notice],
}

/// The journal of every workspace's machine. Its fold is the state; there is no other.
pub trait Journal: Send + Sync {
    /// All events of the workspace, oldest first.
    fn events(&self, workspace: &WorkspaceName) -> Result<Vec<Recorded>, StoreError>;
    /// Writes durably (`synchronous=FULL`) before it returns; the answer is the new last sequence number.
    fn commit(&self, commit: &Commit<'_>) -> Result<u64, StoreError>;
}
