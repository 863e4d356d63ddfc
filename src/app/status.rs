//! What `guard status` and the status page show, gathered from the records alone: it works while the provider does not.

use chrono::TimeDelta;

use super::baseline::{BaselineView, Usage};
use super::sight::{self, POLL_STATE, Sight};
use super::watch::{RECENT_VERDICTS, Remembered};
use super::{App, AppError, channels, custody, hold, hooks, pool};
use crate::domain::ids::Principal;
use crate::domain::incident::{EvidenceHead, Hint};
use crate::domain::ledger::{TripMode, Workspace};
use crate::domain::rotation::{Custody, Holding, KeyRecord, Phase, Policy, Role, Waiting};
use crate::domain::time::{Minute, humane};
use crate::ports::GateState;
use crate::report::status::{
    ChannelView, ConsumerHolds, ConsumerView, FeedState, FeedView, GateView, KeyRole, KeyView, NotifierView,
    Obligation, RotationView, StatusView, VerdictView, WorkspaceView,
};

/// How many hours of usage are shown.
const SHOWN_HOURS: u32 = 24;

/// Gathers everything.
///
/// # Errors
/// The store's. One workspace with a damaged journal is shown as an obligation; it does not hide the others.
pub fn gather(app: &App) -> Result<StatusView, AppError> {
    let remembered = Remembered::load(app.watch_state.as_ref())?;
    let (waiting, oldest) = app.outbox.backlog()?;
    let mut obligations = Vec::new();
    if app.ledger.notifiers.is_empty() {
        obligations.push(Obligation {
            what: "Nobody is told when something happens: the ledger has no notifier".to_owned(),
            since: None,
            remedy: Some("add a [[notifier]] to the ledger".to_owned()),
        });
    }
    let usage = Usage::last(app, SHOWN_HOURS)?;
    let mut workspaces = Vec::with_capacity(app.ledger.workspaces.len());
    for workspace in &app.ledger.workspaces {
        match custody::load(app, &workspace.name) {
            Ok(custody) => workspaces.push(view(app, workspace, &custody, &remembered, &usage)?),
            Err(error) => obligations.push(Obligation {
                what: format!("Workspace {} stands still: {error}", workspace.name),
                since: None,
                remedy: Some("guard doctor".to_owned()),
            }),
        }
    }
    let channels = channels::list(app)?.into_iter().map(|channel| ChannelView {
        name: channel.name.to_string(),
        last_delivered: channel.last_delivered,
        failing: channel.failing,
    });
    Ok(StatusView {
        generated_at: app.clock.now(),
        guard_version: env!("CARGO_PKG_VERSION").to_owned(),
        vault: app.vault.describe(),
        feed: feed(app)?,
        notifiers: NotifierView { waiting, oldest, channels: channels.collect() },
        evidence: app.evidence.evidence_head()?.map(|(seq, hash)| EvidenceHead { seq, hash }),
        hold: hold::current(app).map(|hold| hold.to_string()),
        workspaces,
        obligations,
    })
}

fn feed(app: &App) -> Result<FeedView, AppError> {
    let now = app.clock.now();
    let limit = app.ledger.workspaces.iter().map(|w| w.watch.blind_after).min().unwrap_or_default();
    let poll = app.watch_state.load_state(POLL_STATE)?;
    let field = |name: &str| poll.as_ref().and_then(|p| p.get(name)).cloned();
    let newest: Option<Minute> = field("watermark").and_then(|v| serde_json::from_value(v).ok());
    let last_good_poll = field("last_good").and_then(|v| serde_json::from_value(v).ok());
    let (state, why) = match sight::sight(app.watch_state.as_ref(), now, limit) {
        Sight::Clear { age } if age > TimeDelta::from_std(limit / 2).unwrap_or(TimeDelta::MAX) => {
            (FeedState::Late, Some(Sight::Clear { age }.to_string()))
        }
        Sight::Clear { .. } => (FeedState::Fresh, None),
        blind => (FeedState::Blind, Some(blind.to_string())),
    };
    Ok(FeedView { state, newest, last_good_poll, why })
}

