//! The client against a third party's reading of the provider's OpenAPI document: Prism answers with the document's examples
//! and refuses every request that the document does not allow. `.ci/with-prism.sh` starts it and sets `GUARD_PRISM_URL`.

use std::io::Write;
use std::sync::Arc;

use chrono::DateTime;
use guard::adapters::http::{Client, Limits, Request, Url};
use guard::domain::ids::KeyId;
use guard::domain::key::{KeyStatus, Probe};
use guard::domain::time::Minute;
use guard::ports::{KeyAdmin, KeyProbe, ProviderError, UsageFeed};

use super::organization::{Pauses, client, secret};

#[tokio::test]
async fn every_request_is_one_that_the_document_allows() {
    let Some(url) = std::env::var("GUARD_PRISM_URL").ok().filter(|url| !url.is_empty()) else {
        // Not `eprintln`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "SKIPPED: prism (GUARD_PRISM_URL is not set; run .ci/with-prism.sh)");
        return;
    };
    // The mock must be one that refuses, or its consent is worth nothing.
    let wrong = Url::parse(&url).unwrap().join(["v1", "organizations", "api_keys"]).query([("limit", "100000")]);
    let refused = Request::get(wrong).header("x-api-key", "k").header("anthropic-version", "2023-06-01");
    assert_eq!(Client::new(Limits::default()).unwrap().send(refused).await.unwrap().status, 400);

    let client = client(&url, secret("sk-ant-admin01-abcdefghijklmnop"), Arc::new(Pauses::default()));
    assert_eq!(client.organization().await.unwrap().name, "Example Org");
    assert_eq!(client.keys().await.unwrap().len(), 3);
    assert_eq!(client.workspaces().await.unwrap().len(), 1);
    let key = KeyId::new("apikey_01Rj2N8SVvo6BePZj99NhmiT").unwrap();
    assert_eq!(client.key(&key).await.unwrap().status, KeyStatus::Active);
    assert_eq!(client.set_status(&key, KeyStatus::Inactive).await.unwrap().status, KeyStatus::Inactive);
    let probed = client.probe(&secret("sk-ant-api03-abcdefghijklmnop"), None).await;
    assert!(matches!(probed, Probe::Accepted { workspace: Some(_) }), "{probed:?}");
    // The example's page always points to itself: three minutes are read, the request for the next page is accepted, and
    // then the circle is noticed.
    let from = Minute::containing(DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc());
    let circle = client.usage(from, from.plus(3)).await;
    assert!(matches!(&circle, Err(ProviderError::Malformed(why)) if why.contains("circle")), "{circle:?}");
}
