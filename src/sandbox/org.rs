//! The organization: workspaces and keys, and what may be done with them.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use super::mint::{Mint, hint};
use crate::domain::ids::{KeyId, WorkspaceId};
use crate::domain::key::KeyStatus;
use crate::domain::time::Timestamp;

/// A workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its identifier.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// The default workspace is listed on request only and shows as null in reports.
    pub is_default: bool,
}

/// A change of status: when it was ordered, and when requests begin to feel it.
#[derive(Debug, Clone)]
struct Change {
    felt_at: Timestamp,
    status: KeyStatus,
}

/// A key with its secret. The secret opens nothing but this sandbox.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its identifier.
    pub id: KeyId,
    /// Its text.
    pub secret: String,
    /// Its name.
    pub name: String,
    /// Its workspace; `None` for a key of the whole organization.
    pub workspace: Option<WorkspaceId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
    /// Never empty: the first is the status at creation.
    changes: Vec<Change>,
}

impl Key {
    /// The status as the Admin API shows it.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        self.shown(self.changes.last(), now)
    }

    /// The status before the last change: what a stale replica shows.
    pub fn stale_status(&self, now: Timestamp) -> KeyStatus {
        let before_last = self.changes.len().checked_sub(2).and_then(|at| self.changes.get(at));
        self.shown(before_last.or(self.changes.last()), now)
    }

    /// Whether requests with it are accepted.
    pub fn works(&self, now: Timestamp) -> bool {
        let felt = self.changes.iter().rev().find(|change| change.felt_at <= now);
        self.shown(felt, now) == KeyStatus::Active
    }

    /// Since when requests with it are accepted, if they are now.
    pub fn working_since(&self, now: Timestamp) -> Option<Timestamp> {
        let felt = self.changes.iter().rev().find(|change| change.felt_at <= now);
        felt.filter(|_| self.works(now)).map(|change| change.felt_at)
    }

    fn shown(&self, change: Option<&Change>, now: Timestamp) -> KeyStatus {
        let status = change.map_or(KeyStatus::Inactive, |change| change.status.clone());
        let over = self.expires_at.is_some_and(|at| at <= now);
        if over && status != KeyStatus::Archived { KeyStatus::Expired } else { status }
    }
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such object.
    #[error("The requested resource could not be found.")]
    NotFound,
    /// The order contradicts the object's state.
    #[error("{0}")]
    Invalid(String),
}

/// What a person in the Console types to make a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The workspace's name or id; `None` for a key of the whole organization.
    pub workspace: Option<String>,
    /// The key's name.
    pub name: String,
    /// Active or inactive.
    pub status: KeyStatus,
    /// When it shall stop by itself.
    pub expires_at: Option<Timestamp>,
}

/// The secret of a new key, shown once.
#[derive(Debug, Clone, Serialize)]
pub struct Minted {
    /// The new key.
    pub id: KeyId,
    /// Its text.
    pub secret: String,
    /// Its workspace.
    pub workspace_id: Option<WorkspaceId>,
}

/// Workspaces, keys and the admin's own key.
pub struct Organization {
    /// A UUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The Admin API key.
    pub admin_secret: String,
    /// An OAuth access token with the scope `org:admin`, which does the same.
    pub access_token: String,
    /// The person who made everything.
    pub user: String,
    /// In the order of creation; the first is the default one.
    pub workspaces: Vec<Workspace>,
    /// In the order of creation.
    pub keys: Vec<Key>,
    mint: Mint,
}

