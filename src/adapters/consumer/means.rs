use std::sync::Arc;

use super::credential::Credential;
use crate::adapters::http::Limits;
use crate::domain::ids::{ConsumerName, WorkspaceName};
use crate::domain::ledger::SecretSource;
use crate::domain::secret::Secret;
use crate::ports::{Clock, SecretName};

/// Finds a secret of guard's own; the name is that of the entry when the source is the vault. May block, bounded in time. The
/// error names the source and what is wrong with it, never its content.
pub type FindSecret = dyn Fn(&SecretSource, &SecretName) -> Result<Secret, String> + Send + Sync;

/// What consumers need besides their settings.
#[derive(Clone)]
pub struct Means {
    /// The time, for signatures.
    pub clock: Arc<dyn Clock>,
    /// Finds guard's credentials for the stores.
    pub find_secret: Arc<FindSecret>,
    /// What one call to a store may take; [`super::LIMITS`] outside tests.
    pub limits: Limits,
}

/// Whose credentials are looked for.
pub(super) struct Credentials<'a> {
    pub means: &'a Means,
    pub workspace: &'a WorkspaceName,
    pub consumer: &'a ConsumerName,
}

impl Credentials<'_> {
    /// The credential that the ledger calls `what`; in the vault it is `consumer.<workspace>.<consumer>.<what>`.
    pub fn from(&self, source: &SecretSource, what: &str) -> Credential {
        let entry = SecretName::Named(format!("consumer.{}.{}.{what}", self.workspace, self.consumer));
        let (find, source) = (Arc::clone(&self.means.find_secret), source.clone());
        Credential::new(move || find(&source, &entry))
    }
}
