//! Evidence that holds: from a rotation and a trip of the real binary, against whoever changes it afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use guard::domain::evidence::{Hash, canonical};
use rusqlite::Connection;
use serde_json::Value;

use super::place::{NAME, Place};

/// A rotation, a trip, two days: some forty records, signed at the first tick, after the trip, and once a day.
fn lived() -> Place {
    let (place, _, _) = Place::enrolled();
    place.run(&["tick"]).ends(0);
    place.rotate_to_the_end();
    place.run(&["trip", "-w", NAME, "--reason", "leaked"]).ends(0);
    for _ in 0..2 {
        place.pass(Duration::from_secs(25 * 3600));
        place.run(&["tick"]).ends(0);
    }
    place
}

/// guard on another machine: no ledger, no state, no vault.
#[allow(clippy::disallowed_methods, reason = "the test drives the real binary")]
fn elsewhere(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", directory).current_dir(directory).args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

struct Export {
    directory: tempfile::TempDir,
    file: PathBuf,
    key: String,
    lines: Vec<String>,
}

impl Export {
    fn of(place: &Place) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("log.jsonl");
        place.run(&["evidence", "export", "-o", file.to_str().unwrap()]).ends(0);
        let key = place.run(&["evidence", "key", "--json"]).ends(0).json()["public_key"].as_str().unwrap().to_owned();
        let lines = fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
        Self { directory, file, key, lines }
    }

    /// What verification by the public key alone says of these lines.
    fn verify(&self, lines: &[String]) -> (bool, String) {
        fs::write(&self.file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let arguments = ["evidence", "verify", "--file", self.file.to_str().unwrap(), "--public-key", &self.key];
        let output = elsewhere(self.directory.path(), &arguments);
        (output.status.success(), said(&output))
    }

    /// Asserts that exactly this record is named.
    #[track_caller]
    fn names(&self, lines: &[String], seq: usize) {
        let (sound, said) = self.verify(lines);
        assert!(!sound && said.contains(&format!("broken at record {seq}:")), "record {seq}: {said}");
    }
}

fn checkpoints(lines: &[String]) -> Vec<usize> {
    let is = |line: &String| line.contains(r#""kind":"evidence.checkpoint""#);
    lines.iter().enumerate().filter(|(_, line)| is(line)).map(|(i, _)| i + 1).collect()
}

/// The chain from `changed` on, with all hashes computed anew, as a forger with root would.
fn forged(lines: &[String], changed: usize) -> Vec<String> {
    let mut prev: Option<String> = None;
    let mut forged = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if i + 1 == changed {
            record["detail"]["forged"] = true.into();
        }
        if let Some(prev) = &prev {
            record["prev"] = prev.as_str().into();
        }
        record.as_object_mut().unwrap().remove("hash");
        let hash = Hash::of(format!("{}{}", record["prev"].as_str().unwrap(), canonical(&record)).as_bytes());
        record["hash"] = hash.as_str().into();
        prev = Some(hash.as_str().to_owned());
        forged.push(canonical(&record));
    }
    forged
}

#[test]
fn an_export_verifies_elsewhere_by_the_public_key_alone_and_every_change_is_named() {
    let export = Export::of(&lived());
    let lines = &export.lines;
    let (sound, said) = export.verify(lines);
    assert!(sound && said.contains("signed up to record"), "{said}");
    let signed = checkpoints(lines);
    assert!(signed.len() >= 2 && lines.len() > 20, "{signed:?} of {}", lines.len());

    for seq in 1..=lines.len() {
        let at = seq - 1;
        // Any byte: one in each third of the line.
        for share in 1..=3 {
            let mut flipped = lines.clone();
            let byte = (lines[at].len() - 1) * share / 4;
            let mut bytes = flipped[at].clone().into_bytes();
            bytes[byte] = if bytes[byte] == b'x' { b'y' } else { b'x' };
            flipped[at] = String::from_utf8_lossy(&bytes).into_owned();
            export.names(&flipped, seq);
        }
        let mut cut = lines.clone();
        let half = cut[at].len() / 2;
        cut[at].truncate(half);
        export.names(&cut[..seq], seq);
        if seq < lines.len() {
            let mut dropped = lines.clone();
            dropped.remove(at);
            export.names(&dropped, seq);
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            export.names(&swapped, seq);
        }
    }
    // Another guard's key vouches for nothing here.
    let other = Export { key: Export::of(&lived()).key, ..export };
    other.names(&other.lines, signed[0]);
}

#[test]
fn a_chain_that_was_computed_anew_fails_at_the_next_checkpoint() {
    let export = Export::of(&lived());
    let signed = checkpoints(&export.lines);
    for changed in 1..*signed.last().unwrap() {
        if signed.contains(&changed) {
            continue;
        }
        let next = *signed.iter().find(|seq| **seq > changed).unwrap();
        let forged = forged(&export.lines, changed);
        export.names(&forged, next);
        // Without the key nobody notices: that is what the signature is for. A checkpoint that names its head moves with it only when it is signed.
        let (_, said) = export.verify(&forged);
        assert!(said.contains("are not vouched for"), "{said}");
    }
}

#[test]
fn a_record_that_is_changed_in_the_database_is_named() {
    let place = lived();
    let database = place.state_dir().join("guard.db");
    let lines = Export::of(&place).lines;
    let run = |sql: &str| {
        let store = Connection::open(&database).unwrap();
        store
            .execute_batch(
                "DROP TRIGGER IF EXISTS evidence_is_not_rewritten; DROP TRIGGER IF EXISTS evidence_is_not_cut;",
            )
            .unwrap();
        store.execute_batch(sql).unwrap();
    };
    let restore = || {
        run("DELETE FROM evidence");
        let store = Connection::open(&database).unwrap();
        for (i, line) in lines.iter().enumerate() {
            let seq = i64::try_from(i + 1).unwrap();
            store.execute("INSERT INTO evidence (seq, line) VALUES (?, ?)", rusqlite::params![seq, line]).unwrap();
        }
    };
    let head = place.run(&["evidence", "head"]).ends(0).stdout.trim().to_owned();
    for seq in [1, 7, lines.len() / 2, lines.len()] {
        for change in [
            format!(
                "UPDATE evidence SET line = replace(line, '\"actor\":\"guard', '\"actor\":\"ghost') WHERE seq = {seq}"
            ),
            format!("DELETE FROM evidence WHERE seq = {seq}"),
            format!("UPDATE evidence SET line = substr(line, 1, length(line) - 9) WHERE seq = {seq}"),
            format!("DELETE FROM evidence WHERE seq >= {seq}"),
        ] {
            run(&change);
            let ran = place.run(&["evidence", "verify", "--head", &head]).ends(1);
            assert!(ran.stderr.contains(&format!("broken at record {seq}:")), "{change}: {ran:#?}");
            restore();
        }
    }
    place.run(&["evidence", "verify", "--head", &head]).ends(0);
}

#[test]
fn what_is_pruned_and_what_is_left_verify_as_one_chain() {
    let place = lived();
    let whole = Export::of(&place);
    let copy = place.dir().join("old.jsonl");
    let copy_name = copy.to_str().unwrap();
    const EVER: &str = "2100-01-01T00:00:00Z";
    let planned = || place.run(&["evidence", "prune", "--before", EVER, "--dry-run", "--json"]).ends(0).json();
    // The incident is open, and so it keeps its records.
    let held = planned()["last"].as_u64().unwrap();
    let shown = place.run(&["evidence", "prune", "--before", EVER, "--dry-run"]).ends(0);
    assert!(shown.stdout.contains("incident 1 of prod-publish is open: its records stay"), "{shown:#?}");
    place.run(&["incident", "close", "1", "--cause", "leaked", "--lesson", "none"]).ends(0);
    place.pass(Duration::from_secs(60));
    place.run(&["evidence", "checkpoint"]).ends(0);
    assert!(planned()["last"].as_u64().unwrap() > held);
    let prune = ["evidence", "prune", "--before", EVER, "--to", copy_name, "--json"];
    let done = place.run(&prune).ends(0).json();
    assert!(done["removed"].as_u64().unwrap() > held, "{done}");

    let here = place.run(&["evidence", "verify"]).ends(0);
    assert!(here.stdout.contains("was pruned, and checkpoint"), "{here:#?}");
    let rest = Export::of(&place);
    let (sound, said) = rest.verify(&rest.lines);
    assert!(sound, "{said}");
    let old: Vec<String> = fs::read_to_string(&copy).unwrap().lines().map(str::to_owned).collect();
    let (sound, said) = rest.verify(&[old.clone(), rest.lines.clone()].concat());
    assert!(sound && old.len() + rest.lines.len() > whole.lines.len(), "{said}");
    // Whoever prunes without a signature is found out.
    let (sound, said) = rest.verify(&rest.lines[1..]);
    assert!(!sound && said.contains("it is missing here"), "{said}");
    // No copy is written over, and guard goes on.
    place.run(&["evidence", "checkpoint"]).ends(0);
    let before = place.run(&["evidence", "head"]).ends(0).stdout;
    assert!(place.run(&prune).ends(1).stderr.contains("old.jsonl"));
    assert_eq!(place.run(&["evidence", "head"]).ends(0).stdout, before);
    place.run(&["tick"]).ends(0);
    place.run(&["evidence", "verify"]).ends(0);
}

#[test]
fn other_tools_verify_the_signature() {
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let version = Command::new("openssl").arg("version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("OpenSSL 3")) {
        eprintln!("SKIPPED: openssl 3 is not here, so that no other tool verified the signature");
        return;
    }
    let place = lived();
    let export = Export::of(&place);
    let directory = export.directory.path();
    let last: Value = serde_json::from_str(&export.lines[checkpoints(&export.lines).last().unwrap() - 1]).unwrap();
    let signs = last["detail"]["signs"].as_str().unwrap();
    fs::write(directory.join("text"), format!("guard-evidence-checkpoint-1\n{signs}\n")).unwrap();
    fs::write(directory.join("sig"), hex::decode(last["detail"]["signature"].as_str().unwrap()).unwrap()).unwrap();
    fs::write(directory.join("pub"), place.run(&["evidence", "key", "--pem"]).ends(0).stdout).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let openssl = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-inkey", "pub", "-rawin", "-in", "text", "-sigfile", "sig"])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(openssl.status.success(), "{}", said(&openssl));
    // guard reads the same file.
    let file = directory.join("pub").display().to_string();
    place.run(&["evidence", "verify", "--public-key", &file]).ends(0);
}

#[test]
fn an_auditor_gets_who_when_why_and_the_records_that_prove_it() {
    let place = lived();
    let report = place.run(&["evidence", "report", "--format", "json"]).ends(0).json();
    let rotation = &report["rotations"][0];
    assert_eq!((&rotation["outcome"], &rotation["reason"]), (&"completed".into(), &"by hand".into()), "{rotation:#}");
    assert!(rotation["by"].as_str().unwrap().starts_with("guard rotate (uid "), "{rotation:#}");
    assert!(
        rotation["deliveries"][0]["read_back_at"].is_string() && rotation["death"][1]["refusals"] == 3,
        "{rotation:#}"
    );
    assert_eq!(rotation["drain"]["kind"], "proven");
    let incident = &report["incidents"][0];
    assert_eq!((&incident["sentence"], &incident["cause"]), (&"leaked".into(), &"leaked".into()), "{incident:#}");
    // Every proof is a record of the chain as it is.
    let lines = Export::of(&place).lines;
    for record in rotation["records"].as_array().unwrap().iter().chain(incident["records"].as_array().unwrap()) {
        let line: Value = serde_json::from_str(&lines[record["seq"].as_u64().unwrap() as usize - 1]).unwrap();
        assert_eq!((&line["hash"], &line["kind"]), (&record["hash"], &record["kind"]));
    }
    let kinds: Vec<&str> =
        rotation["records"].as_array().unwrap().iter().map(|r| r["kind"].as_str().unwrap()).collect();
    for kind in [
        "rotation.requested",
        "rotation.overlap",
        "rotation.switched",
        "rotation.drained",
        "key.dead",
        "rotation.ended",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }

    let file = place.dir().join("report.csv");
    place.run(&["evidence", "report", "-w", NAME, "-o", file.to_str().unwrap()]).ends(0);
    let text = fs::read_to_string(&file).unwrap();
    let rows: Vec<&str> = text.split("\r\n").filter(|row| !row.is_empty()).collect();
    assert!(
        rows.len() == 3 && rows[1].starts_with("rotation,prod-publish,1,") && rows[2].starts_with("incident,"),
        "{rows:#?}"
    );
    let page = place.run(&["evidence", "report", "--format", "html"]).ends(0).stdout;
    assert!(
        page.contains("1 rotation and 1 incident") && page.contains("refused 3 times") && !page.contains("<script")
    );
    let none = place.run(&["evidence", "report", "--format", "json", "--since", "2100-01-01T00:00:00Z"]).ends(0).json();
    assert!(none["rotations"].as_array().unwrap().is_empty() && none["incidents"].as_array().unwrap().is_empty());
}
