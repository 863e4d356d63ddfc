use chrono::TimeDelta;

use crate::domain::ids::{ConsumerName, WorkspaceId};
use crate::domain::ledger::{FailoverPolicy, ReopenPolicy, Workspace};
use crate::domain::time::Timestamp;

/// A slow disk alone must not keep a request from being sent, however short the settle time is.
const LEAST_HOLD: TimeDelta = TimeDelta::seconds(5);

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

impl Policy {
    /// Whether a request that was announced at `announced` may still be sent at `now`. The settle time counts from the
    /// announcement, so a process that stood still in between (stopped, suspended) must not use it up: what is left of it is
    /// the request's own way. A clock that went back proves nothing.
    pub fn may_still_send(&self, announced: Timestamp, now: Timestamp) -> bool {
        announced <= now && now - announced <= (self.settle / 2).max(LEAST_HOLD)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_soon_after_its_announcement_or_not_at_all() {
        let minutes = TimeDelta::minutes;
        let policy = |settle| Policy {
            workspace: WorkspaceId::new("wrkspc_test").unwrap(),
            consumers: Vec::new(),
            overlap: minutes(1),
            drain: minutes(1),
            grace: minutes(1),
            settle,
            proofs: 1,
            archive: false,
            promote: true,
            reopen: false,
        };
        let at = Timestamp::UNIX_EPOCH;
        let usual = policy(minutes(10));
        assert!(usual.may_still_send(at, at) && usual.may_still_send(at, at + minutes(5)));
        assert!(!usual.may_still_send(at, at + minutes(6)));
        assert!(!usual.may_still_send(at, at - minutes(1)), "the clock went back");
        assert!(policy(TimeDelta::seconds(1)).may_still_send(at, at + TimeDelta::seconds(5)), "a slow disk");
    }
}
