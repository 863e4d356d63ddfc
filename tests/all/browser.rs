//! The pages in a real browser. Needs Chromium and Node: `GUARD_BROWSER=1` says that they are there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use guard::report::{incident, status};

use crate::report_fixture::report;
use crate::status_fixture;

#[test]
fn pages_are_accessible_and_ask_nobody() {
    if env::var_os("GUARD_BROWSER").is_none_or(|v| v != "1") {
        eprintln!(
            "SKIPPED: the pages were NOT opened in a browser; set GUARD_BROWSER=1 where Chromium and Node are installed"
        );
        return;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(
        scripts.join("node_modules/axe-core").exists(),
        "run `npm ci --ignore-scripts` in {} first",
        scripts.display()
    );
    // Pictures for the documentation are kept only where the caller wants them.
    let kept = env::var_os("GUARD_SCREENSHOTS").map(PathBuf::from);
    let scratch = tempfile::tempdir().unwrap();
    let drill = tempfile::tempdir().unwrap();
    let real = fs::read_to_string(bundle_of_a_drill(&drill.path().join("drill"))).unwrap();
    open(&scripts, &evidence_report(&drill.path().join("drill")), scratch.path());
    open(&scripts, &real, kept.as_deref().unwrap_or(scratch.path()));
    // The fixture has what a drill does not have: every section, long names, many models.
    open(&scripts, &incident::html(&report()), scratch.path());
}

/// The page that guard itself wrote when a key was stolen, from the binary's own drill.
fn bundle_of_a_drill(directory: &Path) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let ran = Command::new(env!("CARGO_BIN_EXE_guard")).args(["drill", "--keep"]).arg(directory).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let bundles: Vec<PathBuf> =
        fs::read_dir(directory.join("state/incidents")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(bundles.len(), 1, "{bundles:?}");
    bundles[0].join("report.html")
}

/// The auditors' page of the same drill.
fn evidence_report(drill: &Path) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let ran = Command::new(env!("CARGO_BIN_EXE_guard"))
        .args(["evidence", "report", "--format", "html", "--config", "guard.toml", "--state-dir", "state"])
        .env("CONFIGURATION_DIRECTORY", drill)
        .current_dir(drill)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// Opens an incident's page and the status page in the browser, and fails on whatever is wrong with them.
fn open(scripts: &Path, incident: &str, pictures: &Path) {
    let pages = tempfile::tempdir().unwrap();
    fs::write(pages.path().join("incident.html"), incident).unwrap();
    fs::write(pages.path().join("status.html"), status::html(&status_fixture::status())).unwrap();
    fs::write(pages.path().join("style.css"), status::STYLE).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let output = Command::new("node").arg(scripts.join("check.mjs")).arg(pages.path()).arg(pictures).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
