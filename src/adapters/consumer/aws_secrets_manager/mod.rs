//! A secret of AWS Secrets Manager, by its JSON protocol.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>
//!
//! A new value is stored under the label `AWSPENDING` first; then `AWSCURRENT` is moved from the version that was read to the
//! new one, which fails when somebody else has moved it. AWS itself labels the earlier version `AWSPREVIOUS`.

mod sigv4;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::sigv4::{Scope, amz_date, authorization};
use super::Place;
use super::credential::Credential;
use super::edit;
use super::means::Credentials;
use super::remote::{ATTEMPTS, Effect, Remote};
use crate::adapters::http::{Request, Response};
use crate::domain::ledger::{AwsSecretsManagerSettings, DocumentFormat};
use crate::domain::secret::Secret;
use crate::ports::{Clock, ConsumerError, Reading};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const CURRENT: &str = "AWSCURRENT";

/// See [`AwsSecretsManagerSettings`].
pub(super) struct AwsSecretsManager {
    remote: Remote,
    settings: AwsSecretsManagerSettings,
    access_key_id: Credential,
    secret_access_key: Credential,
    session_token: Option<Credential>,
    clock: Arc<dyn Clock>,
}

/// The version that a label is on.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version_id: String,
    /// Missing when the secret is binary.
    secret_string: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "__type", default)]
    kind: String,
}

/// An answer, reduced to what is decided on.
enum Answer {
    Fine(Response),
    /// The secret, or the version with that label, is not there.
    NotFound,
    /// The request contradicts what is stored: a label is not where it was, or a token has another content.
    Contradiction,
}

impl AwsSecretsManager {
    pub(super) fn new(settings: AwsSecretsManagerSettings, own: &Credentials<'_>) -> Self {
        let target = format!("AWS secret {} in {}", settings.secret, settings.region);
        let domain = if settings.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let public = format!("https://secretsmanager.{}.{domain}", settings.region);
        let remote = Remote::new(settings.endpoint.as_ref().unwrap_or(&public), None, own.means.limits, target);
        Self {
            remote,
            access_key_id: own.from(&settings.access_key_id, "access_key_id"),
            secret_access_key: own.from(&settings.secret_access_key, "secret_access_key"),
            session_token: settings.session_token.as_ref().map(|source| own.from(source, "session_token")),
            clock: Arc::clone(&own.means.clock),
            settings,
        }
    }

    async fn call(&self, action: &str, body: &Value, effect: Effect) -> Result<Answer, ConsumerError> {
        let access_key_id = self.remote.credential(&self.access_key_id).await?;
        let secret_access_key = self.remote.credential(&self.secret_access_key).await?;
        let token = match &self.session_token {
            Some(source) => Some(self.remote.credential(source).await?),
            None => None,
        };

        let body = body.to_string().into_bytes();
        let at = amz_date(self.clock.now());
        let target = format!("secretsmanager.{action}");
        let url = self.remote.url([])?;
        let shown = url.to_string();
        let host = shown.split_once("://").map_or(shown.as_str(), |(_, host)| host);
        let mut headers = vec![("content-type", CONTENT_TYPE), ("host", host), ("x-amz-date", &at)];
        headers.extend(token.as_ref().map(|token| ("x-amz-security-token", token.expose())));
        headers.push(("x-amz-target", &target));
        let scope = Scope {
            access_key_id: access_key_id.expose(),
            secret_access_key: &secret_access_key,
            region: &self.settings.region,
            service: "secretsmanager",
        };
        let signature = authorization(&scope, "POST", &headers, &body, &at);

        let mut request = Request::post(url, CONTENT_TYPE, body)
            .header("x-amz-date", &at)
            .header("x-amz-target", &target)
            .header("authorization", &signature);
        if let Some(token) = &token {
            request = request.secret_header("x-amz-security-token", "", token);
        }
        let response = self.remote.send(request, effect).await?;
        self.meaning(response, effect)
    }

