//! The API server's Secrets: merge patches, resource versions, immutable objects.

use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use guard::adapters::consumer::LIMITS;
use guard::domain::ledger::{ConsumerKind, KubernetesSecretSettings, SecretSource};
use serde_json::{Map, Value, json};

use super::*;

struct Object {
    version: u64,
    data: Map<String, Value>,
    immutable: bool,
    exists: bool,
}

impl Object {
    fn new() -> Self {
        let data = Map::from_iter([("OTHER".to_owned(), json!("b3RoZXI="))]);
        Self { version: 41, data, immutable: false, exists: true }
    }

    fn shown(&self) -> Value {
        let metadata = json!({ "name": "anthropic", "resourceVersion": self.version.to_string() });
        json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": self.data, "immutable": self.immutable })
    }
}

pub fn kind(url: &str) -> ConsumerKind {
    with_authority(url, "/nonexistent/ca.crt".as_ref())
}

fn with_authority(url: &str, ca_file: &Path) -> ConsumerKind {
    ConsumerKind::KubernetesSecret(KubernetesSecretSettings {
        url: url.to_owned(),
        namespace: "jobs".to_owned(),
        secret: "anthropic".to_owned(),
        key: "KEY".to_owned(),
        token: Some(SecretSource::Vault),
        ca_file: ca_file.to_owned(),
    })
}

type Answer = (StatusCode, String);

fn status(code: StatusCode, reason: &str) -> Answer {
    (code, json!({ "kind": "Status", "status": "Failure", "reason": reason, "code": code.as_u16() }).to_string())
}

fn allowed(headers: &HeaderMap, uri: &Uri) -> Option<Answer> {
    match headers.get("authorization").and_then(|v| v.to_str().ok()) {
        Some(bearer) if bearer == format!("Bearer {TOKEN}") => {}
        _ => return Some(status(StatusCode::UNAUTHORIZED, "Unauthorized")),
    }
    (uri.path() != "/api/v1/namespaces/jobs/secrets/anthropic").then(|| status(StatusCode::NOT_FOUND, "NotFound"))
}

async fn read(State(server): State<Server<Object>>, headers: HeaderMap, uri: Uri) -> Answer {
    if let Some(refusal) = allowed(&headers, &uri) {
        return refusal;
    }
    server.with(|object| match object.exists {
        true => (StatusCode::OK, object.shown().to_string()),
        false => status(StatusCode::NOT_FOUND, "NotFound"),
    })
}

async fn patch(State(server): State<Server<Object>>, headers: HeaderMap, uri: Uri, body: Bytes) -> Answer {
    if let Some(refusal) = allowed(&headers, &uri) {
        return refusal;
    }
    if headers.get("content-type").is_none_or(|v| v != "application/merge-patch+json") {
        return status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType");
    }
    let mood = server.mood().await;
    let patch: Value = serde_json::from_slice(&body).unwrap();
    server.with(|object| {
        match mood {
            Some(Trouble::Busy) => return status(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Some(Trouble::Outrun) => object.version += 1,
            _ => {}
        }
        let Some(data) = patch["data"].as_object() else { return status(StatusCode::BAD_REQUEST, "BadRequest") };
        if patch["metadata"]["resourceVersion"] != json!(object.version.to_string()) {
            return status(StatusCode::CONFLICT, "Conflict");
        }
        if object.immutable || data.values().any(|v| BASE64_STANDARD.decode(v.as_str().unwrap_or("?")).is_err()) {
            return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid");
        }
        object.data.extend(data.clone());
        object.version += 1;
        match mood {
            Some(Trouble::AnswerLost) => status(StatusCode::GATEWAY_TIMEOUT, "Timeout"),
            _ => (StatusCode::OK, object.shown().to_string()),
        }
    })
}

async fn start(object: Object) -> (Server<Object>, String) {
    let server = Server::new(object);
    let url = serve(Router::new().fallback(get(read).patch(patch)).with_state(server.clone())).await;
    (server, url)
}

/// The Secret without a key; the server's address.
pub async fn started() -> String {
    start(Object::new()).await.1
}

fn key(object: &mut Object) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(object.data.get("KEY")?.as_str()?).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let (server, url) = start(Object::new()).await;
    contract(kind(&url), &server, key, |object| object.version).await;
    assert_eq!(server.with(|object| object.data["OTHER"].clone()), json!("b3RoZXI="));
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_remedy() {
    let (_server, url) = start(Object { immutable: true, ..Object::new() }).await;
    refused(&*consumer(kind(&url), LIMITS), "without `immutable: true`").await;
    refused(&*with_credential(kind(&url), Ok("another-token")), "credential").await;
    let (_server, url) = start(Object { exists: false, ..Object::new() }).await;
    refused(&*consumer(kind(&url), LIMITS), "kubectl -n jobs create secret generic anthropic").await;
}

#[tokio::test]
async fn a_private_authority_is_the_only_one_believed() {
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.crt");
    let consumer = consumer(with_authority("https://127.0.0.1:1", &ca_file), LIMITS);
    let error = consumer.deliver(&secret(FIRST)).await.unwrap_err().to_string();
    assert!(error.contains("there is no file"), "{error}");
    std::fs::write(&ca_file, "no certificate").unwrap();
    let error = consumer.deliver(&secret(FIRST)).await.unwrap_err().to_string();
    assert!(error.contains("holds no certificate"), "{error}");
}
