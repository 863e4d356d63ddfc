use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::adapters::clock::SystemClock;
use crate::cli::{Failure, Session};
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::exit::Exit;
use crate::sandbox::clock::Pace;
use crate::sandbox::traffic::{self, Series};
use crate::sandbox::world::Behaviour;
use crate::sandbox::{Options, Sandbox};

/// Arguments of `guard sandbox` itself.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Where to listen; loopback only, port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// How time passes: `real`, `speed=N`, or `virtual` (it jumps when everybody who joined the clock sleeps)
    #[arg(long, value_name = "CLOCK", default_value = "real", value_parser = pace)]
    clock: Pace,
    /// What time it is at the start, as RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    start: Option<DateTime<Utc>>,
    /// Recorded usage to replay, in the layout of examples/traffic [default: a sample of two real pipelines]
    #[arg(long, value_name = "DIR")]
    traffic: Option<PathBuf>,
    /// No recorded usage at all: an empty organization
    #[arg(long, conflicts_with = "traffic")]
    no_traffic: bool,
    /// From a request's end until the usage report shows it
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    lag: Duration,
    /// The most that is added to the lag, at random
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    lag_jitter: Duration,
    /// From a change of a key's status until requests feel it
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration)]
    revoke_delay: Duration,
    /// When to give up a process that holds a virtual clock still and says nothing
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    patience: Duration,
    /// Seeds identifiers, secrets and whatever varies
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to put the files with the sandbox's secrets (mode 0600) [default: guard-sandbox-PORT in the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where to put the admin key (mode 0600) [default: admin.key in that directory]
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
}

/// `real`, `virtual`, `speed=N`.
fn pace(text: &str) -> Result<Pace, String> {
    match text.split_once('=') {
        None if text == "real" => Ok(Pace::Times(1)),
        None if text == "virtual" => Ok(Pace::Virtual),
        Some(("speed", times)) => match times.parse() {
            Ok(times @ 1..=100_000) => Ok(Pace::Times(times)),
            _ => Err("the speed must be a whole number from 1 to 100000".to_owned()),
        },
        _ => Err("write `real`, `virtual` or `speed=N`".to_owned()),
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    parsed.map_err(|error| format!("{error}; write for example 2026-11-21T12:00:00Z"))
}

/// A workspace with recorded traffic, and where its key lies for a job to read.
struct Played {
    name: String,
    id: WorkspaceId,
    key: KeyId,
    dotenv: PathBuf,
}

/// Serves until it is interrupted.
pub async fn run(args: Serve, session: &Session) -> Result<Exit, Failure> {
    let series = series(&args)?;
    let behaviour = Behaviour {
        seed: args.seed,
        lag: args.lag,
        lag_jitter: args.lag_jitter,
        revoke_delay: args.revoke_delay,
        patience: args.patience,
    };
    let options = Options { listen: args.listen, pace: args.clock, start: args.start, behaviour };
    let sandbox = Sandbox::start(&options, Arc::new(SystemClock)).map_err(|error| {
        Failure::new(Exit::Failed, format!("the sandbox cannot listen on {}: {error}", args.listen))
            .hint("`--listen 127.0.0.1:0` takes a free port")
    })?;
    let dir = args.dir.unwrap_or_else(|| std::env::temp_dir().join(format!("guard-sandbox-{}", sandbox.port())));
    let admin_key_file = args.admin_key_file.unwrap_or_else(|| dir.join("admin.key"));
    let played = write_secrets(&sandbox, series, &dir, &admin_key_file)
        .map_err(|error| Failure::new(Exit::Failed, format!("the sandbox's files cannot be written: {error}")))?;
    // Before anybody is told that the sandbox runs and may want to stop it.
    let mut interrupted = signal(SignalKind::interrupt())
        .map_err(|error| Failure::new(Exit::Internal, format!("signals cannot be received: {error}")))?;
    introduce(session, &sandbox, &admin_key_file, &played);
    interrupted.recv().await;
    drop(sandbox);
    session.out.calm("The sandbox has stopped; nothing of it is kept but the files above.");
    Ok(Exit::Done)
}

fn series(args: &Serve) -> Result<Vec<Series>, Failure> {
    let read = match &args.traffic {
        _ if args.no_traffic => return Ok(Vec::new()),
        Some(dir) => traffic::read(dir),
        None => traffic::sample(),
    };
    read.map_err(|error| Failure::new(Exit::Config, format!("the traffic cannot be replayed: {error}")))
}

fn write_secrets(sandbox: &Sandbox, series: Vec<Series>, dir: &Path, admin_key_file: &Path) -> io::Result<Vec<Played>> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    write_private(admin_key_file, &sandbox.shared().world().organization.admin_secret)?;
    let mut played = Vec::new();
    for (name, minted) in sandbox.replay(series) {
        let dotenv = dir.join(format!("{name}.env"));
        write_private(&dotenv, &format!("ANTHROPIC_API_KEY={}", minted.secret))?;
        // A replayed series has a workspace of its own.
        if let Some(id) = minted.workspace_id {
            played.push(Played { name, id, key: minted.id, dotenv });
        }
    }
    Ok(played)
}

