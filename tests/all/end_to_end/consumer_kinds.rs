//! A workload of each kind of consumer, in a loop in a process of its own, through a rotation: not one of its requests fails, and
//! what it reads is always a whole key. Judged by the sandbox's log.
//!
//! A place that cannot be read back is judged by what GitHub does: each run is a new process that got the secret when it
//! was queued, and guard revokes only after the feed shows no use of the old key.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use guard::domain::ids::KeyId;
use guard::domain::key::KeyStatus;
use serde_json::{Value, json};

use super::place::{NAME, Place, ROTATION};
use crate::again::skipped;
use crate::consumer_remote::{TOKEN, aws, github, kubernetes, vault};

/// One kind: how the ledger and how the workload name its place.
struct Kind {
    kind: &'static str,
    ledger: String,
    at: Value,
}

impl Kind {
    fn new(kind: &'static str, ledger: String, at: Value) -> Self {
        Self { kind, ledger, at }
    }
}

/// A workload that runs, and how many rounds it has finished.
struct Workload {
    kind: &'static str,
    rounds: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    reader: JoinHandle<Vec<String>>,
}

#[allow(clippy::disallowed_methods, reason = "the test plays the workload")]
fn start(kind: &str, at: &Value, url: &str, more: &[(&str, &str)]) -> Child {
    Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/end_to_end/consumer.py"))
        .args([kind, &at.to_string()])
        .env("ANTHROPIC_BASE_URL", url)
        .envs(more.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

impl Workload {
    /// Runs until it is stopped; `secret` gives what a run is queued with, for a kind whose place only takes.
    fn begin(kind: &Kind, url: String, secret: Option<Box<dyn Fn() -> String + Send>>) -> Self {
        let (rounds, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, stopped) = (Arc::clone(&rounds), Arc::clone(&stop));
        let (name, at) = (kind.kind, kind.at.clone());
        let reader = std::thread::spawn(move || {
            let mut said = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let queued = secret.as_ref().map(|queued| queued());
                let environment: Vec<_> = queued.iter().map(|secret| ("ANTHROPIC_API_KEY", secret.as_str())).collect();
                let mut child = start(name, &at, &url, &environment);
                let mut stdin = child.stdin.take();
                for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                    said.push(line.unwrap());
                    counted.fetch_add(1, Ordering::SeqCst);
                    if stopped.load(Ordering::SeqCst) {
                        drop(stdin.take());
                    }
                }
                assert!(child.wait().unwrap().success(), "{name}");
            }
            said
        });
        Self { kind: kind.kind, rounds, stop, reader }
    }

    /// Waits until it has begun and finished a whole round from now on: what it read before is used up.
    fn catch_up(&self) {
        let wanted = self.rounds.load(Ordering::SeqCst) + 2;
        while self.rounds.load(Ordering::SeqCst) < wanted {
            assert!(!self.reader.is_finished(), "{} has ended", self.kind);
            std::thread::yield_now();
        }
    }
}

/// Takes the workloads through a rotation and looks at the sandbox's log afterwards.
fn rotate_under(place: &Place, kinds: &[Kind], queued: Option<fn(&Fakes) -> String>, fakes: &Arc<Fakes>) {
    let url = format!("http://127.0.0.1:{}", place.sandbox.port());
    let consumers: String = kinds
        .iter()
        .map(|k| format!("\n\n[[workspace.consumer]]\nname = \"{0}\"\nkind = \"{0}\"\n{1}", k.kind, k.ledger))
        .collect();
    place.set_up("kill", &format!("{ROTATION}{consumers}"));
    let (old, new) = (place.mint(KeyStatus::Active), place.mint(KeyStatus::Inactive));
    for key in [&old, &new] {
        place.feed(&["key", "add", "-w", NAME], &key.secret).ends(0);
    }
    let workloads: Vec<Workload> = kinds
        .iter()
        .map(|kind| {
            let fakes = Arc::clone(fakes);
            let queued = queued.filter(|_| kind.kind == "github-actions-secret");
            Workload::begin(kind, url.clone(), queued.map(|f| Box::new(move || f(&fakes)) as Box<_>))
        })
        .collect();
    workloads.iter().for_each(Workload::catch_up);
    let mut ended = false;
    for _ in 0..40 {
        let ran = place.run(&["rotate", "-w", NAME]);
        // Nobody still holds what it read before this command when the next one comes.
        workloads.iter().for_each(Workload::catch_up);
        match ran.code {
            Some(0) => {
                ended = true;
                break;
            }
            Some(75) => place.pass(Duration::from_secs(120)),
            _ => panic!("{ran:#?}"),
        }
    }
    assert!(ended, "no end: {:#?}", place.run(&["status"]));
    assert!(!place.works(&old.id) && place.works(&new.id));
    for workload in workloads {
        workload.stop.store(true, Ordering::SeqCst);
        let said = workload.reader.join().unwrap();
        assert!(said.iter().all(|line| line == "200"), "{}: {said:?}", workload.kind);
        judge(place, workload.kind, said.len(), [&old.id, &new.id]);
    }
    place.always_served("consumers");
}

