use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use tempfile::TempDir;

use crate::adapters::clock::SystemClock;
use crate::cli::Failure;
use crate::domain::ids::WorkspaceId;
use crate::domain::key::KeyStatus;
use crate::domain::time::Timestamp;
use crate::exit::Exit;
use crate::sandbox::clock::Pace;
use crate::sandbox::org::{Minted, NewKey};
use crate::sandbox::traffic::{self, Series};
use crate::sandbox::world::Behaviour;
use crate::sandbox::{Options, Sandbox};

/// The workspace that the story is about; its past is recorded traffic.
pub const WORKSPACE: &str = "prod-publish";
/// The model of the recorded pipeline.
pub const MODEL: &str = "claude-sonnet-4-6";
/// A model that it never used.
pub const STRANGE_MODEL: &str = "claude-opus-5-5";

/// Days of recorded past before the curtain rises.
const PAST_DAYS: i64 = 36;

/// Where the drill takes place.
pub struct Stage {
    /// The organization.
    pub sandbox: Sandbox,
    /// The drill's directory.
    pub dir: PathBuf,
    /// What the pipeline's recorded past looked like.
    pub past: Past,
    /// The provider's id of [`WORKSPACE`].
    pub workspace: WorkspaceId,
    /// The key that the pipeline uses at first.
    pub first_key: Minted,
    /// Removes the directory in the end, unless it is to be kept.
    _temporary: Option<TempDir>,
}

/// The pipeline's recorded past, in figures.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// Input tokens of a minute in which it worked.
    pub input: u64,
    /// Output tokens of a minute in which it worked.
    pub output: u64,
    /// Mean input tokens over all minutes.
    pub mean_input: f64,
    /// Mean output tokens over all minutes.
    pub mean_output: f64,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{what}: {error}"))
}

impl Stage {
    /// Starts the organization, gives it its past, and writes what a person would write: the ledger.
    pub fn set(keep: Option<&Path>, seed: u64) -> Result<Self, Failure> {
        let (dir, temporary) = directory(keep)?;
        let mut series = traffic::sample().map_err(|error| failed("the recorded traffic cannot be read", error))?;
        let busiest = series.iter().enumerate().max_by_key(|(_, s)| s.rows.len()).map(|(i, _)| i);
        let Some(busiest) = busiest else { return Err(Failure::new(Exit::Internal, "the sample holds no traffic")) };
        let mut own = series.swap_remove(busiest);
        own.name = WORKSPACE.to_owned();
        // The evening of a day: the day's recorded run is over.
        let start = own.start.plus(PAST_DAYS * 24 * 60 + 18 * 60).start();
        // From here on the pipeline is a real process.
        own.rows.retain(|row| own.start.plus(row.offset).start() < start - TimeDelta::hours(1));
        let past = Past::of(&own, start);
        let behaviour = Behaviour { seed, ..Behaviour::default() };
        let options = Options { pace: Pace::Virtual, start: Some(start), behaviour, ..Options::default() };
        let sandbox = Sandbox::start(&options, Arc::new(SystemClock))
            .map_err(|error| failed("the sandbox cannot listen on loopback", error))?;
        let mut played = sandbox.replay(vec![own]);
        played.truncate(1);
        let found = played.pop().and_then(|(_, key)| Some((key.workspace_id.clone()?, key)));
        let Some((workspace, first_key)) = found else {
            return Err(Failure::new(Exit::Internal, "the sandbox made no key"));
        };
        sandbox.replay(series);
        let stage = Self { sandbox, dir, past, workspace, first_key, _temporary: temporary };
        stage.write("admin.key", &stage.sandbox.shared().world().organization.admin_secret)?;
        stage.write("app.env", "# the pipeline reads its key from here\n")?;
        stage.write("guard.toml", &stage.ledger())?;
        Ok(stage)
    }

    /// A key that a person makes in the Console.
    pub fn mint(&self, name: &str) -> Result<Minted, Failure> {
        let shared = self.sandbox.shared();
        let now = shared.clock.now();
        let new = NewKey {
            workspace: Some(self.workspace.to_string()),
            name: name.to_owned(),
            status: KeyStatus::Inactive,
            expires_at: None,
        };
        let minted = shared.world().organization.mint_key(&new, now);
        minted.map_err(|refusal| Failure::new(Exit::Internal, format!("the sandbox made no key: {refusal:?}")))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.dir.join(name));
        open.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(name, error))
    }

    fn ledger(&self) -> String {
        format!(
            r#"# The ledger of the drill.
[provider]
url = "{url}"

[[workspace]]
name = "{WORKSPACE}"
id = "{id}"
environment = "prod"
purpose = "a pipeline that publishes every day"
owner = "drill@example.com"
acceptable_loss = "25.00"
trip.mode = "kill"
trip.reopen = "auto"

[workspace.rotation]
standbys = 2

[workspace.watch]
runs_registered = true

[[workspace.consumer]]
name = "app"
kind = "dotenv"
path = "{env}"
"#,
            url = self.sandbox.url(),
            id = self.workspace,
            env = self.dir.join("app.env").display(),
        )
    }
}

impl Past {
    fn of(series: &Series, start: Timestamp) -> Self {
        let (mut input, mut output, mut minutes) = (0u64, 0u64, 0u64);
        for (_, row) in series.between(series.start, crate::domain::time::Minute::containing(start)) {
            (input, output, minutes) = (input + row.input, output + row.output, minutes + 1);
        }
        let all = crate::domain::time::Minute::containing(start).since(series.start).max(1) as f64;
        Self {
            input: input / minutes.max(1),
            output: output / minutes.max(1),
            mean_input: input as f64 / all,
            mean_output: output as f64 / all,
        }
    }
}

fn directory(keep: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), Failure> {
    match keep {
        Some(dir) => {
            fs::DirBuilder::new().mode(0o700).create(dir).map_err(|error| failed(&dir.display().to_string(), error))?;
            let dir = dir.canonicalize().map_err(|error| failed(&dir.display().to_string(), error))?;
            Ok((dir, None))
        }
        None => {
            let made = tempfile::Builder::new().prefix("guard-drill-").tempdir();
            let made = made.map_err(|error| failed("no temporary directory", error))?;
            Ok((made.path().to_owned(), Some(made)))
        }
    }
}
