//! A week of an organization of real shape, watched by the real program over HTTP, and the same data replayed by `guard backtest`:
//! both say the same, about the same minutes.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use guard::adapters::clock::SystemClock;
use guard::domain::time::{Minute, Timestamp};
use guard::domain::usage::{Billing, Tokens};
use guard::ports::Clock;
use guard::sandbox::clock::Pace;
use guard::sandbox::org::Minted;
use guard::sandbox::usage::Spent;
use guard::sandbox::world::Behaviour;
use guard::sandbox::{Options, Sandbox, traffic};
use serde_json::Value;
use tempfile::TempDir;

/// A week in release builds; debug builds watch its busiest part only, unless told otherwise.
fn days() -> i64 {
    let told = std::env::var("GUARD_TEST_WATCHED_DAYS").ok().and_then(|days| days.parse().ok());
    told.unwrap_or(if cfg!(debug_assertions) { 1 } else { 7 })
}

/// When the week ends: a day after the dearest run of the recorded pipelines.
fn end() -> Timestamp {
    DateTime::parse_from_rfc3339("2026-11-24T20:00:00Z").unwrap().to_utc()
}

fn guard(dir: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", dir)
        .env("CONFIGURATION_DIRECTORY", dir.join("config"))
        .env("STATE_DIRECTORY", dir.join("state"))
        .env("GUARD_SANDBOX_CLOCK", url)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

struct Watchdog(Child);

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was said: whom about, how grave, by which rule, on which minute, since when.
type Said = Vec<[String; 5]>;

fn words(value: &Value, fields: [&str; 5]) -> [String; 5] {
    fields.map(|field| match &value[field] {
        Value::Number(minute) => guard::domain::time::rfc3339(Minute::from_epoch(minute.as_i64().unwrap()).start()),
        Value::String(text) => text.clone(),
        other => other["key"].as_str().unwrap().to_owned(),
    })
}

/// News of at least a warning in the output of `guard watch --json`.
fn watched(output: &str) -> Said {
    let cycles = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut said: Said = cycles
        .flat_map(|cycle| cycle["verdicts"].as_array().unwrap().clone())
        .filter(|judged| judged["news"] == true && judged["verdict"]["level"] != "notice")
        .map(|judged| words(&judged["verdict"], ["principal", "level", "rule", "at", "since"]))
        .collect();
    said.sort();
    said
}

/// A thief on the key of one pipeline, in the last day: half an hour of many times its rate.
fn steal(sandbox: &Sandbox, key: &Minted) {
    let begun = Minute::containing(end()).plus(-300);
    let mut world = sandbox.shared().world();
    for minute in 0..30 {
        let spent = Spent {
            key: Some(key.id.clone()),
            workspace: key.workspace_id.clone(),
            service_account: None,
            model: "claude-opus-5".to_owned(),
            billing: Billing { service_tier: Some("standard".to_owned()), ..Billing::default() },
            tokens: Tokens { uncached_input: 200_000, output: 20_000, ..Tokens::default() },
        };
        world.usage.add(begun.plus(minute), spent, begun.plus(minute + 5).start());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_week_and_its_backtest_give_the_same_verdicts() {
    // A minute shows up five minutes after it began, as the backtest assumes.
    let behaviour = Behaviour { lag: Duration::from_secs(240), lag_jitter: Duration::ZERO, ..Behaviour::default() };
    let start = end() - TimeDelta::days(days());
    let options = Options { pace: Pace::Virtual, start: Some(start), behaviour, ..Options::default() };
    let sandbox = Sandbox::start(&options, Arc::new(SystemClock)).unwrap();
    let played = sandbox.replay(traffic::sample().unwrap());
    steal(&sandbox, &played[1].1);
    let director = sandbox.join("director");
    let (dir, url) = (TempDir::new().unwrap(), sandbox.url());
    std::fs::create_dir(dir.path().join("config")).unwrap();
    let mut ledger = format!(
        "[provider]\nurl = \"{url}\"\nadmin_key = {{ file = \"{}\" }}\n",
        dir.path().join("admin.key").display()
    );
    for (name, minted) in &played {
        let id = minted.workspace_id.as_ref().unwrap();
        ledger += &format!("\n[[workspace]]\nname = \"{name}\"\nid = \"{id}\"\nenvironment = \"prod\"\n");
    }
    std::fs::write(dir.path().join("config/guard.toml"), ledger).unwrap();
    let admin = dir.path().join("admin.key");
    std::fs::write(&admin, sandbox.admin_key().unwrap().expose()).unwrap();
    std::fs::set_permissions(&admin, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let init =
        guard(dir.path(), &url, &["init", "--no-input", "--admin-key-file", &admin.display().to_string()]).output();
    let init = tokio::task::block_in_place(|| init.unwrap());
    assert!(init.status.success(), "{init:?}");

    let said = dir.path().join("said");
    let child = guard(dir.path(), &url, &["watch", "--json"])
        .stdout(File::create(&said).unwrap())
        .stderr(File::create(dir.path().join("noted")).unwrap())
        .spawn()
        .unwrap();
    let watchdog = Watchdog(child);
    while !sandbox.shared().clock.participants().iter().any(|p| p.name == "guard watch") {
        tokio::task::yield_now().await;
    }
    // On the minute, so that the week is whole whatever setting up took.
    director.sleep((end() + TimeDelta::seconds(30) - director.now()).to_std().unwrap()).await;
    drop(watchdog);
    for participant in sandbox.shared().clock.participants() {
        sandbox.shared().clock.leave(participant.id);
    }

    let said = std::fs::read_to_string(said).unwrap();
    let noted = std::fs::read_to_string(dir.path().join("noted")).unwrap();
    assert!(said.lines().count() as i64 >= days() * 1440 - 2, "{} polls: {noted}", said.lines().count());
    let watched = watched(said.trim_end());
    let days = (28 + days()).to_string();
    let mut replayed = Said::new();
    for (name, _) in &played {
        let arguments = ["backtest", "-w", name, "--days", &days, "--inject", "0", "--json"];
        let ran = tokio::task::block_in_place(|| guard(dir.path(), &url, &arguments).output().unwrap());
        assert!(ran.status.success(), "{ran:?}");
        let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let verdicts = report["backtest"]["verdicts"].as_array().unwrap().iter();
        let within =
            verdicts.filter(|v| v["polled_at"].as_str().unwrap() >= guard::domain::time::rfc3339(start).as_str());
        replayed.extend(within.map(|v| words(v, ["principal", "level", "rule", "judged_at", "since"])));
    }
    replayed.sort();
    assert_eq!(watched, replayed);
    let trips = watched.iter().filter(|said| said[1] == "trip").count();
    assert!(trips >= 2 && watched.len() > trips, "a dear run, a theft, and a warning before: {watched:#?}");
}
