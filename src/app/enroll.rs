//! Taking keys into custody and giving them out of it.

use std::time::Duration;

use serde::Serialize;

use super::drive::{Driver, Patience, Pause};
use super::{App, AppError, points};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::key::{ApiKey, KeyScope, KeyStatus, Probe, short_hint};
use crate::domain::ledger::Workspace;
use crate::domain::rotation::{Custody, Enrolment, Event, Phase, Role};
use crate::domain::secret::Secret;
use crate::domain::time::{Timestamp, rfc3339};
use crate::ports::SecretName;

/// How long to wait for another guard that works on the workspace.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How a key is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddOptions {
    /// What for. Default: the active key when the workspace has none, else a standby.
    pub role: Option<Enrolment>,
    /// Which key at the provider it is, when the secret alone does not say. Checked all the same.
    pub id: Option<KeyId>,
}

/// A key that guard holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// Whose.
    pub workspace: WorkspaceName,
    /// Its id.
    pub key: KeyId,
    /// Its last four characters.
    pub hint: String,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// What it is now.
    pub role: Option<Role>,
    /// It was managed before; only its secret was sealed again.
    pub known: bool,
    /// What is still being waited for, if anything.
    pub waiting_for: Option<String>,
}

fn refused<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, AppError> {
    Err(AppError::Refused { what: what.into(), remedy: remedy.into() })
}

/// Takes a key into custody: matches the secret to one key of the provider, tries it, seals it in the vault, and writes it
/// down. The first key of a workspace becomes the active one, goes to the consumers and opens the gate; later ones are made
/// inactive and wait.
///
/// # Errors
/// [`AppError::Refused`] when the secret fits no key, several, or one that cannot serve. Nothing was changed then.
pub async fn add(app: &App, name: &WorkspaceName, secret: Secret, options: AddOptions) -> Result<Enrolled, AppError> {
    let mut driver = Driver::take(app, name, LOCK_WAIT).await?;
    let workspace = super::drive::find(app, name)?;
    let list = app.keys.keys().await?;
    let found = identify(workspace, driver.custody(), &list, &secret, options.id.as_ref())?;
    try_out(app, workspace, found, &secret).await?;

    let known = driver.custody().key(&found.id).is_some();
    if known && options.role.is_some_and(|wanted| Some(wanted) != current(driver.custody(), &found.id)) {
        return refused(
            format!("{} is managed already, in another role", found.id),
            "leave the role out to seal its secret again; `guard key list` shows what it is",
        );
    }
    app.faults.reach(points::ENROLL_SEAL_BEFORE);
    app.vault.put(&SecretName::Key(found.id.clone()), &secret)?;
    app.faults.reach(points::ENROLL_SEAL_AFTER);
    drop(secret);

    if !known {
        loop {
            let role = role(driver.custody(), name, found, options.role)?;
            let event = Event::Enrolled {
                key: found.id.clone(),
                hint: found.partial_key_hint.clone(),
                created_at: found.created_at,
                expires_at: found.expires_at,
                role,
            };
            if driver.commit(&[event])? {
                break;
            }
        }
    }
    let waiting_for = match driver.run(Patience::Short).await? {
        Pause::Waiting { why, .. } => Some(why.to_string()),
        Pause::Asking(ask) => Some(ask.to_string()),
        Pause::Settled => None,
    };
    Ok(Enrolled {
        workspace: name.clone(),
        hint: short_hint(found.partial_key_hint.as_deref()),
        expires_at: found.expires_at,
        role: driver.custody().roles().get(&found.id).copied(),
        key: found.id.clone(),
        known,
        waiting_for,
    })
}

/// The one key of the provider that the secret belongs to.
fn identify<'l>(
    workspace: &Workspace,
    custody: &Custody,
    list: &'l [ApiKey],
    secret: &Secret,
    id: Option<&KeyId>,
) -> Result<&'l ApiKey, AppError> {
    let fits = |key: &&ApiKey| key.partial_key_hint.as_deref().is_some_and(|hint| secret.fits(hint));
    let mut fitting: Vec<&ApiKey> = list.iter().filter(fits).collect();
    if let Some(id) = id {
        fitting.retain(|key| key.id == *id);
        if fitting.is_empty() {
            return refused(
                format!("the secret {} does not belong to {id}", secret.hint()),
                "compare the last four characters in the Console, or leave --id out",
            );
        }
    }
    if fitting.is_empty() {
        return refused(
            format!("the organization has no key that the secret {} fits", secret.hint()),
            "check that it was pasted whole and that guard's admin key belongs to the same organization",
        );
    }
    let here = KeyScope::Workspace(workspace.id.clone());
    let (mut ours, others): (Vec<_>, Vec<_>) = fitting.into_iter().partition(|key| key.scope == here);
    if ours.is_empty() {
        let scopes: Vec<String> = others.iter().map(|key| format!("{} ({})", key.id, scope(&key.scope))).collect();
        return refused(
            format!("the secret {} is not a key of workspace {}: {}", secret.hint(), workspace.id, scopes.join(", ")),
            format!(
                "make the key inside the workspace of `{}`; a key that works elsewhere, too, makes a leak larger",
                workspace.name
            ),
        );
    }
    // Keys that were made before they were asked for, or that cannot come back, are not meant when one fits better.
    if ours.len() > 1 {
        let asked = custody.rotation().filter(|_| custody.phase() == Phase::Requested).map(|r| r.started_at);
        let meant = |key: &&ApiKey| {
            !matches!(key.status, KeyStatus::Archived | KeyStatus::Expired)
                && asked.is_none_or(|at| key.created_at >= at)
        };
        if ours.iter().filter(|k| meant(k)).count() == 1 {
            ours.retain(meant);
        }
    }
    match ours.as_slice() {
        [key] => Ok(key),
        several => {
            let ids: Vec<String> =
                several.iter().map(|k| format!("{} (made {})", k.id, rfc3339(k.created_at))).collect();
            refused(
                format!("the secret {} fits several keys: {}", secret.hint(), ids.join(", ")),
                "say which one with --id",
            )
        }
    }
}

