//! AWS Secrets Manager: a small server for conflicts and lost answers, and moto for the rest of the contract:
//! `GUARD_MOTO_URL=http://127.0.0.1:5000` after `pip install 'moto[server]'` and `moto_server`.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use guard::adapters::consumer::LIMITS;
use guard::domain::ledger::{AwsSecretsManagerSettings, ConsumerKind, SecretSource};
use serde_json::{Value, json};

use super::*;
use crate::again::skipped;

pub fn kind(url: &str, name: &str, field: Option<&str>) -> ConsumerKind {
    ConsumerKind::AwsSecretsManager(AwsSecretsManagerSettings {
        region: "eu-central-1".to_owned(),
        secret: name.to_owned(),
        field: field.map(|field| field.parse().unwrap()),
        endpoint: Some(url.to_owned()),
        access_key_id: SecretSource::Vault,
        secret_access_key: SecretSource::Vault,
        session_token: Some(SecretSource::Vault),
    })
}

/// Versions by id, and the version of each label.
#[derive(Default)]
struct Stored {
    versions: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    moves: u64,
}

type Answer = (StatusCode, String);

fn fault(kind: &str) -> Answer {
    (StatusCode::BAD_REQUEST, json!({ "__type": kind, "message": "no" }).to_string())
}

async fn call(State(server): State<Server<Stored>>, headers: HeaderMap, body: Bytes) -> Answer {
    let header = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok()).unwrap_or_default();
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=named.consumer.prod.app.access_key_id/{}/eu-central-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=",
        &header("x-amz-date")[..8]
    );
    if !header("authorization").starts_with(&scope)
        || header("x-amz-security-token") != "named.consumer.prod.app.session_token"
    {
        return fault("IncompleteSignature");
    }
    let action = header("x-amz-target").to_owned();
    let typed: Value = serde_json::from_slice(&body).unwrap();
    let text = |name: &str| typed[name].as_str().unwrap_or_default().to_owned();
    let mood = match action.as_str() {
        // The step that counts.
        "secretsmanager.UpdateSecretVersionStage" => server.mood().await,
        _ => None,
    };
    server.with(|stored| match action.as_str() {
        "secretsmanager.GetSecretValue" => match stored.labels.get(&text("VersionStage")) {
            Some(id) => (StatusCode::OK, json!({ "VersionId": id, "SecretString": stored.versions[id] }).to_string()),
            None => fault("ResourceNotFoundException"),
        },
        "secretsmanager.PutSecretValue" => {
            let (id, content) = (text("ClientRequestToken"), text("SecretString"));
            if !(32..=64).contains(&id.len()) {
                return fault("InvalidParameterException");
            }
            match stored.versions.get(&id) {
                Some(there) if *there != content => return fault("ResourceExistsException"),
                Some(_) => {}
                None => {
                    stored.versions.insert(id.clone(), content);
                    stored.labels.insert("AWSPENDING".to_owned(), id.clone());
                }
            }
            (StatusCode::OK, json!({ "VersionId": id }).to_string())
        }
        "secretsmanager.UpdateSecretVersionStage" => {
            match mood {
                Some(Trouble::Busy) => return fault("ThrottlingException"),
                Some(Trouble::Outrun) => {
                    let id = format!("foreign-{}", stored.versions.len());
                    stored.versions.insert(id.clone(), "foreign".to_owned());
                    stored.labels.insert("AWSCURRENT".to_owned(), id);
                }
                _ => {}
            }
            let from = typed["RemoveFromVersionId"].as_str().map(str::to_owned);
            if stored.labels.get("AWSCURRENT") != from.as_ref()
                || !stored.versions.contains_key(&text("MoveToVersionId"))
            {
                return fault("InvalidParameterException");
            }
            if let Some(from) = from {
                stored.labels.insert("AWSPREVIOUS".to_owned(), from);
            }
            stored.labels.insert(text("VersionStage"), text("MoveToVersionId"));
            stored.moves += 1;
            match mood {
                Some(Trouble::AnswerLost) => {
                    (StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "InternalServiceError" }).to_string())
                }
                _ => (StatusCode::OK, json!({ "Name": "s" }).to_string()),
            }
        }
        _ => fault("UnknownOperationException"),
    })
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let server = Server::new(Stored::default());
    let url = serve(Router::new().fallback(post(call)).with_state(server.clone())).await;
    let key = |stored: &mut Stored| stored.labels.get("AWSCURRENT").map(|id| stored.versions[id].clone());
    contract(kind(&url, "prod/anthropic", None), &server, key, |stored| stored.moves).await;

    let consumer = consumer(kind(&url, "prod/anthropic", None), LIMITS);
    consumer.deliver(&secret(FIRST)).await.unwrap();
    consumer.deliver(&secret(SECOND)).await.unwrap();
    let previous = server.with(|stored| stored.versions[&stored.labels["AWSPREVIOUS"]].clone());
    assert_eq!(previous, FIRST, "the way back");
}

/// A request to moto with the credentials that it does not check.
pub async fn moto(url: &str, action: &str, body: Value) -> Value {
    let request = guard::adapters::http::Request::post(
        guard::adapters::http::Url::parse(url).unwrap(),
        "application/x-amz-json-1.1",
        body.to_string().into_bytes(),
    )
    .header("x-amz-target", &format!("secretsmanager.{action}"))
    .header("authorization", "AWS4-HMAC-SHA256 Credential=t/20260101/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0");
    let client = guard::adapters::http::Client::new(guard::adapters::http::Limits::default()).unwrap();
    client.send(request).await.unwrap().json().unwrap()
}

#[tokio::test]
async fn moto_agrees() {
    let Ok(url) = std::env::var("GUARD_MOTO_URL") else {
        return skipped("moto_agrees: start moto_server and set GUARD_MOTO_URL");
    };
    let name = format!("guard/{}", std::process::id());
    refused(&*consumer(kind(&url, &name, None), LIMITS), "aws secretsmanager create-secret").await;

    moto(&url, "CreateSecret", json!({ "Name": name })).await;
    let whole = consumer(kind(&url, &name, None), LIMITS);
    assert_eq!(held(&*whole).await, None);
    for key in [FIRST, SECOND, SECOND, FIRST] {
        whole.deliver(&secret(key)).await.unwrap();
        assert_eq!(held(&*whole).await.as_deref(), Some(key));
    }
    let previous = moto(&url, "GetSecretValue", json!({ "SecretId": name, "VersionStage": "AWSPREVIOUS" })).await;
    assert_eq!(previous["SecretString"], SECOND);

    let name = format!("guard/json/{}", std::process::id());
    let document = r#"{ "user" : "x", "KEY":"" }"#;
    moto(&url, "CreateSecret", json!({ "Name": name, "SecretString": document })).await;
    let field = consumer(kind(&url, &name, Some("KEY")), LIMITS);
    assert_eq!(held(&*field).await, None);
    field.deliver(&secret(FIRST)).await.unwrap();
    assert_eq!(held(&*field).await.as_deref(), Some(FIRST));
    let stored = moto(&url, "GetSecretValue", json!({ "SecretId": name, "VersionStage": "AWSCURRENT" })).await;
    assert_eq!(stored["SecretString"], json!(document.replace(r#""KEY":"""#, &format!(r#""KEY":"{FIRST}""#))));
    refused(&*consumer(kind(&url, &name, Some("NONE")), LIMITS), "no field `NONE`").await;
}
