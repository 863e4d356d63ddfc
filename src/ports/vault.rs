use crate::domain::ids::{KeyId, NotifierName};
use crate::domain::secret::Secret;

/// What a vault entry is called. The name is not secret; it may show in logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// guard's own credential at the provider.
    Admin,
    /// A workload key.
    Key(KeyId),
    /// Something else of guard's own: a notifier's token, the signing key of checkpoints. Lower-case slug.
    Named(String),
}

impl SecretName {
    /// Where a channel's token, address or signing secret is, when its source is the vault.
    pub fn of_notifier(name: &NotifierName) -> Self {
        Self::Named(format!("notifier.{name}"))
    }

    /// Where the address of the dead-man's switch is, when its source is the vault.
    pub fn of_heartbeat() -> Self {
        Self::Named("heartbeat".to_owned())
    }
}

impl std::fmt::Display for SecretName {
    /// `admin`, `key.apikey_…`, `named.…`: fit for a file name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Key(id) => write!(f, "key.{id}"),
            Self::Named(name) => write!(f, "named.{name}"),
        }
    }
}

/// Why the vault did not answer. No variant carries secret text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// No keyring service, no key file, a locked collection, a time-out.
    #[error("the vault is not available: {0}")]
    Unavailable(String),
    /// The entry exists but cannot be read back: wrong key, damage.
    #[error("vault entry `{name}` cannot be read: {why}")]
    Unreadable {
        /// Which entry.
        name: SecretName,
        /// What is wrong.
        why: String,
    },
    /// Writing failed; nothing was changed.
    #[error("vault entry `{name}` could not be written: {why}")]
    NotWritten {
        /// Which entry.
        name: SecretName,
        /// What is wrong.
        why: String,
    },
}

/// Where guard itself keeps secrets. A `put` that returned is durable and was read back.
pub trait Vault: Send + Sync {
    /// What it is and where, for `status`: "encrypted file /var/lib/guard/vault".
    fn describe(&self) -> String;
    /// The secret, or `None` when there is no such entry.
    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError>;
    /// Stores durably and reads back; replaces an entry of the same name.
    fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError>;
    /// Removes the entry; no entry is no error.
    fn remove(&self, name: &SecretName) -> Result<(), VaultError>;
    /// Ids of all workload keys that are held. A keyring that cannot enumerate may keep a (non-secret) index.
    fn keys(&self) -> Result<Vec<KeyId>, VaultError>;
}
