//! `guard exec` as a use case: order of refusals, what the job gets, signals, the gate while it runs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use guard::app::AppError;
use guard::app::exec::{Outcome, Request, exec};
use guard::domain::ledger::{Ledger, NotifierKind, NotifierSettings, Route, RunningJobs, SecretSource, WhenBlind};
use guard::domain::time::Timestamp;
use guard::exit::{Exit, Failure};
use guard::ports::{Clock, GateState, Job, JobCommand, JobEnd, Jobs, Signal, Signals, StartError};

use super::jobs_fakes::{SECRET, World, at, key, ledger, prod};

/// When a job ends.
#[derive(Clone, Copy, Default)]
enum Ends {
    /// At once, with status 7.
    #[default]
    AtOnce,
    /// By this signal.
    By(Signal),
    /// At this instant, with status 0.
    At(Timestamp),
}

#[derive(Clone, Default)]
struct Script {
    ends: Ends,
    /// Signals that guard receives while it runs.
    received: Vec<Signal>,
    /// It does not even start.
    start_error: Option<StartError>,
}

#[derive(Default)]
struct Observed {
    /// What happened, in order.
    order: Vec<String>,
    command: Option<JobCommand>,
    signals: Vec<Signal>,
}

struct FakeJobs {
    world: Arc<World>,
    script: Script,
    observed: Arc<Mutex<Observed>>,
}

impl Jobs for FakeJobs {
    fn listen(&self) -> Result<Box<dyn Signals>, String> {
        assert!(self.world.runs.lock().unwrap().is_empty(), "signals are held before the run is on record");
        self.observed.lock().unwrap().order.push("listen".into());
        Ok(Box::new(FakeSignals(self.script.received.clone())))
    }
    fn start(&self, command: JobCommand) -> Result<Box<dyn Job>, StartError> {
        let mut observed = self.observed.lock().unwrap();
        observed.order.push(format!("start with {} runs on record", self.world.runs.lock().unwrap().len()));
        observed.command = Some(command);
        match self.script.start_error.clone() {
            Some(error) => Err(error),
            None => Ok(Box::new(FakeJob {
                world: Arc::clone(&self.world),
                script: self.script.clone(),
                observed: Arc::clone(&self.observed),
            })),
        }
    }
}

struct FakeSignals(Vec<Signal>);

#[async_trait]
impl Signals for FakeSignals {
    async fn next(&mut self) -> Signal {
        if self.0.is_empty() { std::future::pending().await } else { self.0.remove(0) }
    }
}

struct FakeJob {
    world: Arc<World>,
    script: Script,
    observed: Arc<Mutex<Observed>>,
}

#[async_trait]
impl Job for FakeJob {
    fn pid(&self) -> u32 {
        4711
    }
    async fn wait(&mut self) -> Result<JobEnd, String> {
        match self.script.ends {
            Ends::AtOnce => Ok(JobEnd::Exited(7)),
            Ends::By(deadly) => {
                while !self.observed.lock().unwrap().signals.contains(&deadly) {
                    tokio::task::yield_now().await;
                }
                Ok(JobEnd::Killed(if deadly == Signal::Kill { 9 } else { 15 }))
            }
            Ends::At(end) => {
                while self.world.now() < end {
                    self.world.sleep(Duration::from_secs(1)).await;
                }
                Ok(JobEnd::Exited(0))
            }
        }
    }
    fn signal(&self, signal: Signal) {
        self.observed.lock().unwrap().signals.push(signal);
    }
}

fn request() -> Request {
    Request {
        workspace: prod(),
        program: "/opt/jobs/publish".into(),
        args: vec!["--fast".into()],
        variable: None,
        ladder: None,
    }
}

async fn run(world: &Arc<World>, ledger: Ledger, script: Script) -> (Result<Outcome, AppError>, Observed) {
    let observed = Arc::new(Mutex::new(Observed::default()));
    let jobs = FakeJobs { world: Arc::clone(world), script, observed: Arc::clone(&observed) };
    let result = exec(&world.app(ledger), &jobs, request()).await;
    drop(jobs);
    let observed = std::mem::take(&mut *observed.lock().unwrap());
    (result, observed)
}