fn view(
    app: &App,
    workspace: &Workspace,
    custody: &Custody,
    remembered: &Remembered,
    usage: &Usage,
) -> Result<WorkspaceView, AppError> {
    let held = custody.keys().keys().cloned().map(Principal::Key).collect();
    let usage = usage.of(app, workspace, held, |_| true)?;
    let mut keys = Vec::new();
    let mut roles: Vec<_> = custody.roles().into_iter().collect();
    roles.sort_by_key(|(id, _)| custody.keys()[*id].enrolled);
    for (id, role) in roles {
        let record = &custody.keys()[id];
        keys.push(KeyView {
            id: id.clone(),
            hint: record.hint.as_deref().map(Hint::of),
            role: shown(role),
            status: None,
            created_at: Some(record.created_at),
            expires_at: record.expires_at,
            last_used: app.usage.last_used(&Principal::Key(id.clone()))?,
        });
    }
    let verdicts = remembered.verdicts.iter().filter(|v| v.workspace.as_ref() == Some(&workspace.name));
    Ok(WorkspaceView {
        name: workspace.name.clone(),
        environment: workspace.environment.clone(),
        mode: workspace.trip.mode,
        gate: gate(app, workspace, custody),
        rotation: rotation(app, workspace, custody),
        keys,
        consumers: workspace.consumers.iter().map(|settings| consumer(app, workspace, settings, custody)).collect(),
        verdicts: verdicts.take(RECENT_VERDICTS).map(|v| v.view.clone()).collect::<Vec<VerdictView>>(),
        obligations: obligations(app, workspace, custody, &usage),
        usage: (!usage.principals.is_empty()).then_some(usage.usage),
    })
}

fn shown(role: Role) -> KeyRole {
    match role {
        Role::Active => KeyRole::Active,
        Role::Incoming => KeyRole::Incoming,
        // A replaced key that is not doomed yet still works.
        Role::Outgoing | Role::Spent => KeyRole::Outgoing,
        Role::Standby => KeyRole::Standby,
        Role::Canary => KeyRole::Canary,
        Role::Retired | Role::Archived => KeyRole::Retired,
        Role::Doomed => KeyRole::Doomed,
        Role::Tripped => KeyRole::Tripped,
    }
}

fn gate(app: &App, workspace: &Workspace, custody: &Custody) -> GateView {
    match app.gate.read(&workspace.name) {
        GateState::Open { generation, .. } => GateView::Open { generation },
        GateState::Closed { .. } if custody.keys().is_empty() => {
            GateView::Closed { why: "no key is enrolled yet".to_owned(), incident: None, since: None }
        }
        GateState::Closed { why } => {
            let incident = custody.latch();
            let since = custody.incidents().last().filter(|_| incident.is_some()).map(|i| i.at);
            GateView::Closed { why, incident, since }
        }
    }
}

fn rotation(app: &App, workspace: &Workspace, custody: &Custody) -> Option<RotationView> {
    let rotation = custody.rotation()?;
    let waiting = custody.waiting_for(&Policy::from(workspace), app.clock.now());
    Some(RotationView {
        id: rotation.id,
        phase: custody.phase().as_str().to_owned(),
        since: rotation.stage_since,
        until: match &waiting {
            Some(Waiting::Overlap(until)) => Some(*until),
            _ => None,
        },
        blocked: matches!(waiting, Some(Waiting::Retry { .. })) || custody.standby_missing(),
        can: can(workspace, custody),
        waits_for: match waiting {
            _ if custody.standby_missing() => "a key that a person makes in the Console".to_owned(),
            Some(Waiting::Overlap(_)) => "the time for which both keys stay active".to_owned(),
            Some(waiting) => waiting.to_string(),
            None => "the next `guard tick`".to_owned(),
        },
    })
}