    fn meaning(&self, response: Response, effect: Effect) -> Result<Answer, ConsumerError> {
        if response.is_success() {
            return Ok(Answer::Fine(response));
        }
        let fault = response.json::<Fault>().map(|fault| fault.kind).unwrap_or_default();
        // Sometimes with a namespace in front.
        match fault.rsplit('#').next().unwrap_or_default() {
            "ResourceNotFoundException" => Ok(Answer::NotFound),
            "InvalidParameterException" | "ResourceExistsException" => Ok(Answer::Contradiction),
            "ThrottlingException" | "RequestLimitExceeded" => Err(self.remote.unreachable("it is busy (throttled)")),
            word @ ("AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken") => {
                Err(self.remote.refused(format!("it does not accept guard's credential for this ({word})")))
            }
            "InvalidRequestException" => {
                Err(self.remote.refused("the secret is scheduled for deletion or managed by another service"))
            }
            _ => Err(self.remote.failed(response.status, effect)),
        }
    }

    async fn current(&self) -> Result<Option<Version>, ConsumerError> {
        // Always by label: without one the service may answer from another version.
        let body = json!({ "SecretId": self.settings.secret, "VersionStage": CURRENT });
        match self.call("GetSecretValue", &body, Effect::Reads).await? {
            Answer::Fine(response) => self.remote.json(&response).map(Some),
            Answer::NotFound => Ok(None),
            Answer::Contradiction => Err(self.remote.refused("it does not accept the secret's name")),
        }
    }

    fn held(&self, version: &Version) -> Result<Reading, ConsumerError> {
        let Some(text) = &version.secret_string else { return Err(self.remote.refused("the secret is binary")) };
        let text = match &self.settings.field {
            None => Some(Zeroizing::new(text.clone())),
            Some(field) => {
                edit::read(DocumentFormat::Json, text, field).map_err(|e| self.remote.refused(e.to_string()))?
            }
        };
        self.remote.reading(text)
    }

    /// The whole new content.
    fn edited(&self, version: Option<&Version>, secret: &Secret) -> Result<Zeroizing<String>, ConsumerError> {
        let Some(field) = &self.settings.field else { return Ok(Zeroizing::new(secret.expose().to_owned())) };
        let old = version.and_then(|v| v.secret_string.as_ref()).ok_or_else(|| {
            self.remote.refused(format!("it has no value yet; store a JSON document with `{field}` in it once"))
        })?;
        edit::replace(DocumentFormat::Json, old, field, secret).map_err(|e| self.remote.refused(e.to_string()))
    }

    /// The id of the version that holds `content`. It depends on nothing else, so that a repeated delivery, also one whose outcome
    /// is unknown, makes one version and not two. A key has far too much entropy to be found from its hash.
    fn version_id(&self, content: &str) -> String {
        let mut hash = Sha256::new();
        for part in ["guard delivery", &self.settings.secret, content] {
            hash.update(Sha256::digest(part));
        }
        hex::encode(hash.finalize())
    }
}

#[async_trait]
impl Place for AwsSecretsManager {
    fn describe(&self) -> String {
        match &self.settings.field {
            Some(field) => format!("{} ({field})", self.remote.target()),
            None => self.remote.target().to_owned(),
        }
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        match self.current().await? {
            Some(version) => self.held(&version),
            None => Ok(Reading::Empty),
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let id = &self.settings.secret;
        for _ in 0..ATTEMPTS {
            let current = self.current().await?;
            if let Some(version) = &current
                && matches!(self.held(version)?, Reading::Holds(held) if held.same_as(secret))
            {
                return Ok(());
            }
            let content = self.edited(current.as_ref(), secret)?;
            let version = self.version_id(&content);
            let body = json!({
                "SecretId": id,
                "SecretString": content.as_str(),
                "ClientRequestToken": version,
                "VersionStages": ["AWSPENDING"],
            });
            match self.call("PutSecretValue", &body, Effect::Writes).await? {
                Answer::Fine(_) => {}
                Answer::NotFound => {
                    let why = format!("it does not exist; make it once: aws secretsmanager create-secret --name {id}");
                    return Err(self.remote.refused(why));
                }
                Answer::Contradiction => continue,
            }
            let mut body = json!({ "SecretId": id, "VersionStage": CURRENT, "MoveToVersionId": version });
            if let Some(current) = &current {
                body["RemoveFromVersionId"] = Value::String(current.version_id.clone());
            }
            if let Answer::Fine(_) = self.call("UpdateSecretVersionStage", &body, Effect::Writes).await? {
                return Ok(());
            }
        }
        Err(self.remote.contended())
    }

    fn pickup(&self) -> &'static str {
        "when it next asks AWS; AWS's own caching clients keep a value for up to an hour"
    }
}
