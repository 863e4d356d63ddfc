//! Reconciliation: the ledger says what should be, the provider says what is. Pure; `app::reconcile` gathers the facts.

mod finding;
mod keys;
mod workspaces;

use std::collections::BTreeMap;

use super::Ledger;
use crate::domain::ids::{ConsumerName, KeyId, WorkspaceName};
use crate::domain::key::{ApiKey, ProviderWorkspace};
use crate::domain::time::{Minute, Timestamp};

pub use finding::{Finding, Topic};
pub use workspaces::slug_of;

/// A key that guard answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Which.
    pub key: KeyId,
    /// Whose.
    pub workspace: WorkspaceName,
    /// What it is for.
    pub role: Role,
}

/// What a managed key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Consumers are meant to hold it.
    Active,
    /// The old or the new key of an open rotation: it may be on or off.
    InRotation,
    /// In stock; off until it is needed.
    Standby,
    /// Replaced or tripped; off for good.
    Dead,
}

/// What a consumer was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Whose consumer.
    pub workspace: WorkspaceName,
    /// Which.
    pub consumer: ConsumerName,
    /// What it holds.
    pub held: Held,
}

/// A consumer's content, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// This key, by the provider's hint.
    Key(KeyId),
    /// A secret that fits no key of the provider.
    Unknown,
    /// Nothing.
    Nothing,
    /// It could not be read; why.
    Unreadable(String),
}

/// Everything that is compared.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What should be.
    pub ledger: &'a Ledger,
    /// The provider's keys, all of them.
    pub keys: &'a [ApiKey],
    /// The provider's workspaces, all of them.
    pub workspaces: &'a [ProviderWorkspace],
    /// The keys that guard answers for.
    pub managed: &'a [Managed],
    /// The newest use of each key that guard has recorded. Empty: nothing was recorded yet, and nothing is concluded.
    pub last_used: &'a BTreeMap<KeyId, Minute>,
    /// What consumers hold; may be left empty.
    pub holdings: &'a [Holding],
    /// Now.
    pub now: Timestamp,
}

/// Everything that is not as it should be: the worst first, then by subject.
pub fn reconcile(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = workspaces::compare(facts);
    findings.extend(keys::compare(facts));
    findings.sort_by(|a, b| (b.severity, a.id, &a.subject).cmp(&(a.severity, b.id, &b.subject)));
    findings
}
