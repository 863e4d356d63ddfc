use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::{Tools, answer};
use crate::adapters::http::{Request, Url};
use crate::domain::ids::NotifierName;
use crate::domain::ledger::SecretSource;
use crate::ports::{Heartbeat, NotifyError};

/// A check in the manner of healthchecks.io: a POST to an address that is a secret. <https://healthchecks.io/docs/http_api/>
pub struct Ping {
    url: SecretSource,
    tools: Tools,
}

impl Ping {
    /// A check whose address is at `url`.
    pub fn new(url: SecretSource, tools: Tools) -> Self {
        Self { url, tools }
    }
}

#[async_trait]
impl Heartbeat for Ping {
    async fn beat(&self, words: &str) -> Result<String, NotifyError> {
        let (source, tools) = (self.url.clone(), self.tools.clone());
        // A secret may come from a program or a keyring, which block. It is read each time: once a minute at most.
        let url: Url = spawn_blocking(move || {
            let name = NotifierName::new("heartbeat").map_err(|error| error.to_string())?;
            tools.address(&name, &source)
        })
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(|why| NotifyError::Later { why, after: None })?;
        let request = Request::post(url, "text/plain; charset=utf-8", words.as_bytes().to_vec());
        answer::post(&self.tools, request, answer::any).await.map(|delivery| delivery.answer)
    }
}
