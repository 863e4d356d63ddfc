//! The house rules that a compiler does not check: which layer may name which, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// What the files below a folder must not name. A rule that no file can break any more should be removed.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "crate::adapters",
            "crate::app",
            "crate::cli",
            "crate::daemon",
            "crate::ports",
            "crate::sandbox",
            "crate::wiring",
            "crate::report",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "tokio::",
            "reqwest::",
            "rusqlite::",
            "Utc::now",
            "Instant::now",
            "SystemTime",
            "async fn",
            "rand::",
        ],
    ),
    (
        "ports",
        &[
            "crate::adapters",
            "crate::app",
            "crate::cli",
            "crate::daemon",
            "crate::sandbox",
            "crate::wiring",
            "crate::report",
        ],
    ),
    (
        "app",
        &[
            "crate::adapters",
            "crate::cli",
            "crate::daemon",
            "crate::sandbox",
            "crate::wiring",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "Utc::now",
            "SystemTime",
            "reqwest::",
            "rusqlite::",
            "tokio::net",
        ],
    ),
    ("adapters", &["crate::app", "crate::cli", "crate::daemon", "crate::sandbox", "crate::wiring", "crate::report"]),
    ("sandbox", &["crate::adapters", "crate::app", "crate::cli", "crate::daemon", "crate::wiring", "crate::report"]),
    (
        "report",
        &[
            "crate::adapters",
            "crate::app",
            "crate::cli",
            "crate::daemon",
            "crate::ports",
            "crate::sandbox",
            "crate::wiring",
            // Values in, text out: that is why `app` may fill its views and draw its pages.
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "tokio::",
            "reqwest::",
            "rusqlite::",
            "Utc::now",
            "Instant::now",
            "SystemTime",
            "async fn",
            "rand::",
        ],
    ),
    ("daemon", &["crate::adapters", "crate::cli", "crate::sandbox"]),
    ("cli", &["rusqlite::", "reqwest::"]),
];

const MAX_LINES: usize = 500;

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file up to its test module, without comments: tests and prose may name what they like.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn layers_point_inward() {
    let mut broken = Vec::new();
    for (layer, forbidden) in FORBIDDEN {
        let files = rust_files(&source().join(layer));
        assert!(!files.is_empty(), "the layer {layer} has no files: is the rule out of date?");
        for file in files {
            let code = code(&file);
            for name in *forbidden {
                if code.contains(name) {
                    broken.push(format!("{} names {name}", file.strip_prefix(source()).unwrap().display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "forbidden between layers:\n  {}", broken.join("\n  "));
}

#[test]
fn files_hold_one_idea() {
    let mut long: Vec<_> = rust_files(&source())
        .into_iter()
        .map(|f| (fs::read_to_string(&f).unwrap().lines().count(), f))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, f)| format!("{lines} {}", f.display()))
        .collect();
    long.sort();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines:\n  {}", long.join("\n  "));
}

#[test]
fn no_room_is_called_after_nothing() {
    for file in rust_files(&source()) {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["utils", "util", "helpers", "helper", "manager", "common", "misc"].contains(&stem.as_str()),
            "{}",
            file.display()
        );
    }
}
