//! What the generic webhook promises beyond the shared suite: signature, delivery id, stable JSON.

use guard::domain::ledger::NotifierKind;
use guard::domain::message::Message;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{patient, somewhere, tell, tripped};
use crate::jobs_fakes::at;

const SIGNING: &str = "whsec_of_the_test";

#[tokio::test]
async fn the_receiver_gets_signed_json() {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(202).set_body_string("thanks\u{1b}[0m");
    Mock::given(any()).respond_with(template).mount(&server).await;
    let kind = NotifierKind::Webhook { url: format!("{}/hook", server.uri()), secret: Some(somewhere()) };
    let told = tell(&patient(kind, SIGNING), &Message::of(tripped())).await;
    assert_eq!(told.unwrap(), r"202 thanks\u{1b}[0m");
    let request = &server.received_requests().await.unwrap()[0];
    let text = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(text("x-guard-event"), "key.tripped");
    assert_eq!(text("x-guard-delivery").len(), 36);

    let body = String::from_utf8(request.body.clone()).unwrap();
    let stamp = at(0).timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).unwrap();
    mac.update(format!("{stamp}.{body}").as_bytes());
    assert_eq!(text("x-guard-signature"), format!("t={stamp},v1={}", hex::encode(mac.finalize().into_bytes())));

    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&json["thread"], &json["phase"]), (&"prod/incident/3".into(), &"begins".into()));
    assert_eq!((&json["workspace"], &json["incident"]), (&"prod".into(), &3.into()));
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature() {
    let server = MockServer::start().await;
    Mock::given(header("x-guard-event", "key.tripped")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let kind = NotifierKind::Webhook { url: server.uri(), secret: None };
    assert_eq!(tell(&patient(kind, SIGNING), &Message::of(tripped())).await.unwrap(), "204");
    assert!(!server.received_requests().await.unwrap()[0].headers.contains_key("x-guard-signature"));
}
