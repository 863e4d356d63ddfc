use crate::adapters::keyring::{Keyring, KeyringError};
use crate::domain::ids::KeyId;
use crate::domain::secret::Secret;
use crate::ports::{SecretName, Vault, VaultError};

/// Entries of the session's keyring service; the entry's name is its user name.
pub struct KeyringVault(Keyring);

impl KeyringVault {
    /// The entries of this service name. The keyring is not asked yet.
    pub fn new(service: &str) -> Self {
        Self(Keyring::new(service))
    }
}

impl From<KeyringError> for VaultError {
    fn from(error: KeyringError) -> Self {
        Self::Unavailable(format!("{error}; a machine without a session needs `[vault] kind = \"file\"` in the ledger"))
    }
}

impl Vault for KeyringVault {
    fn describe(&self) -> String {
        format!("keyring service of the session (`{}`)", self.0.service())
    }

    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError> {
        let Some(bytes) = self.0.get(&name.to_string())? else { return Ok(None) };
        let unreadable = |why: String| VaultError::Unreadable { name: name.clone(), why };
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("it is not text".to_owned()))?;
        Secret::new(text.to_owned()).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError> {
        let failed = |why: String| VaultError::NotWritten { name: name.clone(), why };
        self.0.set(&name.to_string(), secret).map_err(|error| failed(error.to_string()))?;
        match self.get(name)? {
            Some(back) if back.same_as(secret) => Ok(()),
            _ => Err(failed("it reads back differently".to_owned())),
        }
    }

    fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        let failed = |error: KeyringError| VaultError::NotWritten { name: name.clone(), why: error.to_string() };
        self.0.remove(&name.to_string()).map_err(failed)
    }

    fn keys(&self) -> Result<Vec<KeyId>, VaultError> {
        let users = self.0.users()?;
        let mut keys: Vec<KeyId> =
            users.iter().filter_map(|user| KeyId::new(user.strip_prefix("key.")?).ok()).collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }
}
