use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{Sender, Tools, build};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::NotifierSettings;
use crate::domain::message::Message;
use crate::ports::{Delivery, Notifier, NotifyError};

/// A channel of the ledger. Its secret is looked up when there is something to say, not by every command that could; a channel
/// whose secret cannot be read fails, so that its notices wait in the outbox and the others tell of it.
struct Channel {
    settings: NotifierSettings,
    tools: Tools,
    sender: OnceCell<Arc<dyn Sender>>,
}

/// The channel of these settings.
pub fn channel(settings: &NotifierSettings, tools: &Tools) -> Arc<dyn Notifier> {
    Arc::new(Channel { settings: settings.clone(), tools: tools.clone(), sender: OnceCell::new() })
}

impl Channel {
    async fn ready(&self) -> Result<&Arc<dyn Sender>, NotifyError> {
        let later = |why: String| NotifyError::Later { why, after: None };
        self.sender
            .get_or_try_init(|| async {
                let (settings, tools) = (self.settings.clone(), self.tools.clone());
                // A secret may come from a program or a keyring, which block.
                tokio::task::spawn_blocking(move || build(&settings.name, &settings.kind, &tools))
                    .await
                    .unwrap_or_else(|error| Err(format!("the channel could not be made ready: {error}")))
                    .map_err(later)
            })
            .await
    }
}

#[async_trait]
impl Notifier for Channel {
    fn name(&self) -> &NotifierName {
        &self.settings.name
    }

    async fn notify(&self, message: &Message) -> Result<Delivery, NotifyError> {
        self.ready().await?.send(message).await
    }
}
