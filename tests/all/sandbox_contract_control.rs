//! `/sandbox/…`: what tests, drills and a person in the Console do to the world, over HTTP.

use std::time::Duration;

use guard::adapters::http::{Client, Limits, Request, Url};
use guard::domain::key::{KeyStatus, Probe};
use guard::domain::time::{Minute, rfc3339};
use guard::ports::{Clock, KeyAdmin, KeyProbe, UsageFeed};
use guard::sandbox::Sandbox;
use serde_json::{Value, json};

use super::organization::{admin, noon, sandbox, secret, workspace};

/// Talks to the sandbox's own endpoints; the answer is the status and the document.
async fn control(sandbox: &Sandbox, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = Url::parse(&format!("{}/sandbox{path}", sandbox.url())).unwrap();
    let request = match body {
        None => Request::get(url),
        Some(body) => Request::post_json(url, &body).unwrap(),
    };
    let answer = Client::new(Limits::default()).unwrap().send(request).await.unwrap();
    (answer.status, answer.json().unwrap_or_default())
}

#[tokio::test]
async fn a_person_in_the_console_makes_and_edits_keys() {
    let sandbox = sandbox();
    let id = workspace(&sandbox, "prod");
    let clock = sandbox.join("test");
    let order = json!({"workspace": "prod", "name": "by hand", "expires_at": "2026-11-21T18:00:00Z"});
    let (status, minted) = control(&sandbox, "/keys", Some(order)).await;
    assert_eq!((status, minted["workspace_id"].as_str()), (200, Some(id.as_str())));
    let text = secret(minted["secret"].as_str().unwrap());
    let probe = async || admin(&sandbox).probe(&text, None).await;
    assert_eq!(probe().await, Probe::Accepted { workspace: Some(id) });

    let path = format!("/keys/{}", minted["id"].as_str().unwrap());
    let (status, edited) = control(&sandbox, &path, Some(json!({"status": "inactive"}))).await;
    assert_eq!((status, &edited["status"]), (200, &json!("inactive")));
    clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(probe().await, Probe::Refused);
    control(&sandbox, &path, Some(json!({"status": "active", "name": "renamed"}))).await;
    clock.sleep(Duration::from_secs(2)).await;
    assert!(matches!(probe().await, Probe::Accepted { .. }));
    clock.sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!(probe().await, Probe::Refused, "it has expired");
    let listed = admin(&sandbox).keys().await.unwrap().remove(0);
    assert_eq!((listed.status, listed.name.as_str()), (KeyStatus::Expired, "renamed"));
    let (status, _) = control(&sandbox, &path, Some(json!({"status": "active"}))).await;
    assert_eq!(status, 400);
    assert_eq!(control(&sandbox, "/keys/apikey_unknown", Some(json!({}))).await.0, 404);
    assert_eq!(control(&sandbox, "/keys", Some(json!({"workspace": "nowhere"}))).await.0, 404);

    let (_, log) = control(&sandbox, "/log", None).await;
    let notes: Vec<&str> = log["lines"].as_array().unwrap().iter().filter_map(|line| line["note"].as_str()).collect();
    assert_eq!(notes.iter().filter(|note| note.starts_with("key apikey_")).count(), 3, "{notes:?}");
    assert!(!log.to_string().contains(&text.expose()[16..100]), "secrets are not in the log");
}

