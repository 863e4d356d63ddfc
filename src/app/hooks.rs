//! People's own programs at the turns of a rotation (`pre`, `switch`, `verify`, `post`) and after a trip (`incident`).
//!
//! What is owed is remembered before it is run and after it succeeded: a crash loses none and may repeat the one that it broke off.
//! `pre`, `switch` and `verify` keep the old key alive until they succeed; `post` and `incident` are told of when they fail, and
//! that is all.

use std::path::Path;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError};
use crate::domain::ids::{IncidentId, KeyId, RotationId, WorkspaceName};
use crate::domain::ledger::Workspace;
use crate::domain::notice::{Notice, Severity};
use crate::domain::rotation::Custody;
use crate::domain::time::{Minute, Timestamp};
use crate::ports::{EvidenceDraft, HookFacts, HookFailed, HookStage, StoreError};

/// Hooks that only tell are tried so often: more than once only after a crash.
const MOST_TRIES: u32 = 3;
/// The first pause after a hook that keeps the old key alive has failed; it doubles.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// What is remembered of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    rotation: Option<Course>,
    incident: Option<(IncidentId, Progress)>,
}

/// A rotation whose hooks are owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Course {
    id: RotationId,
    old: KeyId,
    new: Option<KeyId>,
    switch: Progress,
    verify: Progress,
    post: Progress,
}

/// How far a stage is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Progress {
    done: bool,
    tries: u32,
    last: Option<Timestamp>,
    why: Option<String>,
}

/// Why the old key must not be doomed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotYet {
    /// When the hook is tried again.
    pub until: Timestamp,
    /// Which hook, and what happened.
    pub why: String,
}

/// Before a rotation begins.
///
/// # Errors
/// [`AppError::Refused`] when a hook does not succeed; the rotation does not begin.
pub(super) async fn before(app: &App, workspace: &Workspace, custody: &Custody) -> Result<(), AppError> {
    let Some(directory) = &workspace.hooks else { return Ok(()) };
    let id = custody.next_rotation();
    let told = facts(workspace, HookStage::Pre, &format!("rotation-{id}"), custody.desired(), None, "");
    match run(app, workspace, directory, HookStage::Pre, &told).await {
        Ok(()) => Ok(()),
        Err(failed) => Err(AppError::Refused {
            what: format!("no rotation of `{}` begins: {failed}", workspace.name),
            remedy: format!("mend it, or move it out of {}/pre.d", directory.display()),
        }),
    }
}

/// Along an open rotation: remembers it, and runs `switch` and `verify` once every consumer has the new key. What it returns says why
/// the old key must not be doomed yet.
///
/// # Errors
/// The store's: what cannot be remembered is not run.
pub(super) async fn along(app: &App, workspace: &Workspace, custody: &Custody) -> Result<Option<NotYet>, AppError> {
    let (Some(directory), Some(rotation)) = (&workspace.hooks, custody.rotation()) else { return Ok(None) };
    let mut memory = load(app, &workspace.name)?;
    let known = memory.rotation.take().filter(|course| course.id == rotation.id);
    let mut course = known.clone().unwrap_or_else(|| Course {
        id: rotation.id,
        old: rotation.old.clone(),
        new: None,
        switch: Progress::default(),
        verify: Progress::default(),
        post: Progress::default(),
    });
    course.new.clone_from(&rotation.new);
    if known.as_ref() != Some(&course) {
        memory.rotation = Some(course.clone());
        save(app, &workspace.name, &memory)?;
    }
    // Going back revokes nothing that hooks were asked about, and behind a closed gate nothing goes on.
    if rotation.switched_at.is_none() || custody.latch().is_some() || custody.desired() != rotation.new.as_ref() {
        return Ok(None);
    }
    for stage in [HookStage::Switch, HookStage::Verify] {
        let progress = course.progress(stage);
        if progress.done {
            continue;
        }
        if let Some(not_yet) = progress.not_yet(app.clock.now()) {
            return Ok(Some(not_yet));
        }
        progress.begin(app.clock.now());
        memory.rotation = Some(course.clone());
        save(app, &workspace.name, &memory)?;
        let id = format!("rotation-{}", course.id);
        let told = facts(workspace, stage, &id, Some(&course.old), course.new.as_ref(), "");
        let result = run(app, workspace, directory, stage, &told).await;
        course.progress(stage).end(&result);
        memory.rotation = Some(course.clone());
        save(app, &workspace.name, &memory)?;
        if result.is_err() {
            return Ok(course.progress(stage).not_yet(app.clock.now()));
        }
    }
    Ok(None)
}

