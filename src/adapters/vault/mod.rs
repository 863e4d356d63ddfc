//! Where guard keeps secrets, and where its own credentials come from.

pub mod credentials;
mod file;
mod keyring;

use std::path::Path;
use std::sync::Arc;

pub use self::file::{FileVault, create_key};
pub use self::keyring::KeyringVault;

use crate::domain::ledger::VaultSettings;
use crate::ports::{Vault, VaultError};

/// Name of the vault's key below the configuration directory.
pub const KEY_FILE: &str = "vault.key";

/// The vault that the ledger asks for. Nothing is unlocked before the first use, so that commands without secrets work while
/// the vault does not.
///
/// # Errors
/// [`VaultError::Unavailable`] when the settings cannot work at all.
pub fn open(settings: &VaultSettings, config_dir: &Path, state_dir: &Path) -> Result<Arc<dyn Vault>, VaultError> {
    Ok(match settings {
        VaultSettings::Keyring { service } => Arc::new(KeyringVault::new(service)),
        VaultSettings::File { path, unlock } => {
            let directory = path.clone().unwrap_or_else(|| state_dir.join("vault"));
            Arc::new(FileVault::new(directory, unlock.clone(), &config_dir.join(KEY_FILE))?)
        }
    })
}