impl Organization {
    /// An organization with nothing but its default workspace.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let mut mint = Mint::new(seed);
        let mut organization = Self {
            id: mint.uuid(),
            name: "Sandbox Organization".to_owned(),
            admin_secret: mint.admin_secret("sk-ant-admin01-"),
            access_token: mint.admin_secret("sk-ant-oat01-"),
            user: mint.id("user_"),
            workspaces: Vec::new(),
            keys: Vec::new(),
            mint,
        };
        organization.add_workspace("Default", now);
        organization.workspaces[0].is_default = true;
        organization
    }

    /// Makes a workspace, or finds the one of that name.
    pub fn add_workspace(&mut self, name: &str, now: Timestamp) -> WorkspaceId {
        if let Some(found) = self.workspaces.iter().find(|w| w.name == name) {
            return found.id.clone();
        }
        let id = self.fresh(WorkspaceId::new, "wrkspc_");
        self.workspaces.push(Workspace {
            id: id.clone(),
            name: name.to_owned(),
            created_at: now,
            archived_at: None,
            is_default: false,
        });
        id
    }

    /// Archives a workspace for good, and with it every key in it.
    ///
    /// # Errors
    /// An unknown workspace, or the default one.
    pub fn archive_workspace(&mut self, id: &str, now: Timestamp, delay: Duration) -> Result<Workspace, Refusal> {
        let workspace = self.workspaces.iter_mut().find(|w| w.id.as_str() == id).ok_or(Refusal::NotFound)?;
        if workspace.is_default {
            return Err(Refusal::Invalid("The default workspace cannot be archived.".to_owned()));
        }
        workspace.archived_at.get_or_insert(now);
        let workspace = workspace.clone();
        for key in self.keys.iter_mut().filter(|k| k.workspace.as_ref() == Some(&workspace.id)) {
            key.changes.push(Change { felt_at: later(now, delay), status: KeyStatus::Archived });
        }
        Ok(workspace)
    }

    /// Makes a key as a person in the Console would.
    ///
    /// # Errors
    /// An unknown or archived workspace, or a status that no new key has.
    pub fn mint_key(&mut self, new: &NewKey, now: Timestamp) -> Result<Minted, Refusal> {
        if !matches!(new.status, KeyStatus::Active | KeyStatus::Inactive) {
            return Err(Refusal::Invalid("A new key is active or inactive.".to_owned()));
        }
        let workspace = match &new.workspace {
            None => None,
            Some(wanted) => {
                let found = self.workspaces.iter().find(|w| w.id.as_str() == wanted || w.name == *wanted);
                let found = found.ok_or(Refusal::NotFound)?;
                if found.archived_at.is_some() {
                    return Err(Refusal::Invalid(format!("The workspace {} is archived.", found.id)));
                }
                Some(found.id.clone())
            }
        };
        let key = Key {
            id: self.fresh(KeyId::new, "apikey_"),
            secret: self.mint.key_secret(),
            name: new.name.clone(),
            workspace: workspace.clone(),
            created_at: now,
            expires_at: new.expires_at,
            changes: vec![Change { felt_at: now, status: new.status.clone() }],
        };
        let minted = Minted { id: key.id.clone(), secret: key.secret.clone(), workspace_id: workspace };
        self.keys.push(key);
        Ok(minted)
    }

    /// Renames a key and sets its status; requests feel a new status after `delay`.
    ///
    /// # Errors
    /// An unknown key, or a change that its state does not allow: archived is final, expired can only be archived.
    pub fn edit_key(
        &mut self,
        id: &str,
        name: Option<String>,
        status: Option<KeyStatus>,
        now: Timestamp,
        delay: Duration,
    ) -> Result<&Key, Refusal> {
        let key = self.keys.iter_mut().find(|k| k.id.as_str() == id).ok_or(Refusal::NotFound)?;
        if let Some(wanted) = status {
            let current = key.status(now);
            let allowed = match (&current, &wanted) {
                (_, KeyStatus::Expired | KeyStatus::Unknown(_)) => false,
                (KeyStatus::Archived | KeyStatus::Expired, wanted) => *wanted == KeyStatus::Archived,
                _ => true,
            };
            if !allowed {
                let (from, to) = (current.as_str(), wanted.as_str());
                return Err(Refusal::Invalid(format!("The status of this key cannot change from {from} to {to}.")));
            }
            if current != wanted {
                key.changes.push(Change { felt_at: later(now, delay), status: wanted });
            }
        }
        if let Some(name) = name {
            key.name = name;
        }
        Ok(key)
    }

    /// The key of that id.
    pub fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|k| k.id.as_str() == id)
    }

    /// The workspace of that id.
    pub fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|w| w.id.as_str() == id)
    }

    /// The key of that secret, if it works now.
    pub fn authenticate(&self, secret: &str, now: Timestamp) -> Option<&Key> {
        self.keys.iter().find(|k| k.secret == secret && k.works(now))
    }

    /// Whether this is a credential of the organization itself.
    pub fn is_admin(&self, credential: &str) -> bool {
        credential == self.admin_secret || credential == self.access_token
    }

    /// A request or message id.
    pub fn fresh_text(&mut self, prefix: &str) -> String {
        self.mint.id(prefix)
    }

    /// A fraction in `0.0..1.0` for whatever varies.
    pub fn fraction(&mut self) -> f64 {
        self.mint.fraction()
    }

    fn fresh<T, E>(&mut self, parse: impl Fn(String) -> Result<T, E>, prefix: &str) -> T {
        loop {
            // Made of the prefix and letters, which every rule of identifiers allows; the loop is for the type's sake.
            if let Ok(id) = parse(self.mint.id(prefix)) {
                return id;
            }
        }
    }
}

/// The hint of a key, as the Admin API shows it.
pub fn hint_of(key: &Key) -> String {
    hint(&key.secret)
}

fn later(now: Timestamp, delay: Duration) -> Timestamp {
    TimeDelta::from_std(delay).ok().and_then(|d| now.checked_add_signed(d)).unwrap_or(now)
}
