//! No secret leaves the vault except to its declared consumers: not to logs at their loudest, the database, evidence, output,
//! arguments or the environment of guard's own processes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use guard::domain::key::KeyStatus;

use super::place::{NAME, Place, ROTATION, Ran};

/// A part this long of a secret is as good as the secret.
const WINDOW: usize = 31;

/// How a secret may look where it must not be.
fn shapes(secret: &str) -> Vec<String> {
    let mut shapes = vec![
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    shapes.extend(secret.as_bytes().windows(WINDOW).map(|part| String::from_utf8(part.to_vec()).unwrap()));
    shapes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Reads what `ps` would show of every process of the built binary, as fast as it can, until it is stopped.
struct Spy {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(BTreeSet<Vec<u8>>, usize)>,
}

impl Spy {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let binary = fs::canonicalize(env!("CARGO_BIN_EXE_guard")).unwrap();
            let (mut seen, mut looks) = (BTreeSet::new(), 0);
            while !stopped.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    // A process may end at any time.
                    if fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == binary) {
                        looks += 1;
                        for what in ["cmdline", "environ"] {
                            seen.extend(fs::read(entry.path().join(what)));
                        }
                    }
                }
                std::thread::yield_now();
            }
            (seen, looks)
        });
        Self { stop, thread }
    }

    fn stop(self) -> (BTreeSet<Vec<u8>>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[test]
fn no_secret_shows_anywhere_but_in_its_consumer() {
    let place = Place::new();
    let printed = Mutex::new(Vec::<u8>::new());
    let loud = |arguments: &[&str], stdin: Option<&str>, statuses: &[i32]| -> Ran {
        let mut all = vec!["-vv"];
        all.extend(arguments);
        let ran = place.log_loudly(&all, stdin);
        assert!(ran.code.is_some_and(|code| statuses.contains(&code)), "{arguments:?}: {ran:#?}");
        let mut printed = printed.lock().unwrap();
        printed.extend(ran.stdout.as_bytes());
        printed.extend(ran.stderr.as_bytes());
        ran
    };
    let spy = Spy::start();
    place.set_up("kill", ROTATION);
    let admin = place.sandbox.admin_key().unwrap();
    let keys: Vec<_> =
        [KeyStatus::Active, KeyStatus::Inactive, KeyStatus::Inactive].into_iter().map(|s| place.mint(s)).collect();
    for key in &keys {
        loud(&["key", "add", "-w", NAME], Some(&key.secret), &[0]);
    }
    loud(&["doctor"], None, &[0, 1]);
    loud(&["ledger", "diff"], None, &[0, 1]);
    loud(&["watch", "--once"], None, &[0]);
    while loud(&["rotate", "-w", NAME], None, &[0, 75]).code != Some(0) {
        place.meanwhile();
    }
    // What the job starts must not look like a guard that holds the key: only the job's own environment may.
    let script = "key=$ANTHROPIC_API_KEY; unset ANTHROPIC_API_KEY; test -n \"$key\" && test \"$(guard key print -w prod-publish)\" = \"$key\"";
    loud(&["exec", "-w", NAME, "--", "sh", "-c", script], None, &[0]);
    // A secret that fits nothing, a provider that answers with an error, and one that hides an answer.
    loud(&["key", "add", "-w", NAME], Some(&format!("sk-ant-api03-{}AA", "x".repeat(93))), &[10]);
    loud(&["trip", "-w", NAME, "--reason", "leaked"], None, &[0]);
    for _ in 0..3 {
        place.pass(Duration::from_secs(120));
        loud(&["tick"], None, &[0]);
    }
    loud(&["rearm", "-w", NAME, "--incident", "1", "--cause", "stolen", "--reason", "cause found"], None, &[0]);
    loud(&["watch", "--once", "--json"], None, &[0, 1]);
    for report in [&["status"][..], &["status", "--json"], &["evidence", "export"], &["key", "list"]] {
        loud(report, None, &[0]);
    }
    let (processes, looks) = spy.stop();
    assert!(looks > 0 && !processes.is_empty(), "no process was seen");

    let identity = fs::read_to_string(place.config_dir().join("vault.key")).unwrap();
    let mut places: Vec<(String, Vec<u8>)> = vec![("output and logs".to_owned(), printed.into_inner().unwrap())];
    let logs = String::from_utf8_lossy(&places[0].1);
    assert!(logs.contains("TRACE") || logs.contains("DEBUG"), "the logs were not loud");
    places.extend(processes.into_iter().map(|bytes| ("a process".to_owned(), bytes)));
    let mut found = Vec::new();
    files(place.dir(), &mut found);
    assert!(found.iter().any(|path| path.ends_with("guard.db")));
    for path in found.into_iter().filter(|path| *path != place.env_file()) {
        places.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    let mut secrets: Vec<(&str, String)> = vec![("the admin key", admin.expose().to_owned())];
    secrets.push(("the vault's identity", identity.trim().to_owned()));
    secrets.extend(keys.iter().map(|key| ("a workload key", key.secret.clone())));
    for (what, secret) in &secrets {
        let shapes = shapes(secret);
        for (place, bytes) in &places {
            if *what == "the vault's identity" && place.ends_with("vault.key") {
                continue;
            }
            let shown = shapes.iter().any(|shape| contains(bytes, shape));
            assert!(!shown, "{what} is in {place}");
        }
    }
    // The search finds what is there.
    let env = fs::read(place.env_file()).unwrap();
    assert!(keys.iter().any(|key| shapes(&key.secret).iter().any(|shape| contains(&env, shape))));
}