fn policy(when_blind: WhenBlind, running_jobs: RunningJobs) -> Ledger {
    let mut ledger = ledger();
    ledger.workspaces[0].exec.when_blind = when_blind;
    ledger.workspaces[0].trip.running_jobs = running_jobs;
    ledger
}

#[tokio::test]
async fn a_job_runs_on_record_and_its_status_comes_back() {
    let world = World::healthy();
    let (outcome, observed) = run(&world, ledger(), Script::default()).await;
    assert_eq!(outcome.unwrap(), Outcome::Ended(JobEnd::Exited(7)));
    assert_eq!(observed.order, ["listen", "start with 1 runs on record"]);
    let runs = world.runs.lock().unwrap();
    assert_eq!((runs[0].program.as_str(), runs[0].pid), ("publish", Some(4711)));
    assert_eq!((&runs[0].key, runs[0].exit_status), (&key(), Some(7)));
    assert!(runs[0].ended_at.is_some());
}

#[tokio::test]
async fn the_job_gets_the_key_its_names_and_the_ladder_and_nothing_of_guards_own() {
    let mut ledger = ledger();
    ledger.notifiers.push(NotifierSettings {
        name: "ops".parse().unwrap(),
        kind: NotifierKind::Webhook {
            url: "https://example.org".into(),
            secret: Some(SecretSource::Environment("HOOK_SECRET".into())),
        },
        route: Route::default(),
    });
    let (_, observed) = run(&World::healthy(), ledger, Script::default()).await;
    let command = observed.command.unwrap();
    assert_eq!((command.key.0.as_str(), command.key.1.expose()), ("ANTHROPIC_API_KEY", SECRET));
    let set: Vec<String> = command.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        set,
        ["GUARD_ACTIVE=prod", "GUARD_RUN_ID=1", "GUARD_MODEL=claude-opus", "GUARD_MODELS=claude-opus,claude-haiku"]
    );
    for own in ["GUARD_ADMIN_KEY", "GUARD_ADMIN_KEY_FILE", "MY_ADMIN_KEY", "HOOK_SECRET"] {
        assert!(command.remove.iter().any(|name| name == own), "{own} is inherited");
    }
    assert!(!format!("{command:?}").contains("R2D"), "the key shows in a debug form");
}

