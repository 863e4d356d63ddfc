//! The webhook against a receiver that checks the contract.

use std::sync::Arc;

use guard::adapters::http::{Client, Limits};
use guard::adapters::notify::{Tools, channel};
use guard::domain::ids::{IncidentId, NotifierName, WorkspaceName};
use guard::domain::ledger::{NotifierKind, NotifierSettings, SecretSource};
use guard::domain::notice::{Notice, Severity};
use guard::domain::secret::Secret;
use guard::ports::{Notifier, NotifyError};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::jobs_fakes::{SECRET, World, at};

const SIGNING: &str = "whsec_of_the_test";

fn webhook(url: &str, signed: bool) -> Arc<dyn Notifier> {
    let secret = signed.then(|| SecretSource::Environment("HOOK".into()));
    let settings = NotifierSettings {
        name: "ops".parse().unwrap(),
        kind: NotifierKind::Webhook { url: url.to_owned(), secret },
        at_least: Severity::Info,
    };
    let resolve = |_: &NotifierName, _: &SecretSource| Ok(Secret::new(SIGNING.into()).unwrap());
    let http = Client::new(Limits::default()).unwrap();
    channel(&settings, &Tools { http, clock: World::healthy(), secret: &resolve })
}

fn notice() -> Notice {
    Notice {
        dedup: "trip:prod:3".into(),
        event: "key.tripped".into(),
        severity: Severity::Critical,
        at: at(0),
        workspace: Some(WorkspaceName::new("prod").unwrap()),
        key: None,
        incident: Some(IncidentId(3)),
        summary: format!("by mistake a key: {SECRET}"),
        detail: String::new(),
        evidence_head: None,
    }
}

async fn answer(template: ResponseTemplate) -> (Result<String, NotifyError>, Vec<wiremock::Request>) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/hook")).respond_with(template).mount(&server).await;
    let result = webhook(&format!("{}/hook", server.uri()), true).notify(&notice()).await;
    (result.map(|delivery| delivery.answer), server.received_requests().await.unwrap())
}

#[tokio::test]
async fn the_receiver_gets_signed_json_without_secrets() {
    let (result, requests) = answer(ResponseTemplate::new(202).set_body_string("thanks\u{1b}[0m")).await;
    assert_eq!(result.unwrap(), r"202 thanks\u{1b}[0m");
    let request = &requests[0];
    let text = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(text("content-type"), "application/json");
    assert_eq!(text("x-guard-event"), "key.tripped");
    assert_eq!(text("x-guard-delivery").len(), 36);

    let body = String::from_utf8(request.body.clone()).unwrap();
    let stamp = at(0).timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).unwrap();
    mac.update(format!("{stamp}.{body}").as_bytes());
    assert_eq!(text("x-guard-signature"), format!("t={stamp},v1={}", hex::encode(mac.finalize().into_bytes())));

    assert!(!body.contains(&SECRET[20..]), "{body}");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&json["schema"], &json["type"]), (&1.into(), &"notice".into()));
    assert_eq!((&json["dedup"], &json["severity"]), (&"trip:prod:3".into(), &"critical".into()));
    assert_eq!((&json["workspace"], &json["incident"]), (&"prod".into(), &3.into()));
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature() {
    let server = MockServer::start().await;
    Mock::given(header("x-guard-event", "key.tripped")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    assert_eq!(webhook(&server.uri(), false).notify(&notice()).await.unwrap().answer, "204");
    assert!(!server.received_requests().await.unwrap()[0].headers.contains_key("x-guard-signature"));
}

#[tokio::test]
async fn answers_are_told_apart_by_whether_time_mends_them() {
    for status in [400, 401, 403, 404, 410, 301, 307] {
        let template = ResponseTemplate::new(status).insert_header("location", "http://127.0.0.1:1/elsewhere");
        let (result, requests) = answer(template).await;
        assert!(matches!(result, Err(NotifyError::Never(_))), "{status}");
        assert_eq!(requests.len(), 1, "nothing is retried or followed here");
    }
    for status in [408, 429, 500, 503] {
        let (result, _) = answer(ResponseTemplate::new(status)).await;
        assert!(matches!(result, Err(NotifyError::Later { after: None, .. })), "{status}");
    }
    let (result, _) = answer(ResponseTemplate::new(429).insert_header("retry-after", "17")).await;
    assert!(matches!(result, Err(NotifyError::Later { after: Some(wish), .. }) if wish.as_secs() == 17));
}

#[tokio::test]
async fn an_unreachable_receiver_and_a_missing_secret_are_retried_and_name_no_address() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = webhook(&format!("http://{closed}/hook/token"), false).notify(&notice()).await;
    let Err(NotifyError::Later { why, .. }) = result else { panic!("{result:?}") };
    assert!(!why.contains("token"), "{why}");

    let settings = NotifierSettings {
        name: "ops".parse().unwrap(),
        kind: NotifierKind::Webhook { url: "https://example.org".into(), secret: Some(SecretSource::Vault) },
        at_least: Severity::Info,
    };
    let missing = |_: &NotifierName, _: &SecretSource| Err("the vault is locked".to_owned());
    let http = Client::new(Limits::default()).unwrap();
    let broken = channel(&settings, &Tools { http, clock: World::healthy(), secret: &missing });
    assert_eq!(broken.notify(&notice()).await.unwrap_err().to_string(), "the vault is locked");
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let result = webhook("http://192.0.2.1/hook", false).notify(&notice()).await;
    assert!(result.unwrap_err().to_string().contains("only https"), "the address is judged before it is used");
}
