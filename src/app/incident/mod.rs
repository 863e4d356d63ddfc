//! Incidents as people handle them: found, looked at, exported, taken note of, closed.

mod gather;
mod simulated;
mod timeline;

use std::path::PathBuf;

use super::drive::find as find_workspace;
use super::{App, AppError, bundle, custody, tell};
use crate::domain::ids::{IncidentId, WorkspaceName};
use crate::domain::incident::{IncidentReport, Life, lives};
use crate::domain::rotation::Event;
use crate::domain::secret_scan::KnownSecrets;
use crate::ports::{BundleStore, Commit, SecretName, StoreError};

pub use gather::report;
pub use simulated::{Simulated, simulated};

/// How often a word about an incident is written anew when others write in between.
const MOST_CONFLICTS: u32 = 20;

/// Bundles that guard made by itself and keeps; older ones go.
pub const KEPT_BUNDLES: usize = 20;

/// The incidents of every workspace, or of one, oldest first within each.
///
/// # Errors
/// The store's; a journal that cannot be folded is [`StoreError::Damaged`].
pub fn all(app: &App, only: Option<&WorkspaceName>) -> Result<Vec<(WorkspaceName, Life)>, AppError> {
    let names = app.ledger.workspaces.iter().map(|w| &w.name).filter(|name| only.is_none_or(|o| o == *name));
    let mut found = Vec::new();
    for name in names {
        let events = app.journal.events(name)?;
        let lives = lives(events.iter().map(|r| (r.seq, r.at, &r.event)))
            .map_err(|illegal| StoreError::Damaged(format!("journal of `{name}`: {illegal}")))?;
        found.extend(lives.into_iter().map(|life| (name.clone(), life)));
    }
    Ok(found)
}

/// The incident of that number. Numbers are per workspace: without `only` there must be one alone that has it.
///
/// # Errors
/// [`AppError::Refused`] when there is none, or more than one.
pub fn find(app: &App, only: Option<&WorkspaceName>, number: IncidentId) -> Result<(WorkspaceName, Life), AppError> {
    let mut found: Vec<_> = all(app, only)?.into_iter().filter(|(_, life)| life.trip.incident == number).collect();
    let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
    match (found.pop(), names.len()) {
        (Some(one), 1) => Ok(one),
        (None, _) => Err(AppError::Refused {
            what: match only {
                Some(name) => format!("`{name}` has no incident {number}"),
                None => format!("there is no incident {number}"),
            },
            remedy: "`guard incident list` shows what there is".to_owned(),
        }),
        _ => Err(AppError::Refused {
            what: format!("incident {number} could be one of several workspaces: {}", names.join(", ")),
            remedy: "say which with -w NAME".to_owned(),
        }),
    }
}

/// Writes the bundle of an incident as it stands now and returns its directory.
///
/// # Errors
/// As [`bundle::write`], and the store's.
pub fn export(
    app: &App,
    name: &WorkspaceName,
    life: &Life,
    store: &dyn BundleStore,
) -> Result<(IncidentReport, PathBuf), AppError> {
    let report = report(app, find_workspace(app, name)?, life)?;
    let keys = custody::load(app, name)?.keys().clone();
    let hints: Vec<String> = keys.values().filter_map(|record| record.hint.clone()).collect();
    let names = keys.into_keys().map(SecretName::Key).chain([SecretName::Admin]);
    // What the vault does not hand out cannot be searched for by its text; its shape and its hint still are.
    let held: Vec<_> = names.filter_map(|name| app.vault.get(&name).ok().flatten()).collect();
    let directory = bundle::write(&report, KnownSecrets { held: &held, hints: &hints }, store)?;
    Ok((report, directory))
}

/// After a trip: writes its bundle where guard keeps them, and forgets the oldest ones.
pub(super) fn keep_bundle(app: &App, name: &WorkspaceName, incident: IncidentId) -> Result<PathBuf, AppError> {
    let (_, life) = find(app, Some(name), incident)?;
    let (_, directory) = export(app, name, &life, app.bundles.as_ref())?;
    app.bundles.keep_newest(KEPT_BUNDLES)?;
    Ok(directory)
}

/// A person takes note of an incident. Saying it again changes nothing.
///
/// # Errors
/// As [`find`], and the store's.
pub fn acknowledge(
    app: &App,
    only: Option<&WorkspaceName>,
    number: IncidentId,
) -> Result<(WorkspaceName, Life), AppError> {
    let (name, life) = find(app, only, number)?;
    if life.acknowledged.is_none() {
        append(app, &name, &Event::Acknowledged { incident: number, by: app.actor.clone() })?;
    }
    find(app, Some(&name), number)
}

/// A person says what caused an incident and what was learnt; `policy` names the changes of the ledger that would have helped.
///
/// # Errors
/// [`AppError::Refused`] while a key of the incident may be alive, and as [`find`].
pub fn close(
    app: &App,
    only: Option<&WorkspaceName>,
    number: IncidentId,
    cause: &str,
    lesson: &str,
    policy: Vec<String>,
) -> Result<(WorkspaceName, Life), AppError> {
    let (name, life) = find(app, only, number)?;
    if let Some(key) = life.alive.first() {
        return Err(AppError::Refused {
            what: format!("incident {number} of `{name}` cannot be closed: {key} is not proven dead"),
            remedy: format!(
                "guard goes on trying; `guard tick -w {name}` tries now, and the Console can deactivate it"
            ),
        });
    }
    let (by, cause, lesson) = (app.actor.clone(), cause.to_owned(), lesson.to_owned());
    append(app, &name, &Event::Closed { incident: number, by, cause, lesson, policy })?;
    find(app, Some(&name), number)
}

/// Writes one event, whoever holds the lock: the sequence number decides. It changes nothing that a driver decides on.
fn append(app: &App, name: &WorkspaceName, event: &Event) -> Result<(), AppError> {
    let mut tries = 0;
    loop {
        let (before, at) = (custody::load(app, name)?, app.clock.now());
        let after = before.apply(event, at).map_err(|illegal| AppError::Bug(illegal.to_string()))?;
        let mut told = tell::Told::default();
        told.add(&app.actor, name, &before, event, &after, at);
        told.stamp(app.evidence.evidence_head().ok().flatten());
        let commit = Commit {
            workspace: name,
            expected: before.seq(),
            at,
            events: std::slice::from_ref(event),
            evidence: &told.evidence,
            notices: &told.notices,
        };
        tries += 1;
        match app.journal.commit(&commit) {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) if tries < MOST_CONFLICTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}
