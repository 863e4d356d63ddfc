//! `guard sandbox` as a newcomer meets it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use guard::domain::key::KeyStatus;
use guard::domain::time::Minute;
use guard::ports::{KeyAdmin, UsageFeed};
use serde_json::Value;

use super::organization::{Pauses, client, secret};

/// A sandbox in another process, as its first line describes it.
struct Running {
    child: Child,
    said: Value,
}

impl Running {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let mut child = guard()
            .args([
                "sandbox",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--clock",
                "virtual",
                "--start",
                "2026-11-21T12:00:00Z",
            ])
            .arg("--dir")
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { said: serde_json::from_str(&line).unwrap(), child }
    }

    fn url(&self) -> &str {
        self.said["url"].as_str().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killing one that has ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "the test drives the real binary")]
fn guard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command.env_remove("GUARD_JSON").env_remove("GUARD_PROVIDER_URL").env_remove("GUARD_SANDBOX_CLOCK");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_real_traffic_and_its_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::start(&dir.path().join("sandbox"), &[]);
    let admin_key_file = Path::new(running.said["admin_key_file"].as_str().unwrap());
    let mut files = vec![admin_key_file.to_owned()];
    let workspaces = running.said["workspaces"].as_array().unwrap();
    files.extend(workspaces.iter().map(|w| w["dotenv"].as_str().unwrap().into()));
    assert_eq!(files.len(), 3);
    for file in &files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    let admin = secret(&std::fs::read_to_string(admin_key_file).unwrap());
    let client = client(running.url(), admin, Arc::new(Pauses::default()));
    let keys = client.keys().await.unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.status == KeyStatus::Active));
    let noon = Minute::containing(super::organization::noon());
    let rows = client.usage(noon.plus(-28 * 24 * 60), noon).await.unwrap().rows;
    assert!(rows.len() > 300, "{} rows in four weeks", rows.len());
    let dotenv = std::fs::read_to_string(&files[1]).unwrap();
    let job = secret(dotenv.trim().strip_prefix("ANTHROPIC_API_KEY=").unwrap());
    assert!(keys.iter().any(|key| job.fits(key.partial_key_hint.as_deref().unwrap())));

    let minted = guard()
        .args(["sandbox", "mint", "--url", running.url(), "-w", "daily-article", "--name", "standby", "--inactive"])
        .output()
        .unwrap();
    let text = String::from_utf8(minted.stdout).unwrap();
    assert!(text.starts_with("sk-ant-api03-") && text.lines().count() == 1, "the secret alone is printed");
    assert!(!String::from_utf8(minted.stderr).unwrap().contains(text.trim()));
    let standby = client.keys().await.unwrap().into_iter().find(|key| key.name == "standby").unwrap();
    assert_eq!(standby.status, KeyStatus::Inactive);
    let unknown = guard().args(["sandbox", "mint", "--url", running.url(), "-w", "nowhere"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(10));

    rustix::process::kill_process(rustix::process::Pid::from_child(&running.child), rustix::process::Signal::INT)
        .unwrap();
    assert!(running.child.wait().unwrap().success());
}

#[test]
fn an_empty_organization_and_recorded_traffic_are_options() {
    let dir = tempfile::tempdir().unwrap();
    let empty = Running::start(&dir.path().join("a"), &["--no-traffic"]);
    assert_eq!(empty.said["workspaces"].as_array().unwrap().len(), 0);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/traffic");
    let replayed = Running::start(&dir.path().join("b"), &["--traffic", sample.to_str().unwrap()]);
    assert_eq!(replayed.said["workspaces"].as_array().unwrap().len(), 2);
}

#[test]
fn what_it_cannot_do_it_says() {
    for (arguments, status, words) in [
        (&["--listen", "0.0.0.0:0"][..], 1, "loopback"),
        (&["--clock", "speed=0"], 2, "speed"),
        (&["--traffic", "/nonexistent"], 78, "/nonexistent/keys.csv"),
    ] {
        let mut child =
            guard().arg("sandbox").args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let elsewhere =
        guard().args(["sandbox", "mint", "--url", "https://api.anthropic.com", "-w", "x"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(2));
}