impl Course {
    fn progress(&mut self, stage: HookStage) -> &mut Progress {
        match stage {
            HookStage::Switch => &mut self.switch,
            HookStage::Verify => &mut self.verify,
            HookStage::Pre | HookStage::Post | HookStage::Incident => &mut self.post,
        }
    }
}

/// After a rotation is over, however it ended.
pub(super) async fn after_rotation(app: &App, workspace: &Workspace, custody: &Custody) {
    if let Err(error) = try_after_rotation(app, workspace, custody).await {
        tracing::warn!(%error, workspace = %workspace.name, "a hook was not run");
    }
}

async fn try_after_rotation(app: &App, workspace: &Workspace, custody: &Custody) -> Result<(), AppError> {
    let Some(directory) = &workspace.hooks else { return Ok(()) };
    let mut memory = load(app, &workspace.name)?;
    let Some(mut course) = memory.rotation.take() else { return Ok(()) };
    let open = custody.rotation().is_some_and(|rotation| rotation.id == course.id);
    if open || course.post.done || course.post.tries >= MOST_TRIES {
        return Ok(());
    }
    let status = match custody.desired() {
        Some(key) if *key == course.old => "rolled_back",
        Some(key) if Some(key) == course.new.as_ref() => "completed",
        _ => "interrupted",
    };
    course.post.begin(app.clock.now());
    memory.rotation = Some(course.clone());
    save(app, &workspace.name, &memory)?;
    let (id, new) = (format!("rotation-{}", course.id), course.new.as_ref());
    let told = facts(workspace, HookStage::Post, &id, Some(&course.old), new, status);
    course.post.end(&run(app, workspace, directory, HookStage::Post, &told).await);
    course.post.done = true;
    memory.rotation = Some(course);
    save(app, &workspace.name, &memory)
}

/// After a trip was seen through.
pub(super) async fn after_incident(app: &App, workspace: &Workspace, custody: &Custody) {
    if let Err(error) = try_after_incident(app, workspace, custody).await {
        tracing::warn!(%error, workspace = %workspace.name, "a hook was not run");
    }
}

async fn try_after_incident(app: &App, workspace: &Workspace, custody: &Custody) -> Result<(), AppError> {
    let (Some(directory), Some(incident)) = (&workspace.hooks, custody.incidents().last()) else { return Ok(()) };
    let mut memory = load(app, &workspace.name)?;
    let known = memory.incident.take().filter(|(id, _)| *id == incident.id);
    let mut progress = known.map(|(_, progress)| progress).unwrap_or_default();
    // What was long over before hooks were set up is nobody's news.
    let old = app.clock.now() - incident.at > TimeDelta::days(1);
    if progress.done || progress.tries >= MOST_TRIES || old {
        return Ok(());
    }
    progress.begin(app.clock.now());
    memory.incident = Some((incident.id, progress.clone()));
    save(app, &workspace.name, &memory)?;
    let status = if incident.contained_at.is_some() { "contained" } else { "open" };
    let id = format!("incident-{}", incident.id);
    let told = facts(workspace, HookStage::Incident, &id, incident.keys.first(), custody.desired(), status);
    progress.end(&run(app, workspace, directory, HookStage::Incident, &told).await);
    progress.done = true;
    memory.incident = Some((incident.id, progress));
    save(app, &workspace.name, &memory)
}

/// The hook that keeps the old key of the open rotation alive, and what happened to it.
pub(super) fn failing(app: &App, workspace: &Workspace, custody: &Custody) -> Option<(String, Option<Timestamp>)> {
    workspace.hooks.as_ref()?;
    let course = load(app, &workspace.name).ok()?.rotation?;
    custody.rotation().filter(|rotation| rotation.id == course.id)?;
    [course.switch, course.verify].into_iter().filter(|p| !p.done).find_map(|p| Some((p.why?, p.last)))
}

impl Progress {
    fn not_yet(&self, now: Timestamp) -> Option<NotYet> {
        let (last, why) = (self.last?, self.why.as_ref()?);
        let doublings = i32::try_from(self.tries.saturating_sub(1).min(10)).unwrap_or(10);
        let pause = (PAUSE * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST_PAUSE);
        (now - last < pause).then(|| NotYet { until: last + pause, why: why.clone() })
    }

