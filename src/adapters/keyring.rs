//! The session's keyring (Secret Service on D-Bus): the one place that talks to it, with a deadline for every call.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keyring_core::Error;
use zeroize::Zeroizing;

use crate::domain::secret::Secret;

/// How long the keyring service may take. One that waits for a person to unlock it, or is silent, would hang guard for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// The entries of one service name; the attributes `service` and `username` name an entry.
pub struct Keyring {
    service: String,
    /// Closed when the last call that was left behind has come back; until then another one would only wait behind it.
    left_behind: Mutex<Option<Receiver<()>>>,
}

/// Why the keyring did nothing, or did not say what it did. Never carries a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct KeyringError(String);

impl Keyring {
    /// The entries of this service name. The keyring is not asked yet.
    pub fn new(service: &str) -> Self {
        Self { service: service.to_owned(), left_behind: Mutex::default() }
    }

    /// The service name.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What the entry holds, wiped on drop; `None` when there is none. Blocks for a bounded time, as all methods do.
    ///
    /// # Errors
    /// [`KeyringError`] when there is no service, it is locked, or silent.
    pub fn get(&self, user: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        let user = user.to_owned();
        match self.bounded(move |service| entry(service, &user)?.get_secret().map(Zeroizing::new)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Failed::NoEntry) => Ok(None),
            Err(Failed::Other(error)) => Err(error),
        }
    }

    /// Makes or replaces the entry.
    ///
    /// # Errors
    /// As [`Keyring::get`]; whether the entry was written is then unknown.
    pub fn set(&self, user: &str, secret: &Secret) -> Result<(), KeyringError> {
        let (user, copy) = (user.to_owned(), secret.duplicate());
        self.bounded(move |service| entry(service, &user)?.set_secret(copy.expose().as_bytes()))
            .map_err(KeyringError::from)
    }

    /// Removes the entry; no entry is no error.
    ///
    /// # Errors
    /// As [`Keyring::set`].
    pub fn remove(&self, user: &str) -> Result<(), KeyringError> {
        let user = user.to_owned();
        match self.bounded(move |service| entry(service, &user)?.delete_credential()) {
            Ok(()) | Err(Failed::NoEntry) => Ok(()),
            Err(Failed::Other(error)) => Err(error),
        }
    }

    /// The user names of all entries.
    ///
    /// # Errors
    /// As [`Keyring::get`].
    pub fn users(&self) -> Result<Vec<String>, KeyringError> {
        let attributes = self.bounded(|service| {
            // Makes the library open its store, which a search alone does not.
            entry(service, "any")?;
            let found = keyring_core::Entry::search(&HashMap::from([("service", service)]))?;
            found.iter().map(keyring_core::Entry::get_attributes).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(attributes.into_iter().filter_map(|mut entry| entry.remove("username")).collect())
    }

    /// Runs `work` in a thread that is left behind when it does not come back in time.
    fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce(&str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failed> {
        let other = |why: String| Failed::Other(KeyringError(why));
        let mut left_behind = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner);
        if left_behind.as_ref().is_some_and(|end| end.try_recv() == Err(TryRecvError::Empty)) {
            return Err(other("the keyring service has not answered an earlier call".to_owned()));
        }
        let ((answer, answers), (alive, end)) = (channel(), channel());
        let service = self.service.clone();
        let started = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            let result = work(&service).map_err(|error| match error {
                Error::NoEntry => Failed::NoEntry,
                // Only the text of the error: some variants carry the secret.
                error => Failed::Other(KeyringError(error.to_string())),
            });
            let _ = answer.send(result);
            drop(alive);
        });
        started.map_err(|error| other(error.to_string()))?;
        answers.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            *left_behind = Some(end);
            let seconds = PATIENCE.as_secs();
            Err(other(format!("the keyring service did not answer within {seconds} seconds; is it locked?")))
        })
    }
}

enum Failed {
    NoEntry,
    Other(KeyringError),
}

impl From<Failed> for KeyringError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoEntry => Self("the entry does not exist".to_owned()),
            Failed::Other(error) => error,
        }
    }
}

fn entry(service: &str, user: &str) -> Result<keyring::Entry, Error> {
    // The library hides why it has no store behind "no default store".
    match keyring::Entry::store_status() {
        Err(Error::PlatformFailure(why) | Error::NoStorageAccess(why)) => {
            Err(Error::BadStoreFormat(format!("there is no keyring service ({why})")))
        }
        _ => keyring::Entry::new(service, user),
    }
}
