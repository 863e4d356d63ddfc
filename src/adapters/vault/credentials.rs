//! Secrets of guard's own: from the vault, a file, the service manager, a program, or the environment; never from an option.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::adapters::fs::{self, Trust};
use crate::adapters::process::Call;
use crate::domain::ledger::SecretSource;
use crate::domain::secret::Secret;
use crate::ports::{SecretName, Vault, VaultError};

/// The most that a source may hold: a key file with comments, not a disk image.
const LIMIT: u64 = 64 * 1024;

/// A secret and where it was found, for `doctor`.
#[derive(Debug)]
pub struct Credential {
    /// The secret.
    pub secret: Secret,
    /// For people: "the file /etc/guard/admin.key".
    pub origin: String,
}

/// guard's credential at the provider: `GUARD_ADMIN_KEY_FILE`, then `GUARD_ADMIN_KEY`, then what the ledger says, then the
/// vault's entry `admin`, then the systemd credential `admin-key`.
///
/// # Errors
/// [`VaultError`] says what was tried and what to do.
pub fn admin_key(configured: Option<&SecretSource>, vault: &dyn Vault) -> Result<Credential, VaultError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("GUARD_ADMIN_KEY_FILE") {
        return resolve(&SecretSource::File(PathBuf::from(path)), vault, &SecretName::Admin);
    }
    if variable("GUARD_ADMIN_KEY").is_some() {
        let source = SecretSource::Environment("GUARD_ADMIN_KEY".to_owned());
        return resolve(&source, vault, &SecretName::Admin);
    }
    if let Some(source) = configured {
        return resolve(source, vault, &SecretName::Admin);
    }
    let handed_over = SecretSource::Credential("admin-key".to_owned());
    match (resolve(&SecretSource::Vault, vault, &SecretName::Admin), credential_path("admin-key")) {
        (Ok(found), _) => Ok(found),
        (Err(_), Some(path)) if path.exists() => resolve(&handed_over, vault, &SecretName::Admin),
        (Err(error), _) => Err(error),
    }
}

/// The secret from `source`; `entry` is its name when the source is the vault.
///
/// # Errors
/// [`VaultError`] names the source and what is wrong with it, never its content.
pub fn resolve(source: &SecretSource, vault: &dyn Vault, entry: &SecretName) -> Result<Credential, VaultError> {
    let origin = describe(source, vault, entry);
    let secret = match source {
        SecretSource::Vault => vault.get(entry)?.ok_or_else(|| missing(&origin))?,
        source => {
            let bytes = outside(source)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Secret::new(text).map_err(|error| VaultError::Unavailable(format!("{origin}: {error}")))?
        }
    };
    Ok(Credential { secret, origin })
}

fn describe(source: &SecretSource, vault: &dyn Vault, entry: &SecretName) -> String {
    match source {
        SecretSource::Vault => format!("entry `{entry}` of the {}", vault.describe()),
        SecretSource::File(path) => format!("the file {}", path.display()),
        SecretSource::Credential(name) => format!("the systemd credential `{name}`"),
        SecretSource::Command(program) => format!("the command `{}`", program.path),
        SecretSource::Environment(name) => format!("the environment variable {name}"),
    }
}

fn missing(origin: &str) -> VaultError {
    VaultError::Unavailable(format!("{origin} does not exist"))
}

/// What a source outside the vault holds, as it is.
pub(super) fn outside(source: &SecretSource) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let unavailable = |why: String| VaultError::Unavailable(why);
    match source {
        SecretSource::Vault => Err(unavailable("the vault's own key cannot be kept in the vault".to_owned())),
        SecretSource::File(path) => read(path, Trust::Private, &format!("the file {}", path.display())),
        SecretSource::Credential(name) => {
            let path = credential_path(name).ok_or_else(|| {
                unavailable(format!(
                    "the systemd credential `{name}` is not there: guard was not started by a unit with LoadCredential="
                ))
            })?;
            // The service manager closes the directory; the files' modes differ between its versions.
            read(&path, Trust::Guarded, &format!("the systemd credential `{name}`"))
        }
        SecretSource::Command(program) => {
            Call::new(program).run_blocking().map(|done| done.stdout).map_err(|error| unavailable(error.to_string()))
        }
        SecretSource::Environment(name) => {
            tracing::warn!(
                variable = %name,
                "a secret in the environment can be read by every child and by `ps`; use a file or the vault"
            );
            match std::env::var(name) {
                Ok(text) => Ok(Zeroizing::new(text.into_bytes())),
                Err(_) => Err(missing(&format!("the environment variable {name}"))),
            }
        }
    }
}

fn read(path: &Path, trust: Trust, origin: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    fs::read(path, trust, LIMIT)
        .map_err(|error| VaultError::Unavailable(error.to_string()))?
        .ok_or_else(|| missing(origin))
}

/// Where the service manager put the credential, if it put any. A name that is no plain file name has no place.
pub(super) fn credential_path(name: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|value| !value.is_empty())?;
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    plain.then(|| PathBuf::from(directory).join(name))
}
