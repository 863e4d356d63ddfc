//! GitHub's API for Actions secrets: sealed boxes for the key of the moment, nothing ever read back.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_box::SecretKey;
use guard::adapters::consumer::LIMITS;
use guard::domain::ledger::{ConsumerKind, GithubActionsSecretSettings, SecretSource};
use serde_json::{Value, json};

use super::*;

struct Repository {
    key: SecretKey,
    key_id: u64,
    value: Option<String>,
    writes: u64,
}

pub fn kind(url: &str, environment: Option<&str>) -> ConsumerKind {
    ConsumerKind::GithubActionsSecret(GithubActionsSecretSettings {
        url: url.to_owned(),
        owner: "acme".to_owned(),
        repository: "pipeline".to_owned(),
        environment: environment.map(str::to_owned),
        secret: "ANTHROPIC_API_KEY".to_owned(),
        token: SecretSource::Vault,
    })
}

type Answer = (StatusCode, String);

fn message(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "message": text }).to_string())
}

/// Which of the two addresses it is: the key's or the secret's.
fn allowed(headers: &HeaderMap, uri: &Uri) -> Result<bool, Answer> {
    let header = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok()).unwrap_or_default();
    if header("authorization") != format!("Bearer {TOKEN}") {
        return Err(message(StatusCode::UNAUTHORIZED, "Bad credentials"));
    }
    if header("user-agent").is_empty() || header("x-github-api-version") != "2022-11-28" {
        return Err(message(StatusCode::FORBIDDEN, "Request forbidden by administrative rules"));
    }
    let last = ["/repos/acme/pipeline/actions/secrets/", "/repos/acme/pipeline/environments/prod%2Feu/secrets/"]
        .iter()
        .find_map(|prefix| uri.path().strip_prefix(prefix));
    match last {
        Some("public-key") => Ok(true),
        Some("ANTHROPIC_API_KEY") => Ok(false),
        _ => Err(message(StatusCode::NOT_FOUND, "Not Found")),
    }
}

async fn read(State(server): State<Server<Repository>>, headers: HeaderMap, uri: Uri) -> Answer {
    let of_key = match allowed(&headers, &uri) {
        Ok(of_key) => of_key,
        Err(refusal) => return refusal,
    };
    server.with(|repository| match (of_key, &repository.value) {
        (true, _) => {
            let key = BASE64_STANDARD.encode(repository.key.public_key().as_bytes());
            (StatusCode::OK, json!({ "key_id": repository.key_id.to_string(), "key": key }).to_string())
        }
        (false, Some(_)) => (StatusCode::OK, json!({ "name": "ANTHROPIC_API_KEY" }).to_string()),
        (false, None) => message(StatusCode::NOT_FOUND, "Not Found"),
    })
}

async fn write(State(server): State<Server<Repository>>, headers: HeaderMap, uri: Uri, body: Bytes) -> Answer {
    if let Err(refusal) = allowed(&headers, &uri) {
        return refusal;
    }
    let mood = server.mood().await;
    let typed: Value = serde_json::from_slice(&body).unwrap();
    server.with(|repository| {
        match mood {
            Some(Trouble::Busy) => return message(StatusCode::TOO_MANY_REQUESTS, "secondary rate limit"),
            Some(Trouble::Outrun) => {
                repository.key = SecretKey::generate(&mut crypto_box::aead::OsRng);
                repository.key_id += 1;
            }
            _ => {}
        }
        if typed["key_id"] != json!(repository.key_id.to_string()) {
            return message(StatusCode::UNPROCESSABLE_ENTITY, "Bad request - key_id does not match");
        }
        let sealed = typed["encrypted_value"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
        let Some(opened) = sealed.and_then(|sealed| repository.key.unseal(&sealed).ok()) else {
            return message(StatusCode::UNPROCESSABLE_ENTITY, "value could not be decrypted");
        };
        let created = repository.value.replace(String::from_utf8(opened).unwrap()).is_none();
        repository.writes += 1;
        match mood {
            Some(Trouble::AnswerLost) => message(StatusCode::BAD_GATEWAY, "Server Error"),
            _ if created => (StatusCode::CREATED, "{}".to_owned()),
            _ => (StatusCode::NO_CONTENT, String::new()),
        }
    })
}

async fn start() -> (Server<Repository>, String) {
    let key = SecretKey::generate(&mut crypto_box::aead::OsRng);
    let server = Server::new(Repository { key, key_id: 1, value: None, writes: 0 });
    let url = serve(Router::new().fallback(get(read).put(write)).with_state(server.clone())).await;
    (server, url)
}

/// Queues runs with the secret of the moment.
pub struct Runner(Server<Repository>);

impl Runner {
    /// What a run that is queued now will have.
    pub fn secret(&self) -> String {
        self.0.with(|repository| repository.value.clone()).unwrap_or_default()
    }
}

/// An empty repository; its address.
pub async fn started() -> (Runner, String) {
    let (server, url) = start().await;
    (Runner(server), url)
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let (server, url) = start().await;
    contract(kind(&url, None), &server, |r| r.value.clone(), |r| r.writes).await;
}

#[tokio::test]
async fn an_environment_has_secrets_of_its_own() {
    let (server, url) = start().await;
    let consumer = consumer(kind(&url, Some("prod/eu")), LIMITS);
    consumer.deliver(&secret(FIRST)).await.unwrap();
    assert_eq!(server.with(|r| r.value.clone()).as_deref(), Some(FIRST));
    assert_eq!(held(&*consumer).await.as_deref(), Some(""), "it exists, and cannot be read");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let (_server, url) = start().await;
    refused(&*with_credential(kind(&url, None), Ok("another-token")), "credential").await;
    refused(&*consumer(kind(&url, Some("nowhere")), LIMITS), "does not exist").await;
}
