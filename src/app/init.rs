//! The first steps of guard with a provider: its admin key is sealed, and the workspaces are listed.

use super::{App, AppError};
use crate::domain::key::{Organization, ProviderWorkspace};
use crate::domain::secret::Secret;
use crate::ports::{ProviderError, SecretName};

/// What became of an admin key.
#[derive(Debug)]
pub enum Sealed {
    /// The provider accepts it.
    Accepted(Organization),
    /// It is sealed, but the provider could not be asked.
    Unchecked(ProviderError),
}

/// Seals guard's admin key in the vault and tries it.
///
/// # Errors
/// When it is no admin key, the vault fails, or the provider refuses it; then the vault holds what it held before.
pub async fn seal_admin_key(app: &App, secret: &Secret) -> Result<Sealed, AppError> {
    // <https://platform.claude.com/docs/en/manage-claude/admin-api-keys>
    if secret.expose().starts_with("sk-ant-api") {
        return Err(AppError::Refused {
            what: "this is the key of a workload, not an admin key".to_owned(),
            remedy: "an admin key begins with `sk-ant-admin`; an administrator makes one in the Console".to_owned(),
        });
    }
    let before = app.vault.get(&SecretName::Admin)?;
    app.vault.put(&SecretName::Admin, secret)?;
    match app.keys.organization().await {
        Ok(organization) => Ok(Sealed::Accepted(organization)),
        Err(error @ ProviderError::Refused { .. }) => {
            match before {
                Some(before) => app.vault.put(&SecretName::Admin, &before)?,
                None => app.vault.remove(&SecretName::Admin)?,
            }
            Err(error.into())
        }
        Err(error) => Ok(Sealed::Unchecked(error)),
    }
}

/// The workspaces that can be used, in the provider's order.
///
/// # Errors
/// When the provider does not answer, or there is no admin key to ask it with.
pub async fn live_workspaces(app: &App) -> Result<Vec<ProviderWorkspace>, AppError> {
    let mut workspaces = app.keys.workspaces().await?;
    workspaces.retain(|workspace| workspace.archived_at.is_none());
    Ok(workspaces)
}
