//! What each answer means, and which requests are sent again.

use std::sync::Arc;
use std::time::Duration;

use guard::domain::ids::KeyId;
use guard::domain::key::{KeyStatus, Probe};
use guard::ports::{KeyAdmin, KeyProbe, ProviderError};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::openapi::Contract;
use super::organization::{Pauses, client, secret};

const ADMIN: &str = "sk-ant-admin01-abcdefghijklmnopqrstuvwxyz";

fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
}

/// A server that always gives this answer.
async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

/// What a read means that is answered so, how often it was asked, and the pauses between.
async fn reading(template: ResponseTemplate) -> (ProviderError, usize, Vec<Duration>) {
    let server = answering(template).await;
    let pauses = Arc::new(Pauses::default());
    let client = client(&server.uri(), secret(ADMIN), pauses.clone());
    let error = client.organization().await.unwrap_err();
    (error, server.received_requests().await.unwrap().len(), pauses.taken())
}

#[tokio::test]
async fn every_documented_error_has_its_meaning() {
    let own_limit = "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01.";
    let cap = "You have reached your API usage limits: your organization has crossed its monthly API usage threshold.";
    let cap_with_code = json!({"type": "error", "error": {
        "type": "rate_limit_error", "message": "x", "details": {"error_code": "enforced_spend_limit_reached"},
    }});
    for (status, body, meaning) in [
        (400, error("invalid_request_error", "limit: too large"), "Rejected"),
        (400, error("invalid_request_error", own_limit), "OutOfMoney"),
        (401, error("authentication_error", "invalid x-api-key"), "Refused"),
        (402, error("billing_error", "pay"), "OutOfMoney"),
        (403, error("permission_error", "no"), "Refused"),
        (404, error("not_found_error", "what"), "NotFound"),
        (409, error("conflict_error", "again"), "Rejected"),
        (410, error("invalid_request_error", "The page cursor has expired."), "Rejected"),
        (413, error("request_too_large", "big"), "Rejected"),
        (429, error("rate_limit_error", "slow down"), "RateLimited"),
        (429, error("rate_limit_error", cap), "OutOfMoney"),
        (429, cap_with_code, "OutOfMoney"),
        (500, error("api_error", "Internal server error"), "Server"),
        (502, json!("<html>"), "Server"),
        (503, json!(null), "Server"),
        (504, error("timeout_error", "slow"), "Server"),
        (529, error("overloaded_error", "Overloaded"), "Server"),
        // The compliance endpoints leave out `type` and `request_id`; other servers say nothing at all.
        (403, json!({"error": {"type": "permission_error", "message": "no"}}), "Refused"),
        (418, json!([]), "Rejected"),
        (302, json!({}), "Malformed"),
    ] {
        let (error, asked, _) = reading(ResponseTemplate::new(status).set_body_json(&body)).await;
        let shown = format!("{error:?}");
        assert!(shown.starts_with(meaning), "{status} {body} means {shown}");
        assert_eq!(asked > 1, matches!(meaning, "RateLimited" | "Server"), "{status} {body} was asked {asked} times");
        assert!(!format!("{error} {shown}").contains(ADMIN));
    }
}

#[tokio::test]
async fn the_documents_own_examples_are_understood() {
    let contract = Contract::load();
    let operation = contract.operation("GET", "/v1/organizations/me");
    for status in operation.statuses().into_iter().filter(|status| *status != 200) {
        for body in operation.examples(status) {
            let (error, ..) = reading(ResponseTemplate::new(status).set_body_json(&body)).await;
            let message = body["error"]["message"].as_str().unwrap();
            let money = message.contains("usage limits");
            assert_eq!(matches!(error, ProviderError::OutOfMoney(_)), money, "{status} {body}");
        }
    }
}

