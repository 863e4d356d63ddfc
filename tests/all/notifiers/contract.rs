//! The suite that every kind behind HTTP passes.

use std::sync::Arc;
use std::time::Duration;

use guard::adapters::notify::FindSecret;
use guard::domain::ledger::{NotifierSettings, Route};
use guard::domain::message::Message;
use guard::ports::{Notifier, NotifyError};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::peers::{PEERS, Peer, Strict};
use super::{hostile, is_later, notifier, patient, story, tell, tools_with, tripped};
use crate::jobs_fakes::SECRET;

async fn at_peer(peer: Peer) -> (MockServer, Arc<dyn Notifier>) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(Strict(peer)).mount(&server).await;
    let channel = patient((peer.kind)(&server.uri()), &(peer.secret)(&server.uri()));
    (server, channel)
}

async fn answered(peer: Peer, template: ResponseTemplate) -> (Result<String, NotifyError>, Vec<Request>) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    let channel = patient((peer.kind)(&server.uri()), &(peer.secret)(&server.uri()));
    let result = tell(&channel, &Message::of(tripped())).await;
    (result, server.received_requests().await.unwrap())
}

#[tokio::test]
async fn a_matter_is_told_from_its_beginning_to_its_end() {
    for peer in PEERS {
        let (_server, channel) = at_peer(*peer).await;
        for message in story() {
            let told = tell(&channel, &message).await;
            assert!(told.is_ok(), "{}: {}: {told:?}", peer.name, message.notice.event);
        }
    }
}

#[tokio::test]
async fn hostile_words_fit_and_no_secret_leaves() {
    for peer in PEERS {
        let (server, channel) = at_peer(*peer).await;
        let told = tell(&channel, &hostile()).await;
        assert!(told.is_ok(), "{}: {told:?}", peer.name);
        let body = String::from_utf8(server.received_requests().await.unwrap()[0].body.clone()).unwrap();
        assert!(!body.contains(&SECRET[20..]), "{}: {body}", peer.name);
        // Programs get the text as it is; what people read cannot steer their screen.
        assert!(peer.name == "webhook" || !body.contains('\u{202e}') && !body.contains("\\u001b"), "{}", peer.name);
    }
}