fn scope(scope: &KeyScope) -> String {
    match scope {
        KeyScope::Workspace(id) => id.to_string(),
        KeyScope::Organization => "the whole organization".to_owned(),
        KeyScope::Unknown => "of unknown scope".to_owned(),
    }
}

/// Uses the key once. An inactive one cannot be tried; it is proven when it is woken.
async fn try_out(app: &App, workspace: &Workspace, found: &ApiKey, secret: &Secret) -> Result<(), AppError> {
    match &found.status {
        KeyStatus::Inactive => return Ok(()),
        KeyStatus::Active => {}
        status => {
            return refused(
                format!("{} is {} and cannot serve", found.id, status.as_str()),
                "make a new key in the Console",
            );
        }
    }
    match app.probe.probe(secret, Some(&workspace.id)).await {
        Probe::Accepted { workspace: Some(id) } if id != workspace.id => refused(
            format!("the secret resolves to {id}, not to {}", workspace.id),
            "make the key in the right workspace",
        ),
        Probe::Accepted { .. } => Ok(()),
        Probe::Refused => refused(
            format!("the provider refuses the secret {} although {} is active", secret.hint(), found.id),
            "check that the secret was pasted whole; its first and last characters fit",
        ),
        Probe::Undecided(why) => Err(AppError::Later { what: format!("the secret could not be tried: {why}") }),
    }
}

fn current(custody: &Custody, key: &KeyId) -> Option<Enrolment> {
    match custody.roles().get(key)? {
        Role::Active => Some(Enrolment::Active),
        Role::Standby => Some(Enrolment::Standby),
        Role::Canary => Some(Enrolment::Canary),
        _ => None,
    }
}

fn role(
    custody: &Custody,
    name: &WorkspaceName,
    found: &ApiKey,
    wanted: Option<Enrolment>,
) -> Result<Enrolment, AppError> {
    if custody.is_buried(&found.id) {
        return refused(format!("{} was in use before and is used up", found.id), "make a new key in the Console");
    }
    match (wanted, custody.desired()) {
        (Some(Enrolment::Canary), _) => Ok(Enrolment::Canary),
        (Some(Enrolment::Active), Some(desired)) => refused(
            format!("{desired} is the active key of `{name}`"),
            format!("add the new one as a standby, then `guard rotate -w {name}`"),
        ),
        (Some(Enrolment::Standby), None) => refused(
            format!("`{name}` has no active key yet"),
            "add the key that its workloads use now first; it becomes the active one",
        ),
        (_, Some(_)) => Ok(Enrolment::Standby),
        (_, None) if found.status == KeyStatus::Active => Ok(Enrolment::Active),
        (_, None) => refused(
            format!("{} is inactive, and `{name}` has no active key yet", found.id),
            "add the key that its workloads use now first",
        ),
    }
}

/// Gives a key that nobody uses out of custody: it leaves the managed set and the vault. Its state at the provider stays.
///
/// # Errors
/// [`AppError::Refused`] while the key is in use, about to be, or owed a deactivation.
pub async fn forget(app: &App, name: &WorkspaceName, key: &KeyId) -> Result<(), AppError> {
    let mut driver = Driver::take(app, name, LOCK_WAIT).await?;
    while let Some(record) = driver.custody().key(key) {
        let role = driver.custody().roles().get(key).copied();
        let idle = matches!(role, Some(Role::Standby | Role::Canary | Role::Retired | Role::Archived | Role::Tripped));
        if !idle || driver.custody().held(key) {
            return refused(
                format!(
                    "{key} ({}) is {} in `{name}`",
                    short_hint(record.hint.as_deref()),
                    role.map_or("in use", Role::as_str)
                ),
                format!(
                    "replace it first with `guard rotate -w {name}`, or stop it with `guard trip -w {name} --key {key} --reason TEXT`"
                ),
            );
        }
        driver.commit(&[Event::Forgotten { key: key.clone() }])?;
    }
    // Also after a crash in between: the key is not managed any more and its secret must go all the same. But not that of
    // a key that another workspace has in custody.
    for other in app.ledger.workspaces.iter().filter(|w| w.name != *name) {
        if super::custody::load(app, &other.name)?.key(key).is_some() {
            return refused(
                format!("{key} belongs to `{}`", other.name),
                format!("`guard key forget -w {} {key}`", other.name),
            );
        }
    }
    app.faults.reach(points::FORGET_UNSEAL_BEFORE);
    app.vault.remove(&SecretName::Key(key.clone()))?;
    app.faults.reach(points::FORGET_UNSEAL_AFTER);
    Ok(())
}
