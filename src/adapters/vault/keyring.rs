use std::collections::HashMap;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyring_core::Error;
use zeroize::Zeroizing;

use crate::domain::ids::KeyId;
use crate::domain::secret::Secret;
use crate::ports::{SecretName, Vault, VaultError};

/// How long the keyring service may take. One that waits for a person to unlock it, or is silent, would hang guard for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// Entries of the session's keyring service (Secret Service on D-Bus); the service's name and the entry's name are its
/// attributes `service` and `username`.
pub struct KeyringVault {
    service: String,
    /// Closed when the last call that was left behind has come back; until then another one would only wait behind it.
    left_behind: Mutex<Option<Receiver<()>>>,
}

impl KeyringVault {
    /// The entries of this service name. The keyring is not asked yet.
    pub fn new(service: &str) -> Self {
        Self { service: service.to_owned(), left_behind: Mutex::default() }
    }

    /// Runs `work` in a thread that is left behind when it does not come back in time.
    fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce(&str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failed> {
        let mut left_behind = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        if left_behind.as_ref().is_some_and(|end| end.try_recv() == Err(TryRecvError::Empty)) {
            return Err(Failed::Unavailable("the keyring service has not answered an earlier call".to_owned()));
        }
        let ((answer, answers), (alive, end)) = (channel(), channel());
        let service = self.service.clone();
        let started = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            let result = work(&service).map_err(|error| match error {
                Error::NoEntry => Failed::NoEntry,
                // Only the text of the error: some variants carry the secret.
                other => Failed::Unavailable(other.to_string()),
            });
            let _ = answer.send(result);
            drop(alive);
        });
        started.map_err(|error| Failed::Unavailable(error.to_string()))?;
        answers.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            *left_behind = Some(end);
            Err(Failed::Unavailable(format!(
                "the keyring service did not answer within {} seconds; is it locked?",
                PATIENCE.as_secs()
            )))
        })
    }
}

enum Failed {
    NoEntry,
    Unavailable(String),
}

impl Failed {
    fn words(self) -> String {
        match self {
            Self::NoEntry => "the entry does not exist".to_owned(),
            Self::Unavailable(why) => why,
        }
    }
}

impl From<Failed> for VaultError {
    fn from(failed: Failed) -> Self {
        Self::Unavailable(format!(
            "{}; a machine without a session needs `[vault] kind = \"file\"` in the ledger",
            failed.words()
        ))
    }
}

fn entry(service: &str, name: &str) -> Result<keyring::Entry, Error> {
    // The library hides why it has no store behind "no default store".
    match keyring::Entry::store_status() {
        Err(Error::PlatformFailure(why) | Error::NoStorageAccess(why)) => {
            Err(Error::BadStoreFormat(format!("there is no keyring service ({why})")))
        }
        _ => keyring::Entry::new(service, name),
    }
}

impl Vault for KeyringVault {
    fn describe(&self) -> String {
        format!("keyring service of the session (`{}`)", self.service)
    }

    fn get(&self, name: &SecretName) -> Result<Option<Secret>, VaultError> {
        let user = name.to_string();
        let bytes = match self.bounded(move |service| entry(service, &user)?.get_secret().map(Zeroizing::new)) {
            Ok(bytes) => bytes,
            Err(Failed::NoEntry) => return Ok(None),
            Err(failed) => return Err(failed.into()),
        };
        let unreadable = |why: String| VaultError::Unreadable { name: name.clone(), why };
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("it is not text".to_owned()))?;
        Secret::new(text.to_owned()).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    fn put(&self, name: &SecretName, secret: &Secret) -> Result<(), VaultError> {
        let failed = |why: String| VaultError::NotWritten { name: name.clone(), why };
        let (user, copy) = (name.to_string(), secret.duplicate());
        self.bounded(move |service| entry(service, &user)?.set_secret(copy.expose().as_bytes()))
            .map_err(|error| failed(error.words()))?;
        match self.get(name)? {
            Some(back) if back.same_as(secret) => Ok(()),
            _ => Err(failed("it reads back differently".to_owned())),
        }
    }

    fn remove(&self, name: &SecretName) -> Result<(), VaultError> {
        let user = name.to_string();
        match self.bounded(move |service| entry(service, &user)?.delete_credential()) {
            Ok(()) | Err(Failed::NoEntry) => Ok(()),
            Err(failed) => Err(VaultError::NotWritten { name: name.clone(), why: failed.words() }),
        }
    }

    fn keys(&self) -> Result<Vec<KeyId>, VaultError> {
        let names = self.bounded(|service| {
            // Makes the library open its store, which a search alone does not.
            entry(service, "admin")?;
            let found = keyring_core::Entry::search(&HashMap::from([("service", service)]))?;
            found.iter().map(keyring_core::Entry::get_attributes).collect::<Result<Vec<_>, _>>()
        })?;
        let mut keys: Vec<KeyId> = names
            .iter()
            .filter_map(|attributes| attributes.get("username")?.strip_prefix("key."))
            .filter_map(|id| KeyId::new(id).ok())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }
}
