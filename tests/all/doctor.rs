//! `guard doctor` over fakes: each thing that can be wrong is found, named, and has a remedy.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use guard::app::App;
use guard::app::doctor::{ClaudeSettings, Finding, Grade, StateDir, Surroundings, examine, look_around};
use guard::domain::ids::{NotifierName, WorkspaceId};
use guard::domain::key::ProviderWorkspace;
use guard::domain::ledger::{ConsumerKind, ConsumerSettings, HeartbeatSettings, Ledger, SecretSource};
use guard::domain::message::Message;
use guard::domain::notice::{Notice, Severity};
use guard::ports::{Delivery, GateState, Notifier, NotifyError, Outbox, ProviderError};

use super::jobs_fakes::{SECRET, World, at, ledger};

struct Channel(NotifierName);

#[async_trait]
impl Notifier for Channel {
    fn name(&self) -> &NotifierName {
        &self.0
    }
    async fn notify(&self, _: &Message) -> Result<Delivery, NotifyError> {
        unreachable!("doctor sends nothing")
    }
}

/// A ledger with one consumer, `app`.
fn with_consumer() -> Ledger {
    let mut ledger = ledger();
    ledger.heartbeat = Some(HeartbeatSettings { url: SecretSource::Vault, interval: Duration::from_secs(60) });
    ledger.workspaces[0].consumers.push(ConsumerSettings {
        name: "app".parse().unwrap(),
        kind: ConsumerKind::File { path: "/srv/app".into(), mode: 0o600, follow_symlink: false },
        reload: None,
        verify: None,
    });
    ledger
}

fn healthy() -> (Arc<World>, App) {
    let world = World::healthy();
    world.consumers.lock().unwrap().insert("app".into(), SECRET.into());
    world.provider_workspaces.lock().unwrap().push(ProviderWorkspace {
        id: WorkspaceId::new("wrkspc_01").unwrap(),
        name: "Production".into(),
        archived_at: None,
    });
    world.vault.lock().unwrap().insert("named.evidence".into(), "07".repeat(32));
    let channel = |name: &str| Arc::new(Channel(name.parse().unwrap())) as Arc<dyn Notifier>;
    let app = App { notifiers: vec![channel("ops"), channel("pager")], ..world.app(with_consumer()) };
    (world, app)
}

/// The one finding that is not as it should be.
async fn complaint(app: &App) -> Finding {
    let findings = examine(app).await;
    let mut bad = findings.into_iter().filter(|finding| finding.grade != Grade::Ok);
    let first = bad.next().expect("something is found");
    assert_eq!(bad.next(), None, "only one thing is wrong");
    assert!(first.remedy.is_some());
    first
}

#[tokio::test]
async fn all_is_well() {
    let (_, app) = healthy();
    let findings = examine(&app).await;
    assert!(findings.iter().all(|finding| finding.grade == Grade::Ok && finding.remedy.is_none()), "{findings:#?}");
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(
        checks,
        ["vault", "admin key", "workspace", "key", "consumer", "feed", "notifiers", "heartbeat", "outbox", "evidence"]
    );
    assert!(!format!("{findings:?}").contains(&SECRET[13..30]));
}

#[tokio::test]
async fn a_refused_credential_and_an_unreachable_provider() {
    for error in [
        ProviderError::Refused { status: 401, message: "invalid x-api-key".into() },
        ProviderError::Unreachable("connection refused".into()),
    ] {
        let (world, app) = healthy();
        *world.provider_keys.lock().unwrap() = Err(error.clone());
        let found = complaint(&app).await;
        assert_eq!((found.check, found.grade), ("admin key", Grade::Fail));
        assert_eq!(found.text, error.to_string());
    }
}

#[tokio::test]
async fn a_workspace_that_the_provider_does_not_have_or_has_archived() {
    let (world, app) = healthy();
    world.provider_workspaces.lock().unwrap()[0].archived_at = Some(at(0));
    assert!(complaint(&app).await.text.contains("archived"));
    world.provider_workspaces.lock().unwrap().clear();
    assert!(complaint(&app).await.text.contains("has no workspace wrkspc_01"));
}