    fn begin(&mut self, now: Timestamp) {
        (self.tries, self.last) = (self.tries + 1, Some(now));
    }

    fn end(&mut self, result: &Result<(), HookFailed>) {
        self.done = result.is_ok();
        self.why = result.as_ref().err().map(ToString::to_string);
    }
}

fn facts(
    workspace: &Workspace,
    stage: HookStage,
    id: &str,
    old: Option<&KeyId>,
    new: Option<&KeyId>,
    status: &str,
) -> HookFacts {
    let text = |key: Option<&KeyId>| key.map(ToString::to_string).unwrap_or_default();
    let (event, name) = (stage.as_str(), workspace.name.to_string());
    let document = json!({
        "schema": 1, "event": event, "run_id": id, "workspace": name, "old_key_id": old, "new_key_id": new,
        "status": status, "dry_run": false,
    });
    HookFacts {
        environment: vec![
            ("GUARD_EVENT", event.to_owned()),
            ("GUARD_RUN_ID", id.to_owned()),
            ("GUARD_WORKSPACE", name),
            ("GUARD_OLD_KEY_ID", text(old)),
            ("GUARD_NEW_KEY_ID", text(new)),
            // guard hands keys to declared consumers and to nobody else.
            ("GUARD_KEY_FILE", String::new()),
            ("GUARD_DRY_RUN", "0".to_owned()),
            ("GUARD_STATUS", status.to_owned()),
        ],
        document: document.to_string(),
    }
}

/// Runs a stage and puts it on record: that it begins, and how it went. A failure is told.
async fn run(
    app: &App,
    workspace: &Workspace,
    directory: &Path,
    stage: HookStage,
    facts: &HookFacts,
) -> Result<(), HookFailed> {
    record(app, workspace, stage, "begun", json!({}));
    let result = app.hooks.run(directory, stage, facts).await;
    match &result {
        Ok(done) => record(app, workspace, stage, "succeeded", json!({ "hooks": done })),
        Err(failed) => {
            record(app, workspace, stage, "failed", json!({ "hook": failed.hook, "why": failed.why }));
            tell(app, workspace, stage, failed);
        }
    }
    result.map(drop)
}

fn record(app: &App, workspace: &Workspace, stage: HookStage, what: &str, mut detail: serde_json::Value) {
    detail["workspace"] = json!(workspace.name);
    let draft = EvidenceDraft {
        actor: app.actor.clone(),
        kind: format!("hook.{what}"),
        subject: format!("{}.d", stage.as_str()),
        detail,
    };
    if let Err(error) = app.evidence.append_evidence(app.clock.now(), &[draft]) {
        tracing::warn!(%error, "a hook is not on record");
    }
}

/// Once an hour for the same stage.
fn tell(app: &App, workspace: &Workspace, stage: HookStage, failed: &HookFailed) {
    let at = app.clock.now();
    let hour = Minute::containing(at).epoch().div_euclid(60);
    let meaning = match stage {
        HookStage::Pre => "The rotation does not begin.".to_owned(),
        HookStage::Switch | HookStage::Verify => format!(
            "Both keys stay active until it succeeds; guard tries again, and `guard rotate -w {} --rollback` goes back.",
            workspace.name
        ),
        HookStage::Post | HookStage::Incident => "Nothing waits for it.".to_owned(),
    };
    let notice = Notice {
        dedup: format!("{}/hook/{}/{hour}", workspace.name, stage.as_str()),
        event: "hook.failed".to_owned(),
        severity: Severity::Warning,
        at,
        workspace: Some(workspace.name.clone()),
        key: None,
        incident: None,
        summary: format!("{}: hook {} did not succeed", workspace.name, failed.hook),
        detail: format!("{}. {meaning}", failed.why),
        evidence_head: None,
    };
    if let Err(error) = app.outbox.enqueue(&[notice]) {
        tracing::error!(%error, "a notice could not be queued");
    }
}

fn load(app: &App, name: &WorkspaceName) -> Result<Memory, StoreError> {
    let stored = app.watch_state.load_state(&format!("hooks/{name}"))?;
    Ok(stored.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default())
}

fn save(app: &App, name: &WorkspaceName, memory: &Memory) -> Result<(), AppError> {
    let value = serde_json::to_value(memory).map_err(|error| StoreError::Io(error.to_string()))?;
    Ok(app.watch_state.save_states(&[(format!("hooks/{name}"), value)])?)
}