#[tokio::test]
async fn pauses_grow_end_and_honour_the_provider() {
    let (_, asked, pauses) = reading(ResponseTemplate::new(529)).await;
    let millis: Vec<_> = pauses.iter().map(Duration::as_millis).collect();
    // Half of each is fixed and half of the rest is the test's jitter; twenty seconds are the budget, the attempts included.
    assert!(millis.starts_with(&[375, 750, 1500, 3000]), "{millis:?}");
    assert!(millis.iter().sum::<u128>() < 20_000);
    assert_eq!(asked, pauses.len() + 1);

    let asks = |seconds: &str| ResponseTemplate::new(429).insert_header("retry-after", seconds);
    let (error, asked, pauses) = reading(asks("7")).await;
    assert_eq!(pauses, [Duration::from_secs(7); 2]);
    assert_eq!(asked, 3);
    assert!(matches!(error, ProviderError::RateLimited { retry_after: Some(after) } if after.as_secs() == 7));

    let (error, asked, _) = reading(asks("86400")).await;
    assert_eq!(asked, 1, "a pause beyond the budget is left to the caller");
    assert!(matches!(error, ProviderError::RateLimited { retry_after: Some(after) } if after.as_secs() == 300));

    let (_, asked, _) = reading(ResponseTemplate::new(500).insert_header("x-should-retry", "false")).await;
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_passing_trouble_is_not_seen() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(529)).up_to_n_times(2).mount(&server).await;
    let body = json!({"id": "x", "type": "organization", "name": "n", "new_member": {"a": [1]}});
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(body)).mount(&server).await;
    let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
    assert_eq!(client.organization().await.unwrap().name, "n");
}

#[tokio::test]
async fn a_change_is_sent_once_whatever_happens() {
    let key = KeyId::new("apikey_01Rj2N8SVvo6BePZj99NhmiT").unwrap();
    for status in [200, 400, 404, 429, 500, 503, 529] {
        let server = answering(ResponseTemplate::new(status).set_body_json(json!({}))).await;
        let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
        let error = client.set_status(&key, KeyStatus::Inactive).await.unwrap_err();
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{status}");
        // Only these say that nothing happened.
        assert_eq!(error.certain(), matches!(status, 400 | 404 | 429), "{status}: {error}");
    }
}

#[tokio::test]
async fn nobody_can_set_a_key_to_expired() {
    let server = answering(ResponseTemplate::new(200)).await;
    let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
    let key = KeyId::new("apikey_1").unwrap();
    for status in [KeyStatus::Expired, KeyStatus::Unknown("frozen".to_owned())] {
        assert!(client.set_status(&key, status).await.unwrap_err().certain());
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_about_another_key_is_no_answer() {
    let contract = Contract::load();
    let example = contract.operation("GET", "/v1/organizations/api_keys/apikey_1").examples(200).remove(0);
    let server = answering(ResponseTemplate::new(200).set_body_json(example)).await;
    let client = client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default()));
    let other = KeyId::new("apikey_other").unwrap();
    assert!(matches!(client.key(&other).await, Err(ProviderError::Malformed(_))));
    assert!(matches!(client.set_status(&other, KeyStatus::Inactive).await, Err(ProviderError::Malformed(_))));
}

#[tokio::test]
async fn a_probe_decides_only_on_the_providers_own_word() {
    let key = secret("sk-ant-api03-abcdefghijklmnopqrstuvwxyz");
    let models = json!({"data": [], "has_more": false, "first_id": null, "last_id": null});
    let probe = async |template: ResponseTemplate| {
        let server = answering(template).await;
        client(&server.uri(), secret(ADMIN), Arc::new(Pauses::default())).probe(&key, None).await
    };
    let accepted =
        ResponseTemplate::new(200).set_body_json(&models).insert_header("anthropic-workspace-id", "wrkspc_1");
    let Probe::Accepted { workspace: Some(workspace) } = probe(accepted).await else { panic!("not accepted") };
    assert_eq!(workspace.as_str(), "wrkspc_1");
    let nameless = probe(ResponseTemplate::new(200).set_body_json(&models)).await;
    assert_eq!(nameless, Probe::Accepted { workspace: None });
    let dead = error("authentication_error", "invalid x-api-key");
    assert_eq!(probe(ResponseTemplate::new(401).set_body_json(dead)).await, Probe::Refused);
    for undecided in [
        ResponseTemplate::new(200).set_body_string("<html>please log in</html>"),
        ResponseTemplate::new(401).set_body_string("<html>please log in</html>"),
        ResponseTemplate::new(407),
        ResponseTemplate::new(403).set_body_json(error("permission_error", "no")),
        ResponseTemplate::new(400).set_body_json(error("invalid_request_error", "anthropic-workspace-id is required")),
        ResponseTemplate::new(400)
            .set_body_json(error("invalid_request_error", "You have reached your specified API usage limits")),
        ResponseTemplate::new(404),
        ResponseTemplate::new(429),
        ResponseTemplate::new(500),
        ResponseTemplate::new(529),
        ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
    ] {
        let probed = probe(undecided).await;
        assert!(matches!(probed, Probe::Undecided(_)), "{probed:?}");
    }
}
