//! The client on a bad day: what the sandbox breaks on demand.

use std::sync::Arc;
use std::time::Duration;

use guard::adapters::provider::anthropic::Anthropic;
use guard::domain::key::{KeyStatus, Probe};
use guard::domain::ledger::ProviderSettings;
use guard::domain::time::Minute;
use guard::ports::{Clock, KeyAdmin, KeyProbe, ProviderError, UsageFeed};
use guard::sandbox::Sandbox;
use serde_json::{Value, json};

use super::organization::{Pauses, admin, mint, noon, sandbox, settings, workspace};

/// Orders a fault.
fn order(sandbox: &Sandbox, fault: Value) {
    sandbox.shared().world().faults.add(serde_json::from_value(fault).unwrap());
}

/// A client that gives a request up soon; its pauses take no time.
fn impatient(sandbox: &Sandbox) -> Anthropic {
    let settings = ProviderSettings { timeout: Duration::from_millis(400), ..settings(&sandbox.url()) };
    let clock: Arc<dyn Clock> = Arc::new(Pauses::default());
    Anthropic::new(&settings, sandbox.admin_key().unwrap(), clock, Arc::new(|| 0.5)).unwrap()
}

#[tokio::test]
async fn one_broken_answer_is_read_again() {
    let sandbox = sandbox();
    let client = admin(&sandbox);
    for kind in ["reset", "truncate"] {
        order(&sandbox, json!({"effect": {"kind": kind}}));
        assert!(client.organization().await.is_ok(), "{kind}");
        let asked = sandbox.log().iter().filter(|line| line.path.ends_with("/me")).count();
        assert_eq!(asked % 2, 0, "{kind} was asked {asked} times in all");
    }
}

#[tokio::test]
async fn answers_that_stay_broken_end_in_an_error() {
    let sandbox = sandbox();
    let (key, text) = (workspace(&sandbox, "prod"), mint(&sandbox, "prod", KeyStatus::Active));
    let from = Minute::containing(noon()).plus(-5);
    for kind in ["reset", "truncate", "hang", "garbage", "lost_answer"] {
        order(&sandbox, json!({"count": null, "effect": {"kind": kind}}));
        let client = impatient(&sandbox);
        let wanted = |error: &ProviderError| match kind {
            "garbage" => matches!(error, ProviderError::Malformed(_)),
            _ => matches!(error, ProviderError::Unreachable(_)),
        };
        let error = client.keys().await.unwrap_err();
        assert!(wanted(&error), "{kind}: {error:?}");
        let error = client.usage(from, from.plus(3)).await.unwrap_err();
        assert!(wanted(&error), "{kind}: {error:?}");
        assert!(matches!(client.probe(&text.1, Some(&key)).await, Probe::Undecided(_)), "{kind}");
        let error = client.set_status(&text.0, KeyStatus::Inactive).await.unwrap_err();
        assert!(wanted(&error) && !error.certain(), "{kind}: {error:?}");
        sandbox.shared().world().faults.clear();
    }
}

#[tokio::test]
async fn the_outcome_of_a_change_is_settled_by_reading() {
    for (kind, landed) in [("lost_answer", true), ("truncate", true), ("reset", false)] {
        let sandbox = sandbox();
        workspace(&sandbox, "prod");
        let (key, _) = mint(&sandbox, "prod", KeyStatus::Active);
        let client = admin(&sandbox);
        order(&sandbox, json!({"method": "POST", "effect": {"kind": kind}}));
        let error = client.set_status(&key, KeyStatus::Inactive).await.unwrap_err();
        assert!(!error.certain(), "{kind}: {error}");
        assert_eq!(client.key(&key).await.unwrap().status == KeyStatus::Inactive, landed, "{kind}");
        let sent = sandbox.log().iter().filter(|line| line.method == "POST").count();
        assert_eq!(sent, 1, "{kind}");
    }
}

#[tokio::test]
async fn a_confirmation_may_be_a_lie_and_a_read_may_be_stale() {
    let sandbox = sandbox();
    workspace(&sandbox, "prod");
    let (key, _) = mint(&sandbox, "prod", KeyStatus::Active);
    let client = admin(&sandbox);
    order(&sandbox, json!({"method": "POST", "effect": {"kind": "no_effect"}}));
    assert_eq!(client.set_status(&key, KeyStatus::Inactive).await.unwrap().status, KeyStatus::Inactive);
    assert_eq!(client.key(&key).await.unwrap().status, KeyStatus::Active);
    client.set_status(&key, KeyStatus::Inactive).await.unwrap();
    order(&sandbox, json!({"method": "GET", "effect": {"kind": "stale_read"}}));
    assert_eq!(client.key(&key).await.unwrap().status, KeyStatus::Active);
    assert_eq!(client.key(&key).await.unwrap().status, KeyStatus::Inactive);
}

#[tokio::test]
async fn pages_that_go_round_are_noticed() {
    let sandbox = sandbox();
    workspace(&sandbox, "prod");
    mint(&sandbox, "prod", KeyStatus::Active);
    let client = admin(&sandbox);
    order(&sandbox, json!({"count": null, "effect": {"kind": "page_loop"}}));
    assert!(matches!(client.keys().await, Err(ProviderError::Malformed(_))));
    let from = Minute::containing(noon()).plus(-5);
    assert!(matches!(client.usage(from, from.plus(3)).await, Err(ProviderError::Malformed(_))));
}

#[tokio::test]
async fn an_answer_that_is_delayed_arrives_at_its_time() {
    let sandbox = sandbox();
    let client = super::organization::client(&sandbox.url(), sandbox.admin_key().unwrap(), Arc::new(Pauses::default()));
    order(&sandbox, json!({"effect": {"kind": "delay", "seconds": 90}}));
    assert!(client.organization().await.is_ok());
    assert_eq!(sandbox.shared().clock.now(), noon() + Duration::from_secs(90));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let sandbox = sandbox();
    let client = impatient(&sandbox);
    client.organization().await.unwrap();
    drop(sandbox);
    assert!(matches!(client.organization().await, Err(ProviderError::Unreachable(_))));
}

#[test]
fn addresses_that_are_not_safe_are_refused_before_anything_is_sent() {
    let clock: Arc<dyn Clock> = Arc::new(Pauses::default());
    for url in
        ["http://api.anthropic.com", "http://192.168.0.1:4010", "ftp://127.0.0.1", "https://u:p@host", "nonsense"]
    {
        let built = Anthropic::new(
            &settings(url),
            super::organization::secret("sk-ant-admin01-abcdefghijklmnop"),
            Arc::clone(&clock),
            Arc::new(|| 0.5),
        );
        assert!(built.is_err(), "{url}");
    }
}
