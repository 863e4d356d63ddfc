//! A key-value store, version 2, as <https://openbao.org/api-docs/secret/kv/kv-v2/> has it, with `cas_required`.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use guard::adapters::consumer::LIMITS;
use guard::domain::ledger::{ConsumerKind, SecretSource, VaultKvSettings};
use serde_json::{Value, json};

use super::*;

#[derive(Default)]
struct Store {
    version: u64,
    /// The text, so that the writing of numbers is seen to survive.
    data: Option<String>,
}

pub fn kind(url: &str) -> ConsumerKind {
    ConsumerKind::VaultKv(VaultKvSettings {
        url: url.to_owned(),
        mount: "kv/team".to_owned(),
        path: "prod/pipeline".to_owned(),
        field: "KEY".to_owned(),
        namespace: Some("eu".to_owned()),
        token: SecretSource::Vault,
        ca_file: None,
    })
}

type Answer = (StatusCode, String);

fn errors(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "errors": [text] }).to_string())
}

fn allowed(headers: &HeaderMap, uri: &Uri) -> Option<Answer> {
    let header = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
    match (header("x-vault-token"), header("x-vault-namespace")) {
        (Some(TOKEN), Some("eu")) if uri.path() == "/v1/kv/team/data/prod/pipeline" => None,
        (Some(TOKEN), Some("eu")) => Some(errors(StatusCode::NOT_FOUND, "no handler for route")),
        _ => Some(errors(StatusCode::FORBIDDEN, "permission denied")),
    }
}

async fn read(State(server): State<Server<Store>>, headers: HeaderMap, uri: Uri) -> Answer {
    if let Some(refusal) = allowed(&headers, &uri) {
        return refusal;
    }
    server.with(|store| match (&store.data, store.version) {
        (None, 0) => (StatusCode::NOT_FOUND, json!({ "errors": [] }).to_string()),
        (None, version) => {
            let metadata = json!({ "version": version, "deletion_time": "2026-01-01T00:00:00Z", "destroyed": false });
            (StatusCode::NOT_FOUND, json!({ "data": { "data": null, "metadata": metadata } }).to_string())
        }
        (Some(data), version) => {
            let metadata = json!({ "version": version, "deletion_time": "", "destroyed": false });
            (StatusCode::OK, format!(r#"{{"request_id":"1","data":{{"data":{data},"metadata":{metadata}}}}}"#))
        }
    })
}

async fn write(State(server): State<Server<Store>>, headers: HeaderMap, uri: Uri, body: Bytes) -> Answer {
    if let Some(refusal) = allowed(&headers, &uri) {
        return refusal;
    }
    let mood = server.mood().await;
    server.with(|store| {
        match mood {
            Some(Trouble::Busy) => return errors(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed"),
            Some(Trouble::Outrun) => store.version += 1,
            _ => {}
        }
        let text = std::str::from_utf8(&body).unwrap();
        let typed: Value = serde_json::from_str(text).unwrap();
        match typed["options"]["cas"].as_u64() {
            None => return errors(StatusCode::BAD_REQUEST, "check-and-set parameter required for this call"),
            Some(cas) if cas != store.version => {
                let why = "check-and-set parameter did not match the current version";
                return errors(StatusCode::BAD_REQUEST, why);
            }
            Some(_) => {}
        }
        let raw: std::collections::BTreeMap<&str, &serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
        store.data = Some(raw["data"].get().to_owned());
        store.version += 1;
        match mood {
            Some(Trouble::AnswerLost) => errors(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
            _ => (StatusCode::OK, json!({ "data": { "version": store.version } }).to_string()),
        }
    })
}

async fn start(store: Store) -> (Server<Store>, String) {
    let server = Server::new(store);
    let url = serve(Router::new().fallback(get(read).post(write)).with_state(server.clone())).await;
    (server, url)
}

/// An empty store; its address.
pub async fn started() -> String {
    start(Store::default()).await.1
}

fn key(store: &mut Store) -> Option<String> {
    let data: Value = serde_json::from_str(store.data.as_ref()?).unwrap();
    Some(data["KEY"].as_str()?.to_owned())
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let (server, url) = start(Store::default()).await;
    contract(kind(&url), &server, key, |store| store.version).await;
}

#[tokio::test]
async fn other_fields_stay_as_they_were_written() {
    let data = r#"{"KEY":"","n":1.10,"big":12345678901234567890123,"x":{"a":[null]}}"#;
    let (server, url) = start(Store { version: 7, data: Some(data.to_owned()) }).await;
    consumer(kind(&url), LIMITS).deliver(&secret(FIRST)).await.unwrap();
    let stored = server.with(|store| store.data.clone().unwrap());
    for part in [r#""n":1.10"#, r#""big":12345678901234567890123"#, r#""x":{"a":[null]}"#] {
        assert!(stored.contains(part), "{stored}");
    }
    assert_eq!(server.with(|store| store.version), 8);
}

#[tokio::test]
async fn a_deleted_version_is_followed_by_the_next_one() {
    let (server, url) = start(Store { version: 3, data: None }).await;
    consumer(kind(&url), LIMITS).deliver(&secret(SECOND)).await.unwrap();
    assert_eq!(server.with(|store| (store.version, key(store))), (4, Some(SECOND.to_owned())));
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let (_server, url) = start(Store { version: 1, data: Some(r#"{"KEY":5}"#.to_owned()) }).await;
    refused(&*consumer(kind(&url), LIMITS), "not a string").await;
    refused(&*with_credential(kind(&url), Ok("another-token")), "credential").await;
}
