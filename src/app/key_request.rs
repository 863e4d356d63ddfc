//! What a person must make in the Console, because the provider's API cannot make keys.

use chrono::TimeDelta;
use serde::Serialize;

use super::drive::find;
use super::{App, AppError, custody};
use crate::domain::ids::{RotationId, WorkspaceId, WorkspaceName};
use crate::domain::time::Timestamp;

/// The order to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRequest {
    /// For whom.
    pub workspace: WorkspaceName,
    /// The workspace that must be chosen in the Console.
    pub workspace_id: WorkspaceId,
    /// It is the organization's default workspace.
    pub is_default: bool,
    /// What to call the key.
    pub name: String,
    /// The key must not stop by itself before this: it may wait in the pool and is then in use for the rotation interval.
    pub expires_after: Timestamp,
    /// Whether the workspace has a key at all; the first one is used at once.
    pub first: bool,
    /// Standbys that are ready.
    pub ready: usize,
    /// Standbys that the ledger wants.
    pub wanted: usize,
    /// The rotation that waits for the key.
    pub waiting_rotation: Option<RotationId>,
    /// The command that takes the key.
    pub hand_over: String,
}

/// Says exactly what to make. Nothing is changed; a rotation that waits goes on when the key has come.
///
/// # Errors
/// The store's, and [`AppError::Refused`] for an unknown workspace.
pub fn key_request(app: &App, name: &WorkspaceName) -> Result<KeyRequest, AppError> {
    let workspace = find(app, name)?;
    let custody = custody::load(app, name)?;
    let now = app.clock.now();
    let lifetime = TimeDelta::from_std(workspace.rotation.interval * 2).unwrap_or(TimeDelta::MAX);
    Ok(KeyRequest {
        workspace: name.clone(),
        workspace_id: workspace.id.clone(),
        is_default: workspace.is_default,
        // A number that no earlier key of guard's had: people tell keys apart by name and day.
        name: format!("{name}-{}-{}", now.format("%Y%m%d"), custody.keys().len() + 1),
        expires_after: now.checked_add_signed(lifetime).unwrap_or(now),
        first: custody.desired().is_none(),
        ready: custody.standbys().len(),
        wanted: workspace.rotation.standbys as usize,
        waiting_rotation: custody.rotation().filter(|r| r.new.is_none()).map(|r| r.id),
        hand_over: format!("guard key add -w {name}"),
    })
}
