use std::time::Duration;

use async_trait::async_trait;

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::{ApiKey, KeyStatus, Organization, Probe, ProviderWorkspace};
use crate::domain::secret::Secret;
use crate::domain::time::Minute;
use crate::domain::usage::UsageWindow;

/// Why the provider did not do what was asked. [`ProviderError::certain`] separates "known not to have happened" from
/// "unknown", and only the former may ever be treated as failure of a change.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// No connection, time-out, or the answer broke off. The request may have taken effect.
    #[error("the provider could not be reached: {0}")]
    Unreachable(String),
    /// 401 or 403: guard's own credential is wrong, expired, or lacks the right.
    #[error("the provider refused guard's credential ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The provider's words, escaped and cut.
        message: String,
    },
    /// 404.
    #[error("the provider does not know this object: {0}")]
    NotFound(String),
    /// 400, 409, 413 …: the request itself is wrong.
    #[error("the provider rejected the request ({status}): {message}")]
    Rejected {
        /// HTTP status.
        status: u16,
        /// The provider's words, escaped and cut.
        message: String,
    },
    /// 429: slow down.
    #[error("the provider asks to slow down")]
    RateLimited {
        /// What `retry-after` said, capped.
        retry_after: Option<Duration>,
    },
    /// 400, 402 or 429 with the meaning "a spend limit or the balance is used up". Says nothing about the key.
    #[error("a spend limit at the provider is reached: {0}")]
    OutOfMoney(String),
    /// 5xx and 529. The request may have taken effect.
    #[error("the provider is in trouble ({status})")]
    Server {
        /// HTTP status.
        status: u16,
    },
    /// An answer that cannot be understood: wrong shape, too large, endless paging.
    #[error("the provider's answer makes no sense: {0}")]
    Malformed(String),
}

impl ProviderError {
    /// The request certainly had no effect.
    pub fn certain(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::NotFound(_)
                | Self::Rejected { .. }
                | Self::RateLimited { .. }
                | Self::OutOfMoney(_)
        )
    }

    /// Trying again later may help without anybody changing anything.
    pub fn temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::RateLimited { .. } | Self::Server { .. })
    }
}

/// What a provider can do; data, so that one that mints keys can skip the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Keys can be created by API.
    pub mint: bool,
    /// A disabled key can be enabled again.
    pub enable: bool,
    /// A key can be deleted for good.
    pub archive: bool,
}

/// Keys and workspaces, with guard's admin credential.
#[async_trait]
pub trait KeyAdmin: Send + Sync {
    /// What this provider can do.
    fn capabilities(&self) -> Capabilities;
    /// The organization behind the credential: the cheap check of the credential itself.
    async fn organization(&self) -> Result<Organization, ProviderError>;
    /// Every workspace, the default one and archived ones included where the provider lists them.
    async fn workspaces(&self) -> Result<Vec<ProviderWorkspace>, ProviderError>;
    /// Every key of the organization, to the last page.
    async fn keys(&self) -> Result<Vec<ApiKey>, ProviderError>;
    /// One key, read now.
    async fn key(&self, id: &KeyId) -> Result<ApiKey, ProviderError>;
    /// Asks for `status` and returns the key as the provider answered. Sent once; an error that is not
    /// [`certain`](ProviderError::certain) leaves the outcome unknown, to be settled by [`KeyAdmin::key`].
    async fn set_status(&self, id: &KeyId, status: KeyStatus) -> Result<ApiKey, ProviderError>;
}

/// A free request with a workload's key.
#[async_trait]
pub trait KeyProbe: Send + Sync {
    /// Never fails: what cannot be decided is [`Probe::Undecided`]. `workspace` is sent along for keys of organization scope.
    async fn probe(&self, secret: &Secret, workspace: Option<&WorkspaceId>) -> Probe;
}

/// The usage report.
#[async_trait]
pub trait UsageFeed: Send + Sync {
    /// All usage in `from..until`, in one-minute buckets, to the last page.
    async fn usage(&self, from: Minute, until: Minute) -> Result<UsageWindow, ProviderError>;
}
