//! Channels to people. A new kind is one file here and one line in [`channel`].

mod webhook;

use std::sync::Arc;

use async_trait::async_trait;

pub use webhook::Webhook;

use super::http::Client;
use crate::domain::ids::NotifierName;
use crate::domain::ledger::{NotifierKind, NotifierSettings, SecretSource};
use crate::domain::notice::Notice;
use crate::domain::secret::Secret;
use crate::ports::{Clock, Delivery, Notifier, NotifyError};

/// Finds the secret of the channel of this name.
pub type FindSecret<'a> = dyn Fn(&NotifierName, &SecretSource) -> Result<Secret, String> + 'a;

/// What channels are built with.
pub struct Tools<'a> {
    /// The one HTTP client.
    pub http: Client,
    /// The time, for signatures.
    pub clock: Arc<dyn Clock>,
    /// Finds a channel's token or signing secret; the error is for people and holds no secret.
    pub secret: &'a FindSecret<'a>,
}

/// The channel of these settings. One that cannot be built (its token cannot be read) stays a channel that fails, so that
/// its notices wait in the outbox and the others tell of it.
pub fn channel(settings: &NotifierSettings, tools: &Tools<'_>) -> Arc<dyn Notifier> {
    let name = settings.name.clone();
    let built: Result<Arc<dyn Notifier>, String> = match &settings.kind {
        NotifierKind::Webhook { url, secret } => Webhook::new(name.clone(), url, secret.as_ref(), tools).map(share),
    };
    built.unwrap_or_else(|why| Arc::new(Unusable { name, why }))
}

fn share<N: Notifier + 'static>(notifier: N) -> Arc<dyn Notifier> {
    Arc::new(notifier)
}

/// A channel that could not be built.
struct Unusable {
    name: NotifierName,
    why: String,
}

#[async_trait]
impl Notifier for Unusable {
    fn name(&self) -> &NotifierName {
        &self.name
    }

    async fn notify(&self, _notice: &Notice) -> Result<Delivery, NotifyError> {
        Err(NotifyError::Later { why: self.why.clone(), after: None })
    }
}
