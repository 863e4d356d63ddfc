//! The incident bundle on disk: whole, private, checkable with ordinary tools, and never with a secret in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use guard::adapters::bundle::BundleFolder;
use guard::app::{AppError, bundle};
use guard::domain::incident::IncidentReport;
use guard::domain::secret::Secret;
use guard::domain::secret_scan::KnownSecrets;

use crate::report_fixture::report;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_bundle_is_whole_private_and_checkable() {
    let folder = tempfile::tempdir().unwrap();
    let store = BundleFolder::new(folder.path().join("incidents"));
    let bundle = bundle::write(&report(), KnownSecrets::default(), &store).unwrap();
    assert_eq!(bundle.file_name().unwrap(), "incident-prod-publish-3-20260317T024900Z");
    let all = ["SHA256SUMS", "config.redacted.toml", "events.jsonl", "incident.json", "report.html", "usage.csv"];
    assert_eq!(names(&bundle), all);
    assert_eq!(names(bundle.parent().unwrap()).len(), 1, "nothing temporary is left");
    assert_eq!((mode(&bundle), mode(bundle.parent().unwrap())), (0o700, 0o700));
    for name in all {
        assert_eq!(mode(&bundle.join(name)), 0o600, "{name}");
    }
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let check = Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(&bundle).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    assert_eq!(String::from_utf8_lossy(&check.stdout).lines().count(), 5);

    let json: serde_json::Value = serde_json::from_slice(&fs::read(bundle.join("incident.json")).unwrap()).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["timeline"][2]["seconds_since_trip"], 0.0);
    assert_eq!(json["derived"]["seconds_detected_to_dead"], 3.18);
    assert_eq!(serde_json::from_value::<IncidentReport>(json).unwrap(), report(), "the JSON says what the report says");
    let events = fs::read_to_string(bundle.join("events.jsonl")).unwrap();
    assert_eq!(
        events.lines().collect::<Vec<_>>(),
        report().evidence.records,
        "records are byte for byte the stored ones"
    );
    assert!(!fs::read_to_string(bundle.join("config.redacted.toml")).unwrap().contains("not-for-strangers"));
}

#[test]
fn a_bundle_is_never_written_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = BundleFolder::new(folder.path());
    let first = bundle::write(&report(), KnownSecrets::default(), &store).unwrap();
    let mut second = report();
    second.open_questions.clear();
    assert!(matches!(bundle::write(&second, KnownSecrets::default(), &store), Err(AppError::Store(_))));
    assert!(fs::read_to_string(first.join("incident.json")).unwrap().contains("From where was key"));
    assert_eq!(names(folder.path()).len(), 1, "the failed attempt left nothing");
}

#[test]
fn a_secret_stops_the_bundle_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let store = BundleFolder::new(folder.path());
    let key = format!("sk-ant-api03-{}AA", "Zq7".repeat(31));
    let refused = |report: &IncidentReport, known: KnownSecrets<'_>| {
        let Err(AppError::Refused { what, remedy }) = bundle::write(report, known, &store) else {
            panic!("the bundle was written");
        };
        assert!(!format!("{what}{remedy}").contains("Zq7Zq7"), "{what}");
        what
    };

    let mut leaking = report();
    leaking.evidence.records.push(format!("{{\"type\":\"note\",\"data\":\"{key}\"}}"));
    assert!(refused(&leaking, KnownSecrets::default()).contains("events.jsonl"));

    let mut leaking = report();
    leaking.timeline[0].detail = format!("curl -H 'x-api-key: {key}'");
    assert!(refused(&leaking, KnownSecrets::default()).contains("incident.json"));

    let mut leaking = report();
    leaking.open_questions.push("Is correct-horse-battery-staple known?".to_owned());
    let held = [Secret::new("correct-horse-battery-staple".to_owned()).unwrap()];
    refused(&leaking, KnownSecrets { held: &held, hints: &[] });
    assert!(names(folder.path()).is_empty());
}

/// The sample that people look at before they install anything is what this version writes.
#[test]
fn the_sample_bundle_is_current() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/incident");
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle::write(&report(), KnownSecrets::default(), &BundleFolder::new(folder.path())).unwrap();
    if std::env::var_os("GUARD_UPDATE_SAMPLE").is_some() {
        fs::create_dir_all(&sample).unwrap();
        for name in names(&bundle) {
            fs::write(sample.join(&name), fs::read(bundle.join(&name)).unwrap()).unwrap();
        }
    }
    assert_eq!(names(&sample), names(&bundle));
    for name in names(&bundle) {
        let same = fs::read(sample.join(&name)).unwrap() == fs::read(bundle.join(&name)).unwrap();
        assert!(same, "examples/incident/{name} is out of date: run this test with GUARD_UPDATE_SAMPLE=1");
    }
}
