//! An entry of the session's keyring, as `secret-tool` and the `keyring` libraries read it.

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::Place;
use super::reading::reading;
use crate::adapters::keyring::{Keyring, KeyringError};
use crate::domain::ledger::KeyringSettings;
use crate::domain::secret::Secret;
use crate::ports::{ConsumerError, Reading};

/// See [`KeyringSettings`].
pub(super) struct KeyringEntry {
    keyring: Arc<Keyring>,
    user: String,
}

impl KeyringEntry {
    pub(super) fn new(settings: &KeyringSettings) -> Self {
        Self { keyring: Arc::new(Keyring::new(&settings.service)), user: settings.user.clone() }
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keyring, &str) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, String> {
        let (keyring, user) = (Arc::clone(&self.keyring), self.user.clone());
        match tokio::task::spawn_blocking(move || work(&keyring, &user)).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[async_trait]
impl Place for KeyringEntry {
    fn describe(&self) -> String {
        format!("keyring entry {}/{}", self.keyring.service(), self.user)
    }

    async fn read(&self) -> Result<Reading, ConsumerError> {
        let target = self.describe();
        match self.blocking(Keyring::get).await {
            Ok(None) => Ok(Reading::Empty),
            Ok(Some(bytes)) => match std::str::from_utf8(&bytes) {
                Ok(text) => reading(&target, Some(Zeroizing::new(text.to_owned()))),
                Err(_) => Err(ConsumerError::Refused { target, why: "what it holds is not text".to_owned() }),
            },
            Err(why) => Err(ConsumerError::Unreachable { target, why }),
        }
    }

    async fn deliver(&self, secret: &Secret) -> Result<(), ConsumerError> {
        let secret = secret.duplicate();
        // A call that was left behind may still write.
        let unknown = |why| ConsumerError::Unknown { target: self.describe(), why };
        self.blocking(move |keyring, user| keyring.set(user, &secret)).await.map_err(unknown)
    }

    fn pickup(&self) -> &'static str {
        "when it next asks the keyring; a program that asked at its start only after a restart"
    }
}