fn write_private(path: &Path, line: &str) -> io::Result<()> {
    // An older file of the same name may have another mode; a new one never does.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{line}")
}

fn introduce(session: &Session, sandbox: &Sandbox, admin_key_file: &Path, played: &[Played]) {
    let (out, url) = (&session.out, sandbox.url());
    out.document(&json!({
        "type": "sandbox", "schema": 1, "url": url, "admin_key_file": admin_key_file,
        "workspaces": played.iter().map(|p| json!({
            "name": p.name, "id": p.id, "key": p.key, "dotenv": p.dotenv,
        })).collect::<Vec<_>>(),
    }));
    out.line(format!("A sandbox organization is running at {url}. Its keys open nothing else. Ctrl-C stops it."));
    out.line("");
    out.line(format!("  admin key   {}", admin_key_file.display()));
    for Played { name, id, key, dotenv } in played {
        out.line(format!("  workspace   {name}  {id}"));
        out.line(format!("              its job's key {key} is in {}", dotenv.display()));
    }
    out.line("");
    out.line("In another terminal:");
    out.line("");
    out.line(format!("  export GUARD_PROVIDER_URL={url}"));
    if sandbox.shared().clock.pace() != Pace::Times(1) {
        out.line(format!("  export GUARD_SANDBOX_CLOCK={url}"));
    }
    out.line(format!("  guard init --admin-key-file {}", admin_key_file.display()));
    let Some(Played { name, dotenv, .. }) = played.last() else { return };
    let dotenv = dotenv.display();
    out.line(format!("  cut -d= -f2 {dotenv} | guard key add -w {name}"));
    out.line("  guard status");
    out.line("");
    out.line("A person in the Console makes a standby (its secret is printed once, alone):");
    out.line("");
    out.line(format!("  guard sandbox mint -w {name} --inactive | guard key add -w {name}"));
    out.line("");
    out.line("A job that spends, with the key that is current when it starts:");
    out.line("");
    out.line(format!("  guard exec -w {name} -- guard sandbox pipeline --messages 100"));
    out.line("");
    out.line("A job that reads its key again before each message. So that a rotation reaches it, the ledger must say so below");
    out.line(format!("its workspace `{name}`:"));
    out.line("");
    out.line(format!("  guard sandbox pipeline --dotenv {dotenv} --messages 100"));
    out.line("");
    out.line("  [[workspace.consumer]]");
    out.line("  name = \"app\"");
    out.line("  kind = \"dotenv\"");
    out.line(format!("  path = \"{dotenv}\""));
    out.line("");
    out.line("Then replace its key, watch, and stop it:");
    out.line("");
    out.line(format!("  guard rotate -w {name}"));
    out.line("  guard watch");
    out.line(format!("  guard trip -w {name} --reason 'seen on a paste site'"));
    out.line(format!(
        "  guard rearm -w {name} --incident 1 --cause 'key in a public repository' --reason 'history cleaned'"
    ));
}