#[tokio::test]
async fn a_closed_gate_starts_nothing() {
    let world = World::healthy();
    *world.gate.lock().unwrap() = GateState::Closed { why: "incident 3".into() };
    let (result, observed) = run(&world, ledger(), Script::default()).await;
    let failure = Failure::from(result.unwrap_err());
    assert_eq!(failure.exit, Exit::GateClosed);
    assert!(failure.message.contains("incident 3"));
    assert!(observed.order.is_empty() && world.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_secret_is_refused_before_the_run_is_recorded() {
    let world = World::healthy();
    world.vault.lock().unwrap().clear();
    let (result, observed) = run(&world, ledger(), Script::default()).await;
    assert_eq!(Failure::from(result.unwrap_err()).exit, Exit::Refused);
    assert!(observed.order.is_empty() && world.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn blindness_is_judged_by_policy() {
    let stale = serde_json::json!({ "last_good": at(-21 * 60) });
    let future = serde_json::json!({ "last_good": at(3600) });
    let garbage = serde_json::json!({ "last_good": "yesterday" });
    for poll in [None, Some(stale), Some(future), Some(garbage)] {
        let world = World::healthy();
        *world.poll.lock().unwrap() = poll;
        let (refused, _) = run(&world, policy(WhenBlind::FailClosed, RunningJobs::Leave), Script::default()).await;
        assert_eq!(Failure::from(refused.unwrap_err()).exit, Exit::Refused);
        assert!(world.runs.lock().unwrap().is_empty());
        let (started, _) = run(&world, policy(WhenBlind::FailOpen, RunningJobs::Leave), Script::default()).await;
        assert!(started.is_ok());
    }
    let (seeing, _) =
        run(&World::healthy(), policy(WhenBlind::FailClosed, RunningJobs::Leave), Script::default()).await;
    assert!(seeing.is_ok());
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_a_kind_of_blindness() {
    let world = World::healthy();
    *world.store_is_broken.lock().unwrap() = true;
    let (outcome, observed) = run(&world, policy(WhenBlind::FailOpen, RunningJobs::Leave), Script::default()).await;
    assert_eq!(outcome.unwrap().status(), 7);
    assert!(!observed.command.unwrap().set.iter().any(|(name, _)| name == "GUARD_RUN_ID"));
    let (refused, observed) = run(&world, policy(WhenBlind::FailClosed, RunningJobs::Leave), Script::default()).await;
    assert!(refused.is_err() && observed.command.is_none());
}

#[tokio::test]
async fn a_job_that_does_not_start_ends_its_run() {
    for (error, status) in [(StartError::NotFound, 127), (StartError::NotRunnable("no".into()), 126)] {
        let world = World::healthy();
        let script = Script { start_error: Some(error.clone()), ..Script::default() };
        let (outcome, _) = run(&world, ledger(), script).await;
        assert_eq!(outcome.unwrap(), Outcome::NotStarted(error));
        assert_eq!(world.runs.lock().unwrap()[0].exit_status, Some(status));
    }
}

#[tokio::test]
async fn signals_are_passed_on_and_the_end_is_recorded() {
    let world = World::healthy();
    let script = Script {
        ends: Ends::By(Signal::Terminate),
        received: vec![Signal::Hangup, Signal::User1, Signal::Interrupt, Signal::Terminate],
        ..Script::default()
    };
    let (outcome, observed) = run(&world, ledger(), script.clone()).await;
    assert_eq!(observed.signals, script.received);
    assert_eq!(outcome.unwrap().status(), 128 + 15);
    assert_eq!(world.runs.lock().unwrap()[0].exit_status, Some(143));
}

#[tokio::test]
async fn a_gate_that_closes_ends_the_job_when_policy_says_so() {
    let world = World::healthy();
    *world.gate_closes_at.lock().unwrap() = Some(at(5));
    let stubborn = Script { ends: Ends::By(Signal::Kill), ..Script::default() };
    let (outcome, observed) = run(&world, policy(WhenBlind::FailOpen, RunningJobs::Terminate), stubborn).await;
    assert_eq!(observed.signals, [Signal::Terminate, Signal::Kill]);
    assert_eq!(outcome.unwrap().status(), 128 + 9);
    let ended = world.runs.lock().unwrap()[0].ended_at.unwrap();
    assert!(ended >= at(15), "the pause between the two signals was kept");
}

#[tokio::test]
async fn a_gate_that_closes_leaves_the_job_when_policy_says_so() {
    let world = World::healthy();
    *world.gate_closes_at.lock().unwrap() = Some(at(1));
    let script = Script { ends: Ends::At(at(60)), ..Script::default() };
    let (outcome, observed) = run(&world, policy(WhenBlind::FailOpen, RunningJobs::Leave), script).await;
    assert_eq!(outcome.unwrap().status(), 0);
    assert!(observed.signals.is_empty());
}

#[tokio::test]
async fn a_job_that_goes_on_without_its_key_is_told_of_once_when_policy_says_so() {
    let world = World::healthy();
    *world.gate_closes_at.lock().unwrap() = Some(at(1));
    let script = Script { ends: Ends::At(at(60)), ..Script::default() };
    let (outcome, observed) = run(&world, policy(WhenBlind::FailOpen, RunningJobs::Warn), script).await;
    assert_eq!(outcome.unwrap().status(), 0);
    assert!(observed.signals.is_empty());
    let told = world.notices.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].event == "job.goes_on" && told[0].summary.contains("run 1"), "{told:?}");
}
