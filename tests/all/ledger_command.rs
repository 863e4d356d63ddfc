//! `guard ledger` as people and scripts meet it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Five mistakes of five kinds: an unknown field, money that is no string, a bad word, a missing field, and two fields that
/// contradict each other.
const FIVE: &str = r#"# Five mistakes.
[[workspace]]
name = "prod-publish"
id = "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ"
environment = "prod"
montly_limit = "400.00"
acceptable_loss = 25.00
trip.mode = "kil"
rotation.drain = "2m"

[[workspace.consumer]]
name = "app"
kind = "dotenv"
"#;

fn guard(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command.env_clear().env("HOME", directory).current_dir(directory);
    command
}

fn with_ledger(text: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("guard.toml"), text).unwrap();
    directory
}

fn everything_in(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_in(&path));
        } else {
            let content = fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn five_mistakes_are_five_messages_and_nothing_changes() {
    let directory = with_ledger(FIVE);
    let before = everything_in(directory.path());
    // Whatever the command, a wrong ledger ends it before anything happens.
    for arguments in [&["ledger", "check"][..], &["ledger", "list"], &["ledger", "diff"]] {
        let output = guard(directory.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        let stderr = text(&output.stderr);
        assert_eq!(stderr.matches("\nerror: ").count(), 5, "{stderr}");
        assert_eq!(stderr.matches(" --> guard.toml:").count(), 5, "{stderr}");
        assert_eq!(stderr.matches("= help: ").count(), 5, "{stderr}");
        insta::assert_snapshot!("five_mistakes", stderr);
    }
    assert_eq!(everything_in(directory.path()), before);
}

#[test]
fn problems_come_as_json_too() {
    let directory = with_ledger(FIVE);
    let output = guard(directory.path()).args(["ledger", "check", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["ok"], false);
    let lines: Vec<u64> =
        document["problems"].as_array().unwrap().iter().map(|p| p["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [6, 7, 8, 9, 11]);
    let last_line = text(&output.stderr).lines().last().unwrap().to_owned();
    let error: Value = serde_json::from_str(&last_line).unwrap();
    assert_eq!((&error["type"], &error["code"]), (&"exit_error".into(), &78.into()));
}

#[test]
fn no_secret_and_no_control_character_reaches_the_terminal() {
    let ledger = "[[workspace]]\nname = \"\u{1b}[31mred\"\nid = \"sk-ant-api03-NOTtoBEseen00000000\"\n\u{7} = 1\n";
    let directory = with_ledger(ledger);
    for arguments in [&["ledger", "check"][..], &["ledger", "check", "--json"]] {
        let output = guard(directory.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        for printed in [text(&output.stdout), text(&output.stderr)] {
            assert!(!printed.contains("NOTtoBEseen"), "{printed}");
            assert!(!printed.chars().any(|c| c.is_control() && c != '\n'), "{printed:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_trusted_is_refused() {
    let directory = with_ledger("");
    let ledger = directory.path().join("guard.toml");
    let refused = |part: &str| {
        let output = guard(directory.path()).args(["ledger", "list", "--config", "guard.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    };
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o666)).unwrap();
    refused("everybody may write to it");
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&ledger, b"a = 1\nb = \"\xff\"\n").unwrap();
    refused("line 2 is not UTF-8");
    fs::write(&ledger, vec![b'#'; (1 << 20) + 1]).unwrap();
    refused("larger than");
    fs::remove_file(&ledger).unwrap();
    refused("guard init");
    fs::create_dir(&ledger).unwrap();
    refused("not a regular file");
}

#[test]
fn the_schema_and_the_settings_are_printed() {
    let directory = with_ledger(include_str!("../../examples/ledgers/team.toml"));
    let run = |arguments: &[&str]| {
        let output = guard(directory.path()).arg("ledger").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let schema: Value = serde_json::from_str(&run(&["schema"])).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    insta::assert_snapshot!("list", run(&["list"]));
    insta::assert_snapshot!("show", run(&["show", "prod-publish"]));
    let listed: Value = serde_json::from_str(&run(&["list", "--json"])).unwrap();
    assert_eq!(listed["workspaces"][0]["name"], "prod-publish");
    let shown: Value = serde_json::from_str(&run(&["show", "staging-publish", "--json"])).unwrap();
    let interval = shown["settings"].as_array().unwrap().iter().find(|s| s["field"] == "rotation.interval").unwrap();
    assert_eq!((&interval["value"], &interval["default"]), (&"90d".into(), &true.into()));
    assert_eq!(run(&["check", "--quiet"]), "");
}

#[test]
fn an_unknown_workspace_is_met_with_the_nearest_name() {
    let directory = with_ledger(include_str!("../../examples/ledgers/team.toml"));
    let output = guard(directory.path()).args(["ledger", "show", "prod-pubish"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean `prod-publish`?"));
}
