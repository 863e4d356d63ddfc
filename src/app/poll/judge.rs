use std::collections::BTreeMap;

use super::caps::{self, Spending};
use super::explained::{Explained, explained};
use super::memory::{self, PollState};
use super::{Judged, Place, Places, PollReport};
use crate::app::watched::{self, Look, Watched};
use crate::app::{App, AppError};
use crate::domain::ids::{Principal, WorkspaceName};
use crate::domain::ledger::{ModelPolicy, TripMode, WatchPolicy, Workspace};
use crate::domain::time::Minute;
use crate::domain::watch::{KeyRole, Policy, Response, Roles};

/// Watched principals are stored in batches of this many.
const BATCH: usize = 256;

/// What was read.
pub(super) struct Window {
    pub(super) from: Minute,
    pub(super) newest: Minute,
    /// What is older is no news; `None` when polls have gone before.
    pub(super) history_until: Option<Minute>,
    /// When keys were made that are seen for the first time.
    pub(super) made: BTreeMap<Principal, Minute>,
}

/// What a workspace's principals are judged by.
struct Judging<'a> {
    workspace: Option<&'a Workspace>,
    watch: &'a WatchPolicy,
    models: &'a ModelPolicy,
    explained: Option<Explained>,
}

/// Judges everybody who had usage, and those of the last poll, whose usage may have been taken back. Returns who had usage.
pub(super) fn judge(
    app: &App,
    roles: &Roles,
    state: &mut PollState,
    mut places: Places,
    window: &Window,
    report: &mut PollReport,
) -> Result<Vec<Principal>, AppError> {
    let (from, newest) = (window.from, window.newest);
    let with_usage: Vec<Principal> = places.keys().cloned().collect();
    for principal in std::mem::take(&mut state.looked_at) {
        places.entry(principal).or_insert(Place { workspace: None, first: None });
    }
    report.principals = places.len();
    let orders = memory::accepted(app)?;
    let (no_watch, no_models) = (WatchPolicy::default(), ModelPolicy::default());
    let mut judging: BTreeMap<Option<WorkspaceName>, Judging<'_>> = BTreeMap::new();
    let mut batch: Vec<(String, Watched)> = Vec::new();
    let mut capped: BTreeMap<WorkspaceName, Spending> = BTreeMap::new();
    // The last minute of the hour before, while it is read again.
    let ended = Some(Minute::from_epoch(newest.epoch().div_euclid(60) * 60 - 1)).filter(|end| *end >= from);
    for (principal, place) in places {
        let name = watched::state_name(&principal);
        let stored: Option<Watched> = memory::load(app, &name)?;
        let workspace = match &stored {
            Some(watched) => watched.workspace.as_ref().and_then(|name| app.ledger.workspace(name)),
            None => watched::workspace_of(app, place.workspace.as_ref()),
        };
        let key = workspace.map(|w| w.name.clone());
        if !judging.contains_key(&key) {
            let explained = workspace.map(|w| explained(app, w, from, newest)).transpose()?.flatten();
            let watch = workspace.map_or(&no_watch, |w| &w.watch);
            let models = workspace.map_or(&no_models, |w| &w.models);
            judging.insert(key.clone(), Judging { workspace, watch, models, explained });
        }
        let by = &judging[&key];
        let mut watched =
            stored.unwrap_or_else(|| Watched::new(key.clone(), observed_since(window, state, &principal, place.first)));
        if let Some(at) = orders.get(&name).filter(|at| watched.accepted_at() < Some(**at)) {
            watched.accept(*at)?;
        }
        let rows = app.usage.usage(Some(&principal), from, newest.plus(1))?;
        let alibi = by.explained.as_ref().map(|explained| explained.of(&rows));
        let policy = Policy {
            watch: by.watch,
            models: by.models,
            acceptable_loss: by.workspace.and_then(|w| w.acceptable_loss),
            role: principal.key().map(|k| roles.of(k, key.as_ref())).unwrap_or_default(),
            alibi: alibi.as_ref(),
        };
        let look = Look {
            read: (from, newest),
            policy: &policy,
            known: by.workspace.is_some() && principal.key().is_some() && policy.role != KeyRole::Unmanaged,
            history_until: window.history_until,
            released: principal.key().and_then(|key| roles.released(key)),
            response: response(by.workspace, &principal, roles),
        };
        let usage = watched::priced(&rows, |row| app.prices.cost(row).amount);
        let said = watched.look(&principal, &usage, &look)?;
        report.verdicts.extend(said.into_iter().map(|(verdict, news)| Judged {
            workspace: key.clone(),
            verdict,
            news,
        }));
        if let Some(workspace) = by.workspace.filter(|w| watched::has_caps(w)) {
            let detector = watched.open()?;
            let spent = state.spent.entry(workspace.name.clone()).or_default();
            let spending = capped.entry(workspace.name.clone()).or_insert_with(|| {
                // Of those who are not looked at in this poll, what was known before counts.
                let known = |end| spent.iter().map(|(of, at, s)| (of.clone(), end, s.as_of(*at, end))).collect();
                Spending::since(ended.map(known).unwrap_or_default())
            });
            spending.add(&principal, &usage, window.history_until);
            if let Some(end) = ended {
                spending.ended.retain(|(of, ..)| *of != principal);
                spending.ended.push((principal.clone(), end, detector.spent(end)));
            }
            spent.retain(|(of, _, _)| *of != principal);
            spent.push((principal.clone(), newest, detector.spent(newest)));
        }
        batch.push((name, watched));
        if batch.len() >= BATCH {
            store(app, &mut batch)?;
        }
    }
    store(app, &mut batch)?;
    for (name, spending) in capped {
        let Some(workspace) = app.ledger.workspace(&name) else { continue };
        let passed = state.passed.entry(name.clone()).or_default();
        report.verdicts.extend(caps::judge(workspace, &state.spent[&name], &spending, newest, roles, passed));
    }
    Ok(with_usage)
}

/// Since when somebody who is seen for the first time was watched: from the first poll's history on or since the key was made,
/// but never later than its first usage.
fn observed_since(window: &Window, state: &PollState, principal: &Principal, first: Option<Minute>) -> Minute {
    let Some(made) = window.made.get(principal) else { return window.from };
    let since = (*made).max(state.since.unwrap_or(window.from));
    since.min(first.unwrap_or(since))
}

/// What guard does about a trip on this principal.
pub(super) fn response(workspace: Option<&Workspace>, principal: &Principal, roles: &Roles) -> Response {
    match workspace.map(|w| w.trip.mode) {
        Some(_) if !principal.key().is_some_and(|key| roles.holds(key)) => Response::Powerless,
        None => Response::Powerless,
        Some(TripMode::Observe) => Response::Observes,
        Some(TripMode::Gate) => Response::Gates,
        Some(TripMode::Kill) => Response::Kills,
    }
}

fn store(app: &App, batch: &mut Vec<(String, Watched)>) -> Result<(), AppError> {
    if !batch.is_empty() {
        memory::save(app, batch)?;
        batch.clear();
    }
    Ok(())
}
