//! The driver: asks the machine what to do next, writes down what is intended, does it, writes down what was seen.

use std::time::Duration;

use chrono::TimeDelta;

use super::perform::perform;
use super::together::together;
use super::{App, AppError, custody, halt, hold, hooks, points, pool, tell};
use crate::domain::ids::WorkspaceName;
use crate::domain::ledger::Workspace;
use crate::domain::rotation::{
    Ask, Custody, Decision, Effect, Event, Fault, Finding, Outcome, Policy, Sight, Waiting, decide, observe,
};
use crate::domain::time::Timestamp;
use crate::ports::{Commit, Lease, StoreError};

/// How long one pass may wait for short things (a change that takes a moment to act) when it is not asked to wait.
const SHORT: TimeDelta = TimeDelta::seconds(60);

/// The longest single pause of a pass that does not wait.
const SHORT_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// The longest sleep of one that does; then everything is looked at again.
const LONG_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// Effects in one pass, after which something is wrong: the machine would be going round in circles.
const MOST_EFFECTS: u32 = 10_000;

/// How long a pass waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Does what can be done now; waits some seconds for a change to act, never for a drain.
    Short,
    /// Until nothing is owed or a person must act.
    UntilDone,
}

/// What a pass came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Nothing is owed now; retired keys may still wait for their grace time to pass.
    Settled,
    /// Something is waited for.
    Waiting {
        /// When to come back.
        until: Timestamp,
        /// What for.
        why: Waiting,
    },
    /// A person must act.
    Asking(Ask),
}

/// Whose the workspace is for the moment: nobody else drives it.
pub(super) struct Driver<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    policy: Policy,
    custody: Custody,
    sight: Sight,
    /// What was written down by this pass.
    pub(super) happened: Vec<Event>,
    _lease: Box<dyn Lease>,
}

impl<'a> Driver<'a> {
    /// Takes the workspace's lock, waiting at most `wait`, and reads its journal.
    pub(super) async fn take(app: &'a App, name: &WorkspaceName, wait: Duration) -> Result<Self, AppError> {
        let workspace = find(app, name)?;
        let (leases, holder, of) = (app.leases.clone(), app.actor.clone(), name.clone());
        // Waiting for a lock blocks its thread.
        let lease = tokio::task::spawn_blocking(move || leases.lease(&of, &holder, wait))
            .await
            .map_err(|error| AppError::Bug(format!("waiting for the lock broke off: {error}")))??;
        let custody = custody::load(app, name)?;
        Ok(Self {
            app,
            workspace,
            policy: Policy::from(workspace),
            custody,
            sight: Sight::default(),
            happened: Vec::new(),
            _lease: lease,
        })
    }

    /// Begins with readings that somebody else made for many workspaces at once.
    pub(super) fn with_sight(mut self, sight: Sight) -> Self {
        self.sight = sight;
        self
    }

