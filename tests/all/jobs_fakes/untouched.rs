//! Ports that jobs, checks, doctor and outbox must not touch: whoever does, fails the test.

use std::time::Duration;

use async_trait::async_trait;
use guard::domain::evidence::Head;
use guard::domain::ids::{Principal, WorkspaceId, WorkspaceName};
use guard::domain::key::Probe;
use guard::domain::secret::Secret;
use guard::domain::time::{Minute, Timestamp};
use guard::domain::usage::{UsageRow, UsageWindow};
use guard::ports::{
    Commit, EvidenceDraft, EvidenceLog, Journal, KeyProbe, Lease, Leases, ProviderError, Recorded, StoreError,
    UsageFeed, UsageStore,
};

use super::World;

#[async_trait]
impl KeyProbe for World {
    async fn probe(&self, _: &Secret, _: Option<&WorkspaceId>) -> Probe {
        unreachable!("nobody here probes keys")
    }
}

#[async_trait]
impl UsageFeed for World {
    async fn usage(&self, _: Minute, _: Minute) -> Result<UsageWindow, ProviderError> {
        unreachable!("nobody here polls")
    }
}

impl Journal for World {
    fn events(&self, _: &WorkspaceName) -> Result<Vec<Recorded>, StoreError> {
        Ok(Vec::new())
    }
    fn commit(&self, _: &Commit<'_>) -> Result<u64, StoreError> {
        unreachable!("nobody here writes the journal")
    }
}

impl UsageStore for World {
    fn replace_usage(&self, _: &UsageWindow, _: Timestamp) -> Result<Vec<Minute>, StoreError> {
        unreachable!("nobody here stores usage")
    }
    fn usage(&self, _: Option<&Principal>, _: Minute, _: Minute) -> Result<Vec<UsageRow>, StoreError> {
        unreachable!("nobody here reads usage")
    }
    fn last_used(&self, _: &Principal) -> Result<Option<Minute>, StoreError> {
        unreachable!("nobody here reads usage")
    }
    fn prune_usage(&self, _: Minute) -> Result<(), StoreError> {
        unreachable!("nobody here prunes")
    }
}

impl EvidenceLog for World {
    fn append_evidence(&self, _: Timestamp, _: &[EvidenceDraft]) -> Result<(), StoreError> {
        unreachable!("nobody here writes evidence")
    }
    fn evidence(&self, _: u64, _: usize) -> Result<Vec<String>, StoreError> {
        unreachable!("nobody here reads evidence")
    }
    fn evidence_head(&self) -> Result<Option<(u64, String)>, StoreError> {
        Ok(None)
    }
    fn append_about_head(
        &self,
        _: Timestamp,
        _: &dyn Fn(&Head) -> Option<EvidenceDraft>,
    ) -> Result<Option<Head>, StoreError> {
        unreachable!("nobody here writes evidence")
    }
    fn prune_evidence(&self, _: u64, _: Timestamp, _: &EvidenceDraft) -> Result<u64, StoreError> {
        unreachable!("nobody here prunes")
    }
}

impl Leases for World {
    fn lease(&self, _: &WorkspaceName, _: &str, _: Duration) -> Result<Box<dyn Lease>, StoreError> {
        panic!("no lock may be taken here")
    }
}
