//! One key of a Kubernetes Secret.
//! <https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/>

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Place;
use super::credential::Credential;
use super::means::Credentials;
use super::remote::{ATTEMPTS, Effect, Remote, read_followed};
use crate::adapters::http::{Method, Request, Url};
use crate::domain::ledger::KubernetesSecretSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// See [`KubernetesSecretSettings`].
pub(super) struct KubernetesSecret {
    remote: Remote,
    settings: KubernetesSecretSettings,
    token: Credential,
}

/// Where Kubernetes puts the token of a pod.
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    immutable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

fn pod_token() -> Result<Secret, String> {
    let bytes = read_followed(Path::new(POD_TOKEN), 64 * 1024)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("guard does not run in a pod ({POD_TOKEN} is missing); set `token`"))?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| format!("{POD_TOKEN} is not text"))?;
    Secret::new(text).map_err(|error| format!("{POD_TOKEN}: {error}"))
}

impl KubernetesSecret {
    pub(super) fn new(settings: KubernetesSecretSettings, own: &Credentials<'_>) -> Self {
        let target = format!("Kubernetes secret {}/{} ({})", settings.namespace, settings.secret, settings.key);
        // On this machine there is no certificate to check, as with `kubectl proxy`.
        let local = settings.url.starts_with("http://");
        let remote = Remote::new(&settings.url, (!local).then(|| settings.ca_file.clone()), own.means.limits, target);
        let token = match &settings.token {
            Some(source) => own.from(source, "token"),
            None => Credential::new(pod_token),
        };
        Self { remote, settings, token }
    }

    fn url(&self) -> Result<Url, ConsumerError> {
        let KubernetesSecretSettings { namespace, secret, .. } = &self.settings;
        self.remote.url(["api", "v1", "namespaces", namespace, "secrets", secret])
    }

    async fn authorized(&self, request: Request) -> Result<Request, ConsumerError> {
        let token = self.remote.credential(&self.token).await?;
        Ok(request.header("accept", "application/json").secret_header("authorization", "Bearer ", &token))
    }

    async fn current(&self) -> Result<Object, ConsumerError> {
        let response = self.remote.send(self.authorized(Request::get(self.url()?)).await?, Effect::Reads).await?;
        match response.status {
            200 => self.remote.json(&response),
            404 => Err(self.remote.refused(format!(
                "it does not exist; make it once: kubectl -n {} create secret generic {}",
                self.settings.namespace, self.settings.secret
            ))),
            status => Err(self.remote.failed(status, Effect::Reads)),
        }
    }

    fn held(&self, object: &Object) -> Result<Reading, ConsumerError> {
        let Some(encoded) = object.data.get(&self.settings.key) else { return Ok(Reading::Empty) };
        let text = BASE64_STANDARD.decode(encoded.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match text {
            Some(text) => self.remote.reading(Some(Zeroizing::new(text))),
            None => Err(self.remote.refused("what it holds is not text")),
        }
    }
}

#[async_trait]
impl Place for KubernetesSecret {
    fn describe(&self) -> String {
        format!("{} at {}", self.remote.target(), self.settings.url)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        self.held(&self.current().await?)
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        for _ in 0..ATTEMPTS {
            let object = self.current().await?;
            if matches!(self.held(&object)?, Reading::Holds(held) if held.same_as(secret)) {
                return Ok(());
            }
            if object.immutable {
                return Err(self.remote.refused(
                    "it is immutable; make it anew without `immutable: true`, or under another name and change the ledger and the pods",
                ));
            }
            // The version makes the server refuse the patch when somebody else wrote in between.
            let patch = json!({
                "metadata": { "resourceVersion": object.metadata.resource_version },
                "data": { &self.settings.key: BASE64_STANDARD.encode(secret.expose()) },
            });
            let url = self.url()?.query([("fieldManager", "guard")]);
            let request = Request::post(url, "application/merge-patch+json", patch.to_string().into_bytes())
                .method(Method::PATCH);
            let response = self.remote.send(self.authorized(request).await?, Effect::Writes).await?;
            match response.status {
                200 => return Ok(()),
                409 => {}
                status => return Err(self.remote.failed(status, Effect::Writes)),
            }
        }
        Err(self.remote.contended())
    }

    fn pickup(&self) -> &'static str {
        "mounted as a volume: after the kubelet's next sync, about a minute; as a variable or with subPath: when the pod restarts"
    }
}
