use chrono::TimeDelta;

use crate::domain::ids::{ConsumerName, WorkspaceId};
use crate::domain::ledger::{FailoverPolicy, ReopenPolicy, Workspace};

/// What the machine needs to know of the ledger. Durations are never negative.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The provider's id of the workspace: a probe must resolve to it.
    pub workspace: WorkspaceId,
    /// Where workloads read the key from.
    pub consumers: Vec<ConsumerName>,
    /// The least time for which both keys are active after the switch.
    pub overlap: TimeDelta,
    /// How long the feed must show no use of the old key.
    pub drain: TimeDelta,
    /// How long a retired key stays recoverable.
    pub grace: TimeDelta,
    /// For how long a request of unknown outcome may still take effect.
    pub settle: TimeDelta,
    /// Refusals in a row that prove a key dead.
    pub proofs: u32,
    /// Whether a retired key is archived after the grace time.
    pub archive: bool,
    /// Whether a standby is promoted when the desired key does not work.
    pub promote: bool,
    /// Whether guard itself opens the gate once an incident is contained.
    pub reopen: bool,
}

impl From<&Workspace> for Policy {
    fn from(workspace: &Workspace) -> Self {
        // The ledger bounds its durations; what still does not fit is as good as for ever.
        let delta = |d| TimeDelta::from_std(d).unwrap_or(TimeDelta::MAX);
        let rotation = &workspace.rotation;
        Self {
            workspace: workspace.id.clone(),
            consumers: workspace.consumers.iter().map(|c| c.name.clone()).collect(),
            overlap: delta(rotation.overlap),
            drain: delta(rotation.drain),
            grace: delta(rotation.grace),
            settle: delta(rotation.settle),
            proofs: rotation.proofs.max(1),
            archive: rotation.archive,
            promote: workspace.failover == FailoverPolicy::Standby,
            reopen: workspace.trip.reopen == ReopenPolicy::Auto,
        }
    }
}
