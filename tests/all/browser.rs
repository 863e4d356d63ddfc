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
    let pages = tempfile::tempdir().unwrap();
    // Pictures for the documentation are kept only where the caller wants them.
    let kept = env::var_os("GUARD_SCREENSHOTS").map(PathBuf::from);
    let scratch = tempfile::tempdir().unwrap();
    let pictures = kept.as_deref().unwrap_or(scratch.path());
    fs::write(pages.path().join("incident.html"), incident::html(&report())).unwrap();
    fs::write(pages.path().join("status.html"), status::html(&status_fixture::status())).unwrap();
    fs::write(pages.path().join("style.css"), status::STYLE).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test may start a program")]
    let output = Command::new("node").arg(scripts.join("check.mjs")).arg(pages.path()).arg(pictures).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
