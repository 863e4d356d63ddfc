use std::sync::Arc;

use crate::domain::secret::Secret;

/// Reads a credential; may block, bounded in time. The error says which file or program, never a value.
type Read = dyn Fn() -> Result<Secret, String> + Send + Sync;

/// Where a consumer gets guard's own credential for its store. It is read anew for every use, because such credentials are
/// short-lived and replaced by others.
#[derive(Clone)]
pub(super) struct Credential(Arc<Read>);

impl Credential {
    /// A credential that `read` finds.
    pub(super) fn new(read: impl Fn() -> Result<Secret, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(super) async fn fetch(&self) -> Result<Secret, String> {
        let read = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || read()).await.unwrap_or_else(|error| Err(error.to_string()))
    }
}