#[tokio::test]
async fn the_names_of_others_are_shown_and_not_obeyed() {
    let (world, app) = healthy();
    world.provider_workspaces.lock().unwrap()[0].name = "\u{1b}[2J\u{202e}prod".into();
    let findings = examine(&app).await;
    assert!(findings.iter().all(|f| !f.text.contains('\u{1b}') && !f.text.contains('\u{202e}')), "{findings:#?}");
}

#[tokio::test]
async fn a_closed_gate_and_a_lost_secret() {
    let (world, app) = healthy();
    world.vault.lock().unwrap().retain(|name, _| !name.starts_with("key."));
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("key", Grade::Fail));
    *world.gate.lock().unwrap() = GateState::Closed { why: "incident 3".into() };
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("key", Grade::Warn));
    assert!(found.text.contains("incident 3"));
}

#[tokio::test]
async fn a_consumer_that_holds_something_else_nothing_or_does_not_answer() {
    for (held, text, grade) in [
        (Some("sk-ant-api03-another-key-of-some-length-zzAA"), "holds another key (…zzAA)", Grade::Fail),
        (None, "holds no key", Grade::Fail),
        (Some("unreachable"), "no such mount", Grade::Fail),
        (Some("write-only"), "cannot be read back", Grade::Warn),
    ] {
        let (world, app) = healthy();
        world.consumers.lock().unwrap().clear();
        world.consumers.lock().unwrap().extend(held.map(|held| ("app".to_owned(), held.to_owned())));
        let found = complaint(&app).await;
        assert_eq!((found.check, found.grade), ("consumer", grade));
        assert!(found.text.contains(text), "{}", found.text);
    }
}

#[tokio::test]
async fn a_feed_that_is_not_read() {
    let (world, app) = healthy();
    *world.poll.lock().unwrap() = None;
    assert_eq!(complaint(&app).await.grade, Grade::Warn);
    *world.poll.lock().unwrap() = Some(serde_json::json!({ "last_good": at(-7200) }));
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("feed", Grade::Fail));
}

#[tokio::test]
async fn nobody_or_only_one_to_tell_and_notices_that_wait() {
    let (world, app) = healthy();
    assert_eq!(complaint(&App { notifiers: vec![], ..app.clone() }).await.grade, Grade::Fail);
    assert_eq!(complaint(&App { notifiers: app.notifiers[..1].to_vec(), ..app.clone() }).await.grade, Grade::Warn);

    let notice = Notice {
        dedup: "n".into(),
        event: "key.tripped".into(),
        severity: Severity::Critical,
        at: at(-7200),
        workspace: None,
        key: None,
        incident: None,
        summary: String::new(),
        detail: String::new(),
        evidence_head: None,
    };
    world.enqueue(&[notice]).unwrap();
    world.due(&["ops".parse().unwrap()], at(0)).unwrap();
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("outbox", Grade::Warn));
    assert!(found.text.contains("2 h"));
}

#[tokio::test]
async fn a_heartbeat_that_is_missing_stale_or_does_not_arrive() {
    for (pulse, grade) in [
        (None, Grade::Warn),
        (Some(serde_json::json!({ "last_good": [at(-600), "200"] })), Grade::Fail),
        (Some(serde_json::json!({ "last_good": [at(-60), "200"], "failing": "410 gone" })), Grade::Fail),
    ] {
        let (world, app) = healthy();
        world.pulse.lock().unwrap().clone_from(&pulse);
        let found = complaint(&app).await;
        assert_eq!((found.check, found.grade), ("heartbeat", grade), "{pulse:?}");
    }
    let (_, app) = healthy();
    let mut ledger = Ledger::clone(&app.ledger);
    ledger.heartbeat = None;
    assert_eq!(complaint(&App { ledger: Arc::new(ledger), ..app }).await.grade, Grade::Warn);
}

