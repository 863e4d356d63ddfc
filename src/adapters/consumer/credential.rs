use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::secret::Secret;

/// Where a consumer gets guard's own credential for its store. It is asked anew for every use, because such credentials are
/// short-lived and replaced by others.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credential, or why there is none (which file, which command; never a value). Bounded in time.
    async fn fetch(&self) -> Result<Secret, String>;
}

/// A shared source.
pub type Credential = Arc<dyn CredentialSource>;
