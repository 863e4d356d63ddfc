//! The client against the sandbox: what the ports promise.

use std::time::Duration;

use guard::domain::ids::Principal;
use guard::domain::key::{KeyScope, KeyStatus, Probe};
use guard::domain::time::Minute;
use guard::ports::{Clock, KeyAdmin, KeyProbe, ProviderError, UsageFeed};

use super::organization::{admin, client, mint, noon, sandbox, secret, workspace};

#[tokio::test]
async fn a_key_lives_dies_and_comes_back() {
    let sandbox = sandbox();
    let client = admin(&sandbox);
    let id = workspace(&sandbox, "prod");
    let (key, text) = mint(&sandbox, "prod", KeyStatus::Active);

    let listed = client.key(&key).await.unwrap();
    assert_eq!((listed.status, listed.scope), (KeyStatus::Active, KeyScope::Workspace(id.clone())));
    assert!(text.fits(&listed.partial_key_hint.unwrap()));
    assert_eq!(client.probe(&text, None).await, Probe::Accepted { workspace: Some(id) });

    let clock = sandbox.join("test");
    let off = client.set_status(&key, KeyStatus::Inactive).await.unwrap();
    assert_eq!(off.status, KeyStatus::Inactive);
    assert!(matches!(client.probe(&text, None).await, Probe::Accepted { .. }), "requests feel it two seconds later");
    drop(client);
    clock.sleep(Duration::from_secs(2)).await;
    let client = admin(&sandbox);
    assert_eq!(client.probe(&text, None).await, Probe::Refused);

    assert_eq!(client.set_status(&key, KeyStatus::Archived).await.unwrap().status, KeyStatus::Archived);
    let again = client.set_status(&key, KeyStatus::Active).await.unwrap_err();
    assert!(matches!(again, ProviderError::Rejected { status: 400, .. }), "{again}");
    assert!(again.certain());
}

#[tokio::test]
async fn the_organization_and_its_lists_are_read_to_the_last_page() {
    let sandbox = sandbox();
    let client = admin(&sandbox);
    assert_eq!(client.organization().await.unwrap().name, "Sandbox Organization");
    for n in 0..3 {
        workspace(&sandbox, &format!("w{n}"));
    }
    let names: Vec<String> = client.workspaces().await.unwrap().into_iter().map(|w| w.name).collect();
    assert_eq!(names, ["Default", "w0", "w1", "w2"]);
    let made: Vec<_> = (0..2_345).map(|_| mint(&sandbox, "w1", KeyStatus::Active).0).collect();
    let listed: Vec<_> = client.keys().await.unwrap().into_iter().map(|k| k.id).collect();
    assert_eq!(listed, made);
}

#[tokio::test]
async fn usage_shows_after_the_lag_under_its_key_and_model() {
    let sandbox = sandbox();
    let id = workspace(&sandbox, "prod");
    let (key, text) = mint(&sandbox, "prod", KeyStatus::Active);
    let clock = sandbox.join("test");
    let http = reqwest_like(&sandbox.url(), text.expose()).await;
    assert_eq!(http, 200);
    let from = Minute::containing(noon()).plus(-10);
    let read = async || {
        let client = admin(&sandbox);
        client.usage(from, from.plus(30)).await.unwrap().rows
    };
    assert_eq!(read().await, []);
    clock.sleep(Duration::from_secs(300)).await;
    let rows = read().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].minute, Minute::containing(noon()));
    assert_eq!(rows[0].principal, Principal::Key(key));
    assert_eq!(rows[0].workspace, Some(id));
    assert_eq!((rows[0].model.as_str(), rows[0].tokens.output), ("claude-opus-5", 50));
    assert_eq!(rows[0].tokens.uncached_input, 2);
}

#[tokio::test]
async fn a_wrong_credential_is_refused_and_never_shown() {
    let sandbox = sandbox();
    let text = "sk-ant-admin01-this-is-not-the-right-key-at-all";
    let client = client(&sandbox.url(), secret(text), std::sync::Arc::new(sandbox.join("client")));
    let error = client.keys().await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused { status: 401, .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("this-is-not"));
}

/// Sends one message with a key and answers the status.
async fn reqwest_like(url: &str, key: &str) -> u16 {
    use guard::adapters::http::{Client, Limits, Request, Url};
    let body = serde_json::json!({
        "model": "claude-opus-5", "max_tokens": 50, "messages": [{"role": "user", "content": "four"}],
    });
    let request = Request::post_json(Url::parse(url).unwrap().join(["v1", "messages"]), &body)
        .unwrap()
        .header("x-api-key", key)
        .header("anthropic-version", "2023-06-01");
    Client::new(Limits::default()).unwrap().send(request).await.unwrap().status
}