/// By the sandbox's log: as many requests as the workload counted, all of them answered, with the old key first and the new one
/// from some moment on.
fn judge(place: &Place, kind: &str, rounds: usize, [old, new]: [&KeyId; 2]) {
    let world = place.sandbox.shared().world();
    let lines = world.log.after(0, usize::MAX);
    let own: Vec<_> = lines.iter().filter(|line| line.actor.as_deref() == Some(kind)).collect();
    assert_eq!(own.len(), rounds, "{kind}");
    assert!(own.iter().all(|line| line.status == 200), "{kind}: {own:#?}");
    let switch = own.iter().position(|line| line.key.as_ref() == Some(new)).unwrap_or(0);
    assert!(switch > 0 && own[..switch].iter().all(|line| line.key.as_ref() == Some(old)), "{kind}: {own:#?}");
    assert!(own[switch..].iter().all(|line| line.key.as_ref() == Some(new)), "{kind}: {own:#?}");
}

/// The servers behind the remote kinds.
#[derive(Default)]
struct Fakes {
    github: Option<github::Runner>,
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn no_workload_on_this_machine_fails_a_request() {
    let place = Place::new();
    let path = |name: &str| place.dir().join(name).display().to_string();
    let (file, field, stored, script) = (path("key"), path("config.json"), path("stored"), path("store"));
    private(field.as_ref(), "{ \"services\": {\"llm\": [ {\"key\": \"\"} ] } }\n");
    std::fs::write(&script, "#!/bin/sh\nset -eu\numask 077\ncat >\"$1.new\"\nmv \"$1.new\" \"$1\"\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    let mut kinds = vec![
        Kind::new("file", format!("path = {file:?}"), json!({ "path": file })),
        Kind::new("dotenv", format!("path = {:?}", path("more.env")), json!({ "path": path("more.env") })),
        Kind::new("field", format!("path = {field:?}\nfield = \"services.llm[0].key\""), json!({ "path": field })),
        Kind::new(
            "exec",
            format!("write = [{script:?}, {stored:?}]\nread = [\"cat\", {stored:?}]"),
            json!({ "path": stored }),
        ),
    ];
    private(path("more.env").as_ref(), "");
    private(stored.as_ref(), "");
    if crate::consumer_local::can_seal() {
        let sealed = path("anthropic.cred");
        let ledger = format!("path = {sealed:?}\ncredential = \"anthropic\"\nseal_with = \"host\"");
        kinds.push(Kind::new("systemd-credential", ledger, json!({ "path": sealed })));
    } else {
        skipped("systemd-credential through a rotation: systemd-creds cannot seal with a host key here");
    }
    match (std::env::var("GUARD_TEST_KEYRING"), std::env::var("DBUS_SESSION_BUS_ADDRESS")) {
        (Ok(_), Ok(bus)) => {
            place.also("DBUS_SESSION_BUS_ADDRESS", &bus);
            let service = format!("guard-rotation-{}", std::process::id());
            kinds.push(Kind::new("keyring", format!("service = {service:?}"), json!({ "service": service })));
        }
        _ => skipped("keyring through a rotation: run .ci/with-keyring.sh cargo test --test all consumer_kinds"),
    }
    rotate_under(&place, &kinds, None, &Arc::default());
}

#[test]
fn no_workload_of_a_remote_store_fails_a_request() {
    let place = Place::new();
    let token = place.dir().join("token");
    private(&token, TOKEN);
    let token = format!("token = {{ file = {token:?} }}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (vault, kubernetes) = (runtime.block_on(vault::started()), runtime.block_on(kubernetes::started()));
    let (runner, github) = runtime.block_on(github::started());
    let mut kinds = vec![
        Kind::new(
            "vault-kv",
            format!(
                "url = {vault:?}\nmount = \"kv/team\"\npath = \"prod/pipeline\"\nfield = \"KEY\"\nnamespace = \"eu\"\n{token}"
            ),
            json!({ "url": format!("{vault}/v1/kv/team/data/prod/pipeline"), "token": TOKEN }),
        ),
        Kind::new(
            "kubernetes-secret",
            format!("url = {kubernetes:?}\nnamespace = \"jobs\"\nsecret = \"anthropic\"\nkey = \"KEY\"\n{token}"),
            json!({ "url": format!("{kubernetes}/api/v1/namespaces/jobs/secrets/anthropic"), "token": TOKEN }),
        ),
        Kind::new(
            "github-actions-secret",
            format!("url = {github:?}\nrepository = \"acme/pipeline\"\nsecret = \"ANTHROPIC_API_KEY\"\n{token}"),
            Value::Null,
        ),
    ];
    if let Ok(url) = std::env::var("GUARD_MOTO_URL") {
        let name = format!("guard/rotation/{}", std::process::id());
        runtime.block_on(aws::moto(&url, "CreateSecret", json!({ "Name": name })));
        let credential = place.dir().join("aws");
        private(&credential, "test-credential");
        let ledger = format!(
            "region = \"eu-central-1\"\nsecret = {name:?}\nendpoint = {url:?}\naccess_key_id = {{ file = {credential:?} }}\n\
             secret_access_key = {{ file = {credential:?} }}"
        );
        kinds.push(Kind::new("aws-secrets-manager", ledger, json!({ "url": url, "name": name })));
    } else {
        skipped("aws-secrets-manager through a rotation: start moto_server and set GUARD_MOTO_URL");
    }
    let fakes = Arc::new(Fakes { github: Some(runner) });
    rotate_under(&place, &kinds, Some(|fakes| fakes.github.as_ref().unwrap().secret()), &fakes);
}
