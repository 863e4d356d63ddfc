//! Channels to people. A new kind is one file here and one line in `build`.

mod alertmanager;
mod answer;
mod channel;
mod command;
mod discord;
mod email;
mod heartbeat;
mod journald;
mod markup;
mod ntfy;
mod pagerduty;
mod slack;
mod teams;
mod webhook;
mod words;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use channel::channel;
pub use heartbeat::Ping;

use super::http::{Client, Url};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::{NotifierKind, SecretSource};
use crate::domain::message::Message;
use crate::domain::secret::Secret;
use crate::ports::{Clock, Delivery, NotifyError};

/// Less than what the outbox allows, so that the reason is the channel's own words.
pub const PATIENCE: Duration = Duration::from_secs(9);

/// Finds the secret of the channel of this name; the error is for people and holds no secret.
pub type FindSecret = Arc<dyn Fn(&NotifierName, &SecretSource) -> Result<Secret, String> + Send + Sync>;

/// What channels are built with.
#[derive(Clone)]
pub struct Tools {
    /// The one HTTP client.
    pub http: Client,
    /// The time, for signatures and dates.
    pub clock: Arc<dyn Clock>,
    /// Finds a channel's token, address or signing secret.
    pub secret: FindSecret,
    /// The most that a call to the other side may take.
    pub patience: Duration,
}

impl Tools {
    fn secret_of(&self, name: &NotifierName, source: &SecretSource) -> Result<Secret, String> {
        (self.secret)(name, source)
    }

    /// An address that is a secret. What is wrong with it is said without it.
    fn address(&self, name: &NotifierName, source: &SecretSource) -> Result<Url, String> {
        let secret = self.secret_of(name, source)?;
        Url::parse(secret.expose()).map_err(|error| format!("its secret is not an address that guard may use: {error}"))
    }
}

/// One kind of channel, ready to send.
#[async_trait]
trait Sender: Send + Sync {
    /// Sends one message and judges the answer.
    async fn send(&self, message: &Message) -> Result<Delivery, NotifyError>;
}

/// The registry. An error is for people and names neither secret nor address.
fn build(name: &NotifierName, kind: &NotifierKind, tools: &Tools) -> Result<Arc<dyn Sender>, String> {
    let plain = |url: &str| Url::parse(url).map_err(|error| format!("its address is refused: {error}"));
    let secret = |source: &Option<SecretSource>| source.as_ref().map(|s| tools.secret_of(name, s)).transpose();
    Ok(match kind {
        NotifierKind::Webhook { url, secret: signing } => {
            Arc::new(webhook::Webhook::new(plain(url)?, secret(signing)?, tools))
        }
        NotifierKind::Slack { url } => Arc::new(slack::Slack::new(tools.address(name, url)?, tools)),
        NotifierKind::Discord { url } => Arc::new(discord::Discord::new(tools.address(name, url)?, tools)),
        NotifierKind::Teams { url } => Arc::new(teams::Teams::new(tools.address(name, url)?, tools)),
        NotifierKind::PagerDuty { routing_key, url } => {
            Arc::new(pagerduty::PagerDuty::new(plain(url)?, tools.secret_of(name, routing_key)?, tools))
        }
        NotifierKind::Alertmanager { url, token } => {
            Arc::new(alertmanager::Alertmanager::new(&plain(url)?, secret(token)?, tools))
        }
        NotifierKind::Ntfy { url, topic, token } => {
            Arc::new(ntfy::Ntfy::new(plain(url)?, topic.clone(), secret(token)?, tools))
        }
        NotifierKind::Email(settings) => {
            Arc::new(email::Email::new(settings, secret(&settings.password)?.as_ref(), tools)?)
        }
        NotifierKind::Command { command } => Arc::new(command::Command::new(command, tools)),
        NotifierKind::Journald { socket } => Arc::new(journald::Journald::new(socket)),
    })
}
