use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::time::Minute;

/// What a key is for. The rotation machine and the ledger know; the watchdog is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Consumers hold it.
    #[default]
    Active,
    /// In the vault, waiting; nobody should use it.
    Standby,
    /// Rotated out or tripped; nobody should use it any more.
    Retired,
    /// Planted to be stolen; whoever uses it is a thief.
    Canary,
    /// At the provider, but not in the ledger.
    Unmanaged,
}

/// What guard knows of keys: those in its custody, and which workspaces it has keys of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    keys: BTreeMap<KeyId, KeyRole>,
    enrolled: BTreeSet<WorkspaceName>,
    released: BTreeMap<KeyId, Minute>,
}

impl Roles {
    /// Adds a key in custody.
    pub fn add(&mut self, workspace: &WorkspaceName, key: &KeyId, role: KeyRole) {
        self.keys.insert(key.clone(), role);
        self.enrolled.insert(workspace.clone());
    }

    /// A person opened the gate again at this minute, and the key lives on: what it did until then has been seen.
    pub fn release(&mut self, key: &KeyId, at: Minute) {
        let newest = self.released.entry(key.clone()).or_insert(at);
        *newest = at.max(*newest);
    }

    /// Up to when a person has seen what the key did, if its gate was ever opened again.
    pub fn released(&self, key: &KeyId) -> Option<Minute> {
        self.released.get(key).copied()
    }

    /// Whether guard has this key.
    pub fn holds(&self, key: &KeyId) -> bool {
        self.keys.contains_key(key)
    }

    /// What this key is for. A key that guard does not have is a stranger where guard has keys; where it has none, it only
    /// watches, and every key is taken to be in use.
    pub fn of(&self, key: &KeyId, workspace: Option<&WorkspaceName>) -> KeyRole {
        match (self.keys.get(key), workspace) {
            (Some(role), _) => *role,
            (None, Some(workspace)) if !self.enrolled.contains(workspace) => KeyRole::Active,
            (None, _) => KeyRole::Unmanaged,
        }
    }
}
