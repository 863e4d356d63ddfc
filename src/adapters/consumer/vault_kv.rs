//! A field of a secret in a key-value store, version 2, of HashiCorp Vault or OpenBao.
//! <https://openbao.org/api-docs/secret/kv/kv-v2/>

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Place;
use super::credential::Credential;
use super::means::Credentials;
use super::remote::{ATTEMPTS, Effect, Remote};
use crate::adapters::http::{Request, Url};
use crate::domain::ledger::VaultKvSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// See [`VaultKvSettings`].
pub(super) struct VaultKv {
    remote: Remote,
    settings: VaultKvSettings,
    token: Credential,
}

/// A secret's fields; the values of others are carried over as they were written.
type Fields = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Answer {
    data: Version,
}

#[derive(Deserialize)]
struct Version {
    /// Null when this version was deleted.
    data: Option<Fields>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

#[derive(Serialize)]
struct Write<'f> {
    options: Options,
    data: &'f Fields,
}

#[derive(Serialize)]
struct Options {
    /// The version that the new one must follow; 0: there must be none.
    cas: u64,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

impl VaultKv {
    pub(super) fn new(settings: VaultKvSettings, own: &Credentials<'_>) -> Self {
        let target = format!("Vault {}/{} ({})", settings.mount, settings.path, settings.field);
        let remote = Remote::new(&settings.url, settings.ca_file.clone(), own.means.limits, target);
        let token = own.from(&settings.token, "token");
        Self { remote, settings, token }
    }

    fn url(&self) -> Result<Url, ConsumerError> {
        let parts = [&self.settings.mount, "data", &self.settings.path];
        self.remote.url(["v1"].into_iter().chain(parts.into_iter().flat_map(|part| part.split('/'))))
    }

    async fn authorized(&self, request: Request) -> Result<Request, ConsumerError> {
        let token = self.remote.credential(&self.token).await?;
        let request = request.header("x-vault-request", "true").secret_header("x-vault-token", "", &token);
        Ok(match &self.settings.namespace {
            Some(namespace) => request.header("x-vault-namespace", namespace),
            None => request,
        })
    }

    /// The newest version's number and fields; version 0 when there is none.
    async fn current(&self) -> Result<(u64, Fields), ConsumerError> {
        let response = self.remote.send(self.authorized(Request::get(self.url()?)).await?, Effect::Reads).await?;
        match response.status {
            200 => {}
            // A deleted version answers 404 with its number; a secret that never was, without.
            404 => {
                let version = response.json::<Answer>().map_or(0, |answer| answer.data.metadata.version);
                return Ok((version, Fields::new()));
            }
            status => return Err(self.remote.failed(status, Effect::Reads)),
        }
        let Version { data, metadata } = self.remote.json::<Answer>(&response)?.data;
        Ok((metadata.version, data.unwrap_or_default()))
    }

    fn held(&self, fields: &Fields) -> Result<Reading, ConsumerError> {
        let text: Option<String> = match fields.get(&self.settings.field) {
            None => None,
            Some(raw) => {
                serde_json::from_str(raw.get()).map_err(|_| self.remote.refused("the field is not a string"))?
            }
        };
        self.remote.reading(text.map(Zeroizing::new))
    }
}

#[async_trait]
impl Place for VaultKv {
    fn describe(&self) -> String {
        format!("{} at {}", self.remote.target(), self.settings.url)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        self.held(&self.current().await?.1)
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        for _ in 0..ATTEMPTS {
            let (version, mut fields) = self.current().await?;
            if matches!(self.held(&fields)?, Reading::Holds(held) if held.same_as(secret)) {
                return Ok(());
            }
            let value = serde_json::value::to_raw_value(secret.expose())
                .map_err(|_| self.remote.refused("the key cannot be written as JSON"))?;
            fields.insert(self.settings.field.clone(), value);
            let body = Write { options: Options { cas: version }, data: &fields };
            let request = Request::post_json(self.url()?, &body)
                .map_err(|_| self.remote.refused("the secret cannot be written as JSON"))?;
            let response = self.remote.send(self.authorized(request).await?, Effect::Writes).await?;
            let outrun = response.status == 400
                && response.json::<Errors>().is_ok_and(|e| e.errors.iter().any(|e| e.contains("check-and-set")));
            match response.status {
                _ if response.is_success() => return Ok(()),
                _ if outrun => {}
                status => return Err(self.remote.failed(status, Effect::Writes)),
            }
        }
        Err(self.remote.contended())
    }

    fn pickup(&self) -> &'static str {
        "when it next asks Vault: an agent at its next render, a program that read the key at its start only after a restart"
    }
}
