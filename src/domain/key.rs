//! Keys, workspaces and answers of a provider, reduced to what guard decides on.

use serde::{Deserialize, Serialize};

use super::ids::{KeyId, WorkspaceId};
use super::time::Timestamp;

/// A key's state at the provider. `Archived` and `Expired` are final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Requests are accepted.
    Active,
    /// Disabled; may be activated again.
    Inactive,
    /// Deleted for good.
    Archived,
    /// Its end date has passed.
    Expired,
    /// A state that this version of guard does not know. Never treated as dead, never as alive.
    Unknown(String),
}

impl KeyStatus {
    /// Whether the provider has said in so many words that the key is not usable.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Inactive | Self::Archived | Self::Expired)
    }

    /// The provider's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Archived => "archived",
            Self::Expired => "expired",
            Self::Unknown(word) => word,
        }
    }
}

/// Where a key may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// In one workspace only.
    Workspace(WorkspaceId),
    /// In every workspace its owner may use.
    Organization,
    /// The provider did not say.
    Unknown,
}

/// Who acts when the key is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyOwner {
    /// Nobody: a workspace key that survives its creator.
    Workspace,
    /// A person; the key dies with the membership.
    User(String),
    /// A service account.
    ServiceAccount(String),
}

/// A key as the provider lists it. The name is text from outside: escape it before it reaches a terminal or a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its identifier.
    pub id: KeyId,
    /// The name given in the Console.
    pub name: String,
    /// Its state.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, if recorded.
    pub created_by: Option<String>,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// Head and tail of the secret, `sk-ant-api03-R2D...igAA`.
    pub partial_key_hint: Option<String>,
    /// On whose behalf it acts.
    pub owner: KeyOwner,
    /// Where it may be used.
    pub scope: KeyScope,
}

/// The last four characters of the provider's hint, `…igAA`: what guard shows of a key beside its id.
pub fn short_hint(hint: Option<&str>) -> String {
    let tail: Vec<char> = hint.unwrap_or_default().chars().rev().take(4).collect();
    format!("…{}", tail.iter().rev().filter(|c| c.is_ascii_graphic()).collect::<String>())
}

/// A workspace as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderWorkspace {
    /// Its identifier.
    pub id: WorkspaceId,
    /// The name given in the Console.
    pub name: String,
    /// When it was archived; then all its keys are dead.
    pub archived_at: Option<Timestamp>,
}

/// The organization that guard's own credential belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What a free request with the key itself showed. "Undecided" is an answer of its own: it proves neither life nor death.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Accepted; the workspace is the one that the response's header named, if it named one.
    Accepted {
        /// The workspace that the key resolves to.
        workspace: Option<WorkspaceId>,
    },
    /// Refused with the status that means "this key does not work".
    Refused,
    /// Anything else: rate limit, outage, time-out, out of money. The text says what.
    Undecided(String),
}
