//! `guard evidence`: the chain is verified offline, and whoever tampers with it is named the record.

use std::path::Path;
use std::process::{Command, Output};

use guard::adapters::store::SqliteStore;
use guard::ports::{EvidenceDraft, EvidenceLog};
use serde_json::{Value, json};

use crate::store::at;

fn guard(state: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_guard")).arg("--state-dir").arg(state).arg("evidence").args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A state directory with a chain of this many records, and its head.
fn state(records: usize) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let drafts: Vec<_> = (0..records)
        .map(|n| EvidenceDraft {
            actor: "guard watch".into(),
            kind: "key.deactivate.sent".into(),
            subject: "apikey_1".into(),
            detail: json!({"attempt": n, "note": "é \"quoted\"\n", "share": 0.25}),
        })
        .collect();
    store.append_evidence(at(0), &drafts).unwrap();
    let head = store.evidence_head().unwrap().map_or(String::new(), |(seq, hash)| format!("{seq}:{hash}"));
    (directory, head)
}

fn exported(state: &Path) -> Vec<String> {
    let output = guard(state, &["export"]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_sound_chain_verifies_here_and_elsewhere() {
    // More than a page.
    let (state, head) = state(2345);
    let here = guard(state.path(), &["verify", "--head", &head]);
    assert!(here.status.success() && said(&here).contains(&format!("2345 records\nhead {head}")), "{}", said(&here));
    assert_eq!(String::from_utf8(guard(state.path(), &["head"]).stdout).unwrap(), format!("{head}\n"));

    let file = state.path().join("export.jsonl");
    let file = file.to_str().unwrap();
    assert!(said(&guard(state.path(), &["export", "-o", file])).contains("2345 records"));
    let nowhere = tempfile::tempdir().unwrap();
    let offline = guard(nowhere.path(), &["verify", "--file", file, "--head", &head]);
    assert!(offline.status.success(), "{}", said(&offline));

    assert!(guard(state.path(), &["export", "--since", "2000", "-o", file]).status.success());
    let part = guard(nowhere.path(), &["verify", "--file", file, "--since", "2000", "--head", &head, "--json"]);
    let document: Value = serde_json::from_slice(&part.stdout).unwrap();
    assert_eq!((&document["records"], &document["head"]["seq"]), (&json!(346), &json!(2345)));
    let whole = guard(nowhere.path(), &["verify", "--file", file]);
    assert_eq!(whole.status.code(), Some(1));
    assert!(said(&whole).contains("record 1:"), "{}", said(&whole));
}

#[test]
fn an_empty_chain_is_sound_unless_a_head_is_known() {
    let nowhere = tempfile::tempdir().unwrap();
    let output = guard(nowhere.path(), &["verify"]);
    assert!(output.status.success() && said(&output).contains("no records"), "{}", said(&output));
    assert!(exported(nowhere.path()).is_empty());
    assert!(guard(nowhere.path(), &["head"]).status.success());
    let known = format!("1:{}", "0".repeat(64));
    let gone = guard(nowhere.path(), &["verify", "--head", &known]);
    assert!(gone.status.code() == Some(1) && said(&gone).contains("record 1: it is missing"), "{}", said(&gone));
    for head in ["1", "x:y", "1:ABC"] {
        assert_eq!(guard(nowhere.path(), &["verify", "--head", head]).status.code(), Some(2), "{head}");
    }
    let before = guard(nowhere.path(), &["verify", "--head", &known, "--since", "2"]);
    assert_eq!(before.status.code(), Some(2));
}

#[test]
fn the_first_tampered_record_is_named() {
    let (state, head) = state(6);
    let sound = exported(state.path());
    let file = state.path().join("export.jsonl");
    let verdict = |lines: &[String], ending: &str| {
        std::fs::write(&file, lines.join("\n") + ending).unwrap();
        let output = guard(state.path(), &["verify", "--file", file.to_str().unwrap(), "--head", &head]);
        (output.status.code(), said(&output))
    };
    assert_eq!(verdict(&sound, "\n").0, Some(0));
    let mut tampered = Vec::new();
    let mut with = |seq: u64, change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = sound.clone();
        change(&mut lines);
        tampered.push((seq, lines));
    };
    with(3, &|lines| lines[2] = lines[2].replace("\"attempt\":2", "\"attempt\":3"));
    with(4, &|lines| drop(lines.remove(3)));
    with(2, &|lines| lines.swap(1, 4));
    with(5, &|lines| lines.truncate(4));
    with(6, &|lines| lines[5] = lines[5].replace(' ', "  "));
    with(1, &|lines| lines.insert(0, String::new()));
    for (seq, lines) in tampered {
        let (code, text) = verdict(&lines, "\n");
        assert!(code == Some(1) && text.contains(&format!("record {seq}:")), "record {seq}: {text}");
    }
    let mut torn = sound.clone();
    torn[5].truncate(40);
    let (code, text) = verdict(&torn, "");
    assert!(code == Some(1) && text.contains("record 6:") && text.contains("cut off inside"), "{text}");
}

#[test]
fn a_chain_that_was_changed_in_the_database_is_found() {
    let (state, _) = state(3);
    let database = rusqlite::Connection::open(state.path().join("guard.db")).unwrap();
    database.execute_batch("DROP TRIGGER evidence_is_not_cut; DELETE FROM evidence WHERE seq = 2").unwrap();
    let output = guard(state.path(), &["verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let last = String::from_utf8(output.stderr).unwrap();
    let error: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert!(error["message"].as_str().unwrap().contains("record 2:"), "{error}");
    assert_eq!(exported(state.path()).len(), 2, "what is left is exported once");
}

#[test]
fn a_shell_can_check_a_record() {
    let (state, _) = state(2);
    for line in exported(state.path()) {
        let record: Value = serde_json::from_str(&line).unwrap();
        let script =
            r#"printf '%s%s' "$0" "$(printf '%s' "$1" | sed 's/"hash":"[0-9a-f]*",//')" | sha256sum | cut -c1-64"#;
        let prev = record["prev"].as_str().unwrap();
        let output = Command::new("/bin/sh").args(["-c", script, prev, &line]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), record["hash"].as_str().unwrap());
    }
}