    pub(super) const fn custody(&self) -> &Custody {
        &self.custody
    }

    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Writes facts down, all or none. `false`: somebody else wrote in between; what they wrote is loaded now, and nothing of
    /// `events` was written.
    pub(super) fn commit(&mut self, events: &[Event]) -> Result<bool, AppError> {
        let at = self.app.clock.now();
        let mut next = self.custody.clone();
        let mut told = tell::Told::default();
        for event in events {
            let before = next;
            next = before.apply(event, at).map_err(|illegal| AppError::Bug(illegal.to_string()))?;
            told.add(&self.app.actor, &self.workspace.name, &before, event, &next, at);
        }
        told.stamp(self.app.evidence.evidence_head().ok().flatten());
        self.app.faults.reach(points::COMMIT_BEFORE);
        let commit = Commit {
            workspace: &self.workspace.name,
            expected: self.custody.seq(),
            at,
            events,
            evidence: &told.evidence,
            notices: &told.notices,
        };
        match self.app.journal.commit(&commit) {
            Ok(_) => {}
            Err(StoreError::Conflict { .. }) => {
                self.custody = custody::load(self.app, &self.workspace.name)?;
                self.sight = Sight::default();
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        self.app.faults.reach(points::COMMIT_AFTER);
        self.custody = next;
        for event in events {
            self.sight.note(event);
        }
        self.happened.extend_from_slice(events);
        Ok(true)
    }

    /// Does what is to be done, until something must be waited for or nothing is owed.
    pub(super) async fn run(&mut self, patience: Patience) -> Result<Pause, AppError> {
        let began = self.app.clock.now();
        let mut effects = 0;
        loop {
            let not_yet = hooks::along(self.app, self.workspace, &self.custody).await?;
            let now = self.app.clock.now();
            let decision = match (decide(&self.custody, &self.sight, &self.policy, now), not_yet) {
                // The point of no return is behind the hooks.
                (Decision::Record(facts), Some(hook)) if self.dooms_the_old_key(&facts) => {
                    Decision::Wait { until: hook.until, why: Waiting::Hook(hook.why) }
                }
                (decision, _) => decision,
            };
            match decision {
                Decision::Record(facts) => {
                    self.commit(&facts)?;
                }
                Decision::Do { intent, effect } => {
                    if intent.is_empty() || self.commit(&intent)? {
                        self.carry_out(&effect).await?;
                    }
                }
                Decision::Wait { until, why } => {
                    let pause = match patience {
                        _ if matches!(why, Waiting::Grace(_)) => return Ok(Pause::Settled),
                        Patience::UntilDone => (until - now).min(LONG_PAUSE),
                        Patience::Short if until - now <= SHORT_PAUSE && until - began <= SHORT => until - now,
                        Patience::Short => return Ok(Pause::Waiting { until, why }),
                    };
                    self.app.clock.sleep(pause.to_std().unwrap_or_default()).await;
                }
                Decision::Ask(ask) => return Ok(Pause::Asking(ask)),
                Decision::Finished => return Ok(Pause::Settled),
            }
            effects += 1;
            if effects > MOST_EFFECTS {
                return Err(AppError::Bug(format!("no end of work for `{}`", self.workspace.name)));
            }
        }
    }

    fn dooms_the_old_key(&self, facts: &[Event]) -> bool {
        let old = self.custody.rotation().map(|rotation| &rotation.old);
        facts.iter().any(|fact| matches!(fact, Event::Doomed { key } if Some(key) == old))
    }

    async fn carry_out(&mut self, effect: &Effect) -> Result<(), AppError> {
        // The plan is not trusted at the send.
        if !self.custody.backs(effect) {
            return Err(AppError::Bug(format!("{} is not backed by the journal", effect.name())));
        }
        let (before, after) = points::around(effect);
        self.app.faults.reach(before);
        let announced = self.custody.announced(effect);
        let finding = if announced.is_none_or(|at| self.policy.may_still_send(at, self.app.clock.now())) {
            perform(self.app, self.workspace, &self.custody, effect).await
        } else {
            stood_still()
        };
        self.app.faults.reach(after);
        let facts = observe(&self.custody, &mut self.sight, effect, finding, self.app.clock.now());
        if !facts.is_empty() {
            self.commit(&facts)?;
        }
        Ok(())
    }
}

/// The process stood still between the announcement and the request, or the clock jumped. The readings behind the request
/// are as old as its announcement, so everything is decided anew.
fn stood_still() -> Finding {
    let why = "guard stood still between announcing the request and sending it, so nothing was sent".to_owned();
    Finding::Sent(Outcome::NotDone { fault: Fault::Unreachable, why, after: None })
}

/// The ledger's workspace of that name.
pub(super) fn find<'a>(app: &'a App, name: &WorkspaceName) -> Result<&'a Workspace, AppError> {
    app.ledger.workspace(name).ok_or_else(|| AppError::Refused {
        what: format!("the ledger has no workspace `{name}`"),
        remedy: "`guard ledger list` shows what it has".to_owned(),
    })
}

/// What a tick came to for one workspace.
#[derive(Debug)]
pub struct Ticked {
    /// Which.
    pub workspace: WorkspaceName,
    /// What it came to, or why it could not be worked on; a busy lock means that another guard is at it.
    pub pause: Result<Pause, AppError>,
    /// What was written down.
    pub happened: Vec<Event>,
}

/// Takes every workspace (or one) as far as it goes now: owed deactivations, open rotations, promotions, drift. Each in
/// isolation and side by side: one that fails or takes long holds up no other. The provider is asked once for the state of all
/// keys. While a person keeps guard on hold, only workspaces that are owed something by a trip are driven.
pub async fn tick(app: &App, only: Option<&WorkspaceName>) -> Vec<Ticked> {
    // Without the list each workspace reads what it needs.
    let sight = match app.keys.keys().await {
        Ok(list) => Sight::of_list(&list, app.clock.now()),
        Err(_) => Sight::default(),
    };
    let held = hold::current(app).is_some();
    let names = app.ledger.workspaces.iter().map(|w| &w.name).filter(|name| only.is_none_or(|o| o == *name));
    let names = names.filter(|name| !held || hold::owes_a_trip(app, name));
    let ticked = together(names.map(|name| tick_one(app, name, sight.clone()))).await;
    if let Err(error) = pool::watch(app) {
        // What cannot be queued now is queued by a later tick.
        tracing::warn!(%error, "the pool of standbys was not told of");
    }
    ticked
}

async fn tick_one(app: &App, name: &WorkspaceName, sight: Sight) -> Ticked {
    let (pause, happened) = match Driver::take(app, name, Duration::ZERO).await {
        Ok(driver) => {
            let mut driver = driver.with_sight(sight);
            let pause = driver.run(Patience::Short).await;
            let Driver { workspace, custody, happened, .. } = driver;
            // The lock is released: nobody waits for a program of the ledger.
            halt::stop_workloads(app, workspace, &custody).await;
            hooks::after_incident(app, workspace, &custody).await;
            hooks::after_rotation(app, workspace, &custody).await;
            (pause, happened)
        }
        Err(error) => (Err(error), Vec::new()),
    };
    Ticked { workspace: name.clone(), pause, happened }
}
