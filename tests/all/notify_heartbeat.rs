//! The dead-man's switch: a sign of life when it is deserved, at most once a minute, and none otherwise.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use guard::adapters::notify::{PATIENCE, Ping};
use guard::adapters::store::SqliteStore;
use guard::app::heartbeat::{beat, pulse, saw_well};
use guard::app::poll::PollReport;
use guard::app::{App, AppError};
use guard::domain::ledger::{HeartbeatSettings, SecretSource};
use guard::domain::secret::Secret;
use guard::ports::{EvidenceDraft, Heartbeat, NotifyError, ProviderError};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::jobs_fakes::{World, at, ledger};
use super::notifiers::tools_with;

/// Counts signs of life and remembers the last one's words.
#[derive(Default)]
struct Heart {
    words: Mutex<Vec<String>>,
    broken: Mutex<bool>,
}

#[async_trait]
impl Heartbeat for Heart {
    async fn beat(&self, words: &str) -> Result<String, NotifyError> {
        if *self.broken.lock().unwrap() {
            return Err(NotifyError::Later { why: "no connection".into(), after: None });
        }
        self.words.lock().unwrap().push(words.to_owned());
        Ok("200 OK".into())
    }
}

fn place() -> (Arc<World>, App, Arc<Heart>, tempfile::TempDir) {
    let (world, heart) = (World::healthy(), Arc::new(Heart::default()));
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&directory.path().join("state")).unwrap());
    let mut ledger = ledger();
    ledger.heartbeat = Some(HeartbeatSettings { url: SecretSource::Vault, interval: Duration::from_secs(60) });
    let heartbeat: Option<Arc<dyn Heartbeat>> = Some(heart.clone());
    let app = App { heartbeat, watch_state: store.clone(), evidence: store, ..world.app(ledger) };
    (world, app, heart, directory)
}

fn good() -> PollReport {
    PollReport {
        watermark: None,
        verdicts: Vec::new(),
        groups: Vec::new(),
        blind: None,
        trouble: None,
        principals: 0,
        rows: 0,
        unpriced: Vec::new(),
    }
}

#[test]
fn only_a_look_that_succeeded_deserves_one() {
    assert!(saw_well(&Ok(good()), &[]));
    let trouble = ProviderError::Unreachable("no route".into());
    assert!(!saw_well(&Ok(PollReport { trouble: Some(trouble), ..good() }), &[]));
    assert!(!saw_well(&Err(AppError::Bug("x".into())), &[]));
    assert!(!saw_well(&Ok(good()), &[Err(AppError::Bug("a trip that could not be tried".into()))]));
}

#[tokio::test]
async fn at_most_one_a_minute_and_it_carries_the_evidence_head() {
    let (world, app, heart, _directory) = place();
    let draft =
        EvidenceDraft { actor: "t".into(), kind: "k".into(), subject: "s".into(), detail: serde_json::json!({}) };
    app.evidence.append_evidence(at(0), &[draft]).unwrap();
    let (seq, hash) = app.evidence.evidence_head().unwrap().unwrap();
    for _ in 0..10 {
        beat(&app, true).await;
        *world.now.lock().unwrap() += TimeDelta::seconds(10);
    }
    let words = heart.words.lock().unwrap().clone();
    assert_eq!(words.len(), 2, "in 100 seconds");
    assert!(words[0].contains(&format!("evidence head {seq}:{hash}")), "{words:?}");
    assert_eq!(pulse(&app).unwrap().last_good.unwrap().1, "200 OK");
}

#[tokio::test]
async fn none_without_deserving_it_and_a_failure_is_remembered() {
    let (world, app, heart, _directory) = place();
    beat(&app, false).await;
    assert!(heart.words.lock().unwrap().is_empty());
    *heart.broken.lock().unwrap() = true;
    beat(&app, true).await;
    assert_eq!(pulse(&app).unwrap().failing.as_deref(), Some("no connection"));
    *heart.broken.lock().unwrap() = false;
    *world.now.lock().unwrap() += TimeDelta::seconds(60);
    beat(&app, true).await;
    let pulse = pulse(&app).unwrap();
    assert!(pulse.failing.is_none() && pulse.last_good.is_some());
}

#[tokio::test]
async fn a_check_is_pinged_by_post_and_its_address_is_shown_nowhere() {
    let server = MockServer::start().await;
    let check = "/0f5c8a3e-secret-uuid";
    Mock::given(method("POST"))
        .and(path(check))
        .and(body_string_contains("evidence head"))
        .respond_with(ResponseTemplate::new(200).set_body_string("OK"))
        .mount(&server)
        .await;
    let ping = |url: String| {
        let secret = Arc::new(move |_: &_, _: &_| Secret::new(url.clone()).map_err(|error| error.to_string()));
        Ping::new(SecretSource::Vault, tools_with(secret, PATIENCE))
    };
    let answer = ping(format!("{}{check}", server.uri())).beat("evidence head 1:aa").await;
    assert_eq!(answer.unwrap(), "200 OK");
    let wrong = ping(format!("{}/another-secret", server.uri())).beat("evidence head 1:aa").await;
    assert!(matches!(&wrong, Err(NotifyError::Never(why)) if !why.contains("another-secret")), "{wrong:?}");
}