/// What a person may order in this phase.
fn can(workspace: &Workspace, custody: &Custody) -> Vec<String> {
    let (name, phase) = (&workspace.name, custody.phase());
    let go_on = format!("guard rotate -w {name}");
    match phase {
        Phase::Requested if custody.standby_missing() => {
            vec![format!("guard key request -w {name}"), format!("guard key add -w {name}")]
        }
        Phase::Drain => {
            vec![go_on, format!("guard rotate -w {name} --rollback"), format!("guard rotate -w {name} --force REASON")]
        }
        Phase::Requested | Phase::Staged | Phase::Overlap | Phase::Switch => {
            vec![go_on, format!("guard rotate -w {name} --rollback")]
        }
        // Past the point of no return the old key can be brought back only once it is dead.
        Phase::Revoke | Phase::RollBack => vec![go_on],
        Phase::Empty | Phase::Idle => Vec::new(),
    }
}

fn consumer(
    app: &App,
    workspace: &Workspace,
    settings: &crate::domain::ledger::ConsumerSettings,
    custody: &Custody,
) -> ConsumerView {
    let hint = |record: Option<&KeyRecord>| Hint::of(record.and_then(|r| r.hint.as_deref()).unwrap_or_default());
    let holds = match custody.consumers().get(&settings.name).map(|record| &record.holds) {
        Some(Holding::Key(key) | Holding::Written(key)) if custody.desired() == Some(key) => ConsumerHolds::Current,
        Some(Holding::Key(key) | Holding::Written(key)) => ConsumerHolds::Other { hint: hint(custody.key(key)) },
        Some(Holding::Nothing) => ConsumerHolds::Nothing,
        Some(Holding::Foreign) => {
            ConsumerHolds::Unreadable { why: "it holds a secret that is none of guard's keys".to_owned() }
        }
        Some(Holding::Sealed) => ConsumerHolds::Unreadable { why: "it cannot be read back".to_owned() },
        Some(Holding::Unread) | None => ConsumerHolds::Unreadable { why: "it was not read yet".to_owned() },
    };
    let what = (app.consumers)(&workspace.name, settings).describe();
    ConsumerView { name: settings.name.to_string(), what, holds }
}

fn obligations(app: &App, workspace: &Workspace, custody: &Custody, usage: &BaselineView) -> Vec<Obligation> {
    let mut owed = Vec::new();
    let add = format!("guard key add -w {}", workspace.name);
    if custody.keys().is_empty() {
        owed.push(Obligation { what: "No key is enrolled".to_owned(), since: None, remedy: Some(add) });
        return owed;
    }
    let (ready, wanted) = (custody.standbys().len(), workspace.rotation.standbys as usize);
    if ready < wanted {
        owed.push(Obligation {
            what: format!("{ready} of {wanted} standby keys: a trip or a rotation would have to wait for a person"),
            since: None,
            remedy: Some(add),
        });
    }
    for (key, age) in pool::aged(workspace, custody, app.clock.now()) {
        owed.push(Obligation {
            what: format!("Standby {key} is {} old: nobody knows any more where its secret has been", humane(age)),
            since: None,
            remedy: Some(format!("guard key request -w {}", workspace.name)),
        });
    }
    // An armed workspace whose statistics are not armed is a promise that is not kept.
    let armed = workspace.trip.mode != TripMode::Observe;
    for one in usage.principals.iter().filter(|one| armed && one.unproven) {
        owed.push(Obligation {
            what: format!(
                "{}: spike and drift only warn, because its own past would have tripped them; look at it and accept it",
                one.principal
            ),
            since: None,
            remedy: Some(format!("guard baseline show -w {}", workspace.name)),
        });
    }
    if let Some((why, since)) = hooks::failing(app, workspace, custody) {
        owed.push(Obligation {
            what: format!("The old key stays active until its hooks succeed: {why}"),
            since,
            remedy: Some(format!("guard rotate -w {} --rollback", workspace.name)),
        });
    }
    for (task, retry) in custody.retries().iter().filter(|(_, retry)| retry.alarmed) {
        owed.push(Obligation {
            what: format!("{task} has failed {} times: {}", retry.attempts, retry.why),
            since: None,
            remedy: Some(format!("guard rotate -w {} --status", workspace.name)),
        });
    }
    owed
}
