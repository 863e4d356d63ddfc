//! The keys in the vault, with what gates and provider say of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{App, AppError, custody};
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::key::{ApiKey, KeyScope, short_hint};
use crate::domain::ledger::Ledger;
use crate::domain::rotation;
use crate::domain::time::Timestamp;
use crate::ports::{GateState, SecretName};

/// What is known of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// The key.
    pub id: KeyId,
    /// `…igAA`: the last four characters.
    pub hint: String,
    /// The ledger's workspace, when one is known.
    pub workspace: Option<WorkspaceName>,
    /// What guard uses it for.
    pub role: Role,
    /// The provider's word for its state; `None` when the provider was not asked or does not list the key.
    pub state: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it stops by itself.
    pub expires_at: Option<Timestamp>,
}

/// What guard uses a key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is in custody as this.
    InCustody(rotation::Role),
    /// The gate names it; the journal does not.
    Active,
    /// It is sealed in the vault; neither journal nor gate names it.
    Sealed,
    /// The journal or a gate names it but the vault does not hold its secret. Somebody must seal it again.
    Missing,
}

impl Role {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InCustody(role) => role.as_str(),
            Self::Active => "active",
            Self::Sealed => "sealed",
            Self::Missing => "missing",
        }
    }
}

impl Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The rows, by workspace and role, of one workspace or of all. `listed` is the provider's list, when it was asked.
///
/// # Errors
/// The vault's, and the store's when a journal cannot be read.
pub fn keys(app: &App, workspace: Option<&WorkspaceName>, listed: Option<&[ApiKey]>) -> Result<Vec<KeyRow>, AppError> {
    let listed: BTreeMap<&KeyId, &ApiKey> = listed.unwrap_or_default().iter().map(|key| (&key.id, key)).collect();
    let active: BTreeMap<KeyId, WorkspaceName> = app
        .ledger
        .workspaces
        .iter()
        .filter_map(|w| match app.gate.read(&w.name) {
            GateState::Open { key, .. } => Some((key, w.name.clone())),
            GateState::Closed { .. } => None,
        })
        .collect();
    let mut custody = BTreeMap::new();
    for w in &app.ledger.workspaces {
        for (key, role) in custody::load(app, &w.name)?.roles() {
            custody.insert(key.clone(), (w.name.clone(), role));
        }
    }
    let sealed: BTreeSet<KeyId> = app.vault.keys()?.into_iter().collect();

    let mut rows = Vec::new();
    let all: BTreeSet<&KeyId> = sealed.iter().chain(active.keys()).chain(custody.keys()).collect();
    for id in all {
        let at_provider = listed.get(id).copied();
        let role = match (custody.get(id), active.contains_key(id), sealed.contains(id)) {
            (Some((_, role)), _, true) => Role::InCustody(*role),
            (None, true, true) => Role::Active,
            (None, false, _) => Role::Sealed,
            (_, _, false) => Role::Missing,
        };
        let known = custody.get(id).map(|(workspace, _)| workspace).or_else(|| active.get(id)).cloned();
        rows.push(KeyRow {
            id: id.clone(),
            hint: hint(app, id, at_provider)?,
            workspace: known.or_else(|| owner(&app.ledger, at_provider)),
            role,
            state: at_provider.map(|key| key.status.as_str().to_owned()),
            created_at: at_provider.map(|key| key.created_at),
            expires_at: at_provider.and_then(|key| key.expires_at),
        });
    }
    rows.retain(|row| workspace.is_none() || row.workspace.as_ref() == workspace);
    rows.sort_by(|a, b| (&a.workspace, a.role, &a.id).cmp(&(&b.workspace, b.role, &b.id)));
    Ok(rows)
}

fn hint(app: &App, id: &KeyId, at_provider: Option<&ApiKey>) -> Result<String, AppError> {
    if let Some(hint) = at_provider.and_then(|key| key.partial_key_hint.as_deref()) {
        return Ok(short_hint(Some(hint)));
    }
    Ok(app.vault.get(&SecretName::Key(id.clone()))?.map_or_else(|| "…".to_owned(), |secret| secret.hint()))
}

fn owner(ledger: &Ledger, at_provider: Option<&ApiKey>) -> Option<WorkspaceName> {
    match &at_provider?.scope {
        KeyScope::Workspace(id) => ledger.workspace_by_id(id).map(|w| w.name.clone()),
        KeyScope::Organization | KeyScope::Unknown => None,
    }
}
