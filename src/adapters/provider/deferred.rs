use async_trait::async_trait;
use tokio::sync::OnceCell;

use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::{ApiKey, KeyStatus, Organization, Probe, ProviderWorkspace};
use crate::domain::secret::Secret;
use crate::domain::time::Minute;
use crate::domain::usage::UsageWindow;
use crate::ports::{Capabilities, KeyAdmin, KeyProbe, ProviderError, UsageFeed};

/// A provider that is set up at its first use. guard's admin credential is read only by commands that need it, and a missing one
/// fails the calls to the provider, not the command: a trip closes its gate with or without it.
pub struct Deferred<P> {
    setup: Box<dyn Fn() -> Result<P, ProviderError> + Send + Sync>,
    capabilities: Capabilities,
    ready: OnceCell<P>,
}

impl<P> Deferred<P> {
    /// `setup` runs at the first use, and again at the next while it fails.
    pub fn new(
        capabilities: Capabilities,
        setup: impl Fn() -> Result<P, ProviderError> + Send + Sync + 'static,
    ) -> Self {
        Self { setup: Box::new(setup), capabilities, ready: OnceCell::new() }
    }

    async fn ready(&self) -> Result<&P, ProviderError> {
        self.ready.get_or_try_init(async || (self.setup)()).await
    }
}

#[async_trait]
impl<P: KeyAdmin> KeyAdmin for Deferred<P> {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn organization(&self) -> Result<Organization, ProviderError> {
        self.ready().await?.organization().await
    }

    async fn workspaces(&self) -> Result<Vec<ProviderWorkspace>, ProviderError> {
        self.ready().await?.workspaces().await
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, ProviderError> {
        self.ready().await?.keys().await
    }

    async fn key(&self, id: &KeyId) -> Result<ApiKey, ProviderError> {
        self.ready().await?.key(id).await
    }

    async fn set_status(&self, id: &KeyId, status: KeyStatus) -> Result<ApiKey, ProviderError> {
        self.ready().await?.set_status(id, status).await
    }
}

#[async_trait]
impl<P: KeyProbe> KeyProbe for Deferred<P> {
    async fn probe(&self, secret: &Secret, workspace: Option<&WorkspaceId>) -> Probe {
        match self.ready().await {
            Ok(provider) => provider.probe(secret, workspace).await,
            Err(error) => Probe::Undecided(error.to_string()),
        }
    }
}

#[async_trait]
impl<P: UsageFeed> UsageFeed for Deferred<P> {
    async fn usage(&self, from: Minute, until: Minute) -> Result<UsageWindow, ProviderError> {
        self.ready().await?.usage(from, until).await
    }
}