#[tokio::test]
async fn what_mends_itself_is_tried_later_and_the_rest_never() {
    for peer in PEERS {
        for status in [408, 425, 429, 500, 502, 503] {
            let (result, requests) = answered(*peer, ResponseTemplate::new(status)).await;
            assert!(is_later(&result), "{} {status}: {result:?}", peer.name);
            assert_eq!(requests.len(), 1, "{}: the outbox retries, not the channel", peer.name);
        }
        for status in [301, 307, 400, 401, 403, 404, 410] {
            let template = ResponseTemplate::new(status).insert_header("location", "http://127.0.0.1:1/elsewhere");
            let (result, requests) = answered(*peer, template).await;
            assert!(matches!(result, Err(NotifyError::Never(_))), "{} {status}: {result:?}", peer.name);
            assert_eq!(requests.len(), 1, "{}: nothing is followed", peer.name);
        }
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_passed_on() {
    for peer in PEERS {
        let (result, _) = answered(*peer, ResponseTemplate::new(429).insert_header("retry-after", "17")).await;
        let Err(NotifyError::Later { after, .. }) = &result else { panic!("{}: {result:?}", peer.name) };
        assert_eq!(*after, Some(Duration::from_secs(17)), "{}", peer.name);
    }
}

#[tokio::test]
async fn somebody_elses_answer_is_no_delivery() {
    let portal = || ResponseTemplate::new(200).set_body_string("<html>Please log in to the guest network</html>");
    for peer in PEERS {
        let (result, _) = answered(*peer, portal()).await;
        assert_eq!(is_later(&result), peer.knows_its_peer, "{}: {result:?}", peer.name);
    }
}

#[tokio::test]
async fn a_peer_that_hangs_is_given_up_in_time() {
    for peer in PEERS {
        let server = MockServer::start().await;
        let template = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
        Mock::given(any()).respond_with(template).mount(&server).await;
        let soon = Duration::from_millis(200);
        let channel = notifier((peer.kind)(&server.uri()), &(peer.secret)(&server.uri()), soon);
        let result = tell(&channel, &Message::of(tripped())).await;
        assert!(is_later(&result), "{}: {result:?}", peer.name);
    }
}

#[tokio::test]
async fn no_error_shows_an_address_or_a_token() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    for peer in PEERS {
        let secret = (peer.secret)(&url);
        let result = tell(&patient((peer.kind)(&url), &secret), &Message::of(tripped())).await;
        assert!(is_later(&result), "{}: {result:?}", peer.name);
        let shown = format!("{result:?}");
        assert!(!shown.contains(&secret) && !shown.contains("hook-secret"), "{}: {shown}", peer.name);
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_asked_for_again() {
    for peer in PEERS {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Strict(*peer)).mount(&server).await;
        let locked = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let (state, secret) = (Arc::clone(&locked), (peer.secret)(&server.uri()));
        let find: FindSecret = Arc::new(move |_, _| match state.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err("the vault is locked".to_owned()),
            false => guard::domain::secret::Secret::new(secret.clone()).map_err(|error| error.to_string()),
        });
        let kind = (peer.kind)(&server.uri());
        let settings = NotifierSettings { name: "ops".parse().unwrap(), kind, route: Route::default() };
        let channel = guard::adapters::notify::channel(&settings, &tools_with(find, Duration::from_secs(9)));
        let refused = tell(&channel, &Message::of(tripped())).await;
        assert!(is_later(&refused) && refused.unwrap_err().to_string() == "the vault is locked", "{}", peer.name);
        locked.store(false, std::sync::atomic::Ordering::SeqCst);
        assert!(tell(&channel, &Message::of(tripped())).await.is_ok(), "{}", peer.name);
    }
}

#[tokio::test]
async fn a_secret_address_elsewhere_must_be_encrypted_and_is_not_repeated() {
    for peer in PEERS.iter().filter(|peer| ["slack", "discord", "teams"].contains(&peer.name)) {
        for secret in ["http://192.0.2.1/services/hook-secret", "not-an-address-hook-secret"] {
            let result = tell(&patient((peer.kind)(""), secret), &Message::of(tripped())).await;
            let Err(NotifyError::Later { why, .. }) = result else { panic!("{}: {result:?}", peer.name) };
            assert!(!why.contains("hook-secret"), "{why}");
        }
    }
}

/// The strict peers are strict.
#[tokio::test]
async fn the_peers_refuse_what_the_real_ones_would() {
    for peer in PEERS {
        let (server, channel) = at_peer(*peer).await;
        assert!(tell(&channel, &Message::of(tripped())).await.is_ok(), "{}", peer.name);
        let good: serde_json::Value =
            serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
        let shape = jsonschema::options().should_validate_formats(true).build(&(peer.shape)()).unwrap();
        assert!(shape.is_valid(&good), "{}", peer.name);
        let object = |value: &serde_json::Value| value.get(0).unwrap_or(value).clone();
        let rebuilt = |value| if good.is_array() { serde_json::Value::Array(vec![value]) } else { value };
        for field in object(&good).as_object().unwrap().keys().filter(|field| !optional(peer.name, field)) {
            let mut less = object(&good);
            less.as_object_mut().unwrap().remove(field);
            assert!(!shape.is_valid(&rebuilt(less)), "{} without {field}", peer.name);
        }
        let mut more = object(&good);
        more["surprise"] = 1.into();
        assert!(!shape.is_valid(&rebuilt(more)), "{} with an unknown field", peer.name);
    }
}

fn optional(peer: &str, field: &str) -> bool {
    match peer {
        "pagerduty" => matches!(field, "client" | "dedup_key"),
        "alertmanager" => field != "labels",
        "ntfy" => matches!(field, "title" | "priority" | "tags"),
        _ => false,
    }
}
