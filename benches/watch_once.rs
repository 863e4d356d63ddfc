//! How long `guard watch --once` takes for an organization of ten thousand keys over HTTP, and how much memory: seconds and
//! the process's own peak (`VmHWM`). Figures, no verdict: `cargo bench --bench watch_once`.
#![allow(missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a measurement starts the real binary and reads the real time")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use guard::adapters::clock::SystemClock;
use guard::domain::key::KeyStatus;
use guard::domain::time::Minute;
use guard::domain::usage::{Billing, Tokens};
use guard::ports::Clock;
use guard::sandbox::org::NewKey;
use guard::sandbox::usage::Spent;
use guard::sandbox::{Options, Sandbox};

const KEYS: u64 = 10_000;
/// Minutes with usage of each key, a day apart from the first to the last.
const MINUTES: i64 = 10;
const NAME: &str = "prod-publish";

fn seeded() -> Result<Sandbox, Box<dyn std::error::Error>> {
    let now = SystemClock.now();
    let sandbox = Sandbox::start(&Options::default(), Arc::new(SystemClock))?;
    {
        let mut world = sandbox.shared().world();
        let workspace = world.organization.add_workspace(NAME, now);
        for number in 0..KEYS {
            let new = NewKey {
                workspace: Some(NAME.to_owned()),
                name: format!("job-{number}"),
                status: KeyStatus::Active,
                expires_at: None,
            };
            let key = world.organization.mint_key(&new, now)?.id;
            for minute in 0..MINUTES {
                let spent = Spent {
                    key: Some(key.clone()),
                    workspace: Some(workspace.clone()),
                    service_account: None,
                    model: "claude-sonnet-4-6".to_owned(),
                    billing: Billing::default(),
                    tokens: Tokens { uncached_input: 1_000, output: number + 1, ..Tokens::default() },
                };
                world.usage.add(Minute::containing(now).plus(-10 - minute * 144), spent, now);
            }
        }
    }
    Ok(sandbox)
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = seeded()?;
    let dir = tempfile::tempdir()?;
    let guard = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
        command
            .env_clear()
            .env("HOME", dir.path())
            .env("CONFIGURATION_DIRECTORY", dir.path().join("config"))
            .env("STATE_DIRECTORY", dir.path().join("state"))
            .env("GUARD_PROVIDER_URL", sandbox.url())
            .args(arguments);
        command
    };
    let key_file = dir.path().join("admin.key");
    std::fs::write(&key_file, sandbox.admin_key()?.expose())?;
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let key_file = key_file.to_string_lossy();
    let set_up = guard(&["init", "--admin-key-file", &key_file]).stdout(Stdio::null()).status()?;
    assert!(set_up.success(), "init: {set_up}");
    for look in ["first look, four weeks of history", "next look"] {
        let began = Instant::now();
        let mut child = guard(&["watch", "--once"]).stdout(Stdio::null()).spawn()?;
        let mut peak = 0;
        let ended = loop {
            peak = peak_kib(child.id()).unwrap_or(0).max(peak);
            match child.try_wait()? {
                Some(ended) => break ended,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        let rows = KEYS * MINUTES.unsigned_abs();
        println!("{look}: {KEYS} keys, {rows} rows: {seconds:.1} s, peak {} MB, {ended}", peak / 1024);
    }
    Ok(())
}
