//! `guard exec`: a job gets the workspace's key, and its run is on record.
//!
//! No lock is held while the job runs. What can be refused is refused before the run is recorded; once it is recorded, its
//! end is recorded too, however the job ends and whatever guard itself is told in the meantime.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::current_key::{open_gate, secret_of};
use super::sight::sight;
use super::{App, AppError};
use crate::domain::ids::{KeyId, RunId, WorkspaceName};
use crate::domain::ledger::{Ledger, RunningJobs, SecretSource, VaultSettings, WhenBlind, Workspace};
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::rfc3339;
use crate::ports::{GateState, Job, JobCommand, JobEnd, Jobs, Signal, Signals, StartError};

/// The variable that tells a job, and a nested guard, which workspace it runs for.
pub const ACTIVE: &str = "GUARD_ACTIVE";
/// The variable that carries the number of the run.
pub const RUN_ID: &str = "GUARD_RUN_ID";
/// The variable that carries the model to use now: the ladder's first rung.
pub const MODEL: &str = "GUARD_MODEL";
/// The variable that carries the whole ladder, preferred model first, separated by commas.
pub const MODELS: &str = "GUARD_MODELS";

/// Pause between two looks at the gate while a job runs.
const GATE_INTERVAL: Duration = Duration::from_secs(1);
/// What a job gets between SIGTERM and SIGKILL when its gate closes.
const TERMINATION_PAUSE: Duration = Duration::from_secs(10);

/// What was asked for.
#[derive(Debug)]
pub struct Request {
    /// Whose key.
    pub workspace: WorkspaceName,
    /// What to run.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Another variable for the key than the ledger's.
    pub variable: Option<String>,
    /// Another ladder of models than the ledger's.
    pub ladder: Option<Vec<String>>,
}

/// How it went, once nothing was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The job ran and ended.
    Ended(JobEnd),
    /// The job could not be started.
    NotStarted(StartError),
}

/// Runs a job to its end.
///
/// # Errors
/// [`AppError::GateClosed`]; [`AppError::Refused`] when guard is blind and the policy says `fail_closed`, or when the key is
/// missing; [`AppError::Store`] when the run cannot be recorded and the policy says `fail_closed`.
pub async fn exec(app: &App, jobs: &dyn Jobs, request: Request) -> Result<Outcome, AppError> {
    let workspace = app.ledger.workspace(&request.workspace).ok_or_else(|| AppError::Refused {
        what: format!("the ledger has no workspace `{}`", request.workspace),
        remedy: "`guard ledger list` shows all".to_owned(),
    })?;
    let key = open_gate(app.gate.as_ref(), &workspace.name)?;
    refuse_if_blind(app, workspace)?;
    let secret = secret_of(app.vault.as_ref(), &workspace.name, &key)?;
    // From here on a signal no longer ends guard, so that the run's end is recorded.
    let mut signals = jobs.listen().map_err(|why| AppError::Bug(format!("signals cannot be received: {why}")))?;
    let run = begin(app, workspace, &key, &request.program)?;

    let command = JobCommand {
        set: told_to_the_job(workspace, run, request.ladder),
        remove: own_variables(&app.ledger),
        key: (request.variable.unwrap_or_else(|| workspace.exec.variable.clone()), secret),
        program: request.program,
        args: request.args,
    };
    let outcome = match jobs.start(command) {
        Ok(mut job) => {
            note_start(app, run, job.pid());
            Outcome::Ended(attend(app, workspace, run, job.as_mut(), signals.as_mut()).await?)
        }
        Err(error) => Outcome::NotStarted(error),
    };
    end(app, run, &outcome);
    Ok(outcome)
}

impl Outcome {
    /// The exit status that `guard exec` returns: 126 and 127 in a shell's meaning, else the job's own.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Ended(end) => end.status(),
            Self::NotStarted(StartError::NotRunnable(_)) => 126,
            Self::NotStarted(StartError::NotFound) => 127,
        }
    }
}

fn refuse_if_blind(app: &App, workspace: &Workspace) -> Result<(), AppError> {
    let sight = sight(app.watch_state.as_ref(), app.clock.now(), workspace.watch.blind_after);
    match workspace.exec.when_blind {
        _ if sight.is_clear() => Ok(()),
        WhenBlind::FailOpen => {
            tracing::warn!("guard does not see what {} spends: {sight}; the job starts all the same", workspace.name);
            Ok(())
        }
        WhenBlind::FailClosed => Err(AppError::Refused {
            what: format!("guard does not see what {} spends, and its policy is fail_closed: {sight}", workspace.name),
            remedy: "start `guard watch`, or poll once with `guard watch --once`; `guard doctor` says what is wrong"
                .to_owned(),
        }),
    }
}

