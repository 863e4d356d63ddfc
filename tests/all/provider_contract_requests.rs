//! What the client puts on the wire, exactly, and against the provider's OpenAPI document.

use std::sync::Arc;

use guard::domain::ids::{KeyId, WorkspaceId};
use guard::domain::key::KeyStatus;
use guard::domain::time::Minute;
use guard::ports::{KeyAdmin, KeyProbe, UsageFeed};
use serde_json::json;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::openapi::Contract;
use super::organization::{Pauses, client, noon, secret};

const KEY: &str = "apikey_01Rj2N8SVvo6BePZj99NhmiT";
const ADMIN: &str = "sk-ant-admin01-abcdefghijklmnopqrstuvwxyz";

/// A server that answers with the document's own examples.
async fn examples(contract: &Contract) -> MockServer {
    let server = MockServer::start().await;
    for (verb, at) in [
        ("GET", "/v1/organizations/me"),
        ("GET", "/v1/organizations/api_keys"),
        ("GET", "/v1/organizations/workspaces"),
        ("GET", "/v1/models"),
    ] {
        let body = contract.operation(verb, at).examples(200).remove(0);
        Mock::given(method(verb)).and(path(at)).respond_with(ok(body)).mount(&server).await;
    }
    let key = contract.operation("GET", "/v1/organizations/api_keys/x").examples(200).remove(0);
    Mock::given(path_regex("^/v1/organizations/api_keys/.+")).respond_with(ok(key)).mount(&server).await;
    let report = json!({"data": [], "has_more": false, "next_page": null});
    Mock::given(path("/v1/organizations/usage_report/messages")).respond_with(ok(report)).mount(&server).await;
    server
}

fn ok(body: serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// `GET /path?query`, the query in plain text.
fn line(request: &Request) -> String {
    let query: Vec<String> = request.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{} {}{mark}{}", request.method, request.url.path(), query.join("&"))
}

#[tokio::test]
async fn requests_are_what_the_document_asks_for() {
    let contract = Contract::load();
    let server = examples(&contract).await;
    let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
    let key = KeyId::new(KEY).unwrap();
    let workspace = WorkspaceId::new("wrkspc_1").unwrap();
    let from = Minute::containing(noon());
    client.organization().await.unwrap();
    client.keys().await.unwrap();
    client.key(&key).await.unwrap();
    client.set_status(&key, KeyStatus::Inactive).await.unwrap();
    client.workspaces().await.unwrap();
    client.usage(from, from.plus(15)).await.unwrap();
    client.probe(&secret("sk-ant-api03-abcdefghijklmnop"), Some(&workspace)).await;

    let requests = server.received_requests().await.unwrap();
    let lines: Vec<String> = requests.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/organizations/me".to_owned(),
            "GET /v1/organizations/api_keys?limit=1000".to_owned(),
            format!("GET /v1/organizations/api_keys/{KEY}"),
            format!("POST /v1/organizations/api_keys/{KEY}"),
            "GET /v1/organizations/workspaces?include_archived=true&include_default=true&limit=1000".to_owned(),
            "GET /v1/organizations/usage_report/messages?starting_at=2026-11-21T12:00:00Z&ending_at=2026-11-21T12:15:00Z\
             &bucket_width=1m&limit=15&group_by[]=api_key_id&group_by[]=workspace_id&group_by[]=model\
             &group_by[]=service_tier&group_by[]=context_window&group_by[]=inference_geo&group_by[]=service_account_id"
                .to_owned(),
            "GET /v1/models?limit=1".to_owned(),
        ]
    );
    for request in &requests {
        let query: Vec<_> = request.url.query_pairs().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let operation = contract.operation(request.method.as_str(), request.url.path());
        operation.check_request(&query, header, &request.body);
        assert!(header("user-agent").unwrap().starts_with("guard/"));
        let expected = if request.url.path() == "/v1/models" { "sk-ant-api03-abcdefghijklmnop" } else { ADMIN };
        assert_eq!(header("x-api-key").as_deref(), Some(expected));
        assert_eq!(header("authorization"), None);
    }
    assert_eq!(requests[3].body, br#"{"status":"inactive"}"#);
    assert_eq!(requests[6].headers["anthropic-workspace-id"], "wrkspc_1");
}

#[tokio::test]
async fn an_access_token_travels_as_a_bearer_token() {
    let contract = Contract::load();
    let server = examples(&contract).await;
    let token = "sk-ant-oat01-abcdefghijklmnopqrstuvwxyz";
    client(&server.uri(), secret(token), Arc::new(Pauses::default())).organization().await.unwrap();
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.headers["authorization"], format!("Bearer {token}"));
    assert!(!request.headers.contains_key("x-api-key"));
}

#[tokio::test]
async fn a_base_path_and_its_slash_are_kept() {
    let server = MockServer::start().await;
    let organization = json!({"id": "1", "type": "organization", "name": "behind a gateway"});
    Mock::given(path("/gateway/v1/organizations/me")).respond_with(ok(organization)).mount(&server).await;
    for base in ["/gateway", "/gateway/"] {
        let url = format!("{}{base}", server.uri());
        let client = client(&url, secret(ADMIN), Arc::new(Pauses::default()));
        assert_eq!(client.organization().await.unwrap().name, "behind a gateway");
    }
}

#[tokio::test]
async fn options_that_the_provider_does_not_know_are_left_out() {
    let server = MockServer::start().await;
    let refusal = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "unknown parameter"}});
    let page = json!({"data": [], "has_more": false, "first_id": null, "last_id": null, "next_page": null});
    Mock::given(method("GET"))
        .respond_with(move |request: &Request| {
            let query = request.url.query().unwrap_or_default();
            if query.contains("include_default") || query.contains("service_account_id") {
                ResponseTemplate::new(400).set_body_json(&refusal)
            } else {
                ok(page.clone())
            }
        })
        .mount(&server)
        .await;
    let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
    assert!(client.workspaces().await.unwrap().is_empty());
    let from = Minute::containing(noon());
    for _ in 0..2 {
        assert!(client.usage(from, from.plus(1)).await.unwrap().rows.is_empty());
    }
    let asked = server.received_requests().await.unwrap().len();
    assert_eq!(asked, 2 + 2 + 1, "the dimension is left out from the second reading on");
}
