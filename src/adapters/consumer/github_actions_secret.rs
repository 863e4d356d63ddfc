//! A secret of GitHub Actions: sealed for GitHub's public key, written, never read back.
//! <https://docs.github.com/en/rest/actions/secrets>

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::OsRng;
use serde::Deserialize;
use serde_json::json;

use super::Place;
use super::credential::Credential;
use super::means::Credentials;
use super::remote::{ATTEMPTS, Effect, Remote};
use crate::adapters::http::{Method, Request, Url};
use crate::domain::ledger::GithubActionsSecretSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// See [`GithubActionsSecretSettings`].
pub(super) struct GithubActionsSecret {
    remote: Remote,
    settings: GithubActionsSecretSettings,
    token: Credential,
}

#[derive(Deserialize)]
struct SealingKey {
    key_id: String,
    key: String,
}

impl GithubActionsSecret {
    pub(super) fn new(settings: GithubActionsSecretSettings, own: &Credentials<'_>) -> Self {
        let within = settings.environment.as_ref().map(|e| format!(" environment {e}")).unwrap_or_default();
        let target = format!("GitHub {}/{}{within} ({})", settings.owner, settings.repository, settings.secret);
        let remote = Remote::new(&settings.url, None, own.means.limits, target);
        let token = own.from(&settings.token, "token");
        Self { remote, settings, token }
    }

    /// The address of the secret, or of `public-key` beside it.
    fn url(&self, last: &str) -> Result<Url, ConsumerError> {
        let GithubActionsSecretSettings { owner, repository, environment, .. } = &self.settings;
        let mut parts = vec!["repos", owner, repository];
        match environment {
            Some(environment) => parts.extend(["environments", environment, "secrets", last]),
            None => parts.extend(["actions", "secrets", last]),
        }
        self.remote.url(parts)
    }

    async fn authorized(&self, request: Request) -> Result<Request, ConsumerError> {
        let token = self.remote.credential(&self.token).await?;
        Ok(request
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .secret_header("authorization", "Bearer ", &token))
    }

    /// The secret sealed for the key of this moment, with that key's id.
    async fn sealed(&self, secret: &Secret) -> Result<serde_json::Value, ConsumerError> {
        let request = self.authorized(Request::get(self.url("public-key")?)).await?;
        let response = self.remote.send(request, Effect::Reads).await?;
        if response.status != 200 {
            return Err(self.remote.failed(response.status, Effect::Reads));
        }
        let SealingKey { key_id, key } = self.remote.json(&response)?;
        let bytes: Option<[u8; 32]> = BASE64_STANDARD.decode(key).ok().and_then(|key| key.try_into().ok());
        let sealed = bytes.and_then(|key| PublicKey::from(key).seal(&mut OsRng, secret.expose().as_bytes()).ok());
        match sealed {
            Some(sealed) => Ok(json!({ "encrypted_value": BASE64_STANDARD.encode(sealed), "key_id": key_id })),
            None => Err(self.remote.unreachable("its public key is not one that a secret can be sealed for")),
        }
    }
}

#[async_trait]
impl Place for GithubActionsSecret {
    fn describe(&self) -> String {
        format!("{} at {}", self.remote.target(), self.settings.url)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let request = self.authorized(Request::get(self.url(&self.settings.secret)?)).await?;
        match self.remote.send(request, Effect::Reads).await?.status {
            200 => Ok(Reading::WriteOnly),
            404 => Ok(Reading::Empty),
            status => Err(self.remote.failed(status, Effect::Reads)),
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        for _ in 0..ATTEMPTS {
            let body = self.sealed(secret).await?;
            let request =
                Request::post(self.url(&self.settings.secret)?, "application/json", body.to_string().into_bytes())
                    .method(Method::PUT);
            let response = self.remote.send(self.authorized(request).await?, Effect::Writes).await?;
            match response.status {
                201 | 204 => return Ok(()),
                // GitHub has replaced its key since it was asked for it.
                409 | 422 => {}
                status => return Err(self.remote.failed(status, Effect::Writes)),
            }
        }
        Err(self.remote.refused(format!("it did not accept what was sealed for its own key in {ATTEMPTS} attempts")))
    }

    fn pickup(&self) -> &'static str {
        "in runs queued after the delivery (environment secrets: jobs started after it); earlier runs keep the old key to their end"
    }
}