/// Records the beginning. A store that cannot be written is a kind of blindness: the policy for that decides.
fn begin(app: &App, workspace: &Workspace, key: &KeyId, program: &OsString) -> Result<Option<RunId>, AppError> {
    let name = Path::new(program).file_name().unwrap_or(program).to_string_lossy();
    match app.runs.begin_run(&workspace.name, key, &name, app.clock.now()) {
        Ok(run) => Ok(Some(run)),
        Err(error) if workspace.exec.when_blind == WhenBlind::FailOpen => {
            tracing::warn!("the run is not on record, so its usage has no alibi: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn note_start(app: &App, run: Option<RunId>, pid: u32) {
    if let Some(Err(error)) = run.map(|run| app.runs.run_started(run, pid)) {
        tracing::warn!("the job's process id is not on record: {error}");
    }
}

fn end(app: &App, run: Option<RunId>, outcome: &Outcome) {
    if let Some(Err(error)) = run.map(|run| app.runs.end_run(run, app.clock.now(), outcome.status().into())) {
        tracing::warn!("the end of the run is not on record, it counts as still running: {error}");
    }
}

fn told_to_the_job(workspace: &Workspace, run: Option<RunId>, ladder: Option<Vec<String>>) -> Vec<(String, String)> {
    let mut set = vec![(ACTIVE.to_owned(), workspace.name.to_string())];
    set.extend(run.map(|run| (RUN_ID.to_owned(), run.to_string())));
    let ladder = ladder.unwrap_or_else(|| workspace.models.ladder.clone());
    if let Some(model) = ladder.first() {
        set.extend([(MODEL.to_owned(), model.clone()), (MODELS.to_owned(), ladder.join(","))]);
    }
    set
}

/// Variables that may hold, or point to, a credential of guard's own.
fn own_variables(ledger: &Ledger) -> Vec<String> {
    let unlock = match &ledger.vault {
        VaultSettings::File { unlock, .. } => unlock.as_ref(),
        VaultSettings::Keyring { .. } => None,
    };
    let of_notifiers = ledger.notifiers.iter().filter_map(|notifier| notifier.kind.secret());
    let configured =
        ledger.provider.admin_key.iter().chain(unlock).chain(of_notifiers).filter_map(|source| match source {
            SecretSource::Environment(variable) => Some(variable.clone()),
            _ => None,
        });
    ["GUARD_ADMIN_KEY", "GUARD_ADMIN_KEY_FILE"].map(str::to_owned).into_iter().chain(configured).collect()
}

/// What guard does about the gate while the job runs.
enum Duty {
    /// Look at the gate again after the pause.
    Watch,
    /// The job was asked to end; kill it after the pause.
    Kill,
    /// Nothing more to do.
    None,
}

/// Passes signals on and obeys the gate until the job has ended.
async fn attend(
    app: &App,
    workspace: &Workspace,
    run: Option<RunId>,
    job: &mut dyn Job,
    signals: &mut dyn Signals,
) -> Result<JobEnd, AppError> {
    let mut duty = Duty::Watch;
    let mut pause = app.clock.sleep(GATE_INTERVAL);
    loop {
        tokio::select! {
            ended = job.wait() => {
                return ended.map_err(|why| AppError::Bug(format!("the job's end cannot be learnt: {why}")));
            }
            signal = signals.next() => job.signal(signal),
            () = &mut pause, if !matches!(duty, Duty::None) => {
                duty = match duty {
                    Duty::Watch => look_at_gate(app, workspace, run, job),
                    Duty::Kill => {
                        tracing::warn!("the job did not end within {} s; it is killed", TERMINATION_PAUSE.as_secs());
                        job.signal(Signal::Kill);
                        Duty::None
                    }
                    Duty::None => Duty::None,
                };
                pause = app.clock.sleep(if matches!(duty, Duty::Kill) { TERMINATION_PAUSE } else { GATE_INTERVAL });
            }
        }
    }
}

fn look_at_gate(app: &App, workspace: &Workspace, run: Option<RunId>, job: &dyn Job) -> Duty {
    let GateState::Closed { why } = app.gate.read(&workspace.name) else { return Duty::Watch };
    match workspace.trip.running_jobs {
        RunningJobs::Leave => {
            tracing::warn!(
                "the gate of {} was closed while the job runs ({why}); policy leaves it running",
                workspace.name
            );
            Duty::None
        }
        RunningJobs::Warn => {
            tracing::warn!("the gate of {} was closed while the job runs ({why}); it goes on", workspace.name);
            tell_of(app, workspace, run, job.pid());
            Duty::None
        }
        RunningJobs::Terminate => {
            tracing::warn!("the gate of {} was closed ({why}); the job is asked to end", workspace.name);
            job.signal(Signal::Terminate);
            Duty::Kill
        }
    }
}

/// A job goes on although its gate is closed: whoever looks after the incident may want to stop it.
fn tell_of(app: &App, workspace: &Workspace, run: Option<RunId>, pid: u32) {
    let run = run.map_or_else(|| "a job that is not on record".to_owned(), |run| format!("run {run}"));
    let at = app.clock.now();
    let notice = Notice {
        dedup: format!("{}/job/{run}/{pid}/{}", workspace.name, rfc3339(at)),
        event: "job.goes_on".to_owned(),
        severity: Severity::Warning,
        at,
        workspace: Some(workspace.name.clone()),
        key: None,
        incident: None,
        summary: format!("{}: {run} (process {pid}) goes on although the gate was closed", workspace.name),
        detail: format!("`kill {pid}` on its host stops it; `trip.running_jobs = \"terminate\"` lets guard do that."),
        evidence_head: None,
    };
    if let Err(error) = app.outbox.enqueue(&[notice]) {
        tracing::error!(%error, "a notice could not be queued");
    }
}
