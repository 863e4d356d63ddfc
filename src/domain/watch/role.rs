use serde::{Deserialize, Serialize};

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
