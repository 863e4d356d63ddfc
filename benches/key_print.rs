//! How long `guard key print` takes, which SDKs and Claude Code call for every key: against the same binary that only says its version,
//! and against the smallest program. Medians of paired runs and their ratios, no verdict: `cargo bench --bench key_print`.
#![allow(missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a measurement starts the real binary and reads the real time")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use guard::adapters::clock::SystemClock;
use guard::domain::key::KeyStatus;
use guard::ports::Clock;
use guard::sandbox::org::NewKey;
use guard::sandbox::{Options, Sandbox};

const ROUNDS: usize = 200;
const NAME: &str = "prod-publish";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = SystemClock.now();
    let sandbox = Sandbox::start(&Options::default(), Arc::new(SystemClock))?;
    let key = {
        let mut world = sandbox.shared().world();
        world.organization.add_workspace(NAME, now);
        let new = NewKey {
            workspace: Some(NAME.to_owned()),
            name: "job".to_owned(),
            status: KeyStatus::Active,
            expires_at: None,
        };
        world.organization.mint_key(&new, now)?
    };
    let (dir, address) = (tempfile::tempdir()?, sandbox.url());
    let guard = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guard"));
        command
            .env_clear()
            .env("HOME", dir.path())
            .env("CONFIGURATION_DIRECTORY", dir.path().join("config"))
            .env("STATE_DIRECTORY", dir.path().join("state"))
            .env("GUARD_PROVIDER_URL", &address)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    };
    let fed = |arguments: &[&str], text: &str| -> Result<(), Box<dyn std::error::Error>> {
        let mut child = guard(arguments).stdin(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{text}")?;
        }
        let ended = child.wait()?;
        assert!(ended.success(), "{arguments:?}: {ended}");
        Ok(())
    };
    fed(&["init", "--admin-key-file", "-"], sandbox.admin_key()?.expose())?;
    fed(&["key", "add", "-w", NAME], &key.secret)?;
    // From here on there is no provider: the command needs none.
    drop(sandbox);

    let mut smallest = Command::new("/bin/true");
    smallest.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    let mut commands = [
        ("/bin/true", smallest),
        ("guard --version", guard(&["--version"])),
        ("guard key print", guard(&["key", "print", "-w", NAME])),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((name, command), times) in commands.iter_mut().zip(&mut times) {
            let began = Instant::now();
            let ended = command.status()?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            assert!(ended.success(), "{name}: {ended}");
        }
    }
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() * 95 / 100])
    });
    for ((name, _), (median, p95)) in commands.iter().zip(medians) {
        println!("{name:<16} {median:6.2} ms median, {p95:6.2} ms p95, {:5.2} times /bin/true", median / medians[0].0);
    }
    println!("guard key print costs {:.2} times what guard --version costs", medians[2].0 / medians[1].0);
    Ok(())
}
