use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use tempfile::TempDir;

use super::scene::{Runs, Scene, Victim};
use super::witness::Seen;
use crate::adapters::clock::SystemClock;
use crate::cli::Failure;
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::KeyStatus;
use crate::domain::time::Timestamp;
use crate::exit::Exit;
use crate::sandbox::clock::Pace;
use crate::sandbox::log::Plane;
use crate::sandbox::org::{Minted, NewKey};
use crate::sandbox::replay::history_start;
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
    /// What is played.
    pub scene: Scene,
    /// What was seen while the thief was at it.
    pub seen: Arc<Mutex<Seen>>,
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
    /// The hour of the day (UTC) at which the eight quietest begin.
    pub quiet_from: u32,
}

fn internal(what: &str) -> Failure {
    Failure::new(Exit::Internal, what)
}

/// A workspace whose only key is as old as the recorded past, and was never used.
fn unused_key(sandbox: &Sandbox) -> Result<Minted, Failure> {
    let shared = sandbox.shared();
    let made = history_start(shared.clock.now()).start();
    let mut world = shared.world();
    let workspace = world.organization.add_workspace(WORKSPACE, made);
    let new = NewKey {
        workspace: Some(workspace.to_string()),
        name: "forgotten".to_owned(),
        status: KeyStatus::Active,
        expires_at: None,
    };
    let minted = world.organization.mint_key(&new, made);
    minted.map_err(|refusal| internal(&format!("the sandbox made no key: {refusal:?}")))
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{what}: {error}"))
}

impl Stage {
    /// Starts the organization, gives it its past, and writes what a person would write: the ledger.
    pub fn set(keep: Option<&Path>, scene: Scene, seed: u64) -> Result<Self, Failure> {
        let (dir, temporary) = directory(keep)?;
        let mut series = traffic::sample().map_err(|error| failed("the recorded traffic cannot be read", error))?;
        // The sample holds a job that does the same every day, and one whose days differ widely and that works for longer.
        let regular = scene.runs == Runs::Unknown;
        let rows = |(_, one): &(usize, &Series)| one.rows.len();
        let chosen = series.iter().enumerate();
        let chosen = if regular { chosen.min_by_key(rows) } else { chosen.max_by_key(rows) }.map(|(at, _)| at);
        let mut own = series.swap_remove(chosen.ok_or_else(|| internal("the sample holds no traffic"))?);
        // The evening of a day: the day's recorded run is over.
        let start = own.start.plus(PAST_DAYS * 24 * 60 + 18 * 60).start();
        let past = Past::of(&own, start);
        if !scene.goes_on() {
            // From here on the pipeline is a real process.
            own.rows.retain(|row| own.start.plus(row.offset).start() < start - TimeDelta::hours(1));
        }
        // A key that nobody uses has no past; the recorded job is somebody else's.
        own.name = (if scene.victim == Victim::Unused { "prod-other" } else { WORKSPACE }).to_owned();
        let behaviour = Behaviour { seed, ..Behaviour::default() };
        let options = Options { pace: Pace::Virtual, start: Some(start), behaviour, ..Options::default() };
        let sandbox = Sandbox::start(&options, Arc::new(SystemClock))
            .map_err(|error| failed("the sandbox cannot listen on loopback", error))?;
        let played = sandbox.replay(vec![own]);
        let first_key = match scene.victim {
            Victim::Unused => unused_key(&sandbox)?,
            _ => played.into_iter().next().map(|(_, key)| key).ok_or_else(|| internal("the sandbox made no key"))?,
        };
        let workspace = first_key.workspace_id.clone().ok_or_else(|| internal("the key has no workspace"))?;
        sandbox.replay(series);
        let seen = Arc::new(Mutex::new(Seen::of_gate(dir.join("state/gate").join(format!("{WORKSPACE}.open")))));
        let shown = Arc::clone(&seen);
        let witness = move |line: &_| shown.lock().unwrap_or_else(PoisonError::into_inner).look(line);
        sandbox.shared().world().log.show_to(Box::new(witness));
        let stage = Self { sandbox, dir, past, workspace, first_key, scene, seen, _temporary: temporary };
        stage.write("admin.key", &stage.sandbox.shared().world().organization.admin_secret)?;
        stage.write("app.env", "# the pipeline reads its key from here\n")?;
        stage.write("guard.toml", &stage.ledger())?;
        Ok(stage)
    }

    /// What was seen so far.
    pub fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that a person makes in the Console.
    pub fn mint(&self, name: &str, status: KeyStatus) -> Result<Minted, Failure> {
        let shared = self.sandbox.shared();
        let now = shared.clock.now();
        let new =
            NewKey { workspace: Some(self.workspace.to_string()), name: name.to_owned(), status, expires_at: None };
        let minted = shared.world().organization.mint_key(&new, now);
        minted.map_err(|refusal| Failure::new(Exit::Internal, format!("the sandbox made no key: {refusal:?}")))
    }

    /// Somebody in the Console activates a key.
    pub fn wake(&self, key: &KeyId) -> Result<(), Failure> {
        let shared = self.sandbox.shared();
        let (now, delay) = (shared.clock.now(), shared.behaviour.revoke_delay);
        let mut world = shared.world();
        let woken = world.organization.edit_key(key.as_str(), None, Some(KeyStatus::Active), now, delay).map(|_| ());
        world.note(now, Plane::Console, format!("key {key} edited, now active"));
        woken.map_err(|refusal| internal(&format!("the standby cannot be activated: {refusal:?}")))
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

[[notifier]]
name = "people"
kind = "webhook"
url = "{url}/sandbox/inbox"
at_least = "notice"

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
runs_registered = {registered}

[[workspace.consumer]]
name = "app"
kind = "dotenv"
path = "{env}"
"#,
            url = self.sandbox.url(),
            id = self.workspace,
            registered = !self.scene.goes_on() && self.scene.victim != Victim::Unused,
            env = self.dir.join("app.env").display(),
        )
    }
}

impl Past {
    fn of(series: &Series, start: Timestamp) -> Self {
        let (mut input, mut output, mut minutes) = (0u64, 0u64, 0u64);
        let mut hours = [0u64; 24];
        for (minute, row) in series.between(series.start, crate::domain::time::Minute::containing(start)) {
            (input, output, minutes) = (input + row.input, output + row.output, minutes + 1);
            hours[minute.epoch().div_euclid(60).rem_euclid(24) as usize] += row.input + row.output;
        }
        let all = crate::domain::time::Minute::containing(start).since(series.start).max(1) as f64;
        Self {
            input: input / minutes.max(1),
            output: output / minutes.max(1),
            mean_input: input as f64 / all,
            mean_output: output as f64 / all,
            quiet_from: (0..24).min_by_key(|from| (0..8).map(|h| hours[(from + h) % 24]).sum::<u64>()).unwrap_or(0)
                as u32,
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
