//! `guard notify` as people and scripts meet it: the real binary, a program and a journal as channels.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const LEDGER: &str = r#"
[[notifier]]
name = "script"
kind = "command"
command = ["sh", "-c", "grep -c notify.test"]

[[notifier]]
name = "journal"
kind = "journald"
socket = "/nonexistent/journal"

[[notifier]]
name = "team"
kind = "slack"
url = "vault"

[[workspace]]
name = "prod"
id = "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ"
environment = "prod"
"#;

fn place() -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("guard.toml"), LEDGER).unwrap();
    directory
}

/// Status, standard output, standard error.
fn guard(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    // Everything stays in the test's own directory, also where the tests are run by root.
    command.env_clear().env("HOME", directory).env("GUARD_STATE_DIR", directory.join("state")).current_dir(directory);
    let output = command.args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_test_message_is_sent_and_the_answer_shown() {
    let directory = place();
    let (status, out, err) = guard(directory.path(), &["notify", "test", "script"]);
    assert_eq!((status, out.trim()), (0, "script (command): arrived; the other side answered: status 0: 1"), "{err}");
    let (status, out, err) = guard(directory.path(), &["notify", "test", "--json"]);
    assert_eq!(status, 69, "{err}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let delivered: Vec<bool> =
        document["channels"].as_array().unwrap().iter().map(|c| c["delivered"].as_bool().unwrap()).collect();
    assert_eq!(delivered, [true, false, false]);
    assert!(err.contains("there is no journal at /nonexistent/journal"), "{err}");
    let (status, _, err) = guard(directory.path(), &["notify", "test", "scrip"]);
    assert_eq!(status, 10, "{err}");
    assert!(err.contains("no notifier `scrip`"), "{err}");
}

#[test]
fn a_silence_begins_is_listed_and_ends() {
    let directory = place();
    let run = |arguments: &[&str]| guard(directory.path(), arguments);
    let (status, _, err) = run(&["notify", "silence", "--reason", "x"]);
    assert_eq!(status, 2, "a silence needs an end: {err}");
    let (status, out, err) = run(&["notify", "silence", "--for", "2h", "--reason", "load test", "-w", "prod"]);
    assert_eq!(status, 0, "{err}");
    assert!(out.contains("What is critical is told all the same."), "{out}");
    let (_, out, _) = run(&["notify", "list", "--json"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["silences"][0]["reason"], "load test");
    assert_eq!(document["channels"].as_array().unwrap().len(), 3);
    assert_eq!(run(&["notify", "unsilence", "1"]).0, 0);
    let (status, _, err) = run(&["notify", "unsilence", "1"]);
    assert_eq!(status, 10, "{err}");
    let (status, _, err) = run(&["notify", "silence", "--for", "48h", "--reason", "x", "--even-critical"]);
    assert!(status == 10 && err.contains("at most 24 hours"), "{status} {err}");
}

#[test]
fn a_secret_is_sealed_only_where_the_ledger_looks_for_it() {
    let directory = place();
    let (status, _, err) = guard(directory.path(), &["notify", "secret", "script", "--no-input"]);
    assert!(status == 10 && err.contains("has no secret in the ledger"), "{status} {err}");
}
