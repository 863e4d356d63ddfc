//! The key that a workspace's jobs are meant to use now. Gate and vault only: no lock, no network, no database.

use super::AppError;
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::secret::Secret;
use crate::ports::{Gate, GateState, SecretName, Vault};

/// The key behind an open gate, with its secret.
///
/// # Errors
/// Those of [`open_gate`] and [`secret_of`].
pub fn current_key(gate: &dyn Gate, vault: &dyn Vault, workspace: &WorkspaceName) -> Result<(KeyId, Secret), AppError> {
    let key = open_gate(gate, workspace)?;
    let secret = secret_of(vault, workspace, &key)?;
    Ok((key, secret))
}

/// The key that an open gate names.
///
/// # Errors
/// [`AppError::GateClosed`].
pub fn open_gate(gate: &dyn Gate, workspace: &WorkspaceName) -> Result<KeyId, AppError> {
    match gate.read(workspace) {
        GateState::Open { key, .. } => Ok(key),
        GateState::Closed { why } => Err(AppError::GateClosed { workspace: workspace.clone(), why }),
    }
}

/// The key's secret.
///
/// # Errors
/// [`AppError::Refused`] when the vault does not hold it; [`AppError::Vault`].
pub fn secret_of(vault: &dyn Vault, workspace: &WorkspaceName, key: &KeyId) -> Result<Secret, AppError> {
    vault.get(&SecretName::Key(key.clone()))?.ok_or_else(|| AppError::Refused {
        what: format!("the vault ({}) does not hold {key}, the key of {workspace}", vault.describe()),
        remedy: format!("seal it again with `guard key add -w {workspace}`; `guard doctor` checks the vault"),
    })
}
