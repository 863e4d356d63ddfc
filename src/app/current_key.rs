//! The key that a workspace's jobs are meant to use now. Gate and vault only: no lock, no network, no database.

use super::AppError;
use crate::domain::ids::{KeyId, WorkspaceName};
use crate::domain::secret::Secret;
use crate::ports::{Gate, GateState, SecretName, Vault};

/// The key behind an open gate, with its secret.
///
/// # Errors
/// [`AppError::GateClosed`]; [`AppError::Refused`] when the vault does not hold the key's secret; [`AppError::Vault`].
pub fn current_key(gate: &dyn Gate, vault: &dyn Vault, workspace: &WorkspaceName) -> Result<(KeyId, Secret), AppError> {
    let key = match gate.read(workspace) {
        GateState::Open { key, .. } => key,
        GateState::Closed { why } => return Err(AppError::GateClosed { workspace: workspace.clone(), why }),
    };
    match vault.get(&SecretName::Key(key.clone()))? {
        Some(secret) => Ok((key, secret)),
        None => Err(AppError::Refused {
            what: format!("the vault ({}) does not hold {key}, the key of {workspace}", vault.describe()),
            remedy: format!("seal it again with `guard key add -w {workspace}`; `guard doctor` checks the vault"),
        }),
    }
}