#[tokio::test]
async fn usage_is_seeded_shown_late_and_restated() {
    let sandbox = sandbox();
    let clock = sandbox.join("test");
    let minute = Minute::containing(noon()).plus(-10);
    let line = |key: &str, output: u64, visible_from: Option<&str>| {
        json!({
            "at": rfc3339(minute.start()), "key": key, "model": "claude-opus-5",
            "tokens": {"output": output}, "visible_from": visible_from,
        })
    };
    let seeds =
        json!([line("apikey_1", 5, Some("2026-11-21T12:00:00Z")), line("apikey_2", 6, Some("2026-11-21T12:05:00Z"))]);
    assert_eq!(control(&sandbox, "/usage", Some(seeds)).await.0, 200);
    let seen = async || {
        let rows = admin(&sandbox).usage(minute, minute.plus(1)).await.unwrap().rows;
        rows.iter().map(|row| (row.principal.to_string(), row.tokens.output)).collect::<Vec<_>>()
    };
    let row = |key: &str, output| (key.to_owned(), output);
    assert_eq!(seen().await, [row("apikey_1", 5)]);
    let restate = json!({
        "minute": rfc3339(minute.start()), "key": "apikey_1", "model": "claude-opus-5", "tokens": {"output": 50},
        "at": "2026-11-21T12:03:00Z",
    });
    assert_eq!(control(&sandbox, "/usage/restate", Some(restate.clone())).await.0, 200);
    assert_eq!(seen().await, [row("apikey_1", 5)], "not before its time");
    clock.sleep(Duration::from_secs(180)).await;
    assert_eq!(seen().await, [row("apikey_1", 50)]);
    clock.sleep(Duration::from_secs(120)).await;
    assert_eq!(seen().await, [row("apikey_1", 50), row("apikey_2", 6)]);
    let mut nothing = restate;
    nothing["key"] = json!("apikey_3");
    assert_eq!(control(&sandbox, "/usage/restate", Some(nothing)).await.0, 404);
}

#[tokio::test]
async fn faults_are_ordered_listed_and_cleared() {
    let sandbox = sandbox();
    let fault = json!({"path": "/v1/organizations/me", "count": null, "effect": {"kind": "status", "status": 403}});
    let (status, pending) = control(&sandbox, "/faults", Some(fault)).await;
    assert_eq!((status, pending["pending"].as_array().unwrap().len()), (200, 1));
    assert!(admin(&sandbox).organization().await.is_err());
    assert_eq!(control(&sandbox, "/faults", None).await.1["pending"][0]["effect"]["status"], 403);
    let url = Url::parse(&format!("{}/sandbox/faults", sandbox.url())).unwrap();
    let clear = Request::get(url).method("DELETE".parse().unwrap());
    assert_eq!(Client::new(Limits::default()).unwrap().send(clear).await.unwrap().status, 200);
    assert!(admin(&sandbox).organization().await.is_ok());
    for nonsense in [
        json!({"effect": {"kind": "status", "status": 200}}),
        json!({"effect": {"kind": "earthquake"}}),
        json!({"effect": {"kind": "reset"}, "colour": "red"}),
    ] {
        assert!(control(&sandbox, "/faults", Some(nonsense.clone())).await.0 >= 400, "{nonsense}");
    }
}

#[tokio::test]
async fn the_log_is_read_in_pieces_and_knows_who_spent_what() {
    let sandbox = sandbox();
    workspace(&sandbox, "prod");
    let (key, text) = super::organization::mint(&sandbox, "prod", KeyStatus::Active);
    let body = json!({"model": "claude-opus-5", "max_tokens": 1000, "messages": [{"role": "user", "content": "x"}]});
    for actor in ["pipeline", "attacker", "attacker"] {
        let url = Url::parse(&format!("{}/v1/messages", sandbox.url())).unwrap();
        let request = Request::post_json(url, &body)
            .unwrap()
            .secret_header("x-api-key", "", &text)
            .header("anthropic-version", "2023-06-01")
            .header("x-sandbox-actor", actor)
            .header("x-sandbox-input-tokens", "1000000");
        assert_eq!(Client::new(Limits::default()).unwrap().send(request).await.unwrap().status, 200);
    }
    let (_, log) = control(&sandbox, "/log?after=1&limit=1", None).await;
    let lines = log["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["seq"], &lines[0]["actor"], &lines[0]["key"]), (&json!(2), &json!("attacker"), &json!(key)));
    // A million tokens of input at 5 USD and a thousand of output at 25 USD a million.
    assert_eq!(lines[0]["cost_usd"], "5.025");
    let stolen: f64 = sandbox
        .log()
        .iter()
        .filter(|line| line.actor.as_deref() == Some("attacker"))
        .map(|line| line.cost_usd.dollars())
        .sum();
    assert!((stolen - 10.05).abs() < 1e-9);
    assert_eq!(control(&sandbox, "/log?after=100", None).await.1, json!({"lines": []}));
}