#[tokio::test]
async fn evidence_that_nobody_signs() {
    let (world, app) = healthy();
    world.vault.lock().unwrap().remove("named.evidence");
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("evidence", Grade::Warn));
    world.vault.lock().unwrap().insert("named.evidence".into(), "something-else-that-is-long".into());
    assert_eq!(complaint(&app).await.grade, Grade::Fail);
}

#[tokio::test]
async fn a_hold_is_no_secret() {
    let (world, app) = healthy();
    *world.hold.lock().unwrap() = Some(serde_json::json!({
        "since": at(-60), "until": at(3600), "reason": "a load test", "by": "ada",
    }));
    let found = complaint(&app).await;
    assert_eq!((found.check, found.grade), ("hold", Grade::Warn));
    assert!(found.text.contains("a load test"), "{}", found.text);
    *world.hold.lock().unwrap() = Some(serde_json::json!({ "since": "garbage" }));
    assert!(examine(&app).await.iter().all(|finding| finding.grade == Grade::Ok), "what cannot be read holds nothing");
}

fn surroundings() -> Surroundings {
    Surroundings {
        state_dir: StateDir::Present { path: "/var/lib/guard".into(), mode: 0o700, own: true },
        api_key_in_environment: false,
        auth_token_in_environment: false,
        claude_settings: vec![ClaudeSettings {
            path: "/home/x/.claude/settings.json".into(),
            helper: true,
            api_key: false,
            auth_token: false,
        }],
    }
}

fn grades(seen: &Surroundings) -> Vec<(&'static str, Grade)> {
    look_around(seen).iter().map(|finding| (finding.check, finding.grade)).collect()
}

#[test]
fn a_helper_alone_is_fine_and_both_keys_are_a_mistake() {
    const KEYS: &str = "one key source";
    let state = ("state directory", Grade::Ok);
    assert_eq!(grades(&surroundings()), [state, (KEYS, Grade::Ok)]);

    let both = Surroundings { api_key_in_environment: true, ..surroundings() };
    assert_eq!(grades(&both), [state, (KEYS, Grade::Fail)]);
    let mut in_settings = surroundings();
    in_settings.claude_settings[0].api_key = true;
    assert_eq!(grades(&in_settings), [state, (KEYS, Grade::Fail)]);
    let no_helper = Surroundings { claude_settings: vec![], ..both };
    assert_eq!(grades(&no_helper), [state, (KEYS, Grade::Ok)]);

    let token = Surroundings { auth_token_in_environment: true, ..surroundings() };
    assert_eq!(grades(&token), [state, (KEYS, Grade::Warn)]);
}

#[test]
fn a_state_directory_is_there_private_and_ones_own() {
    let present = |mode, own| StateDir::Present { path: "/s".into(), mode, own };
    for (state_dir, grade) in [
        (present(0o700, true), Grade::Ok),
        (present(0o750, true), Grade::Fail),
        (present(0o700, false), Grade::Fail),
        (StateDir::Absent { path: "/s".into(), why: "no such file".into() }, Grade::Fail),
    ] {
        assert_eq!(
            grades(&Surroundings { state_dir: state_dir.clone(), ..surroundings() })[0].1,
            grade,
            "{state_dir:?}"
        );
    }
}

#[test]
fn settings_files_of_claude_code_are_read_where_it_reads_them() {
    let home = tempfile::tempdir().unwrap();
    let here = tempfile::tempdir().unwrap();
    for (dir, name, text) in [
        (&home, "settings.json", r#"{"apiKeyHelper": "guard key print -w prod"}"#),
        (&here, "settings.json", r#"{"apiKeyHelper": " ", "env": {"ANTHROPIC_API_KEY": "x"}}"#),
        (&here, "settings.local.json", "not json"),
    ] {
        std::fs::create_dir_all(dir.path().join(".claude")).unwrap();
        std::fs::write(dir.path().join(".claude").join(name), text).unwrap();
    }
    let found = guard::adapters::surroundings::claude_settings(Some(home.path()), here.path());
    let found: Vec<_> = found.iter().filter(|file| !file.path.starts_with("/etc")).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].helper && found[0].variables.is_empty());
    assert!(!found[1].helper && found[1].variables == ["ANTHROPIC_API_KEY"]);
}
